"""Backfill: recompute every completed term and the one in session, in this process.

The models are retrained before each term.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from edumetrics.analysis import run_log
from edumetrics.batch.interrupts import handle_interrupts
from edumetrics.batch.pipeline import show_progress
from edumetrics.batch.progress import Reporter
from edumetrics.college.outcomes import EVER
from edumetrics.college.terms import College, Term
from edumetrics.inputs import terms
from edumetrics.modelling import train
from edumetrics.stages import post_exam, pre_exam, pre_semester, weekly
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
        from_scratch: delete everything derived first; what people entered stays.
        completed_only: leave the term in session alone.
        as_of: the day to count weeks from, for colleges without `sim_state`; today when None.

    Returns:
        The number of rows of weekly_metrics written.

    Raises:
        Locked: another run is at work.
        Interrupted: someone ended the calibration.
        EduMetricsError: a database cannot be used.
    """
    rows = 0
    with workspace.store.require_lock(), handle_interrupts(), workspace.open_college() as college:
        # The lock is held, so any run that the ledger still calls started was killed.
        run_log.end_stale(workspace.store)
        position = college.find_college_week(as_of or workspace.today)
        if from_scratch:
            with workspace.store.start_transaction() as connection:
                workspace.store.delete_derived(connection)
                workspace.store.set_college_week(connection, None)
        # The order in time matters: each term is forecast by models trained on the terms before it.
        for term in college.list_terms(position):
            if term.current and completed_only:
                continue
            trained = train.train(workspace, college, term, position)
            if trained:
                tell(trained)
            _save_watchlist(workspace, college, term, position)
            written = sum(_score_weeks(workspace, college, term, position))
            rows += written
            _save_reviews(workspace, college, term, position)
            tell(
                f"Term of {term.name}: {written} rows through week "
                f"{_get_last_week(workspace, term, position)}."
            )
            if term.current:
                _record_position(workspace, term, position, tell)
    return rows


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


def _save_watchlist(
    workspace: Workspace, college: College, term: Term, position: CollegeWeek
) -> None:
    """Store the watchlist of a term, where an earlier term was analysed."""
    folder = terms.get_report_folder(
        workspace, term, position, pre_semester.WEEK, pre_semester.STAGE
    )
    start = pre_semester.read_start(workspace, college, term, position, folder)
    if start is not None:
        entry = run_log.start_run(
            workspace.store, workspace.params, pre_semester.STAGE, term.name, pre_semester.WEEK
        )
        pre_semester.save(entry, pre_semester.compute(start))


def _save_reviews(
    workspace: Workspace, college: College, term: Term, position: CollegeWeek
) -> None:
    """Store the reviews of a term's exams.

    For the term in session, only results known at the end of the last complete week count.
    """
    ends = term.list_week_ends(position.compute_week(workspace.params.calendar))["week_end"]
    # Results of the current week belong to the run that completes it.
    known_by = ends.max().date() if term.current and len(ends) else EVER
    for exam in post_exam.EXAMS:
        found = post_exam.read_results(workspace, college, term, exam, known_by, Path())
        if found is not None:
            entry = run_log.start_run(
                workspace.store, workspace.params, post_exam.STAGE, term.name, found.week
            )
            post_exam.save(entry, post_exam.compute(found))


def _score_weeks(
    workspace: Workspace, college: College, term: Term, position: CollegeWeek
) -> Iterator[int]:
    """Score each teaching week of a term in order; yield the number of rows written for each."""
    last = _get_last_week(workspace, term, position)
    teaching = [week for week in workspace.params.calendar.teaching_weeks if week <= last]
    for week in show_progress(teaching):
        folder = terms.get_report_folder(workspace, term, position, week, weekly.STAGE)
        read = weekly.read_week(
            workspace,
            college,
            term,
            week,
            folder,
            # A past week keeps the advisors that were stored for it.
            replay=week != last or not term.current,
            until=last,
            # Data profiling would cost time in every week; the findings of the last are enough.
            with_health=week == teaching[-1],
        )
        entry = run_log.start_run(workspace.store, workspace.params, weekly.STAGE, term.name, week)
        yield weekly.save(entry, weekly.make_lists(weekly.compute(read)))
        for exam, stage in pre_exam.STAGES.items():
            if pre_exam.is_due(college, exam, week):
                entry = run_log.start_run(workspace.store, workspace.params, stage, term.name, week)
                pre_exam.save(
                    entry,
                    pre_exam.compute(
                        pre_exam.read_upcoming_exam(workspace, exam, term.name, week, folder)
                    ),
                )


def _get_last_week(workspace: Workspace, term: Term, position: CollegeWeek) -> int:
    """Return the last semester week to compute: the college's, or a completed term's last."""
    return position.compute_week(workspace.params.calendar) if term.current else term.last_week
