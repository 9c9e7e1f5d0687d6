"""Writing what a stage computed: its slices of the analysis database, in one transaction with the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

from edumetrics.analysis import runs
from edumetrics.analysis.runs import Run
from edumetrics.analysis.store import now
from edumetrics.stages.workspace import Workspace

# By table: its new rows, and the columns = values of the slice that they replace.
Slices = Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]]


@contextmanager
def entered(
    workspace: Workspace, stage: str, term: str, week: int, run_id: str = ""
) -> Iterator[Run]:
    """The ledger's entry for a run: the batch's own when its id is given, a new one otherwise.

    Raises:
        Locked: the run is not the batch's own, and another is at work.
    """
    if run_id:
        yield runs.resume(workspace.store, run_id)
        return
    with workspace.store.exclusive():
        yield runs.start(workspace.store, workspace.params, stage, term, week)


def replace(workspace: Workspace, run: Run, slices: Slices) -> int:
    """Replace slices and mark the run as done, all or nothing; returns the rows of the first slice."""
    store, rows = workspace.store, []
    with store.transaction() as connection:
        for table, (frame, where) in slices.items():
            stamped = frame.assign(**{**where, "run_id": run.run_id, "computed_at": now()})
            rows.append(store.replace(connection, table, stamped, **where))
        runs.done(connection, run, sum(rows))
    return rows[0]
