"""What a check of the schema matching finds."""

from __future__ import annotations

from typing import NamedTuple

# Percent of classes or weeks: with fewer of them missing, it may be by chance.
MISSING = 25


class MappingFinding(NamedTuple):
    """A sign of a wrong mapping.

    Attributes:
        relation: where to look.
        column: the column to look at first.
        rows: how many rows show it.
        sentence: what is odd, and what the cause may be.
        stops: whether a run would mislead, so that its mail is held back.
    """

    relation: str
    column: str
    rows: int
    sentence: str
    stops: bool = True
