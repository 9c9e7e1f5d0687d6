"""Frames as text: a table that fits the window for people, csv or json for programs."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import click

from edumetrics.fields.labels import KEYS, SENTENCES, SHOWN, label_column
from edumetrics.plain import export_safe_csv, mask_controls

if TYPE_CHECKING:
    import pandas as pd

INDENT, GAP, NULL = "    ", "  ", "-"
# Who and when: of one class, advisor or week, these are the same in every row.
ALIKE = (*KEYS, "first_week", "second_week", "semester", "advisor_id", "ranked_by")
# Wider than any table: in a pipe no column is left out.
ENDLESS = 10_000
# The only words in colour: those that ask a reader to act.
URGENT, SERIOUS = {"fg": "red", "bold": True}, {"fg": "yellow"}
COLOURS: dict[tuple[str, str], dict[str, Any]] = {
    ("risk_tier", "critical"): URGENT, ("risk_tier", "high"): SERIOUS,
    ("status", "block"): URGENT, ("status", "warn"): SERIOUS,
    ("risk_label", "HIGH"): URGENT, ("risk_label", "MEDIUM"): SERIOUS,
}  # fmt: skip


def print_table(frame: pd.DataFrame, fmt: str) -> None:
    """Print a frame: as wide as the window and in colour on a terminal, whole in a pipe."""
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else ENDLESS
    colour = terminal and not os.environ.get("NO_COLOR")
    click.echo(format_table(frame, fmt, width=width, colour=colour), nl=False)


def format_table(
    frame: pd.DataFrame, fmt: str, *, width: int = ENDLESS, colour: bool = False
) -> str:
    """Return a frame as text: a table for people, csv or json for programs.

    Args:
        frame: the table.
        fmt: table, csv or json.
        width: of the window, in characters; columns that do not fit are named below the table.
        colour: whether words that ask to act are in colour.
    """
    if fmt == "json":
        return (
            f"{frame.to_json(orient='records', date_format='iso', indent=1, force_ascii=False)}\n"
        )
    if fmt == "csv":
        # A spreadsheet would run a cell that begins like a formula.
        return export_safe_csv(frame)
    if frame.empty:
        return "Nothing matches.\n"
    names = [name for name in SHOWN if name in frame]
    # On a terminal, what all rows have alike is told once, so that more columns fit.
    several = width < ENDLESS and len(frame) > 1
    alike = [name for name in names if several and name in ALIKE and frame[name].nunique() == 1]
    columns = [_lay_out(name, frame[name], width) for name in names if name not in alike]
    fitting = _choose_fitting(columns, width)
    rows = [
        GAP.join(column.align(cell, colour) for column, cell in zip(fitting, cells, strict=True))
        for cells in zip(*(column.cells for column in fitting), strict=True)
    ]
    records = frame[[name for name in SENTENCES if name in frame]].to_dict("records")
    told = ", ".join(f"{label_column(name)} {frame[name].iloc[0]}" for name in alike)
    lines = [*textwrap.wrap(told, width), *_join_headings(fitting)]
    for row, sentences in zip(rows, records, strict=True):
        lines += [row.rstrip(), *_wrap_sentences(sentences, min(width, 100))]
    if left := columns[len(fitting) :]:
        no_room = ", ".join(column.name for column in left)
        lines += textwrap.wrap(
            f"No room for {no_room}: widen the window, or ask for --format csv.", width
        )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Column:
    """A column as text: the lines of its heading, its cells, and how wide it is."""

    name: str
    heading: tuple[str, ...]
    cells: tuple[str, ...]
    right: bool

    @cached_property
    def width(self) -> int:
        """In characters."""
        return max(map(len, (*self.heading, *self.cells)))

    def align(self, cell: str, colour: bool = False) -> str:
        """Return a cell as wide as the column, in the colour that its word has."""
        aligned = cell.rjust(self.width) if self.right else cell.ljust(self.width)
        ink = COLOURS.get((self.name, cell)) if colour else None
        return click.style(aligned, **ink) if ink else aligned


def _lay_out(name: str, values: pd.Series, width: int) -> Column:
    """Return a column; where the window has an end, its heading breaks between its words."""
    cells = (
        _format_cell(name, value) if known else NULL
        for value, known in zip(values, values.notna(), strict=True)
    )
    heading = (name,) if width == ENDLESS else tuple(name.split("_"))
    return Column(name, heading, tuple(cells), values.dtype.kind in "iuf")


def _choose_fitting(columns: list[Column], width: int) -> list[Column]:
    """Return the columns that fit side by side, the first ones first, and at least one."""
    ends = list(accumulate(len(GAP) + column.width for column in columns))
    return columns[: max(sum(end - len(GAP) <= width for end in ends), 1)]


def _join_headings(columns: list[Column]) -> list[str]:
    """Return the lines of the heading; short ones stand at its foot."""
    high = max(len(column.heading) for column in columns)
    lines = (
        GAP.join(
            column.align([*[""] * (high - len(column.heading)), *column.heading][n])
            for column in columns
        )
        for n in range(high)
    )
    return [line.rstrip() for line in lines]


def _format_cell(name: str, value: Any) -> str:
    """Return a value as it is read: one line, one decimal, two for a chance."""
    if isinstance(value, float):
        return f"{value:.2f}" if name == "p_fail" else f"{value:.1f}"
    if hasattr(value, "strftime"):
        return str(value)[:16].removesuffix(" 00:00")
    # A line is a row, and nothing in it acts on the terminal.
    return mask_controls(str(value).replace("\n", "\\n").replace("\t", "\\t"))


def _wrap_sentences(sentences: dict[Any, Any], width: int) -> Iterator[str]:
    """Yield the lines of a row's sentences, each by its name."""
    for name, value in sentences.items():
        # Some columns hold records with a sentence each.
        parts = [part["text"] for part in value] if isinstance(value, list) else [value]
        said = mask_controls(" ".join(part for part in parts if isinstance(part, str)))
        if said:
            yield from textwrap.wrap(
                f"{name}: {said}", width, initial_indent=INDENT, subsequent_indent=INDENT
            )
