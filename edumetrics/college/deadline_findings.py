"""Findings about deadlines that a server reads by the offset of today, and not of their own day.

A server without zone tables knows no transitions: where a mapping lets it convert a moment, a
deadline late on a week's last day is an hour off for half of the year, and so in another week.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.terms import College, Term
from edumetrics.database import find_fixed_offset, hold_offset
from edumetrics.fields import EXAMPLES, FINDING_COLUMNS, RELATIONS
from edumetrics.types import DEFINITIONS
from edumetrics.weeks import CLASS_SEMESTER


def check_deadlines(college: College, term: Term) -> pd.DataFrame:
    """Return a warning per class whose items fall due in another week by their own day's offset.

    Nothing is read where the server knows the college's zone, or the zone has one offset in the
    term.

    Returns:
        As `health.check_health`, with counts already in the sentences.
    """
    rows = [
        (f"{name}: offset", class_id, "warn", len(own), sorted(own["id"])[:EXAMPLES],
         f"{name}.{RELATIONS[name].week}: {len(own)} of this class in another week with the "
         "server's offset of today than with that of their own day; "
         "write {week(x, starts)} into the mapping.")
        for name, moved in _find_moved(college, term)
        for class_id, own in moved.groupby("class_id")
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))


def _find_moved(college: College, term: Term) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the items of each relation (id, class_id) that are due in another week."""
    for name in DEFINITIONS:
        relation, connection = college.relations[name], college.sources.find_connection(name)
        today = find_fixed_offset(connection)
        if relation is None or today is None:
            continue
        begins = _find_offsets(college, term)
        here = _read_weeks(college, relation, term)
        for offset in set(begins["offset"]) - {today}:
            with hold_offset(connection, offset):
                there = _read_weeks(college, relation, term)
            moved = _join_moved(here, there, begins, offset)
            if len(moved):
                yield name, moved


def _find_offsets(college: College, term: Term) -> pd.DataFrame:
    """Return the weeks of each class-semester with the offset of the zone when they begin."""
    begins = term.dates.drop_duplicates([*CLASS_SEMESTER, "week"])
    zone = college.params.calendar.zone
    return begins.assign(offset=[zone.utcoffset(day) or timedelta() for day in begins["week_date"]])


def _read_weeks(college: College, relation: Relation, term: Term) -> pd.DataFrame:
    c, record = relation.c, relation.table
    columns = (c[record.key[0]].label("id"), c.class_id, c.semester, c[record.week].label("week"))
    wanted = sa.select(*columns).where(term.build_condition(relation))
    return college.read_frame(wanted, record.name).drop_duplicates("id")


def _join_moved(
    here: pd.DataFrame, there: pd.DataFrame, begins: pd.DataFrame, offset: timedelta
) -> pd.DataFrame:
    """Return the items whose week is another there, and whose own day has that offset."""
    both = here.merge(there[["id", "week"]], on="id", suffixes=("", "_there"))
    both = both[both["week"] != both["week_there"]].dropna()
    # Within an hour of where one week ends and the next one begins.
    both = both.assign(week=both[["week", "week_there"]].max(axis=1))
    dated = both.merge(begins, on=[*CLASS_SEMESTER, "week"])
    return dated.loc[dated["offset"] == offset, ["id", "class_id"]]
