"""The weekly stage: score every student's week, draw up the lists, and store and show both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from edumetrics.college import health
from edumetrics.college.terms import College, Term
from edumetrics.forecast import drift
from edumetrics.inputs import parts
from edumetrics.inputs import week as reading
from edumetrics.inputs.terms import (
    find_last_teaching_week,
    find_term,
    get_report_folder,
    require_data,
)
from edumetrics.inputs.week import Week
from edumetrics.modelling import champion
from edumetrics.reports import from_store
from edumetrics.stages.base import Day, Due, Moment, Replay, Slices, Stage, WeekNumber
from edumetrics.stages.score_parts import score_parts
from edumetrics.triage.lists import TriageLists
from edumetrics.types import FactsDisplay
from edumetrics.workspace import Workspace, open_workspace

__all__ = ["STAGE", "Week", "WeekLists", "WeekScores", "compute", "load", "make_lists", "read_week"]

NAME = "weekly"


@dataclass(frozen=True, repr=False)
class WeekScores(FactsDisplay):
    """A week with its scores, features and forecasts.

    Attributes:
        week: the week, with a health finding added where the features have drifted.
        metrics: the columns of weekly_metrics except term, run_id and computed_at.
        features: the same of weekly_features.
        by_subject: the same of risk_of_failing_prediction.
        drift: by feature, the population stability index against the terms that the forecast
            learnt from; empty where there is no forecast.
        lists: the advisors' lists.
    """

    caption: ClassVar[str] = "Scores"
    week: Week
    metrics: pd.DataFrame
    features: pd.DataFrame
    by_subject: pd.DataFrame
    drift: pd.Series
    lists: TriageLists

    def list_facts(self) -> dict[str, object]:
        """Return term, week and number of students (see `Shown`)."""
        return {
            "term": self.week.term,
            "week": self.week.number,
            "students scored": len(self.metrics),
        }


@dataclass(frozen=True, repr=False)
class WeekLists(FactsDisplay):
    """A week's scores, and the lists drawn up from them."""

    caption: ClassVar[str] = "Triaged"
    scores: WeekScores
    lists: TriageLists

    def list_facts(self) -> dict[str, object]:
        """Return the facts of the scores, and the size of the lists (see `Shown`)."""
        return {
            **self.scores.list_facts(),
            "on a list": len(self.lists.flags),
            "new": int((self.lists.flags["status"] == "new").sum()),
            "left a list": len(self.lists.exits),
            "findings about classes": len(self.lists.findings),
        }


def load(term: Day = "", week: WeekNumber = 0, folder: str = "") -> Week:
    """Read one week of the college.

    Args:
        term: ISO date of the term's first week; the term in session when empty.
        week: the semester week; the last complete teaching week of the term when 0.
        folder: where reports go; chosen from term and week when empty.

    Returns:
        The week.

    Raises:
        SettingsError: the term or week does not exist, or a database cannot be used.
        Refused: the college has no data of the week yet.
    """
    workspace = open_workspace()
    with workspace.open_college() as college:
        college.expect_whole_week()
        position = college.find_college_week(workspace.today)
        chosen = find_term(college, term, position)
        # The position is the current term's: a past term is read up to its own last week.
        until = position if chosen.current else None
        number = week or find_last_teaching_week(workspace.params, until, chosen)
        require_data(chosen, number, college.students)
        place = Path(folder) if folder else get_report_folder(workspace, chosen, position, number)
        return read_week(
            workspace,
            college,
            chosen,
            number,
            place,
            # Any week but the college's current one keeps the advisors it was stored with.
            replay=(number, chosen.current)
            != (position.compute_week(workspace.params.calendar), True),
        )


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
    """Read one week through an open college, with the models in use (see `inputs.week`).

    Raises:
        SettingsError: the week is not a teaching week.
    """
    # Only models trained on terms before this one count, so that a replay does not see the future.
    week = reading.read_week(
        workspace,
        college,
        term,
        number,
        models=champion.load_models(workspace, term.name),
        replay=replay,
        until=until,
        with_health=with_health,
    )
    return replace(week, folder=folder)


