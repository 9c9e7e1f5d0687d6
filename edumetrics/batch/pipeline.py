"""What is due, in order: catching the analysis up with the college, rolling it back, and recomputing history."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import pandas as pd
from tqdm import tqdm

from edumetrics import weeks
from edumetrics.analysis import runs
from edumetrics.batch.lock import only_run
from edumetrics.college.source import College, Term
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.stages import terms, training, weekly
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position

Tell = Callable[[str], None]
T = TypeVar("T")
STAGES = (weekly.STAGE,)


@dataclass(frozen=True)
class Task:
    """One stage of one week, due."""

    stage: str
    term: str
    week: int
    folder: Path

    def __str__(self) -> str:
        return f"{self.stage}, week {self.week} of the term of {self.term}"


@dataclass(frozen=True)
class Step:
    """One week to go: its tasks (none in an exam or vacation week), and the position reached when they are done."""

    position: Position
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Plan:
    """What a run will do: `back_to` rolls the analysis back first; `steps` are then taken in order.

    `again` is a week done once more: the analysis has then come no further than before.
    """

    position: Position
    back_to: tuple[str, int] | None
    steps: tuple[Step, ...]
    again: bool = False


def plan(workspace: Workspace, *, week: int | None = None, stage: str | None = None, as_of: date | None = None) -> Plan:
    """Compare the college's week with the analysis's and say what is due; changes nothing.

    Args:
        workspace: where.
        week: only this semester week of the term in session, done again; every week not yet done when None.
        stage: only this stage.
        as_of: the day to count from, for colleges without `sim_state`; today when None.

    Raises:
        SettingsError: a stage or week that does not exist, no term in session, or a database that cannot be used.
    """
    if stage is not None and stage not in STAGES:
        raise SettingsError(f"There is no stage {stage}: the stages are {', '.join(STAGES)}.")
    with workspace.college() as college:
        position = college.position(as_of or workspace.today)
        done = workspace.store.position()
        if week is not None:
            return Plan(position, None, (_again(workspace, college, position, week),), again=True)
        if done == position:
            return Plan(position, None, ())
        current = terms.find_term(college, "", position)
        if done is not None and done > position:
            return Plan(position, (current.name, position.week(workspace.params.calendar)), ())
        begin = done or Position(position.year, position.global_week - position.week(workspace.params.calendar))
        steps = [
            _step(workspace, reached, _term_of(college, reached, position, current))
            for reached in begin.until(position, workspace.params.calendar)
        ]
        return Plan(position, None, tuple(steps))


def described(due: Plan) -> Iterator[str]:
    """What a plan will do, line by line."""
    if due.back_to is not None:
        yield f"Would roll the analysis back to week {due.back_to[1]} of the term of {due.back_to[0]}."
    for step in due.steps:
        for task in step.tasks:
            yield f"Would run {task}."


def run(workspace: Workspace, due: Plan, tell: Tell) -> None:
    """Carry a plan out, one step at a time; what is done stays done when a later step fails.

    Raises:
        Locked: another run is at work.
        EduMetricsError: a stage failed.
    """
    with only_run(workspace.settings.data):
        if due.back_to is not None:
            _roll_back(workspace, due, tell)
        _train(workspace, due, tell)
        for number, step in enumerate(_bar(due.steps), start=1):
            for task in step.tasks:
                _carry_out(workspace, task, f"[{number}/{len(due.steps)}]", tell)
            if not step.tasks:
                tell(f"[{number}/{len(due.steps)}] week {step.position.week(workspace.params.calendar)}: no teaching.")
            if not due.again:
                with workspace.store.transaction() as connection:
                    workspace.store.set_position(connection, step.position)


def _train(workspace: Workspace, due: Plan, tell: Tell) -> None:
    """Have a forecast ready for the terms that a plan is about, learnt from the terms before each."""
    names = sorted({task.term for step in due.steps for task in step.tasks})
    names = [name for name in names if training.due(workspace, name)]
    if not names:
        return
    with workspace.college() as college:
        for name in names:
            told = training.train(workspace, college, terms.find_term(college, name, due.position), due.position)
            if told:
                tell(told)


def calibrate(
    workspace: Workspace,
    tell: Tell,
    *,
    from_scratch: bool = False,
    completed_only: bool = False,
    as_of: date | None = None,
) -> int:
    """Recompute every completed term and the one in session from the college's database, in this process.

    Args:
        workspace: where.
        tell: called with a line about each term.
        from_scratch: delete everything derived first; what people entered stays.
        completed_only: leave the term in session alone.
        as_of: the day to count from, for colleges without `sim_state`.

    Returns:
        Rows written.

    Raises:
        Locked: another run is at work.
        EduMetricsError: a database cannot be used.
    """
    rows = 0
    with only_run(workspace.settings.data), workspace.college() as college:
        position = college.position(as_of or workspace.today)
        if from_scratch:
            with workspace.store.transaction() as connection:
                workspace.store.forget_all(connection)
                workspace.store.set_position(connection, None)
        for term in college.terms(position):
            if term.current and completed_only:
                continue
            trained = training.train(workspace, college, term, position)
            if trained:
                tell(trained)
            written = sum(_weeks_of(workspace, college, term, position))
            rows += written
            tell(f"Term of {term.name}: {written} rows through week {_last_week(workspace, term, position)}.")
            if term.current:
                _settle(workspace, term, position, tell)
    return rows


def _settle(workspace: Workspace, term: Term, position: Position, tell: Tell) -> None:
    """Record how far calibration came: no further than the data, so that `run` takes up what is loaded later."""
    week = position.week(workspace.params.calendar)
    due = workspace.params.calendar.last_teaching_weeks(week, 1)
    if due and due[0] > term.last_week:
        tell(f"The college has no data after week {term.last_week}: `edumetrics run` scores later weeks once loaded.")
        position = Position(position.year, position.global_week - week + term.last_week)
    with workspace.store.transaction() as connection:
        workspace.store.set_position(connection, position)


def _weeks_of(workspace: Workspace, college: College, term: Term, position: Position) -> Iterator[int]:
    """Score each teaching week of a term in order, yielding the rows written."""
    last = _last_week(workspace, term, position)
    teaching = [week for week in workspace.params.calendar.teaching_weeks if week <= last]
    for week in _bar(teaching):
        folder = terms.report_folder(workspace, term, position, week, weekly.STAGE)
        read = weekly.gather(
            workspace,
            college,
            term,
            week,
            folder,
            replay=week != last or not term.current,
            until=last,
            with_health=week == teaching[-1],
        )
        entry = runs.start(workspace.store, workspace.params, weekly.STAGE, term.name, week)
        yield weekly.save(entry, weekly.triage(weekly.compute(read)))


def _bar(steps: Iterable[T]) -> Iterable[T]:
    """A progress bar on a terminal, nothing in a log."""
    return tqdm(list(steps), unit="week", leave=False, disable=None)


def _last_week(workspace: Workspace, term: Term, position: Position) -> int:
    return position.week(workspace.params.calendar) if term.current else term.last_week


def _again(workspace: Workspace, college: College, position: Position, week: int) -> Step:
    calendar = workspace.params.calendar
    if week not in calendar.teaching_weeks:
        raise SettingsError(
            f"Week {week} is not a teaching week: they are {', '.join(map(str, calendar.teaching_weeks))}."
        )
    if week > position.week(calendar):
        raise SettingsError(
            f"Week {week} is not over yet: the college's last complete week is {position.week(calendar)}."
        )
    current = terms.find_term(college, "", position)
    reached = Position(position.year, position.global_week - position.week(calendar) + week)
    return _step(workspace, reached, current)


def _step(workspace: Workspace, reached: Position, term: Term | None) -> Step:
    calendar = workspace.params.calendar
    week = reached.week(calendar)
    if term is None or week not in calendar.teaching_weeks:
        return Step(reached, ())
    folder = workspace.settings.reports / reached.label(calendar) / f"week-{week:02d}" / weekly.STAGE
    return Step(reached, (Task(weekly.STAGE, term.name, week, folder),))


def _term_of(college: College, reached: Position, position: Position, current: Term) -> Term | None:
    """The term that a position fell into: the one that began nearest to when it should have, within eight weeks.

    The college's whole history is only read for a position of another slot than the present one.
    """
    calendar = college.params.calendar
    apart = weeks.slot_start(position, calendar) - weeks.slot_start(reached, calendar)
    if not apart:
        return current
    expected = pd.Timestamp(current.name) - apart
    near = min(college.terms(position), key=lambda term: abs(pd.Timestamp(term.name) - expected))
    return near if abs(pd.Timestamp(near.name) - expected) <= weeks.TERM_SPREAD else None


def _carry_out(workspace: Workspace, task: Task, place: str, tell: Tell) -> None:
    from edumetrics.batch.execute import execute

    entry = runs.start(workspace.store, workspace.params, task.stage, task.term, task.week)
    os.environ["EDUMETRICS_HOME"] = str(workspace.settings.home)
    parameters = {
        "term": task.term,
        "week": task.week,
        "folder": str(task.folder),
        "run_id": entry.run_id,
        "write": True,
    }
    try:
        summary = execute(task.stage, parameters, task.folder)
    except EduMetricsError as error:
        runs.failed(workspace.store, entry, error)
        raise
    tell(f"{place} {task}: {summary['rows']} students scored, {summary['pages']} pages.")


def _roll_back(workspace: Workspace, due: Plan, tell: Tell) -> None:
    assert due.back_to is not None
    term, week = due.back_to
    with workspace.store.transaction() as connection:
        rows = workspace.store.forget_after(connection, term, week)
        workspace.store.set_position(connection, due.position)
    tell(f"The college went back to week {week}: {rows} rows of later weeks were removed.")
