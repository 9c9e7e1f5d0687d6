"""Report a run's progress: lines for a person, or JSON for a log collector."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Protocol, TypeVar

import click
from tqdm import tqdm

from edumetrics.errors import EduMetricsError
from edumetrics.plain import mask_controls

T = TypeVar("T")


class Reporter(Protocol):
    """A function that reports a line; `fields` are the same facts as data, never about a person."""

    def __call__(self, line: str, /, **fields: object) -> None:
        """Report the line."""


def print_line(line: str, /, **fields: object) -> None:
    """Print a line of progress, above the progress bar if there is one."""
    # Without this the line would be printed into the bar.
    with tqdm.external_write_mode():
        click.echo(mask_controls(line))


def print_json(line: str, /, **fields: object) -> None:
    """Print one JSON object on one line: `at` (UTC), `message`, and the fields."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    print_line(json.dumps({"at": at, "message": line, **fields}, ensure_ascii=False))


def skip_line(line: str, /, **fields: object) -> None:
    """Print nothing: for callers from code."""


def choose_reporter(log_format: str) -> Reporter:
    """Return the function that reports in a format, text or json."""
    return print_json if log_format == "json" else print_line


def log_error(error: EduMetricsError) -> None:
    """Add an error to a JSON log; a log collector reads standard output only."""
    print_json(str(error), level="error", exit_status=error.exit_status)


def show_progress(steps: Iterable[T]) -> Iterable[T]:
    """Return the steps with a progress bar on a terminal, and without one in a log."""
    # disable=None means: no bar where standard error is no terminal.
    return tqdm(list(steps), unit="week", leave=False, disable=None)
