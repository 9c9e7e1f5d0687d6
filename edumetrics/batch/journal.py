"""What a run tells while it works: lines for a person, or JSON for a log collector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

import click
from tqdm import tqdm

from edumetrics.errors import EduMetricsError


class Tell(Protocol):
    """Called with a line about what was done; `fields` are the same as data, of no person."""

    def __call__(self, line: str, /, **fields: object) -> None:
        """Tell it."""


def plain(line: str, /, **fields: object) -> None:
    """A line of progress, above the bar where there is one."""
    with tqdm.external_write_mode():
        click.echo(line)


def structured(line: str, /, **fields: object) -> None:
    """One JSON object a line: `at` (UTC), `message`, and the fields."""
    at = datetime.now(UTC).isoformat(timespec="seconds")
    plain(json.dumps({"at": at, "message": line, **fields}, ensure_ascii=False))


def silent(line: str, /, **fields: object) -> None:
    """Nothing, for whoever calls from code."""


def teller(log_format: str) -> Tell:
    """Who tells in a format, text or json."""
    return structured if log_format == "json" else plain


@contextmanager
def logged(log_format: str) -> Iterator[None]:
    """In a log of JSON, what went wrong is a line of it too, beside the sentence on standard error."""
    try:
        yield
    except EduMetricsError as error:
        if log_format == "json":
            structured(str(error), level="error", exit_status=error.exit_status)
        raise
