"""The weekly stage: score every student's week, draw up the lists, and store and show both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from edumetrics.analysis.runs import Run
from edumetrics.college import health
from edumetrics.fields import TABLES
from edumetrics.forecast import drift, subjects
from edumetrics.forecast.features import build_features
from edumetrics.forecast.models import Linear, compute_probability
from edumetrics.forecast.ranking import ForecastContext, WeekForecast, apply_model
from edumetrics.reports.tables import FactsDisplay
from edumetrics.scoring.observed import observe
from edumetrics.scoring.weekly import ScoredWeek, score_week
from edumetrics.stages import chunks, reports, storing
from edumetrics.stages.terms import (
    find_last_teaching_week,
    find_term,
    get_report_folder,
    require_data,
)
from edumetrics.stages.week import Records, Week, read_chunk, read_week
from edumetrics.stages.workspace import open_workspace
from edumetrics.triage.lists import TriageLists
from edumetrics.triage.lists import build_lists as draw_up
from edumetrics.triage.situation import Situation

__all__ = [
    "STAGE",
    "Week",
    "WeekLists",
    "WeekScores",
    "compute",
    "load",
    "make_lists",
    "read_week",
    "render_pages",
    "save",
    "write",
]

STAGE = "weekly"
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
        scored: the scores that lists are drawn up from; None where the college was scored in
            chunks.
        forecast: the forecast that lists are drawn up from; None in chunks, or without a model.
        lists: the lists that the chunks drew up; None where the college was scored whole.
    """

    caption: ClassVar[str] = "Scores"
    week: Week
    metrics: pd.DataFrame
    features: pd.DataFrame
    by_subject: pd.DataFrame
    drift: pd.Series
    scored: ScoredWeek | None = None
    forecast: WeekForecast | None = None
    lists: TriageLists | None = None

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


def load(term: str = "", week: int = 0, folder: str = "") -> Week:
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
        position = college.find_college_week(workspace.today)
        chosen = find_term(college, term, position)
        # The position is the current term's: a past term is read up to its own last week.
        until = position if chosen.current else None
        number = week or find_last_teaching_week(workspace.params, until, chosen)
        require_data(chosen, number)
        place = (
            Path(folder)
            if folder
            else get_report_folder(workspace, chosen, position, number, STAGE)
        )
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


def compute(week: Week) -> WeekScores:
    """Score the week; change nothing.

    A large college is read and scored in chunks, several at a time.
    """
    if week.records is None:
        return _score_in_chunks(week)
    scores = _score_students(week, week.records)
    said = drift.describe_drift(scores.drift)
    if not said or scores.forecast is None:
        return scores
    # The warning must be in the data health, and in the sentences of lists that the forecast ranks.
    warned = replace(week, health=health.add_warning(week.health, "forecast: drift", said))
    return replace(scores, week=warned, forecast=replace(scores.forecast, drifted=True))


def _score_students(week: Week, records: Records) -> WeekScores:
    """Return the scores of the students in `records`: of the whole college, or of one chunk."""
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
        return WeekScores(
            week, scored.metrics, made, NO_SUBJECTS, pd.Series(dtype="float64"), scored
        )
    model, keep = week.champion.model, params.forecast.smoothing
    found = apply_model(model, known, own, made, records.history, week.number, keep)
    scored = replace(scored, metrics=scored.metrics.assign(p_fail=found.chance))
    by_subject = _predict_subjects(week, records, scored.metrics, found)
    return WeekScores(
        week, scored.metrics, made, by_subject, _measure_drift(week, made), scored, found
    )


def _measure_drift(week: Week, features: pd.DataFrame) -> pd.Series:
    """Return the drift of the features by feature; empty where the week has no forecast."""
    if not week.forecasts:
        return pd.Series(dtype="float64")
    return drift.compute_stability(week.champion.reference, features, week.number)


def _predict_subjects(
    week: Week, records: Records, metrics: pd.DataFrame, found: WeekForecast
) -> pd.DataFrame:
    """Return the columns of risk_of_failing_prediction except term, run_id and computed_at."""
    model = week.subject_model.model
    if records.subjects.empty or not isinstance(model, Linear):
        return NO_SUBJECTS
    # The student's own forecast is one of the inputs, so a subject is only predicted with it.
    known = metrics[["student_id", "sem_week", "semester"]].assign(logit=found.logit)
    rows = records.subjects.drop(columns=["sem_week", "semester"]).merge(known, on="student_id")
    chance = compute_probability(model.predict_logit(rows))
    rows = rows.assign(
        p_fail=chance, risk_label=subjects.label_risk(chance), model_id=week.subject_model.model_id
    )
    return rows[list(NO_SUBJECTS.columns)].sort_values(
        ["student_id", "subject_id"], ignore_index=True
    )


