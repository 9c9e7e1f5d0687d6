"""How many rows a relation has by class, semester, subject, week and day, counted in one pass.

Whoever asks how the rows of a term spread over its weeks, classes, subjects or days takes it from
this one frame, so that a large relation is not scanned once for each such question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.reader import keep
from edumetrics.college.registers import build_marked
from edumetrics.college.rows import join_items, read_rows
from edumetrics.database import make_empty_frame

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term

KEYS = {"class_id": "str", "semester": "float64", "subject_id": "str", "week": "float64",
        "date": "datetime64[us]"}  # fmt: skip
COUNTS = dict.fromkeys(("rows", "dated", "marked", "unmarked"), "int64")


@keep()
def count_rows(college: College, term: Term, name: str) -> pd.DataFrame:
    """Return how many rows of a term a relation has.

    Args:
        college: the college to read.
        term: rows of other terms do not count, nor rows about items of other terms.
        name: a relation whose rows have a class, a semester and a week, or are about such an item.

    Returns:
        class_id, semester, subject_id (null where the relation has none), week and date (null where
        they cannot be read); rows, dated (rows with any value in the column of the day), marked and
        unmarked (registers; 0 of other relations). Of rows about items the class, semester and week
        are the item's, and subject_id, marked and unmarked are left out. No rows where the college
        has no such relation, or not what it is about.
    """
    relation = college.relations[name]
    if relation is None:
        return make_empty_frame(**KEYS, **COUNTS)
    count = _count_about if relation.table.parent else _count_placed
    return count(college, term, relation)


def _count_placed(college: College, term: Term, relation: Relation) -> pd.DataFrame:
    """Count the rows of a relation that have a class, a semester and a week."""
    c, record = relation.c, relation.table
    keys = {"class_id": c.class_id, "semester": c.semester, "week": relation.week}
    keys |= {"subject_id": c.subject_id} if "subject_id" in record.names else {}
    keys |= {"date": c[record.day]} if record.day else {}
    marked, unmarked = _mark_registers(relation)
    counted: dict[str, sa.ColumnElement[Any]] = {
        "rows": sa.func.count(),
        "dated": sa.func.count(keys.get("date", sa.null())),
        "marked": sa.func.sum(marked, type_=sa.Integer),
        "unmarked": sa.func.sum(unmarked, type_=sa.Integer),
    }
    wanted = sa.select(*(value.label(key) for key, value in (keys | counted).items()))
    found = college.read_frame(
        wanted.where(term.build_condition(relation)).group_by(*keys.values()), record.name
    )
    absent = {key: kind for key, kind in KEYS.items() if key not in found}
    return pd.concat([found, make_empty_frame(**absent).reindex(found.index)], axis=1)


def _count_about(college: College, term: Term, relation: Relation) -> pd.DataFrame:
    """Count the rows about items of a term, by the item's place and their own day."""
    name, day = relation.table.name, relation.table.day
    about = college.find_parent(name)
    if about is None or not college.has_rows_of(name):
        return make_empty_frame(**KEYS, **COUNTS)
    c, key = about.c, about.table.key[0]
    placed = sa.select(c[key], c.class_id, c.semester, about.week.label("week"))
    items = college.read_frame(placed.where(term.build_condition(about)), about.table.name)
    # The week's scores read these rows as well: they are read once.
    groups = read_rows(college, term, name).groupby([key, day], dropna=False, observed=True)
    counts = groups.size().rename("rows").reset_index().rename(columns={day: "date"})
    counts["dated"] = counts["rows"].where(counts["date"].notna(), 0)
    return join_items(counts, key, items)


def _mark_registers(relation: Relation) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """Return 1 for a register that was marked, and 1 for one that nobody marked; else 0."""
    if relation.table.name != "attendance":
        return sa.literal(0), sa.literal(0)
    # Where no lecture was held, there was nothing to mark. Null values make a condition null,
    # neither true nor false: such a register counts as unmarked.
    marked, nothing = build_marked(relation.c), relation.c.lectures_held == 0
    return marked, sa.case((sa.or_(marked == 1, nothing), 0), else_=1)


def count_rows_by_week(
    college: College, term: Term, feed: str, weeks: Sequence[int]
) -> pd.DataFrame:
    """Return how many rows a feed has by class and week, in some weeks of a term.

    Returns:
        class_id, week, rows (count), unmarked (count of registers that nobody marked; 0 for other
        feeds). A class and week without rows is not in the frame.
    """
    counted = count_rows(college, term, feed)
    groups = counted[counted["week"].isin(weeks)].groupby(["class_id", "week"])
    return groups[["rows", "unmarked"]].sum().reset_index()
