"""Carrying out what is due, in order: catching the analysis up with the college, or rolling it back; then the gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.engine import Connection
from tqdm import tqdm

from edumetrics.analysis import deliveries, runs
from edumetrics.analysis.deliveries import Delivery
from edumetrics.analysis.runs import Run
from edumetrics.batch import parameters
from edumetrics.batch.ending import TOLD, interruptible
from edumetrics.batch.idle import NOTHING
from edumetrics.batch.journal import Tell
from edumetrics.batch.planning import Plan, Step, plan
from edumetrics.batch.tasks import Task
from edumetrics.errors import EduMetricsError, Interrupted, MissingColumn, Refused
from edumetrics.stages import gate, post_analysis, terms, training, weekly
from edumetrics.stages.gate import Verdict
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position

if TYPE_CHECKING:
    from edumetrics.mail.delivery import Posted

T = TypeVar("T")
# Carries out one task, as `execute.execute` does.
Execute = Callable[..., dict[str, int]]


@contextmanager
def run_notebooks() -> Iterator[Execute]:
    """Give what carries out tasks as notebooks; kernels that are left at the end are killed.

    What runs notebooks is only loaded here, where there is one to run.
    """
    from edumetrics.batch.execute import execute
    from edumetrics.batch.kernels import kernels

    with kernels() as manager:
        yield partial(execute, manager=manager)


# What `run` uses unless told otherwise; tests that are not about notebooks set one that needs no kernel.
DEFAULT_EXECUTOR: Callable[[], AbstractContextManager[Execute]] = run_notebooks


@dataclass(frozen=True)
class Outcome:
    """What a run did, in a `line` for the operator.

    Attributes:
        plan: what was due.
        verdict: the gate's on the newest week; None where none was computed.
        line: it, in words.
        held: whether any mail is held.
        posted: what became of the mail; None where none was due.
    """

    plan: Plan
    verdict: Verdict | None
    line: str
    held: bool
    posted: Posted | None

    @property
    def kind(self) -> str:
        """In a word: done, held (the mail of some classes), or empty where there was nothing to do."""
        if (
            not self.plan.steps
            and self.plan.back_to is None
            and self.verdict is None
            and self.posted is None
        ):
            return ""
        return "held" if self.held else "done"


def run(
    workspace: Workspace,
    tell: Tell,
    *,
    week: int | None = None,
    stage: str | None = None,
    as_of: date | None = None,
    force: bool = False,
) -> Outcome:
    """Do what is due, one step at a time; what is done stays done when a later step fails.

    Args:
        workspace: where.
        tell: called with a line, and fields for a log, about each thing done.
        week: as `planning.plan`.
        stage: as `planning.plan`.
        as_of: as `planning.plan`.
        force: let mail go out whatever the gate finds; the ledger says so.

    Returns:
        What was done; its `line` is what the operator needs to know.

    Raises:
        Locked: another run is at work.
        Interrupted: someone ended the run.
        Refused: the gate holds back all mail, or the college has no data of a week.
        EduMetricsError: a stage failed, or a database cannot be used.
    """
    with workspace.store.exclusive(), interruptible():
        runs.end_stale(workspace.store)
        due = _planned(workspace, week, stage, as_of)
        for step in due.steps:
            for task in step.tasks:
                parameters.check(task.stage, task.parameters)
        if due.back_to is not None:
            _roll_back(workspace, due, tell)
        entry = _take(workspace, due, tell) or _unjudged(workspace, due, force=force)
        verdict = _judge(workspace, due, entry, tell, force=force) if entry else None
        posted = _mail(workspace, due)
    held = gate.held(workspace)
    line = _line(workspace, due, verdict, held, force=force)
    if posted is not None and verdict is None:
        line = posted.line()
    elif posted is not None:
        line = f"{line} {posted.line()}"
    if verdict is not None and verdict.everyone and not force:
        raise Refused(line)
    if posted is not None and posted.broken:
        raise EduMetricsError(f"{line} `edumetrics send` tries again what failed.")
    return Outcome(due, verdict, line, held != gate.NOTHING, posted)


def bar(steps: Iterable[T]) -> Iterable[T]:
    """A progress bar on a terminal, nothing in a log."""
    return tqdm(list(steps), unit="week", leave=False, disable=None)


def _planned(workspace: Workspace, week: int | None, stage: str | None, as_of: date | None) -> Plan:
    try:
        return plan(workspace, week=week, stage=stage, as_of=as_of)
    except MissingColumn as error:
        if workspace.store.position() is None:
            raise
        # It fitted before: what changed is the college's database, and nobody has looked at it yet.
        refused = Refused(
            f"{error} It was there before, so nothing was computed and no mail goes out."
        )
        runs.failed(
            workspace.store,
            runs.start(workspace.store, workspace.params, gate.STAGE, "", 0),
            refused,
        )
        raise refused from error


def _take(workspace: Workspace, due: Plan, tell: Tell) -> Run | None:
    """Take the steps of a plan; returns the gate's entry for the newest week, where the plan computes it."""
    if not due.steps:
        return None
    with DEFAULT_EXECUTOR() as execute:
        for number, step in enumerate(bar(due.steps), start=1):
            place = f"[{number}/{len(due.steps)}]"
            _train(workspace, step, due.position, tell)
            for task in step.tasks:
                _carry_out(workspace, task, execute, tell, place)
            if not step.tasks:
                tell(
                    f"{place} week {step.position.week(workspace.params.calendar)}: nothing is due."
                )
            over = _over(workspace, due, step)
            with workspace.store.transaction() as connection:
                deliveries.past(connection, over)
                if not due.again:
                    workspace.store.set_position(connection, step.position)
                if step is due.steps[-1]:
                    # With the position: a run that is killed before its gate leaves word that one is missing.
                    return _gate_entry(workspace, due, connection)
    return None


