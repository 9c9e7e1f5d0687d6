"""Whether there is nothing to do, found out before anything heavy is loaded: most runs of a nightly job end here."""

from __future__ import annotations

from datetime import date

from edumetrics.errors import MissingColumn
from edumetrics.stages import gate
from edumetrics.stages.workspace import Workspace

NOTHING = "Nothing to do: the analysis is where the college is."


def idle(workspace: Workspace, as_of: date | None = None) -> bool:
    """Whether the analysis is where the college is, nothing was killed, and the newest week was judged and mailed.

    Raises:
        Locked: another run is at work.
        SettingsError: a database cannot be used.
    """
    store = workspace.store
    with store.exclusive():
        if (
            gate.awaited(workspace)
            or gate.unmailed(workspace)
            or len(store.read("run_log", ("run_id",), status="started"))
        ):
            return False
        try:
            with workspace.college() as college:
                return store.position() == college.position(as_of or workspace.today)
        except MissingColumn:
            return False
