"""Score the parts of a week, forecast them and draw up their lists: a small college is one part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from edumetrics.fields import TABLES
from edumetrics.fields.chances import BASELINE
from edumetrics.forecast import scores, subjects
from edumetrics.forecast.features import build_features
from edumetrics.forecast.models import Linear
from edumetrics.forecast.ranking import ForecastContext, WeekForecast, apply_model
from edumetrics.inputs import parts
from edumetrics.inputs.week import Part, Records, Week
from edumetrics.scoring.observed import observe
from edumetrics.scoring.signals import Floats, compute_probability
from edumetrics.scoring.weekly import ScoredWeek, score_week
from edumetrics.triage.flags import ListDecision, decide
from edumetrics.triage.lists import TriageLists, build_lists
from edumetrics.triage.situation import Situation, build_thresholds

# Has the columns of the table, so that a week without a model is stored like any other.
NO_SUBJECTS = pd.DataFrame(columns=TABLES["risk_of_failing_prediction"].computed)

# What is made of a part that is scored, with the thresholds of the whole week.
Made = TypeVar("Made")


def score_parts(week: Week) -> list[PartScores]:
    """Read, score and triage every part of a week; of several, some at a time."""
    return _finish_parts(week, _draw_up_part)


def decide_parts(week: Week) -> list[ListDecision]:
    """Decide who is on the lists of a week, part by part; nothing is said about anybody."""
    return _finish_parts(week, _decide_part)


def _finish_parts(week: Week, finish: Callable[[Week, PartInHand], Made]) -> list[Made]:
    """Read and score every part, and return what `finish` makes of each."""
    # The week is sent to each process: names serve pages only, so they stay here.
    bare, run = replace(week, names=week.names.iloc[:0]), week.workspace.settings
    if len(week.parts) == 1:
        return [_finish_alone(week.parts[0], bare, finish)]
    # Only the whole college shows how long the lists would be. Where several processes score it,
    # none keeps what it has read until that is known.
    if not week.thresholds.fitted_on:
        urgencies = parts.map_parts(run, _measure_urgency, week.parts, bare)
        bare = _raise_thresholds(bare, np.concatenate(urgencies))
    return parts.map_parts(run, _finish_part, week.parts, bare, finish)


@dataclass(frozen=True)
class PartScores:
    """The rows of one part of a week; columns as in `WeekScores`."""

    metrics: pd.DataFrame
    features: pd.DataFrame
    by_subject: pd.DataFrame
    lists: TriageLists
    findings: pd.DataFrame


@dataclass(frozen=True)
class PartInHand:
    """What was read of one part, its scores and features, and its forecast where there is one."""

    records: Records
    scored: ScoredWeek
    features: pd.DataFrame
    forecast: WeekForecast | None


def _finish_alone(part: Part, week: Week, finish: Callable[[Week, PartInHand], Made]) -> Made:
    """Read, score and finish the only part."""
    made = score_students(week, part.read(week))
    if not week.thresholds.fitted_on:
        week = _raise_thresholds(week, _list_urgencies(week, made))
    return finish(week, made)


def _finish_part(part: Part, week: Week, finish: Callable[[Week, PartInHand], Made]) -> Made:
    """Read, score and finish one part."""
    return finish(week, score_students(week, part.read(week)))


def _measure_urgency(part: Part, week: Week) -> Floats:
    """Return the urgency of each student of one part who has a risk score this week."""
    return _list_urgencies(week, score_students(week, part.read(week)))


def _list_urgencies(week: Week, made: PartInHand) -> Floats:
    urgency = _decide_part(week, made).plain
    # An urgency of 0 stands for a score that is missing, too: those are left out.
    return urgency[made.scored.metrics["risk_score"].notna().to_numpy()]


def _decide_part(week: Week, made: PartInHand) -> ListDecision:
    return decide(make_situation(week, made))


def _draw_up_part(week: Week, made: PartInHand) -> PartScores:
    metrics = made.scored.metrics
    return PartScores(
        metrics,
        made.features,
        _predict_subjects(week, made.records, metrics, made.forecast),
        build_lists(make_situation(week, made)),
        made.records.findings,
    )


def score_students(week: Week, records: Records) -> PartInHand:
    """Return the scores and the features of a part, and its forecast where the week has one."""
    params = week.workspace.params
    calendar, scoring = week.calendar, params.scoring
    scored = score_week(
        observe(records.facts, calendar, scoring), records.history, calendar, scoring
    )
    known = ForecastContext(records.prior, calendar, scoring, week.later_half)
    own = known.compute_own(scored, records.history)
    # Features are stored even without a model: the first model learns from these weeks.
    made = build_features(own, scored.metrics["student_id"])
    if week.champion.model is None or not week.forecasts:
        return PartInHand(records, scored, made, None)
    model, keep = week.champion.model, params.forecast.smoothing
    found = apply_model(model, known, own, made, records.memory.scores, week.number, keep)
    scored = replace(scored, metrics=scored.metrics.assign(p_fail=found.chance))
    return PartInHand(records, scored, made, found)


def _raise_thresholds(week: Week, urgencies: Floats) -> Week:
    """Return the week with thresholds that are raised where the shipped ones would list too many.

    Until a term is complete there is nothing to fit on: then the threshold is never lower than
    what cuts off `list_share` of all scored students of the week.
    """
    if not len(urgencies):
        return week
    triage = week.workspace.params.triage
    least = float(np.quantile(urgencies, 1 - triage.list_share))
    raised = build_thresholds(max(week.thresholds.list_at, least), triage)
    return replace(week, thresholds=raised)


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


def make_situation(week: Week, made: PartInHand) -> Situation:
    """Return what the lists of one part are drawn up from."""
    records = made.records
    params = week.workspace.params
    return Situation(
        facts=records.facts,
        scored=made.scored,
        history=records.history,
        memory=records.memory,
        prior_mean=records.prior[["student_id", "prior_mean"]],
        calendar=week.calendar,
        scoring=params.scoring,
        triage=params.triage,
        keep=params.forecast.smoothing,
        sentences=params.sentences,
        thresholds=week.thresholds,
        term=week.term,
        # A model ranks the lists only from the week on in which it has beaten the rules.
        model=made.forecast if week.is_ranked_by_model(week.number) else None,
        next_model=made.forecast if week.is_ranked_by_model(week.next_number) else None,
        next_thresholds=week.next_thresholds,
    )