def _over(workspace: Workspace, due: Plan, step: Step) -> list[Delivery]:
    """The reports of a step whose week is over by now: they are kept, and never mailed."""
    calendar = workspace.params.calendar
    newest = calendar.last_teaching_weeks(due.position.week(calendar), 1)
    if not step.tasks or step.position == due.position or (step.tasks[0].week,) == newest:
        return []
    from edumetrics.mail.due import never_mailed

    return never_mailed(
        workspace, [(task.stage, task.term, task.week, task.folder) for task in step.tasks]
    )


def _gate_entry(workspace: Workspace, due: Plan, connection: Connection) -> Run | None:
    """Enter the gate into the ledger where a plan computed the newest week, the only one whose mail goes out."""
    computed = [task for step in due.steps for task in step.tasks if task.stage == weekly.STAGE]
    newest = workspace.params.calendar.last_teaching_weeks(
        due.position.week(workspace.params.calendar), 1
    )
    if not computed or (computed[-1].week,) != newest:
        return None
    return runs.enter(
        connection, workspace.params, gate.STAGE, computed[-1].term, computed[-1].week
    )


def _unjudged(workspace: Workspace, due: Plan, *, force: bool) -> Run | None:
    """Enter the gate for a newest week that stands: it was killed there, was rolled back to, or is to be released."""
    newest = workspace.params.calendar.last_teaching_weeks(
        due.position.week(workspace.params.calendar), 1
    )
    if not newest or not (gate.awaited(workspace) or force or due.back_to):
        return None
    term = workspace.store.highest("weekly_metrics", "term")
    if (
        term is None
        or workspace.store.highest("weekly_metrics", "sem_week", term=term) != newest[0]
    ):
        return None
    return runs.start(workspace.store, workspace.params, gate.STAGE, term, newest[0])


def _train(workspace: Workspace, step: Step, position: Position, tell: Tell) -> None:
    """Have the forecasts ready for the term of a step, learnt from the terms before it."""
    for name in sorted({task.term for task in step.tasks if task.stage != post_analysis.STAGE}):
        if training.due(workspace, name):
            with workspace.college() as college:
                told = training.train(
                    workspace, college, terms.find_term(college, name, position), position
                )
            if told:
                tell(told)


