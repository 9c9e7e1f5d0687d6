"""Backfill: recompute every completed term and the one in session, in this process.

The models are retrained before each term.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import date

from edumetrics import erasure
from edumetrics.analysis import run_log
from edumetrics.analysis.week_state import CALIBRATE
from edumetrics.batch import beside
from edumetrics.batch.interrupts import handle_interrupts
from edumetrics.batch.progress import Reporter, show_progress
from edumetrics.college.terms import Term
from edumetrics.errors import Refused
from edumetrics.modelling import thresholds, train
from edumetrics.stages import STAGES
from edumetrics.stages.base import Replay, When
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace


def calibrate(
    workspace: Workspace,
    tell: Reporter,
    *,
    from_scratch: bool = False,
    completed_only: bool = False,
    as_of: date | None = None,
) -> int:
    """Recompute every completed term and the one in session from the college's database.

    Args:
        workspace: the settings, the parameters and both databases.
        tell: called with a line about each term.
        from_scratch: compute everything derived anew, beside the old, and swap the two at the end;
            what people entered stays.
        completed_only: leave the term in session alone.
        as_of: the day to count weeks from, for colleges without `sim_state`; today when None.

    Returns:
        The number of rows of weekly_metrics written.

    Raises:
        Locked: another run is at work.
        Interrupted: someone ended the calibration.
        Refused: the college is behind the analysis, which is not computed from scratch.
        EduMetricsError: a database cannot be used.
    """
    with workspace.store.require_lock(), handle_interrupts():
        # The lock is held, so any run that the ledger still calls started was killed.
        run_log.end_stale(workspace.store)
        erasure.repeat_erasures(workspace)
        store, params = workspace.store, workspace.params
        with run_log.watch_run(store, params, CALIBRATE, "", 0) as entry:
            # Interrupted at any moment, the old analysis stands as it was.
            with beside.open_copy(workspace) if from_scratch else nullcontext(workspace) as used:
                rows = _compute_terms(used, tell, completed_only=completed_only, as_of=as_of)
                if from_scratch:
                    beside.swap_derived(used, workspace)
            with store.start_transaction() as connection:
                run_log.mark_done(connection, entry, rows)
    return rows


def _compute_terms(
    workspace: Workspace, tell: Reporter, *, completed_only: bool, as_of: date | None
) -> int:
    """Compute and store each term, in the order of time; return the rows of weekly_metrics."""
    rows = 0
    with workspace.open_college() as college:
        position = college.find_college_week(as_of or workspace.today)
        _refuse_going_back(workspace, position)
        # The order matters: each term is forecast by models trained on the terms before it.
        for term in college.list_terms(position):
            if term.current and completed_only:
                continue
            trained = train.train(workspace, college, term, position)
            fitted = thresholds.fit(workspace, college, term, position)
            for line in filter(None, (trained, fitted)):
                tell(line)
            last = _get_last_week(workspace, term, position)
            whole = Replay(workspace, college, term, position, 0, last)
            _replay(whole, "before the semester")
            weeks = [week for week in workspace.params.calendar.teaching_weeks if week <= last]
            written = sum(
                _replay(replace(whole, week=week), "in a week") for week in show_progress(weeks)
            )
            rows += written
            _replay(whole, "after an exam")
            tell(f"Term of {term.name}: {written} rows through week {last}.")
            if term.current:
                _record_position(workspace, term, position, tell)
    return rows


def _refuse_going_back(workspace: Workspace, position: CollegeWeek) -> None:
    """Refuse where the college is behind the analysis: rows of later weeks would stay.

    Raises:
        Refused: it is.
    """
    reached = workspace.store.read_college_week()
    if reached is not None and position < reached:
        week = position.compute_week(workspace.params.calendar)
        raise Refused(
            f"The college is at week {week}, which is behind the analysis. Where a clock is wrong,"
            " set it right; where the college went back, run `edumetrics run --roll-back`, or"
            " `edumetrics calibrate --from-scratch`."
        )


def _record_position(
    workspace: Workspace, term: Term, position: CollegeWeek, tell: Reporter
) -> None:
    """Record the last week that calibration reached.

    The position goes no further than the data, so that `run` scores weeks that are loaded later.
    """
    week = position.compute_week(workspace.params.calendar)
    due = workspace.params.calendar.get_last_teaching_weeks(week, 1)
    # Only teaching weeks count: an exam or vacation week without data is nothing to wait for.
    if due and due[0] > term.last_week:
        tell(
            f"The college has no data after week {term.last_week}: "
            "run `edumetrics run` when the data of later weeks are loaded."
        )
        position = CollegeWeek(position.year, position.global_week - week + term.last_week)
    with workspace.store.start_transaction() as connection:
        workspace.store.set_college_week(connection, position)


def _replay(replay: Replay, *when: When) -> int:
    """Compute and store the stages of a moment of a term; return how many rows were written."""
    rows = 0
    for stage in STAGES:
        for read in stage.replay(replay) if stage.when in when else ():
            done, of = stage.compute(read), replay.workspace
            with run_log.watch_run(
                of.store, of.params, stage.name, read.term, read.number
            ) as entry:
                written = stage.save(entry, done)
            rows += written if stage.analyses else 0
    return rows


def _get_last_week(workspace: Workspace, term: Term, position: CollegeWeek) -> int:
    """Return the last semester week to compute: the college's, or a completed term's last."""
    return position.compute_week(workspace.params.calendar) if term.current else term.last_week
