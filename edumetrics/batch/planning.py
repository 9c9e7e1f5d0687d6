"""What is due, in order: the college's week compared with the analysis's. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd

from edumetrics import weeks
from edumetrics.batch.idle import NOTHING
from edumetrics.batch.tasks import STAGES, Planner, Task
from edumetrics.college.source import College, Term
from edumetrics.errors import SettingsError
from edumetrics.stages import terms
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position


@dataclass(frozen=True)
class Step:
    """One week to go: its tasks (none in an exam or vacation week), and the position reached when they are done."""

    position: Position
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Plan:
    """What a run will do: `back_to` rolls the analysis back first; `steps` are then taken in order.

    `again` is a week done once more, or one stage of weeks: the analysis has then come no further than before.
    """

    position: Position
    back_to: tuple[str, int] | None
    steps: tuple[Step, ...]
    again: bool = False


def plan(
    workspace: Workspace,
    *,
    week: int | None = None,
    stage: str | None = None,
    as_of: date | None = None,
) -> Plan:
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
        planner = Planner(workspace, college, again=week is not None and stage is not None)
        if week is not None:
            reached = _again(workspace, position, week)
            step = _step(planner, reached, terms.find_term(college, "", position), stage)
            return Plan(position, None, (step,), again=True)
        if done == position:
            return Plan(position, None, ())
        current = terms.find_term(college, "", position)
        if done is not None and done > position:
            return Plan(position, (current.name, position.week(workspace.params.calendar)), ())
        begin = done or Position(
            position.year, position.global_week - position.week(workspace.params.calendar)
        )
        steps = [
            _step(planner, reached, _term_of(college, reached, position, current), stage)
            for reached in begin.until(position, workspace.params.calendar)
        ]
        # One stage alone does not make a week done.
        return Plan(position, None, tuple(steps), again=stage is not None)


def described(due: Plan) -> Iterator[str]:
    """What a plan will do, line by line."""
    if not due.steps and due.back_to is None:
        yield NOTHING
    if due.back_to is not None:
        yield f"Would roll the analysis back to week {due.back_to[1]} of the term of {due.back_to[0]}."
    for step in due.steps:
        for task in step.tasks:
            yield f"Would run {task}."


def _again(workspace: Workspace, position: Position, week: int) -> Position:
    calendar = workspace.params.calendar
    if week not in calendar.teaching_weeks:
        raise SettingsError(
            f"Week {week} is not a teaching week: they are {', '.join(map(str, calendar.teaching_weeks))}."
        )
    if week > position.week(calendar):
        raise SettingsError(
            f"Week {week} is not over yet: the college's last complete week is {position.week(calendar)}."
        )
    return Position(position.year, position.global_week - position.week(calendar) + week)


def _step(planner: Planner, reached: Position, term: Term | None, stage: str | None) -> Step:
    calendar = planner.workspace.params.calendar
    week = reached.week(calendar)
    ends = (
        term.week_ends(week)["week_end"] if term is not None else pd.Series(dtype="datetime64[us]")
    )
    nominal = pd.Timestamp(weeks.slot_start(reached, calendar)) + pd.Timedelta(days=7 * week - 1)
    day = ends.max() if len(ends) else nominal
    tasks = planner.tasks(term, reached, day.date())
    return Step(reached, tuple(task for task in tasks if stage in (None, task.stage)))


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
