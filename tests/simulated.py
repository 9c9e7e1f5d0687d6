"""Simulated colleges, with their analysis up to a week."""

from __future__ import annotations

from edumetrics.batch import backfill, progress
from edumetrics.database import create_writable_engine
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace


def simulate(
    workspace: Workspace,
    students: int,
    seed: int,
    *,
    week: int,
    now: int | None = None,
    semesters: int = 1,
) -> None:
    """Simulate the college of a workspace and analyse it at the end of a week.

    With `now`, the college then goes on to that week, and the analysis does not.
    """
    engine = create_writable_engine(workspace.settings.client_db_url)
    plan = generate.plan_demo(students, seed, Calendar(), weeks=week, semesters=semesters)
    write.write_simulation(engine, plan, quiet=True)
    backfill.calibrate(workspace, progress.skip_line)
    if now is not None:
        later = generate.plan_weeks_later(plan, now - week)
        write.write_simulation(engine, later, force=True, quiet=True)
    engine.dispose()
