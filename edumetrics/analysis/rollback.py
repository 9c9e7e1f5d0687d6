"""Delete what was derived, for a rollback or a fresh start; what people entered stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.fields import TABLES

# Rows of tables: a condition by table.
Rows = Mapping[str, sa.ColumnElement[bool]]
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
DERIVED = (*WEEKLY_TABLES, *TERM_TABLES)


def find_later(term: str, week: int, exams: Sequence[str] = ()) -> Rows:
    """Return what was derived for later weeks and terms, as a condition by table.

    What people entered is not among it, nor the ledger of runs and its data-health findings.

    Args:
        term: the term to go back to.
        week: the last week of this term that stays.
        exams: exams of this term whose reviews count too.
    """
    found: dict[str, sa.ColumnElement[bool]] = {}
    for name in WEEKLY_TABLES:
        c = SQL_TABLES[name].c
        # Terms are ISO dates, so their texts compare in the order of time.
        found[name] = sa.or_(c.term > term, sa.and_(c.term == term, c.sem_week > week))
    names = ("exam_review", "model_runs", "pre_sem_watchlist", "list_thresholds")
    review, tried, watched, fitted = (SQL_TABLES[name].c for name in names)
    # Of `model_runs` only the scorecards of reviews count; the models themselves stay.
    cards = [tried.model_id == f"review-{exam}-{term}" for exam in exams]
    cards.append(sa.and_(tried.task == "review", tried.tested_term > term))
    here = sa.and_(review.term == term, review.exam_type.in_(exams))
    return found | {
        "exam_review": sa.or_(review.term > term, here),
        "model_runs": sa.or_(*cards),
        "pre_sem_watchlist": watched.target_term > term,
        "list_thresholds": fitted.term > term,
    }


def count_rows(connection: Connection, rows: Rows) -> int:
    """Return how many rows there are that meet the conditions."""
    each = (
        sa.select(sa.func.count()).select_from(SQL_TABLES[name]).where(condition)
        for name, condition in rows.items()
    )
    return sum(int(connection.execute(one).scalar_one()) for one in each)


def delete_rows(connection: Connection, rows: Rows) -> int:
    """Delete, within a transaction, the rows that meet the conditions; return their number."""
    each = (sa.delete(SQL_TABLES[name]).where(condition) for name, condition in rows.items())
    return sum(connection.execute(one).rowcount for one in each)


def delete_derived(connection: Connection) -> None:
    """Delete everything derived and every model, within a transaction.

    What people entered stays, and so does the ledger.
    """
    for name in DERIVED:
        connection.execute(sa.delete(SQL_TABLES[name]))
