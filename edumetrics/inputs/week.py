"""Reading everything that the scores, forecasts and lists of a week start from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

import pandas as pd

from edumetrics.analysis.store import Classes
from edumetrics.college import feeds, health
from edumetrics.college.findings import make_empty_findings
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import COUNTED_FEEDS
from edumetrics.forecast.in_use import Champion, ModelInUse, TermModels
from edumetrics.inputs import parts, previous_terms
from edumetrics.inputs.advisors import add_advisors
from edumetrics.inputs.facts import read_facts
from edumetrics.inputs.previous_weeks import read_memory
from edumetrics.inputs.terms import join_values, list_prediction_weeks
from edumetrics.inputs.thresholds import read_thresholds
from edumetrics.params import Calendar
from edumetrics.scoring.facts import Facts
from edumetrics.triage.situation import Memory, Thresholds, build_thresholds
from edumetrics.types import EXAMS, FactsDisplay
from edumetrics.weeks import fit_calendar
from edumetrics.workspace import Workspace

# The first week has too few records for a forecast.
FORECAST_FROM = 2


@dataclass(frozen=True)
class Records:
    """The records of the students of one part of a week.

    Attributes:
        facts: the cleaned frames, as known at the end of the week.
        history: the metrics that earlier weeks stored, for baselines.
        memory: the lists of earlier weeks, and what people entered.
        prior: what was known of the students before the semester.
        subjects: the records of each student's subjects; no rows where no model needs them.
        findings: data-health findings about the part's rows, not yet worded; no rows where the
            week's own findings have them, or none were asked for.
    """

    facts: Facts
    history: pd.DataFrame
    memory: Memory
    prior: pd.DataFrame
    subjects: pd.DataFrame
    findings: pd.DataFrame


class Part(Protocol):
    """Some of the classes of a week. A small college has one part, a large one many."""

    def read(self, week: Week) -> Records:
        """Return the records of the part's students."""

    def count_records(self, week: Week) -> dict[str, object]:
        """Return how much is known, by name, as far as it has been read."""


@dataclass(frozen=True)
class WholeCollege:
    """The one part of a college that fits into memory: it is read with the week."""

    records: Records

    def read(self, week: Week) -> Records:
        """See `Part`."""
        return self.records

    def count_records(self, week: Week) -> dict[str, object]:
        """See `Part`."""
        facts = self.records.facts
        return {
            "students listed": len(facts.students),
            "student-weeks of attendance": len(facts.attendance),
            "assignments set": len(facts.assignments),
            "quizzes set": len(facts.quizzes),
        }


@dataclass(frozen=True)
class SomeClasses:
    """A part of a large college: it is read when it is scored, in a process of its own.

    Attributes:
        classes: the class ids.
        elsewhere: students who attended another class than today's (see
            `college.feeds.find_moved_students`).
        strays: whether this part counts the rows of unknown classes, for all parts.
        present: the feeds that the college has in this week: a feed is absent only if no class has
            a row of it, and one part alone cannot tell.
        with_health: whether the rows are checked.
    """

    classes: tuple[str, ...]
    elsewhere: pd.DataFrame
    strays: bool
    present: frozenset[str]
    with_health: bool

    def read(self, week: Week) -> Records:
        """See `Part`."""
        with week.workspace.open_college(alone=False) as college:
            college.expect_whole_week(part=True)
            students = add_advisors(
                college, week.workspace.store, week.whole, week.number, replay=week.replay
            )
            own, term = (
                parts.select_students(students, self.elsewhere, self.classes),
                week.whole.select_classes(self.classes, strays=self.strays),
            )
            records = _read_records(
                college, week, term, own, classes=self.classes, present=self.present
            )
            if not self.with_health:
                return records
            found = health.check_rows(college, term, week.number)
            return replace(records, findings=found)

    def count_records(self, week: Week) -> dict[str, object]:
        """See `Part`."""
        return {"students listed": len(week.names), "chunks of classes": len(week.parts)}


