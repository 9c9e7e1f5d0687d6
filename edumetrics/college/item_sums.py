"""What the rows of each item sum up to: one row an item, however large the college.

What is judged of a whole college needs no more than these sums, so that no process has to hold all
of its rows: those of the classes that it computes come from `rows.read_rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.reader import Reader, keep
from edumetrics.college.row_checks import find_parent
from edumetrics.database import make_empty_frame
from edumetrics.fields import RELATIONS

if TYPE_CHECKING:
    from edumetrics.college.terms import Term


@keep()
def sum_up_items(college: Reader, term: Term, name: str, week: int) -> pd.DataFrame:
    """Return what the rows of a relation with a parent sum up to, item by item.

    Args:
        college: the college to read.
        term: rows about items of other terms are left out.
        name: a relation with a parent.
        week: the newest days are looked for up to its last one; all else is of all days.

    Returns:
        item_id (null for all items that the college does not list, together), marks (how many rows
        have a mark), best_marks (the highest), best_score (the highest percentage of rows without
        marks), newest_day, and newest_marked (the day of the newest mark; without one of its own,
        that of the row); null where there is none. Marks of attempts that were not finished do not
        count as marks. No rows where the college has no such relation.
    """
    record = RELATIONS[name]
    relation, parent = college.relations[name], find_parent(college, record, term)
    if relation is None or parent is None:
        numbers = dict.fromkeys(("marks", "best_marks", "best_score"), "float64")
        days = dict.fromkeys(("newest_day", "newest_marked"), "datetime64[us]")
        return make_empty_frame(item_id="str", **numbers, **days)
    c = relation.c
    marks, day = c.marks_obtained, c[record.day]
    score = c.score_pct if "score_pct" in record.names else sa.cast(sa.null(), sa.Float)
    marked = sa.or_(marks.is_not(None), score.is_not(None))
    marked_on = sa.func.coalesce(c[record.known], day) if record.known else day
    ends = term.list_week_ends(week)["week_end"]
    # Without dates no day is known to be one of these weeks.
    last = sa.literal(None if ends.empty else ends.max().date(), sa.Date)
    finished = c[record.finished].is_(sa.true()) if record.finished else sa.true()
    select = (
        sa.select(
            parent.id.label("item_id"),
            sa.func.count(sa.case((sa.and_(finished, marked), 1))).label("marks"),
            _find_highest("best_marks", marks, finished),
            _find_highest("best_score", score, finished, marks.is_(None)),
            _find_highest("newest_day", day, day <= last),
            _find_highest("newest_marked", marked_on, marked, marked_on <= last),
        )
        .select_from(sa.outerjoin(relation.rows, parent.rows, c[parent.key] == parent.id))
        .where(sa.or_(parent.here == 1, parent.id.is_(None)))
        .group_by(parent.id)
    )
    return college.read_frame(select, name)


def _find_highest(
    name: str, column: sa.ColumnElement[Any], *conditions: sa.ColumnElement[bool]
) -> sa.Label[Any]:
    """Return the select of the highest value of the rows that fulfil all conditions."""
    return sa.func.max(sa.case((sa.and_(*conditions), column)), type_=column.type).label(name)
