"""Decide whether there is nothing to do, before anything heavy is imported.

Most runs of a nightly job end here.
"""

from __future__ import annotations

from datetime import date

from edumetrics.analysis.week_state import list_failed
from edumetrics.erasure import has_restored
from edumetrics.errors import MissingColumn
from edumetrics.workspace import Workspace

NOTHING = "Nothing to do: the analysis is up to date with the college."


def is_up_to_date(workspace: Workspace, as_of: date | None = None) -> bool:
    """Return whether there is nothing to do.

    The analysis must have reached the college's week, no run may have been killed, no stage of the
    newest week may have failed, and the week must have its reports, and have been checked by the
    gate and mailed.

    Args:
        workspace: the settings, the parameters and both databases.
        as_of: the day to count weeks from, for colleges without `sim_state`; today when None.

    Raises:
        Locked: another run is at work.
        SettingsError: a database cannot be used.
    """
    store = workspace.store
    with store.require_lock():
        # The ledger is asked first: it needs no connection to the college. The lock is held, so a
        # run that is still called started was killed.
        state = workspace.read_week_state()
        if (
            state.check_due
            or state.mail_due
            or state.replayed
            or len(store.read("run_log", ("run_id",), status="started"))
            or has_restored(workspace)
        ):
            return False
        try:
            with workspace.open_college() as college:
                position = college.find_college_week(as_of or workspace.today)
                week = position.compute_week(workspace.params.calendar)
                return store.read_college_week() == position and not list_failed(store, week)
        except MissingColumn:
            return False  # the run itself refuses, and enters the refusal into the ledger