@dataclass(frozen=True, repr=False)
class Week(FactsDisplay):
    """One teaching week of one term: the input of `weekly.compute`.

    Attributes:
        term: ISO date of the term's first week.
        number: the semester week.
        whole: the term with all of its classes.
        places: student_id, sem_week: every place on a list in earlier weeks of the term.
        later_half: whether the term is in a later slot of the academic year.
        champion: the forecast in use; its `model` is None where there is none yet.
        subject_model: the model of single subjects.
        thresholds: from which urgency on students are listed.
        next_thresholds: those fitted for the next teaching week; None where there are none.
        health: data-health findings known so far (see `college.health.check_health`).
        names: student_id, name, roll_number: for pages only.
        advisors: advisor_id, name, email, class_id.
        replay: whether the advisors stored for that week are kept.
        parts: one for a college that fits into memory, else several.
        folder: where this week's reports go.
    """

    caption: ClassVar[str] = "Week"
    workspace: Workspace
    term: str
    number: int
    whole: Term
    places: pd.DataFrame
    later_half: bool
    champion: Champion
    subject_model: ModelInUse
    thresholds: Thresholds
    next_thresholds: Thresholds | None
    health: pd.DataFrame
    names: pd.DataFrame
    advisors: pd.DataFrame
    replay: bool
    parts: tuple[Part, ...]
    folder: Path = Path()

    def list_facts(self) -> dict[str, object]:
        """Return term, week, and numbers of students and parts (see `FactsDisplay`)."""
        many = {"chunks of classes": len(self.parts)} if len(self.parts) > 1 else {}
        return {
            "term": self.term,
            "week": self.number,
            "students listed": len(self.names),
            **many,
        }

    @cached_property
    def calendar(self) -> Calendar:
        """The calendar of the term, which may end earlier than others."""
        return fit_calendar(self.workspace.params.calendar, self.term, self.number)

    @property
    def forecasts(self) -> bool:
        """Whether this week has a forecast."""
        return self.champion.model is not None and self.number >= FORECAST_FROM

    @property
    def is_before_exam(self) -> bool:
        """Whether the outlook for an exam is due this week."""
        calendar = self.workspace.params.calendar
        return any(self.number in list_prediction_weeks(calendar, exam) for exam in EXAMS)

    @property
    def next_number(self) -> int | None:
        """The next teaching week; None in the last one."""
        return next(iter(self.calendar.get_next_teaching_weeks(self.number)), None)

    def is_ranked_by_model(self, number: int | None) -> bool:
        """Return whether the forecast ranks the lists of a week of the term."""
        params = self.workspace.params
        if number is None or not params.triage.uses_models:
            return False
        return number > params.calendar.grace_weeks and self.champion.can_rank(number)


def read_week(
    workspace: Workspace,
    college: College,
    term: Term,
    number: int,
    *,
    models: TermModels,
    replay: bool,
    until: int | None = None,
    with_health: bool = True,
) -> Week:
    """Read one week of a term through an open college; a large one is only split into parts.

    Args:
        workspace: settings, parameters and databases.
        college: the college's database, open.
        term: the term.
        number: the semester week.
        models: the models in use in the term.
        replay: keep the advisors that were stored for that week.
        until: read weekly counts up to this later week, once for all weeks of a replay.
        with_health: look for data-health findings.

    Raises:
        SettingsError: the week is not a teaching week.
    """
    calendar = workspace.params.calendar
    _check_is_taught(number, calendar)
    students = add_advisors(college, workspace.store, term, number, replay=replay)
    found = _check_health(college, term, number) if with_health else make_empty_findings()
    week = Week(
        workspace=workspace,
        term=term.name,
        number=number,
        whole=term,
        places=workspace.store.read_list_entries(term.name, number),
        later_half=_is_later_half(term, calendar),
        champion=models.champion,
        subject_model=models.subject,
        # As shipped, until the week says what ranks it.
        thresholds=build_thresholds(workspace.params.triage.list_at, workspace.params.triage),
        next_thresholds=None,
        health=_add_troubles(found, models),
        names=college.names,
        advisors=college.advisors,
        replay=replay,
        parts=(),
    )
    week = _add_thresholds(week)
    if not college.large:
        # The records need the week's models, so they are added to a week that is complete.
        records = _read_records(college, week, term, students, until=until)
        return replace(week, parts=(WholeCollege(records),))
    return replace(week, parts=_split_week(college, week, students, with_health=with_health))


