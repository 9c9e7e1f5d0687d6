"""Reading everything that the scores, forecasts and lists of a week start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from edumetrics.analysis.store import Classes
from edumetrics.college import arrivals, health
from edumetrics.college.source import College, Term
from edumetrics.errors import SettingsError
from edumetrics.params import Calendar
from edumetrics.reports.tables import FactsDisplay
from edumetrics.scoring.facts import Facts
from edumetrics.stages import chunks, forecast, history, models, training
from edumetrics.stages.facts import read_facts
from edumetrics.stages.forecast import Champion
from edumetrics.stages.memory import read_memory
from edumetrics.stages.models import ModelInUse
from edumetrics.stages.roster import add_advisors
from edumetrics.stages.terms import join_values
from edumetrics.stages.workspace import Workspace
from edumetrics.triage.situation import Memory

# The first week has too few records for a forecast.
FORECAST_FROM = 2


@dataclass(frozen=True)
class Records:
    """The records of a week's students: of all of them, or of the classes of one chunk.

    Attributes:
        facts: the cleaned frames, as known at the end of the week.
        history: the metrics that earlier weeks stored, for baselines.
        memory: the lists of earlier weeks, and what people entered.
        prior: what was known of the students before the semester.
        subjects: the records of each student's subjects; no rows where no model needs them.
    """

    facts: Facts
    history: pd.DataFrame
    memory: Memory
    prior: pd.DataFrame
    subjects: pd.DataFrame


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
        health: data-health findings (see `college.health.check_health`).
        names: student_id, name, roll_number: for pages only.
        advisors: advisor_id, name, email, class_id.
        folder: where this week's reports go.
        replay: whether the advisors stored for that week are kept.
        records: the students' records; None where they are read and scored in chunks.
        chunks: the classes of each chunk; empty where the college is scored whole.
        elsewhere: students who attended another class than today's (see
            `college.arrivals.find_moved_students`); no rows where there are no chunks.
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
    health: pd.DataFrame
    names: pd.DataFrame
    advisors: pd.DataFrame
    folder: Path
    replay: bool
    records: Records | None
    chunks: tuple[tuple[str, ...], ...]
    elsewhere: pd.DataFrame

    def list_facts(self) -> dict[str, object]:
        """Return term, week, and numbers of students and chunks (see `Shown`)."""
        chunks = {"chunks of classes": len(self.chunks)} if self.chunks else {}
        return {
            "term": self.term,
            "week": self.number,
            "students listed": len(self.names),
            **chunks,
        }

    @property
    def forecasts(self) -> bool:
        """Whether this week has a forecast."""
        return self.champion.model is not None and self.number >= FORECAST_FROM


def read_week(
    workspace: Workspace,
    college: College,
    term: Term,
    number: int,
    folder: Path,
    *,
    replay: bool,
    until: int | None = None,
    with_health: bool = True,
) -> Week:
    """Read one week of a term through an open college.

    A large college is only split into chunks here; `read_chunk` reads them later.

    Args:
        workspace: settings, parameters and databases.
        college: the college's database, open.
        term: the term.
        number: the semester week.
        folder: where this week's reports go.
        replay: keep the advisors that were stored for that week.
        until: read weekly counts up to this later week, once for all weeks of a replay.
        with_health: look for data-health findings.

    Raises:
        SettingsError: the week is not a teaching week.
    """
    calendar = workspace.params.calendar
    if number not in calendar.teaching_weeks:
        raise SettingsError(
            f"Week {number} is not a teaching week:"
            f" the teaching weeks are {join_values(calendar.teaching_weeks)}."
        )
    students = add_advisors(college, workspace.store, term, number, replay=replay)
    parts: tuple[tuple[str, ...], ...] = ()
    elsewhere = pd.DataFrame()
    if college.large:
        elsewhere = arrivals.find_moved_students(college, term, number)
        parts = chunks.split_classes(workspace, term, number, students, elsewhere)
    found = health.make_empty_findings()
    if with_health:
        # Each chunk checks its own rows when it reads them; only feeds are checked as a whole.
        found = (
            health.check_feeds(college, term, number)
            if parts
            else health.check_health(college, term, number)
        )
    # Only models trained on terms before this one count, so that a replay does not see the future.
    champion, model = (
        forecast.load_champion(workspace, term.name),
        models.load_model(workspace, training.SUBJECT, term.name),
    )
    week = Week(
        workspace=workspace,
        term=term.name,
        number=number,
        whole=term,
        places=workspace.store.read_list_entries(term.name, number),
        later_half=_is_later_half(term, calendar),
        champion=champion,
        subject_model=model,
        health=_add_troubles(
            found, {"forecast: model": champion.trouble, "forecast: subjects": model.trouble}
        ),
        names=college.names,
        advisors=college.advisors,
        folder=folder,
        replay=replay,
        records=None,
        chunks=parts,
        elsewhere=elsewhere,
    )
    # The records need the week's models, so they are added to a week that is otherwise complete.
    return (
        week
        if parts
        else replace(week, records=_read_records(college, week, term, students, until=until))
    )


def read_chunk(college: College, week: Week, classes: Sequence[str]) -> Records:
    """Return the records of the students of one chunk, as known at the end of a week."""
    window = college.list_feed_weeks(week.number)
    # A feed is absent only if no class has a row of it: one chunk alone cannot tell.
    feeds = frozenset(
        NAMES[feed]
        for feed in NAMES
        if arrivals.find_newest_week(college, week.whole, feed, window)
    )
    students = add_advisors(
        college, week.workspace.store, week.whole, week.number, replay=week.replay
    )
    own = chunks.select_students(students, week.elsewhere, classes)
    return _read_records(
        college, week, week.whole.select_classes(classes), own, classes=classes, feeds=feeds
    )


def _read_records(
    college: College,
    week: Week,
    term: Term,
    students: pd.DataFrame,
    *,
    until: int | None = None,
    classes: Classes = None,
    feeds: frozenset[str] | None = None,
) -> Records:
    """Return the records of some students; `classes` limits what is read from the store."""
    workspace, number = week.workspace, week.number
    before = workspace.params.calendar.get_teaching_weeks_before(
        number, workspace.params.scoring.baseline_weeks
    )
    # Marks by subject are a large query: it is left out where no model would use its result.
    asked = week.forecasts and week.subject_model.model is not None
    return Records(
        facts=read_facts(college, term, number, students, until, feeds),
        history=workspace.store.read_history(term.name, before, classes),
        memory=read_memory(workspace, term.name, number, classes),
        prior=forecast.read_prior(workspace, college, term, number, classes),
        subjects=history.read_subjects_so_far(workspace, college, term, number, students)
        if asked
        else pd.DataFrame(),
    )


# How `scoring` names the feeds that may be absent; attendance is not one of them.
NAMES = {"library_visits": "library", "book_borrows": "loans", "lms_activity": "platform"}


def _add_troubles(found: pd.DataFrame, troubles: dict[str, str]) -> pd.DataFrame:
    """Return the findings with one more for each trouble, by check name, that is not empty."""
    for check, trouble in troubles.items():
        found = health.add_warning(found, check, trouble) if trouble else found
    return found


def _is_later_half(term: Term, calendar: Calendar) -> bool:
    """Return whether the term began nearer to a later slot of the year than to the first one."""
    start = pd.Timestamp(term.name)
    first = min(calendar.slots.values(), key=lambda slot: slot.offset)
    # Slots have a month and a day only: the nearest date may be in the year before or after.
    apart = {
        slot.offset: min(
            abs((start - pd.Timestamp(f"{start.year + year}-{slot.starts}")).days)
            for year in (-1, 0, 1)
        )
        for slot in calendar.slots.values()
    }
    # Between two slots at equal distance the earlier one counts.
    return min(apart, key=lambda offset: (apart[offset], offset)) != first.offset
