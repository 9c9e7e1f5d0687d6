"""Plan a run: compare the college's week with the analysis's. Planning changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from edumetrics import weeks
from edumetrics.analysis.week_state import list_failed
from edumetrics.batch.idle import NOTHING
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.inputs import terms
from edumetrics.stages import BY_NAME, STAGES
from edumetrics.stages.base import Moment, Progress
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace


@dataclass(frozen=True)
class Task:
    """One stage of one week that is due.

    Attributes:
        stage: its name.
        term: the first day of the term that the stage is about, as an ISO date.
        week: the semester week in which the stage runs.
        folder: where its notebook and its export go, in the folder of the week's reports.
        more: parameters of the notebook that only this stage has.
    """

    stage: str
    term: str
    week: int
    folder: Path
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        exam = f" of the {self.more['exam']}" if "exam" in self.more else ""
        return f"{self.stage}{exam}, week {self.week} of the term of {self.term}"

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters of its notebook, except run_id, which the ledger gives."""
        return {"term": self.term, "folder": str(self.folder.parent), "write": True, **self.more}


@dataclass
class Planner:
    """Plans week after week: what the weeks planned so far will have done is in `progress`.

    A plan covers several weeks before any of them has run, so the store alone cannot answer.
    """

    workspace: Workspace
    college: College
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.progress.analysed |= set(self.workspace.store.list_values("weekly_metrics", "term"))

    def plan_week(self, term: Term | None, reached: CollegeWeek, day: date) -> Iterator[Task]:
        """Yield what is due in the week that ends on a day; `term` is None between terms."""
        moment = Moment(self.workspace, self.college, term, reached, day, self.progress)
        place = self.get_week_folder(reached)
        for stage in STAGES:
            for due in stage.find_due(moment):
                yield Task(stage.name, due.term, moment.week, place / stage.name, due.parameters)
                if stage.analyses:
                    self.progress.analysed.add(due.term)
                    self.progress.planned.add((due.term, moment.week))

    def get_week_folder(self, reached: CollegeWeek) -> Path:
        """Return the folder of a week's reports."""
        calendar = self.workspace.params.calendar
        label, week = reached.format_label(calendar), reached.compute_week(calendar)
        return self.workspace.settings.reports / label / f"week-{week:02d}"


@dataclass(frozen=True)
class Step:
    """One week to compute.

    Attributes:
        position: the position of the analysis when the week is done.
        tasks: the week's tasks; none in most exam and vacation weeks.
        term: the first day of the week's term, as an ISO date; empty between terms.
        folder: where the week's reports go.
    """

    position: CollegeWeek
    tasks: tuple[Task, ...]
    term: str
    folder: Path


@dataclass(frozen=True)
class RunPlan:
    """What a run will do.

    Attributes:
        position: the college's position.
        back_to: the term and semester week to roll the analysis back to first; None for neither.
        steps: the weeks to compute, in order.
        again: whether the plan does one week again, or one stage only. The position of the analysis
            then stays as it is.
    """

    position: CollegeWeek
    back_to: tuple[str, int] | None
    steps: tuple[Step, ...]
    again: bool = False


def plan_run(
    workspace: Workspace,
    *,
    week: int | None = None,
    stage: str | None = None,
    as_of: date | None = None,
) -> RunPlan:
    """Compare the college's week with the analysis's, and return what is due; changes nothing.

    Args:
        workspace: the settings, the parameters and both databases.
        week: only this semester week of the term in session, done again; every week not yet done
            when None.
        stage: only this stage; every stage when None.
        as_of: the day to count weeks from, for colleges without `sim_state`; today when None.

    Returns:
        The plan; without steps and `back_to` where nothing is due.

    Raises:
        SettingsError: the stage or week does not exist, no term is in session, or a database
            cannot be used.
    """
    _check_stages(workspace, stage)
    with workspace.open_college() as college:
        position = college.find_college_week(as_of or workspace.today)
        done = workspace.store.read_college_week()
        # A review that has seen every result is made again only where it is asked for by name.
        planner = Planner(
            workspace, college, Progress(again=week is not None and stage is not None)
        )
        if week is not None:
            reached = _find_position(workspace, position, week)
            step = _plan_step(planner, reached, terms.find_term(college, "", position), stage)
            return RunPlan(position, None, (step,), again=True)
        if done == position:
            retries = _plan_reports(planner, position, stage) or _plan_retries(
                planner, position, stage
            )
            return RunPlan(position, None, retries, again=bool(retries))
        current = terms.find_term(college, "", position)
        # The college is behind the analysis, for example because a backup was restored.
        if done is not None and done > position:
            return RunPlan(
                position, (current.name, position.compute_week(workspace.params.calendar)), ()
            )
        # A first run computes the term in session; `calibrate` does the terms before it.
        begin = done or CollegeWeek(
            position.year, position.global_week - position.compute_week(workspace.params.calendar)
        )
        steps = [
            _plan_step(
                planner, reached, _find_nearest_term(college, reached, position, current), stage
            )
            for reached in begin.iter_until(position, workspace.params.calendar)
        ]
        # A week is done when all its stages are, so one stage alone does not move the position.
        return RunPlan(position, None, tuple(steps), again=stage is not None)


