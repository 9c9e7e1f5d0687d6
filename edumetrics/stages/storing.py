"""Writing the results of a stage to the analysis database, in one transaction with the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

from edumetrics.analysis import run_log
from edumetrics.analysis.run_log import Run
from edumetrics.analysis.store import get_utc_now
from edumetrics.workspace import Workspace

# By table: its new rows, and the column = value conditions of the slice that they replace. A slice
# is replaced as a whole, so that running a stage twice leaves the same rows as running it once.
Slices = Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]]


@contextmanager
def open_run(
    workspace: Workspace, stage: str, term: str, week: int, run_id: str = ""
) -> Iterator[Run]:
    """Yield the ledger's entry for a run: the batch's when its id is given, else a new one.

    Raises:
        EduMetricsError: the ledger has no run with this id.
        Locked: no id is given, and another run is at work.
    """
    # The batch that started this notebook holds the lock already: taking it again would fail.
    if run_id:
        yield run_log.load_run(workspace.store, run_id)
        return
    with workspace.store.require_lock():
        yield run_log.start_run(workspace.store, workspace.params, stage, term, week)


def replace_slices(workspace: Workspace, run: Run, slices: Slices) -> int:
    """Replace slices and mark the run as done in one transaction.

    Returns:
        The number of rows of the first slice.
    """
    store, rows = workspace.store, []
    with store.start_transaction() as connection:
        for table, (frame, where) in slices.items():
            # The rows get the values of the slice: a row outside it would never be replaced.
            stamped = frame.assign(**{**where, "run_id": run.run_id, "computed_at": get_utc_now()})
            rows.append(store.replace_slice(connection, table, stamped, **where))
        run_log.mark_done(connection, run, sum(rows))
    # The first slice has one row per student, so its length is what the notebook reports.
    return rows[0]
