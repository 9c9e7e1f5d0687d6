"""Run the stages that are due, in order.

A run catches the analysis up with the college, or rolls it back. Then the gate checks the newest
week, and its mail goes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from edumetrics import erasure, gate
from edumetrics.analysis import delivery_log, run_log
from edumetrics.analysis.delivery_log import Delivery
from edumetrics.analysis.run_log import Run
from edumetrics.analysis.week_state import GATE, WEEKLY
from edumetrics.batch import parameters
from edumetrics.batch.brief import brief_week
from edumetrics.batch.interrupts import handle_interrupts
from edumetrics.batch.outcome import Outcome, finish_run
from edumetrics.batch.progress import Reporter, show_progress
from edumetrics.batch.roll_back import take_back
from edumetrics.batch.schedule import RunPlan, Step, plan_run
from edumetrics.batch.tasks import Execute, run_tasks
from edumetrics.errors import EduMetricsError, MissingColumn, Refused
from edumetrics.gate import Verdict
from edumetrics.inputs import terms
from edumetrics.modelling import thresholds, train
from edumetrics.stages import BY_NAME
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

if TYPE_CHECKING:
    from edumetrics.mail.result import MailResult


@contextmanager
def run_notebooks() -> Iterator[Execute]:
    """Give what carries out tasks as notebooks; kernels that are left at the end are killed.

    What runs notebooks is only loaded here, where there is one to run.
    """
    from edumetrics.batch.kernels import open_kernel_manager
    from edumetrics.batch.notebook import run_notebook

    with open_kernel_manager() as manager:
        yield partial(run_notebook, manager=manager)


# What `run` uses unless told otherwise; tests that are not about notebooks set one that needs no
# kernel.
DEFAULT_EXECUTOR: Callable[[], AbstractContextManager[Execute]] = run_notebooks


def run(
    workspace: Workspace,
    tell: Reporter,
    *,
    week: int | None = None,
    stage: str | None = None,
    as_of: date | None = None,
    force: bool = False,
    roll_back: bool = False,
) -> Outcome:
    """Do what is due, one step at a time; finished steps stay done when a later step fails.

    Args:
        workspace: the settings, the parameters and both databases.
        tell: called with a line, and fields for a log, about each thing done.
        week: as `schedule.plan_run`.
        stage: as `schedule.plan_run`.
        as_of: as `schedule.plan_run`.
        force: let mail go out whatever the gate finds; the ledger records it.
        roll_back: where the college is behind the analysis, remove what was computed for the weeks
            since; it is kept in a dump in the home.

    Returns:
        What was done; its `line` tells the operator what to know.

    Raises:
        Locked: another run is at work.
        Interrupted: someone ended the run.
        Refused: the gate holds back all mail, the college has no data of a week, or it is behind
            the analysis and `roll_back` is not given.
        EduMetricsError: a stage failed, mail failed, or a database cannot be used.
    """
    with workspace.store.require_lock(), handle_interrupts():
        # The lock is held, so any run that the ledger still calls started was killed.
        run_log.end_stale(workspace.store)
        erasure.repeat_erasures(workspace)
        due = _plan_or_refuse(workspace, week, stage, as_of)
        # Every notebook is checked before the first runs: an error must not show after an hour.
        for step in due.steps:
            for task in step.tasks:
                home = workspace.settings.home
                parameters.check_parameters(task.stage, task.parameters, home)
        if due.back_to is not None:
            take_back(workspace, due, tell, asked=roll_back)
        entry, failed = _run_steps(workspace, due, tell)
        entry = entry or _enter_missing_gate(workspace, due, force=force)
        verdict = _check_newest_week(workspace, due, entry, tell, force=force) if entry else None
        posted = _send_mail(workspace, due)
    return finish_run(workspace, due, verdict, posted, failed, force=force)


def _plan_or_refuse(
    workspace: Workspace, week: int | None, stage: str | None, as_of: date | None
) -> RunPlan:
    """Return the plan of a run.

    Raises:
        Refused: a column that the mapping needs is gone since the last run; the ledger records it.
        MissingColumn: the column is missing in the first run.
    """
    try:
        return plan_run(workspace, week=week, stage=stage, as_of=as_of)
    except MissingColumn as error:
        # In the first run the mapping is wrong, which is an error of the settings.
        if workspace.store.read_college_week() is None:
            raise
        # The mapping fitted before, so the college's schema has changed and needs a person's look.
        refused = Refused(
            f"{error} The column was there before: nothing was computed and no mail goes out."
        )
        run_log.mark_failed(
            workspace.store,
            run_log.start_run(workspace.store, workspace.params, GATE, "", 0),
            refused,
        )
        raise refused from error


def _run_steps(
    workspace: Workspace, due: RunPlan, tell: Reporter
) -> tuple[Run | None, list[EduMetricsError]]:
    """Take the steps of a plan, and record the position after each.

    Returns:
        The gate's entry in the ledger (None where the plan does not compute the newest week), and
        the error of each stage that failed without ending the run.
    """
    failed: list[EduMetricsError] = []
    if not due.steps:
        return None, failed
    with DEFAULT_EXECUTOR() as run_notebook:
        for number, step in enumerate(show_progress(due.steps), start=1):
            place = f"[{number}/{len(due.steps)}]"
            _train_models(workspace, step, due.position, tell)
            failed += run_tasks(workspace, step, run_notebook, tell, place)
            if step is due.steps[-1]:
                brief_week(workspace, step, tell)
            if not step.tasks:
                tell(
                    f"{place} week {step.position.compute_week(workspace.params.calendar)}:"
                    " nothing is due."
                )
            # The college is read before the transaction begins.
            over = _find_past_reports(workspace, due, step)
            with workspace.store.start_transaction() as connection:
                delivery_log.record_past(connection, over)
                # A week that is done again moves nothing: later weeks stay done.
                if not due.again:
                    workspace.store.set_college_week(connection, step.position)
                if step is due.steps[-1]:
                    # One transaction with the position: a run that is killed before its gate leaves
                    # an entry which says that the check is missing.
                    return _enter_gate(workspace, due, connection), failed
    return None, failed


def _find_past_reports(workspace: Workspace, due: RunPlan, step: Step) -> list[Delivery]:
    """Return the reports of a step whose week is over by now: they are kept, but never mailed."""
    calendar = workspace.params.calendar
    newest = calendar.get_last_teaching_weeks(due.position.compute_week(calendar), 1)
    # In an exam or vacation week the newest teaching week is an earlier one, and is still mailed.
    if not step.tasks or step.position == due.position or (step.tasks[0].week,) == newest:
        return []
    from edumetrics.mail.queue import list_past_deliveries

    stage = (
        WEEKLY if any(BY_NAME[task.stage].analyses for task in step.tasks) else step.tasks[-1].stage
    )
    return list_past_deliveries(workspace, stage, step.term, step.tasks[0].week, step.folder)


def _enter_gate(workspace: Workspace, due: RunPlan, connection: Connection) -> Run | None:
    """Enter the gate into the ledger, and return its entry, where a plan computed the newest week.

    Mail goes out for no other week, so that None is returned where the plan did not compute it.
    """
    computed = [task for step in due.steps for task in step.tasks if BY_NAME[task.stage].analyses]
    newest = workspace.params.calendar.get_last_teaching_weeks(
        due.position.compute_week(workspace.params.calendar), 1
    )
    if not computed or (computed[-1].week,) != newest:
        return None
    return run_log.enter_run(
        connection, workspace.params, GATE, computed[-1].term, computed[-1].week
    )


def _enter_missing_gate(workspace: Workspace, due: RunPlan, *, force: bool) -> Run | None:
    """Enter the gate for a newest week that an earlier run computed, and return its entry.

    The gate is needed where the earlier run was killed before it, where the analysis was rolled
    back to this week, and where `--force` is to release its mail. None is returned elsewhere.
    """
    newest = workspace.params.calendar.get_last_teaching_weeks(
        due.position.compute_week(workspace.params.calendar), 1
    )
    if not newest or not (workspace.read_week_state().check_due or force or due.back_to):
        return None
    term = workspace.store.find_highest("weekly_metrics", "term")
    # The gate reads the week's stored lists: without them there is nothing to check.
    if (
        term is None
        or workspace.store.find_highest("weekly_metrics", "sem_week", term=term) != newest[0]
    ):
        return None
    return run_log.start_run(workspace.store, workspace.params, GATE, term, newest[0])


def _train_models(workspace: Workspace, step: Step, position: CollegeWeek, tell: Reporter) -> None:
    """Train the forecasts for the terms of a step on the terms before them, where that is due."""
    # A review needs no forecast: it compares results with predictions that are stored.
    for name in sorted(
        {task.term for task in step.tasks if BY_NAME[task.stage].when != "after an exam"}
    ):
        # The analysis answers first, so that most runs open no connection to the college here.
        due = [one for one in (train, thresholds) if one.is_due(workspace, name)]
        if due:
            with workspace.open_college() as college:
                term = terms.find_term(college, name, position)
                # The thresholds are fitted for the model that has been trained.
                told = [train.train(workspace, college, term, position),
                        thresholds.fit(workspace, college, term, position)]  # fmt: skip
            for line in filter(None, told):
                tell(line)


def _check_newest_week(
    workspace: Workspace, due: RunPlan, entry: Run, tell: Reporter, *, force: bool
) -> Verdict:
    """Check the newest week, record the verdict, and tell each finding that holds mail."""
    back_to = due.position.compute_week(workspace.params.calendar) if due.back_to else None
    with run_log.WatchedRun(workspace.store, entry):
        with workspace.open_college() as college:
            term = terms.find_term(college, entry.term, due.position)
            verdict = gate.check_week(workspace, college, term, entry.week, back_to=back_to)
        gate.record_verdict(workspace, entry, verdict, force=force)
    for finding in verdict.findings[verdict.findings["status"] == "block"].to_dict("records"):
        tell(f"Gate: {finding['message']}", check=finding["check"], class_id=finding["class_id"])
    return verdict


def _send_mail(workspace: Workspace, due: RunPlan) -> MailResult | None:
    """Send the mail where the gate has checked a week since the last round; None where it has not.

    Mail that failed in the last round is also sent.
    """
    # A plan for one week or one stage may leave the analysis behind the college: no mail then.
    if (
        not workspace.read_week_state().mail_due
        or workspace.store.read_college_week() != due.position
    ):
        return None
    # Most runs have no mail, and need not import what renders it.
    from edumetrics.mail import delivery

    return delivery.MailRound(workspace, due.position).send()
