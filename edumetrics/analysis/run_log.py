"""The ledger of runs: one row per run of a stage, written before the work starts."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics import __version__
from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import EduMetricsError, Refused, describe_error
from edumetrics.params import Params

LEDGER = SQL_TABLES["run_log"]


@dataclass(frozen=True)
class Run:
    """One run of a stage, as it is in the ledger."""

    run_id: str
    stage: str
    term: str
    week: int


def start_run(
    store: Store, params: Params, stage: str, term: str, week: int, *, by_hand: bool = False
) -> Run:
    """Enter a run into the ledger, before its work starts, and return it.

    Of a run `by_hand` the week is judged again before any mail.
    """
    with store.start_transaction() as connection:
        return enter_run(connection, params, stage, term, week, by_hand=by_hand)


def enter_run(
    connection: Connection,
    params: Params,
    stage: str,
    term: str,
    week: int,
    *,
    by_hand: bool = False,
) -> Run:
    """Enter a run as `start_run` does, within the transaction of what the run follows from."""
    run = Run(uuid.uuid4().hex, stage, term, week)
    entry = {
        "run_id": run.run_id,
        # Within the transaction: whoever enters a run holds the database's lock.
        "seq": sa.select(sa.func.coalesce(sa.func.max(LEDGER.c.seq), 0) + 1).scalar_subquery(),
        "stage": stage,
        "term": term,
        "sem_week": week,
        "status": "started",
        "by_hand": by_hand,
        "started_at": get_utc_now(),
        # With both, a stored number can be traced to the parameters and the code that made it.
        "params_sha256": params.hash_values(),
        "version": __version__,
    }
    connection.execute(sa.insert(LEDGER).values(entry))
    return run


def load_run(store: Store, run_id: str) -> Run:
    """Return the run with an id.

    Raises:
        EduMetricsError: the ledger has no such run.
    """
    rows = store.read("run_log", run_id=run_id)
    if rows.empty:
        raise EduMetricsError(
            f"The ledger has no run {run_id}: leave run_id empty to start a new run."
        )
    row = rows.iloc[0]
    return Run(run_id, str(row["stage"]), str(row["term"]), int(row["sem_week"]))


def mark_done(connection: Connection, run: Run, rows: int, remark: str | None = None) -> None:
    """Mark a run as done, within the transaction of the stage.

    So the stored rows and the ledger always agree, whatever happens.

    Args:
        connection: a connection in the transaction that stores the rows.
        run: the run.
        rows: the number of rows stored.
        remark: what the ledger should say about the run; None for nothing.

    Raises:
        EduMetricsError: another run has ended this run meanwhile, so nothing of it may be stored.
    """
    # The condition on the status is the test: a run that was ended meanwhile matches no row.
    going = sa.update(LEDGER).where(LEDGER.c.run_id == run.run_id, LEDGER.c.status == "started")
    ended = connection.execute(
        going.values(status="done", finished_at=get_utc_now(), rows_written=rows, error=remark)
    )
    # The error rolls back the transaction, and with it the rows of the stage.
    if not ended.rowcount:
        raise EduMetricsError(
            "A later run took this run for dead and ended it: nothing of it was stored."
        )


class WatchedRun:
    """A run in the ledger: whatever ends the block by an exception marks it as failed."""

    def __init__(self, store: Store, run: Run) -> None:
        self.store, self.run = store, run

    def __enter__(self) -> Run:
        return self.run

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            # A database that has gone cannot be told: the next run finds this one still started.
            with suppress(EduMetricsError):
                mark_failed(self.store, self.run, error)


def watch_run(
    store: Store, params: Params, stage: str, term: str, week: int, *, by_hand: bool = False
) -> WatchedRun:
    """Enter a run into the ledger as `start_run` does, and watch how it ends."""
    return WatchedRun(store, start_run(store, params, stage, term, week, by_hand=by_hand))


def mark_failed(store: Store, run: Run, error: BaseException) -> None:
    """Mark a run as failed, or as refused by a gate.

    Of an error that is not ours only the kind is entered. A run also counts as failed if its rows
    are stored already but its pages could not be written.
    """
    # A transaction of its own: that of the stage was rolled back.
    status = "refused" if isinstance(error, Refused) else "failed"
    with store.start_transaction() as connection:
        this = sa.update(LEDGER).where(LEDGER.c.run_id == run.run_id)
        ended = this.values(finished_at=get_utc_now(), status=status, error=describe_error(error))
        connection.execute(ended)


def end_stale(store: Store) -> int:
    """Mark runs that were started and never ended as failed, and return how many there were.

    The process that holds the lock of the database calls this before any work. A notebook may
    still run after its batch was killed. From then on it can store nothing.
    """
    with store.start_transaction() as connection:
        stale = sa.update(LEDGER).where(LEDGER.c.status == "started")
        found = connection.execute(
            stale.values(status="failed", finished_at=get_utc_now(), error="The run was killed.")
        )
        return found.rowcount