def _carry_out(workspace: Workspace, task: Task, execute: Execute, tell: Tell, place: str) -> None:
    entry, began = (
        runs.start(workspace.store, workspace.params, task.stage, task.term, task.week),
        time.monotonic(),
    )
    minutes: int = getattr(workspace.params.batch.timeout_minutes, task.stage)
    parameters, environ = {**task.parameters, "run_id": entry.run_id}, workspace.settings.environ
    try:
        summary = execute(
            task.stage, parameters, task.folder, environ=environ, seconds=60 * minutes,
            code=workspace.params.batch.report_code,
        )  # fmt: skip
    except EduMetricsError as error:
        runs.failed(workspace.store, entry, error)
        raise
    except KeyboardInterrupt:
        runs.failed(workspace.store, entry, Interrupted(TOLD))
        raise
    seconds = round(time.monotonic() - began, 1)
    fields = {
        "stage": task.stage,
        "term": task.term,
        "week": task.week,
        "run_id": entry.run_id,
        "seconds": seconds,
    }
    tell(f"{place} {task}: {_counted(summary)}.", **fields, **summary)


def _counted(summary: dict[str, int]) -> str:
    """Rows and pages in words."""
    return ", ".join(
        f"{count} {name if count != 1 else name[:-1]}" for name, count in summary.items()
    )


def _roll_back(workspace: Workspace, due: Plan, tell: Tell) -> None:
    assert due.back_to is not None
    term, week = due.back_to
    with workspace.store.transaction() as connection:
        to_come = [
            exam
            for exam in post_analysis.EXAMS
            if week <= (post_analysis.exam_week(workspace, exam) or week)
        ]
        rows = workspace.store.forget_after(connection, term, week, to_come)
        workspace.store.set_position(connection, due.position)
    tell(
        f"The college went back to week {week}: {rows} rows of later weeks were removed.",
        rows=rows,
        week=week,
    )


def _judge(workspace: Workspace, due: Plan, entry: Run, tell: Tell, *, force: bool) -> Verdict:
    """Let the newest week through the gate, or not."""
    with workspace.college() as college:
        term = terms.find_term(college, entry.term, due.position)
        back_to = due.position.week(workspace.params.calendar) if due.back_to is not None else None
        verdict = gate.examine(workspace, college, term, entry.week, back_to=back_to)
    gate.record(workspace, entry, verdict, force=force)
    for finding in verdict.findings[verdict.findings["status"] == "block"].to_dict("records"):
        tell(f"Gate: {finding['message']}", check=finding["check"], class_id=finding["class_id"])
    return verdict


def _mail(workspace: Workspace, due: Plan) -> Posted | None:
    """See to the mail where a week has come to the gate since it was last seen to; None where none has."""
    if not gate.unmailed(workspace) or workspace.store.position() != due.position:
        return None
    # Whether there is mail is found out often, and mostly there is none: what makes it is loaded here.
    from edumetrics.mail import delivery

    return delivery.deliver(workspace, due.position)


def _line(
    workspace: Workspace, due: Plan, verdict: Verdict | None, held: str, *, force: bool
) -> str:
    """The one line that an operator reads on Monday."""
    calendar = workspace.params.calendar
    done = sum(len(step.tasks) for step in due.steps)
    where = f"Week {due.position.week(calendar)} of {due.position.label(calendar)}"
    if not due.steps and due.back_to is None and verdict is None:
        return NOTHING
    went = (
        "rolled back"
        if due.back_to is not None
        else f"{done} {'stage' if done == 1 else 'stages'} done"
    )
    if verdict is None or not verdict.told:
        return f"{where}: {went}; {held} held."
    if force:
        return f"{where}: {went}; mail released by --force: {verdict.told}"
    again = f"Correct it and run `edumetrics run --week {verdict.week}`, or release it with `edumetrics run --force`."
    whose = "all mail" if verdict.everyone else f"the mail of {', '.join(verdict.classes)}"
    return f"{where}: {went}; {whose} is held: {verdict.told} {again}"
