"""Find students of whom the stored weeks hold something, or nothing at all."""

from __future__ import annotations

from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.analysis.store import Classes, Store, match_classes
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.fields import COUNTED_FEEDS, RELATIONS

C = SQL_TABLES["weekly_metrics"].c
# What says that a student was there: work, or what a feed counts; a register says it of itself.
SIGNS = (
    C.submission_pct,
    *(C[count.metric] for name in COUNTED_FEEDS for count in RELATIONS[name].counts),
)


def find_recorded(store: Store, term: str, before: int, classes: Classes = None) -> pd.Series:
    """Return the students of whom a week of a term before another holds anything.

    That is a register, work done, a visit, a loan or activity.
    """
    select = sa.select(C.student_id).distinct()
    select = select.where(C.term == term, C.sem_week < before, _is_any(C.lectures_held, *SIGNS))
    return store.read_frame(select.where(match_classes(C.class_id, classes)))["student_id"]


def find_without_record(store: Store, term: str, week: int) -> pd.Series:
    """Return the students of whom a term holds nothing at all up to a week.

    Not even a register that says absent, no work, no visit, no loan, nothing on the platform.
    """
    seen = sa.case((_is_any(C.lectures_held, *SIGNS), 1), else_=0)
    select = sa.select(C.student_id).where(C.term == term, C.sem_week <= week)
    select = select.group_by(C.student_id).having(sa.func.max(seen) == 0)
    return store.read_frame(select.order_by(C.student_id))["student_id"]


def _is_any(*columns: sa.Column[Any]) -> sa.ColumnElement[bool]:
    # Null compares as false: what a college does not record is no record.
    return sa.or_(*(column > 0 for column in columns))
