"""The ledger: one row per run of a stage, written before the work starts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import __version__
from edumetrics.analysis.store import Store, now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import EduMetricsError, Refused
from edumetrics.params import Params

LEDGER = SQL_TABLES["run_log"]


@dataclass(frozen=True)
class Run:
    """One run of a stage, as the ledger knows it."""

    run_id: str
    stage: str
    term: str
    week: int


def start(store: Store, params: Params, stage: str, term: str, week: int) -> Run:
    """Enter a run into the ledger before its work starts."""
    with store.transaction() as connection:
        return enter(connection, params, stage, term, week)


def enter(connection: Connection, params: Params, stage: str, term: str, week: int) -> Run:
    """As `start`, within a transaction: with what the run follows from."""
    run = Run(uuid.uuid4().hex, stage, term, week)
    entry = {
        "run_id": run.run_id,
        "stage": stage,
        "term": term,
        "sem_week": week,
        "status": "started",
        "started_at": now(),
        "params_sha256": params.sha256(),
        "version": __version__,
    }
    connection.execute(sa.insert(LEDGER).values(entry))
    return run


def resume(store: Store, run_id: str) -> Run:
    """The run of that id.

    Raises:
        EduMetricsError: the ledger has no such run.
    """
    rows = store.read("run_log", run_id=run_id)
    if rows.empty:
        raise EduMetricsError(
            f"The ledger has no run {run_id}: leave run_id empty to enter a new one."
        )
    row = rows.iloc[0]
    return Run(run_id, str(row["stage"]), str(row["term"]), int(row["sem_week"]))


def done(connection: Connection, run: Run, rows: int, remark: str | None = None) -> None:
    """Within the stage's own transaction, mark a run as done, so that rows and ledger agree whatever happens.

    Raises:
        EduMetricsError: the run has been ended meanwhile, so that nothing of it may be stored.
    """
    going = sa.update(LEDGER).where(LEDGER.c.run_id == run.run_id, LEDGER.c.status == "started")
    ended = connection.execute(
        going.values(status="done", finished_at=now(), rows_written=rows, error=remark)
    )
    if not ended.rowcount:
        raise EduMetricsError(
            "This run was taken for dead and ended by a later one: nothing of it was stored."
        )


def failed(store: Store, run: Run, error: EduMetricsError) -> None:
    """Mark a run as failed, or as refused by a gate; the error's text must hold no personal data.

    One whose rows are stored already, and whose pages could not be written, failed nevertheless.
    """
    status = "refused" if isinstance(error, Refused) else "failed"
    with store.transaction() as connection:
        this = sa.update(LEDGER).where(LEDGER.c.run_id == run.run_id)
        connection.execute(this.values(finished_at=now(), status=status, error=str(error)))


def end_stale(store: Store) -> int:
    """Mark runs that were started and never ended as failed; returns how many.

    Whoever holds the database's lock calls it before any work. A notebook whose batch was killed may still be at work:
    it can then no longer store anything.
    """
    with store.transaction() as connection:
        stale = sa.update(LEDGER).where(LEDGER.c.status == "started")
        found = connection.execute(
            stale.values(status="failed", finished_at=now(), error="The run was killed.")
        )
        return found.rowcount
