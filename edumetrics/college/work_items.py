"""Which assignments and quizzes a term has, and which of them count."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.reader import keep, keep_one
from edumetrics.database import make_empty_frame
from edumetrics.types import Work

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term

# What work is summed up by.
PLACE = ["class_id", "semester", "subject_id"]
# What tells items apart: several classes may share one.
ITEM = ["item_id", "class_id", "semester"]


@keep()
def read_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the assignments or quizzes of the term that count.

    Returns:
        item_id, class_id, semester, subject_id, due_week (NaN where it is never due), title (null
        where it has none), max_marks (NaN where it has none). An item that several classes share
        has a row for each. No rows where the college has no such work.
    """
    items = read_all_items(college, term, work)
    return items[~items["optional"]].drop(columns="optional").reset_index(drop=True)


@keep()
def read_all_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return all assignments or quizzes of the term, as `read_items`, with optional (bool).

    Of rows that repeat an item of a class, the last one counts in the order of their values.
    """
    return keep_one(_read_rows(college, term, work), ITEM)


@keep()
def find_repeated_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return item_id and class_id of the items that stand more than once, a row for each."""
    rows = _read_rows(college, term, work)
    return rows.loc[rows.duplicated(ITEM), ["item_id", "class_id"]].drop_duplicates()


@keep()
def _read_rows(college: College, term: Term, work: Work) -> pd.DataFrame:
    items = _build_items_query(college, term, work)
    if items is None:
        texts = dict.fromkeys(("item_id", "class_id", "subject_id", "title"), "str")
        numbers = dict.fromkeys(("semester", "due_week", "max_marks"), "float64")
        return make_empty_frame(**texts, **numbers, optional="bool")
    found = college.read_frame(items, f"{work}_definitions")
    return found.assign(optional=found["optional"] == 1)


def read_places(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the distinct `PLACE` of all items."""
    return read_all_items(college, term, work)[PLACE].drop_duplicates(ignore_index=True)


def _build_items_query(college: College, term: Term, work: Work) -> sa.Select[Any] | None:
    """Return the work of the term, with optional (0 or 1); None where the college has none.

    Work of weight 0 is optional and does not count. If all work of a class and semester has weight
    0 or none, all of it counts.
    """
    relation = college.relations[f"{work}_definitions"]
    if relation is None:
        return None
    c = relation.c
    due = c.due_week if work == "assignment" else c.scheduled_week
    rows = sa.select(
        c[f"{work}_id"].label("item_id"),
        c.class_id,
        c.semester,
        c.subject_id,
        due.label("due_week"),
        c.title,
        c.max_marks,
    ).where(term.build_condition(relation))
    # Assignments and quizzes are looked at together: if a class weighs one kind, weight 0 of the
    # other kind is meant, too.
    weighted = [
        sa.select(other.c.class_id, other.c.semester).where(other.c.weight != 0)
        for other in (
            college.relations["assignment_definitions"],
            college.relations["quiz_definitions"],
        )
        if other is not None and "weight" in other.present
    ]
    if "weight" not in relation.present:
        return rows.add_columns(sa.literal_column("0").label("optional"))
    # `weighted` cannot be empty here: this relation has weights itself.
    pairs = sa.union(*weighted).subquery("weighted")
    others = sa.exists().where(pairs.c.class_id == c.class_id, pairs.c.semester == c.semester)
    optional = sa.case((sa.and_(c.weight == 0, others), 1), else_=0)
    return rows.add_columns(optional.label("optional"))