def _plan_reports(planner: Planner, position: CollegeWeek, stage: str | None) -> tuple[Step, ...]:
    """Return a step that makes the reports of the newest week, which only `calibrate` computed."""
    workspace = planner.workspace
    # The ledger is asked first: most often it says no, and the college need not be read.
    if not workspace.read_week_state().replayed:
        return ()
    calendar, term = workspace.params.calendar, planner.college.find_current_term(position)
    newest = calendar.get_last_teaching_weeks(position.compute_week(calendar), 1)
    # The scores of an earlier term have readers no more.
    scored = workspace.store.find_highest("weekly_metrics", "term")
    if term is None or not newest or scored != term.name:
        return ()
    reached = _find_position(workspace, position, newest[0])
    return (_plan_step(planner, reached, term, stage),)


def _plan_retries(planner: Planner, position: CollegeWeek, stage: str | None) -> tuple[Step, ...]:
    """Return a step with the stages of the newest week that failed; none where nothing failed."""
    week = position.compute_week(planner.workspace.params.calendar)
    failed = list_failed(planner.workspace.store, week)
    term = planner.college.find_current_term(position) if failed else None
    if term is None:
        return ()
    step = _plan_step(planner, position, term, stage)
    tasks = tuple(task for task in step.tasks if (task.stage, task.term) in failed)
    return (replace(step, tasks=tasks),) if tasks else ()


def describe_plan(due: RunPlan) -> Iterator[str]:
    """Yield the lines of a dry run: what a plan will do."""
    if not due.steps and due.back_to is None:
        yield NOTHING
    if due.back_to is not None:
        term, week = due.back_to
        yield f"With --roll-back, would go back to week {week} of the term of {term}."
    for step in due.steps:
        for task in step.tasks:
            yield f"Would run {task}."


def _check_stages(workspace: Workspace, stage: str | None) -> None:
    """Refuse names of stages that do not exist, in `batch.yml` and in the command.

    Raises:
        SettingsError: there is no such stage.
    """
    unknown = sorted(set(workspace.params.batch.timeout_minutes) - set(BY_NAME))
    if unknown:
        raise SettingsError(
            f"batch.yml: timeout_minutes.{unknown[0]}: there is no such stage:"
            f" the stages are {', '.join(BY_NAME)}."
        )
    if stage is not None and stage not in BY_NAME:
        raise SettingsError(f"There is no stage {stage}: the stages are {', '.join(BY_NAME)}.")


def _find_position(workspace: Workspace, position: CollegeWeek, week: int) -> CollegeWeek:
    """Return the position of a semester week of the term in session.

    Raises:
        SettingsError: it is not a teaching week, or it is not over yet.
    """
    calendar = workspace.params.calendar
    if week not in calendar.teaching_weeks:
        raise SettingsError(
            f"Week {week} is not a teaching week: the teaching weeks are "
            f"{', '.join(map(str, calendar.teaching_weeks))}."
        )
    if week > position.compute_week(calendar):
        raise SettingsError(
            f"Week {week} is not over yet: the college's last complete week is "
            f"{position.compute_week(calendar)}."
        )
    return CollegeWeek(position.year, position.global_week - position.compute_week(calendar) + week)


def _plan_step(
    planner: Planner, reached: CollegeWeek, term: Term | None, stage: str | None
) -> Step:
    """Return the step of one week; its tasks are those of one stage where a stage is named."""
    calendar = planner.workspace.params.calendar
    week = reached.compute_week(calendar)
    ends = (
        term.list_week_ends(week)["week_end"]
        if term is not None
        else pd.Series(dtype="datetime64[us]")
    )
    # The day decides which exam results were known. Where the data date no week, the calendar does.
    nominal = pd.Timestamp(weeks.find_slot_start(reached, calendar)) + pd.Timedelta(
        days=7 * week - 1
    )
    # Classes may begin on different days: the week is over when it is over for the last of them.
    day = ends.max() if len(ends) else nominal
    tasks = planner.plan_week(term, reached, day.date())
    return Step(
        reached,
        tuple(task for task in tasks if stage in (None, task.stage)),
        "" if term is None else term.name,
        planner.get_week_folder(reached),
    )


def _find_nearest_term(
    college: College, reached: CollegeWeek, position: CollegeWeek, current: Term
) -> Term | None:
    """Return the term that a position belongs to; None where no term began near that time.

    It is the term that began nearest to the expected day, at most eight weeks from it.
    """
    calendar = college.params.calendar
    apart = weeks.find_slot_start(position, calendar) - weeks.find_slot_start(reached, calendar)
    # The college's whole history is read only for a position in another slot than the present one.
    if not apart:
        return current
    # The real start of the present term says how far the college is from its calendar.
    expected = pd.Timestamp(current.name) - apart
    near = min(
        college.list_terms(position), key=lambda term: abs(pd.Timestamp(term.name) - expected)
    )
    return near if abs(pd.Timestamp(near.name) - expected) <= weeks.TERM_SPREAD else None