def _add_thresholds(week: Week) -> Week:
    """Return the week with the thresholds that were fitted for it, and for the next one."""

    def read(number: int) -> Thresholds:
        by_model = week.is_ranked_by_model(number)
        return read_thresholds(week.workspace, week.term, number, by_model=by_model)

    ahead = read(week.next_number) if week.next_number else None
    # Shipped ones say nothing about one week more than about another.
    fitted = ahead if ahead and ahead.fitted_on else None
    return replace(week, thresholds=read(week.number), next_thresholds=fitted)


def _check_is_taught(number: int, calendar: Calendar) -> None:
    if number not in calendar.teaching_weeks:
        raise SettingsError(
            f"Week {number} is not a teaching week:"
            f" the teaching weeks are {join_values(calendar.teaching_weeks)}."
        )


def _split_week(
    college: College, week: Week, students: pd.DataFrame, *, with_health: bool
) -> tuple[Part, ...]:
    elsewhere = feeds.find_moved_students(college, week.whole, week.number)
    split = parts.split_classes(week.workspace, week.whole, week.number, students, elsewhere)
    window = college.list_feed_weeks(week.number)
    present = frozenset(
        feed for feed in COUNTED_FEEDS if feeds.find_newest_week(college, week.whole, feed, window)
    )
    # Rows of unknown classes belong to no part: the first one counts them, for all.
    return tuple(
        SomeClasses(classes, elsewhere, n == 0, present, with_health)
        for n, classes in enumerate(split)
    )


def _read_records(
    college: College,
    week: Week,
    term: Term,
    students: pd.DataFrame,
    *,
    until: int | None = None,
    classes: Classes = None,
    present: frozenset[str] | None = None,
) -> Records:
    """Return the records of some students; `classes` limits what is read from the store."""
    workspace, number = week.workspace, week.number
    before = workspace.params.calendar.get_teaching_weeks_before(
        number, workspace.params.scoring.baseline_weeks
    )
    # Marks by subject are a large query: it is left out where nothing would use its result.
    asked = (week.forecasts and week.subject_model.model is not None) or week.is_before_exam
    return Records(
        facts=read_facts(college, term, number, students, until, present),
        history=workspace.store.read_history(term.name, before, classes),
        memory=read_memory(workspace, term.name, number, classes),
        prior=previous_terms.read_prior(workspace, college, term, number, classes),
        subjects=previous_terms.read_subjects_so_far(workspace, college, term, number, students)
        if asked
        else pd.DataFrame(),
        findings=make_empty_findings(),
    )


def _check_health(college: College, term: Term, number: int) -> pd.DataFrame:
    # Each part of a large college checks its own rows.
    check = health.check_whole if college.large else health.check_health
    return check(college, term, number)


def _add_troubles(found: pd.DataFrame, models: TermModels) -> pd.DataFrame:
    """Return the findings with one more for each model in use that has a trouble."""
    troubles = {
        "forecast: model": models.champion.trouble,
        "forecast: subjects": models.subject.trouble,
    }
    for name, trouble in troubles.items():
        found = health.add_warning(found, name, trouble) if trouble else found
    return found


def _is_later_half(term: Term, calendar: Calendar) -> bool:
    """Return whether the term began nearer to a later slot of the year than to the first one."""
    start = pd.Timestamp(term.name)
    slots = sorted(calendar.slots.values(), key=lambda slot: slot.offset)
    # Between two slots at equal distance the earlier one counts: `min` returns the first.
    nearest = min(slots, key=lambda slot: _count_days_apart(start, slot.starts))
    return nearest.offset != slots[0].offset


def _count_days_apart(day: pd.Timestamp, starts: str) -> int:
    """Return the days between a day and the nearest date with a month and day such as `07-15`."""
    # That date may be in the year before or after.
    dates = [pd.Timestamp(f"{day.year + year}-{starts}") for year in (-1, 0, 1)]
    return min(abs((day - date).days) for date in dates)
