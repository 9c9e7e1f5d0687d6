"""The command `edumetrics show`: query the analysis database, as a table, csv or json."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from edumetrics.cli.base import main, say

if TYPE_CHECKING:
    import pandas as pd

# The columns that fit a terminal, in this order. The formats csv and json have every column.
SHOWN = (
    "term", "sem_week", "exam_type", "check", "student_id", "class_id", "semester", "students",
    "weekly_att_pct", "overall_att_pct", "lectures_can_miss", "submission_pct", "effort_score",
    "academic_performance", "risk_score", "advisor_id", "triage_rank", "risk_tier",
    "urgency_score", "ranked_by", "list_at", "soon_at", "urgent_at", "fitted_on", "status",
    "escalation_level", "kind", "weeks_on_list", "within_capacity", "looked_after", "code",
    "students_affected", "count", "predicted", "predicted_midterm_score",
    "predicted_endterm_score", "outcome", "contacted", "compared", "difference", "low", "high",
    "actual", "residual", "verdict", "p_fail", "at_risk", "outlook", "failed", "weeks_flagged",
    "subject_id", "risk_label", "target_term", "risk_probability_pct", "on_watchlist", "helpful",
    "until", "logged_by", "logged_at",
)  # fmt: skip
# Sentences are too long for a column: they stand below their row.
SENTENCES = ("diagnosis", "improved", "remaining", "text", "message", "said", "notes")
INDENT = "    "
WEEK = "Semester week; default: the newest, but every week of one student and of the log."
# Options that questions lack, or have, together.
PEOPLE = ("semester", "class_id", "advisor")
TWO_WEEKS = ("student", "first", "second")
SUBJECT = ("student", "subject", "label")
# What is special about the options that only some questions have; the others are plain texts.
OPTIONS: dict[str, dict[str, Any]] = {
    "first": {"type": int, "help": "Semester week; default: the teaching week before the second."},
    "second": {"type": int, "help": "Semester week; default: the newest."},
    "notes": {"is_flag": True, "help": "Show the notes too; they can hold what was confided."},
    "exam": {"help": "midterm or endterm; default: both."},
}


@main.group()
def show() -> None:
    """Show results from the analysis database."""


def _add_question(name: str, shows: str, *filters: str, without: tuple[str, ...] = ()) -> None:
    """Add a `show` command for a function of `analyst.queries`.

    Args:
        name: the function; its parameters have the names of the options.
        shows: what the command shows, for its help.
        filters: options that only some commands have.
        without: common options that the function has no parameter for.
    """

    def print_answer(fmt: str, **given: Any) -> None:
        # Here, not above: `analyst.queries` loads pandas, and `--help` must stay quick.
        from edumetrics.analyst import queries

        say(format_table(getattr(queries, name)(**given), fmt), nl=False)

    options = [
        click.Option(["--term"], help="ISO date of the term's first week; default: the newest."),
        click.Option(["--semester"], type=int),
        click.Option(["--week"], type=int, help=WEEK),
        click.Option(["--class-id"]),
        click.Option(["--advisor"]),
        *(click.Option([f"--{name}"], **OPTIONS.get(name, {})) for name in filters),
        click.Option(
            ["--format", "fmt"],
            type=click.Choice(["table", "csv", "json"]),
            default="table",
            show_default=True,
        ),
    ]
    options = [option for option in options if option.name not in without]
    show.add_command(
        click.Command(
            name.replace("_", "-"),
            callback=print_answer,
            params=list(options),
            help=f"Show {shows}.",
        )
    )


# One line per question; the filters are the parameters that the function of `analyst.queries` has.
_add_question("flagged", "who is on a list, and why", "student", "tier")
_add_question("exits", "who is no longer on a list, and what improved", "student")
_add_question("class_findings", "what concerns a whole class", without=("advisor",))
_add_question("thresholds", "from which urgency on students are listed", without=PEOPLE)
_add_question("student_performance", "the metrics of students", "student")
_add_question("class_performance", "the medians of classes")
_add_question("changes", "what changed between two weeks", *TWO_WEEKS, without=("week",))
_add_question("pre_midterm", "predicted midterm scores", "student")
_add_question("pre_endterm", "predicted end-term scores", "student")
_add_question("risk_of_failing", "who may fail a subject", *SUBJECT)
_add_question("watchlist", "who to watch from week 1", "student", without=("week",))
_add_question("review", "predictions and results", "student", "exam", without=("week",))
_add_question("log", "what people did about the lists", "student", "notes", without=PEOPLE)
_add_question("health", "what was wrong with the data", without=("semester", "advisor"))
_add_question("did_it_help", "what followed a contact", without=("week", *PEOPLE))


def format_table(frame: pd.DataFrame, fmt: str) -> str:
    """Return a frame as text: a table for people, csv or json for programs."""
    if fmt == "json":
        return (
            str(frame.to_json(orient="records", date_format="iso", indent=1, force_ascii=False))
            + "\n"
        )
    if fmt == "csv":
        # A spreadsheet would run a cell that begins like a formula.
        from edumetrics.plain import export_safe_csv

        return export_safe_csv(frame)
    if frame.empty:
        return "Nothing matches.\n"
    shown = frame[[name for name in SHOWN if name in frame]]
    # `na_rep` does not reach these nulls, which pandas prints as <NA>.
    unknown = shown.select_dtypes("boolean")
    text = shown.assign(**unknown.astype("object").where(unknown.notna(), "-")).to_string(
        index=False,
        float_format="{:.1f}".format,
        na_rep="-",
        formatters={"p_fail": _format_probability},
    )
    # pandas escapes a line break in a cell: a line is a row.
    heading, *rows = text.split("\n")
    lines = [heading]
    records = frame[[name for name in SENTENCES if name in frame]].to_dict("records")
    for row, sentences in zip(rows, records, strict=True):
        lines += [row, *_wrap_sentences(sentences)]
    return "\n".join(lines) + "\n"


def _wrap_sentences(sentences: dict[Any, Any]) -> Iterator[str]:
    """Yield the lines of a row's sentences, each by its name, no wider than the terminal."""
    width = shutil.get_terminal_size().columns
    for name, value in sentences.items():
        # Some columns hold records with a sentence each.
        parts = [part["text"] for part in value] if isinstance(value, list) else [value]
        said = " ".join(part for part in parts if isinstance(part, str))
        if said:
            yield from textwrap.wrap(
                f"{name}: {said}", width, initial_indent=INDENT, subsequent_indent=INDENT
            )


def _format_probability(p: float) -> str:
    """Return a probability with two decimals; the format of other numbers has only one."""
    # Only NaN differs from itself.
    return "-" if p != p else f"{p:.2f}"  # noqa: PLR0124 - NaN
