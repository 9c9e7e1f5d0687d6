"""Delete what was derived, for a rollback or a fresh start; what people entered stays."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.fields import TABLES

# Tables derived once a term or once an exam. The thresholds of a term are fitted before its first
# week: those of weeks that are computed once more stay.
TERM_TABLES = (
    "model_runs", "exam_review", "pre_sem_watchlist", "subject_difficulty", "list_thresholds"
)  # fmt: skip
# Tables derived week by week: a rollback or a fresh start deletes their rows. The ledger has the
# same columns, but it stays.
WEEKLY_TABLES = tuple(
    name
    for name, table in TABLES.items()
    if {"term", "sem_week", "run_id"} <= set(table.names) and name not in ("run_log", *TERM_TABLES)
)


def delete_after(connection: Connection, term: str, week: int, exams: Sequence[str] = ()) -> int:
    """Delete, within a transaction, what was derived for later weeks and terms.

    What people entered stays, and so do the ledger of runs and its data-health findings.

    Args:
        connection: a connection in the transaction.
        term: the term to go back to.
        week: the last week of this term that stays.
        exams: exams of this term whose reviews are deleted too.

    Returns:
        The number of rows deleted.
    """
    deleted = 0
    for name in WEEKLY_TABLES:
        c = SQL_TABLES[name].c
        # Terms are ISO dates, so their texts compare in the order of time.
        later = sa.or_(c.term > term, sa.and_(c.term == term, c.sem_week > week))
        deleted += connection.execute(sa.delete(SQL_TABLES[name]).where(later)).rowcount
    names = ("exam_review", "model_runs", "pre_sem_watchlist", "list_thresholds")
    review, tried, watched, fitted = (SQL_TABLES[name] for name in names)
    here = sa.and_(review.c.term == term, review.c.exam_type.in_(exams))
    # Of `model_runs` only the scorecards of reviews are deleted; the models themselves stay.
    cards = [tried.c.model_id == f"review-{exam}-{term}" for exam in exams]
    cards.append(sa.and_(tried.c.task == "review", tried.c.tested_term > term))
    for statement in (
        sa.delete(review).where(sa.or_(review.c.term > term, here)),
        sa.delete(tried).where(sa.or_(*cards)),
        sa.delete(watched).where(watched.c.target_term > term),
        sa.delete(fitted).where(fitted.c.term > term),
    ):
        deleted += connection.execute(statement).rowcount
    return deleted


def delete_derived(connection: Connection) -> None:
    """Delete everything derived and every model, within a transaction.

    What people entered stays, and so does the ledger.
    """
    for name in (*WEEKLY_TABLES, *TERM_TABLES):
        connection.execute(sa.delete(SQL_TABLES[name]))