def make_lists(scores: WeekScores) -> WeekLists:
    """Draw up the advisors' lists; change nothing."""
    # Chunks drew up their lists themselves: an advisor's students are all in one chunk.
    if scores.lists is not None:
        return WeekLists(scores, scores.lists)
    week, params = scores.week, scores.week.workspace.params
    assert scores.scored is not None and week.records is not None
    situation = Situation(
        scored=scores.scored,
        history=week.records.history,
        memory=week.records.memory,
        calendar=params.calendar,
        scoring=params.scoring,
        triage=params.triage,
        sentences=params.sentences,
        # A model ranks the lists only from the week on in which it has beaten the rules.
        model=scores.forecast if week.champion.can_rank(week.number) else None,
    )
    return WeekLists(scores, draw_up(situation))


# ---------------------------------------------------------------- a large college


@dataclass(frozen=True)
class ChunkResult:
    """The rows of one chunk."""

    metrics: pd.DataFrame
    features: pd.DataFrame
    by_subject: pd.DataFrame
    lists: TriageLists
    health: pd.DataFrame


def _score_in_chunks(week: Week) -> WeekScores:
    """Score and triage chunk by chunk, and merge the parts."""
    # The week is sent to each process: names serve pages only, so they stay here.
    bare, run = replace(week, names=week.names.iloc[:0]), week.workspace.settings
    parts: list[ChunkResult] = chunks.map_parts(run, _score_chunk, week.chunks, bare, False)
    features = chunks.merge_frames((part.features for part in parts), "student_id")
    index = _measure_drift(week, features)
    said = drift.describe_drift(index)
    if said and week.champion.can_rank(week.number):
        # Only the whole college shows whether the term differs from earlier ones. The sentences on
        # the lists have to say so, so the chunks are computed once more.
        parts = chunks.map_parts(run, _score_chunk, week.chunks, bare, True)
    found = pd.concat(
        [week.health, health.format_messages(chunks.merge_findings(part.health for part in parts))],
        ignore_index=True,
    )
    lists = TriageLists(
        chunks.merge_frames((part.lists.flags for part in parts), "student_id"),
        chunks.merge_frames((part.lists.exits for part in parts), "student_id"),
        chunks.merge_frames((part.lists.findings for part in parts), "class_id", "code"),
    )
    return WeekScores(
        replace(week, health=health.add_warning(found, "forecast: drift", said) if said else found),
        chunks.merge_frames((part.metrics for part in parts), "student_id"),
        features,
        chunks.merge_frames((part.by_subject for part in parts), "student_id", "subject_id"),
        index,
        lists=lists,
    )


def _score_chunk(classes: tuple[str, ...], week: Week, drifted: bool) -> ChunkResult:
    """Read, score and triage the classes of one chunk, in a separate process."""
    with week.workspace.open_college(alone=False) as college:
        records = read_chunk(college, week, classes)
        # The whole week has findings about feeds, unless data health was not asked for.
        looked = len(week.health) > 0
        # Rows of unknown classes belong to no chunk: the first one counts them, for all.
        strays = classes == week.chunks[0]
        found = (
            health.check_rows(
                college, week.whole.select_classes(classes), week.number, strays=strays
            )
            if looked
            else health.make_empty_findings()
        )
    scores = _score_students(replace(week, records=records), records)
    if drifted and scores.forecast is not None:
        scores = replace(scores, forecast=replace(scores.forecast, drifted=True))
    return ChunkResult(
        scores.metrics, scores.features, scores.by_subject, make_lists(scores).lists, found
    )


def write(triaged: WeekLists, *, write: bool = True, run_id: str = "") -> int:
    """Replace the week's slices of the analysis database, in one transaction with the ledger.

    Args:
        triaged: the scores and lists to store.
        write: when False nothing is stored, and nothing is entered into the ledger.
        run_id: the batch's entry in the ledger; a new one when empty.

    Returns:
        The number of students scored; 0 when `write` is False.
    """
    if not write:
        return 0
    week = triaged.scores.week
    with storing.open_run(week.workspace, STAGE, week.term, week.number, run_id) as run:
        return save(run, triaged)


def save(run: Run, triaged: WeekLists) -> int:
    """Store the same as `write`, for a run that is already in the ledger."""
    scores, lists, week = triaged.scores, triaged.lists, triaged.scores.week
    there = {"term": week.term, "sem_week": week.number}
    # Features and metrics have the same students in the same order.
    own = {name: scores.metrics[name].to_numpy() for name in ("class_id", "advisor_id")}
    slices: storing.Slices = {
        "weekly_metrics": (scores.metrics, there),
        "weekly_features": (scores.features.assign(**own), there),
        "weekly_flags": (lists.flags, there),
        "list_exits": (lists.exits, there),
        "class_findings": (lists.findings, there),
        "risk_of_failing_prediction": (scores.by_subject, there),
        # Findings belong to a run, not to a week: an earlier run keeps its own.
        "data_health": (week.health, {"run_id": run.run_id}),
    }
    return storing.replace_slices(week.workspace, run, slices)


def render_pages(triaged: WeekLists, *, write: bool = True) -> list[Path]:
    """Write one page per advisor and one for the head of department; return the advisors' paths.

    Nothing is written when `write` is False.

    Raises:
        SettingsError: the reports folder cannot be written to.
    """
    week = triaged.scores.week
    return (
        reports.write_pages(week.workspace, STAGE, week.term, week.number, week.folder)
        if write
        else []
    )
