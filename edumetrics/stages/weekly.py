"""The weekly stage: score every student's week, draw up the lists, and store and show both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from edumetrics.college import health
from edumetrics.college.terms import College, Term
from edumetrics.fields import TABLES
from edumetrics.fields.chances import BASELINE
from edumetrics.forecast import drift, scores, subjects
from edumetrics.forecast.features import build_features
from edumetrics.forecast.models import Linear
from edumetrics.forecast.ranking import ForecastContext, WeekForecast, apply_model
from edumetrics.inputs import parts
from edumetrics.inputs import week as reading
from edumetrics.inputs.terms import (
    find_last_teaching_week,
    find_term,
    get_report_folder,
    require_data,
)
from edumetrics.inputs.week import Part, Records, Week
from edumetrics.modelling import champion
from edumetrics.reports import from_store
from edumetrics.scoring.observed import observe
from edumetrics.scoring.signals import Floats, compute_probability
from edumetrics.scoring.weekly import ScoredWeek, score_week
from edumetrics.stages.base import Day, Due, Moment, Replay, Slices, Stage, WeekNumber
from edumetrics.triage import flags
from edumetrics.triage.lists import TriageLists, build_lists
from edumetrics.triage.situation import Situation, Thresholds, build_thresholds
from edumetrics.types import FactsDisplay
from edumetrics.workspace import Workspace, open_workspace

__all__ = ["STAGE", "Week", "WeekLists", "WeekScores", "compute", "load", "make_lists", "read_week"]

NAME = "weekly"
# Has the columns of the table, so that a week without a model is stored like any other.
NO_SUBJECTS = pd.DataFrame(columns=TABLES["risk_of_failing_prediction"].computed)


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
    # The week is sent to each process: names serve pages only, so they stay here.
    bare, run = replace(week, names=week.names.iloc[:0]), week.workspace.settings
    if not week.thresholds.fitted_on:
        # Only the whole college shows how long the lists would be.
        urgencies = parts.map_parts(run, measure_urgency, week.parts, bare)
        bare = replace(bare, thresholds=_raise_thresholds(week, np.concatenate(urgencies)))
    scored: list[PartScores] = parts.map_parts(run, score_part, week.parts, bare)
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


def _raise_thresholds(week: Week, urgencies: Floats) -> Thresholds:
    """Return the thresholds of a week, raised where the shipped ones would list too many.

    Until a term is complete there is nothing to fit on: then the threshold is never lower than
    what cuts off `list_share` of all scored students of the week.
    """
    if not len(urgencies):
        return week.thresholds
    triage = week.workspace.params.triage
    least = float(np.quantile(urgencies, 1 - triage.list_share))
    return build_thresholds(max(week.thresholds.list_at, least), triage)


@dataclass(frozen=True)
class PartScores:
    """The rows of one part of a week; columns as in `WeekScores`."""

    metrics: pd.DataFrame
    features: pd.DataFrame
    by_subject: pd.DataFrame
    lists: TriageLists
    findings: pd.DataFrame


def score_part(part: Part, week: Week) -> PartScores:
    """Read, score and triage one part."""
    records = part.read(week)
    scored, features, forecast = score_students(week, records)
    situation = make_situation(week, records, scored, forecast)
    by_subject = _predict_subjects(week, records, scored.metrics, forecast)
    lists = build_lists(situation)
    return PartScores(scored.metrics, features, by_subject, lists, records.findings)


def measure_urgency(part: Part, week: Week) -> Floats:
    """Return the urgency of each student of one part who has a risk score this week."""
    records = part.read(week)
    scored, _, forecast = score_students(week, records)
    urgency = flags.decide(make_situation(week, records, scored, forecast)).plain
    # An urgency of 0 stands for a score that is missing, too: those are left out.
    return urgency[scored.metrics["risk_score"].notna().to_numpy()]


def score_students(
    week: Week, records: Records
) -> tuple[ScoredWeek, pd.DataFrame, WeekForecast | None]:
    """Return the scores, the features, and the forecast (None where the week has none)."""
    params = week.workspace.params
    calendar, scoring = params.calendar, params.scoring
    scored = score_week(
        observe(records.facts, calendar, scoring), records.history, calendar, scoring
    )
    known = ForecastContext(records.prior, calendar, scoring, week.later_half)
    own = known.compute_own(scored, records.history)
    # Features are stored even without a model: the first model learns from these weeks.
    made = build_features(own, scored.metrics["student_id"])
    if week.champion.model is None or not week.forecasts:
        return scored, made, None
    model, keep = week.champion.model, params.forecast.smoothing
    found = apply_model(model, known, own, made, records.memory.scores, week.number, keep)
    return replace(scored, metrics=scored.metrics.assign(p_fail=found.chance)), made, found


def _measure_drift(week: Week, features: pd.DataFrame) -> pd.Series:
    """Return the drift of the features by feature; empty where the week has no forecast."""
    if not week.forecasts:
        return pd.Series(dtype="float64")
    return drift.compute_stability(week.champion.reference, features, week.number)


def _predict_subjects(
    week: Week, records: Records, metrics: pd.DataFrame, found: WeekForecast | None
) -> pd.DataFrame:
    """Return the columns of risk_of_failing_prediction except term, run_id and computed_at.

    Before an exam without a model, the chance is a rough one from the subject's own marks so far.
    """
    model = week.subject_model.model
    if records.subjects.empty:
        return NO_SUBJECTS
    known = metrics[["student_id", "sem_week", "semester"]]
    rows = records.subjects.drop(columns=["sem_week", "semester"]).merge(known, on="student_id")
    if found is not None and isinstance(model, Linear):
        # The student's own forecast is one of the inputs, so a subject is only predicted with it.
        logit = rows["student_id"].map(dict(zip(metrics["student_id"], found.logit, strict=True)))
        chance = compute_probability(model.predict_logit(rows.assign(logit=logit)))
        rows = rows.assign(p_fail=chance, model_id=week.subject_model.model_id)
    elif week.is_before_exam:
        rows = rows[rows["mark"].notna()]
        chance = scores.estimate_chance(
            rows["mark"].to_numpy("float64"), week.workspace.params.scoring.pass_mark
        )
        rows = rows.assign(p_fail=chance, model_id=BASELINE)
    else:
        return NO_SUBJECTS
    rows = rows.assign(risk_label=subjects.label_risk(chance))
    return rows[list(NO_SUBJECTS.columns)].sort_values(
        ["student_id", "subject_id"], ignore_index=True
    )


def make_situation(
    week: Week, records: Records, scored: ScoredWeek, forecast: WeekForecast | None
) -> Situation:
    """Return what the lists of one part are drawn up from."""
    params = week.workspace.params
    return Situation(
        facts=records.facts,
        scored=scored,
        history=records.history,
        memory=records.memory,
        prior_mean=records.prior[["student_id", "prior_mean"]],
        calendar=params.calendar,
        scoring=params.scoring,
        triage=params.triage,
        keep=params.forecast.smoothing,
        sentences=params.sentences,
        thresholds=week.thresholds,
        term=week.term,
        # A model ranks the lists only from the week on in which it has beaten the rules.
        model=forecast if week.model_ranks else None,
    )


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
