"""What `edumetrics check` says of a college in which nothing is wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from edumetrics.errors import Refused

SILENT = "Nothing here would mislead a run."


def find_complaints(lines: Iterator[str]) -> list[str]:
    """Return the lines that tell a reader to look at something, and the last one."""
    told: list[str] = []
    with contextlib.suppress(Refused):
        for line in lines:
            told.append(line)
    return [*(line for line in told if line.split()[:1] in (["STOP"], ["warn"])), told[-1]]