def compute(week: Week) -> WeekScores:
    """Score the week and draw up the advisors' lists; change nothing.

    A large college is read and scored part by part, several at a time.
    """
    scored = score_parts(week)
    features = parts.merge_frames((part.features for part in scored), "student_id")
    index = _measure_drift(week, features)
    said = drift.describe_drift(index)
    found = parts.merge_findings(part.findings for part in scored)
    found = pd.concat([week.health, health.format_messages(found)], ignore_index=True)
    return WeekScores(
        replace(week, health=health.add_warning(found, "forecast: drift", said) if said else found),
        parts.merge_frames((part.metrics for part in scored), "student_id"),
        features,
        parts.merge_frames((part.by_subject for part in scored), "student_id", "subject_id"),
        index,
        TriageLists(
            parts.merge_frames((part.lists.flags for part in scored), "student_id"),
            parts.merge_frames((part.lists.exits for part in scored), "student_id"),
            parts.merge_frames((part.lists.findings for part in scored), "class_id", "code"),
            parts.merge_frames((part.lists.draws for part in scored), "student_id"),
        ),
    )


def _measure_drift(week: Week, features: pd.DataFrame) -> pd.Series:
    """Return the drift of the features by feature; empty where the week has no forecast."""
    if not week.forecasts:
        return pd.Series(dtype="float64")
    return drift.compute_stability(week.champion.reference, features, week.number)


def make_lists(scores: WeekScores) -> WeekLists:
    """Return the advisors' lists beside the scores that they were drawn up from."""
    return WeekLists(scores, scores.lists)


def list_slices(triaged: WeekLists, run_id: str) -> Slices:
    """Return what a week writes."""
    scores, lists, week = triaged.scores, triaged.lists, triaged.scores.week
    there = {"term": week.term, "sem_week": week.number}
    # Features and metrics have the same students in the same order.
    own = {name: scores.metrics[name].to_numpy() for name in ("class_id", "advisor_id")}
    return {
        "weekly_metrics": (scores.metrics, there),
        "weekly_features": (scores.features.assign(**own), there),
        "weekly_flags": (lists.flags, there),
        "list_exits": (lists.exits, there),
        "class_findings": (lists.findings, there),
        "drawn_places": (lists.draws, there),
        "risk_of_failing_prediction": (scores.by_subject, there),
        # Findings belong to a run, not to a week: an earlier run keeps its own.
        "data_health": (week.health, {"run_id": run_id}),
    }


def find_due(moment: Moment) -> Iterator[Due]:
    """Yield every teaching week."""
    if moment.term is not None and moment.week in moment.workspace.params.calendar.teaching_weeks:
        yield Due(moment.term.name, {"week": moment.week})


def replay(replay: Replay) -> Iterator[Week]:
    """Yield a teaching week of a term that is computed once more."""
    calendar, last = replay.workspace.params.calendar, replay.last_week
    yield read_week(
        replay.workspace,
        replay.college,
        replay.term,
        replay.week,
        Path(),
        replay=replay.week != last or not replay.term.current,
        until=last,
        # Data health describes the data as it is now, so only the newest week is checked.
        with_health=(replay.week,) == calendar.get_last_teaching_weeks(last, 1),
    )


def draw_lists(week: Week) -> WeekLists:
    """Score the week and draw up its lists; change nothing."""
    return make_lists(compute(week))


STAGE = Stage(
    name=NAME,
    when="in a week",
    load=load,
    compute=draw_lists,
    get_input=lambda triaged: triaged.scores.week,
    list_slices=list_slices,
    find_due=find_due,
    replay=replay,
    write_head_page=lambda triaged, folder: from_store.write_class_page(
        triaged.scores.week.workspace, triaged.scores.week.whole, triaged.scores.week.number, folder
    ),
    analyses=True,
)
