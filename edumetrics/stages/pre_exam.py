"""The stage before an exam: every student's predicted score, its range, and chance of failing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.college import health
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import FEATURES, TABLES
from edumetrics.fields.chances import BASELINE, HIGH, LOW
from edumetrics.forecast import explain, ranking, reasons, scores
from edumetrics.forecast.features import OwnValues
from edumetrics.forecast.in_use import ModelInUse
from edumetrics.forecast.scores import ScoreModel
from edumetrics.inputs.terms import (
    PREDICTION_TABLES,
    find_term,
    get_report_folder,
    join_values,
    list_prediction_weeks,
)
from edumetrics.modelling import registry
from edumetrics.reports import figures
from edumetrics.reports.tables import show_table
from edumetrics.stages.base import Day, Due, Moment, Replay, Slices, Stage, WeekNumber
from edumetrics.types import Exam, FactsDisplay, Row
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace, open_workspace

NAMES: dict[Exam, str] = {"midterm": "pre_mid", "endterm": "pre_end"}
# Smallest part of a predicted score, in points, that is worth a reason.
WORTH_TELLING = 0.5


@dataclass(frozen=True)
class UpcomingExam:
    """An exam that lies ahead, as seen at the end of one week: the input of `compute`.

    Attributes:
        exam: midterm or endterm.
        term: ISO date of the term's first week.
        number: the semester week.
        features: the week's rows of weekly_features, with semester and days_since_submission.
        found: the model in use; its `model` is None where there is none yet.
        folder: where this week's reports go.
    """

    workspace: Workspace
    exam: Exam
    term: str
    number: int
    features: pd.DataFrame
    found: ModelInUse
    folder: Path


@dataclass(frozen=True, repr=False)
class ExamPredictions(FactsDisplay):
    """An exam that lies ahead, and its predictions.

    Attributes:
        ahead: the input.
        rows: the columns of pre_mid_term or pre_end_term except term, run_id and computed_at.
    """

    caption: ClassVar[str] = "Predicted"
    ahead: UpcomingExam
    rows: pd.DataFrame

    def list_facts(self) -> dict[str, object]:
        """Return exam, term, week and number of students (see `Shown`)."""
        return {
            "exam": self.ahead.exam,
            "term": self.ahead.term,
            "week": self.ahead.number,
            "students": len(self.rows),
        }


def is_due(college: College, exam: Exam, week: int) -> bool:
    """Return whether an exam's score is predicted in a week.

    It is where the college has exams, and this one is near.
    """
    return college.relations["exam_schedule"] is not None and week in list_prediction_weeks(
        college.params.calendar, exam
    )


def load(exam: Exam, term: Day = "", week: WeekNumber = 0, folder: str = "") -> UpcomingExam:
    """Read the features that a week before an exam stored.

    Args:
        exam: midterm or endterm.
        term: ISO date of the term's first week; when empty the latest term that has reached a week
            before the exam.
        week: semester week; when 0 the latest week so far in which this exam is predicted.
        folder: where reports go; chosen from term and week when empty.

    Raises:
        SettingsError: the calendar has no such exam, the week is not one before it, or the week
            was not analysed yet.
    """
    workspace = open_workspace()
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        chosen = _choose_term(workspace, college, exam, term, position)
        number = week or _find_latest_week(workspace, exam, chosen, position)
        place = folder or get_report_folder(workspace, chosen, position, number)
    return read_upcoming_exam(workspace, exam, chosen.name, number, Path(place))


def _choose_term(
    workspace: Workspace, college: College, exam: Exam, name: str, position: CollegeWeek
) -> Term:
    """Return the named term, or else the latest in which a week before the exam is over."""
    # Early in a semester the notebook then shows the previous one instead of failing.
    if name or not list_prediction_weeks(workspace.params.calendar, exam):
        return find_term(college, name, position)
    terms = college.list_terms(position)
    reached = [term for term in terms if _list_past_weeks(workspace, exam, term, position)]
    return reached[-1] if reached else find_term(college, name, position)


def _list_past_weeks(
    workspace: Workspace, exam: Exam, term: Term, position: CollegeWeek
) -> list[int]:
    """Return the weeks before the exam that are over in a term, latest first."""
    calendar = workspace.params.calendar
    # A past term is over as a whole; the college's position belongs to the current one.
    now = position.compute_week(calendar) if term.current else calendar.weeks_per_semester
    return [week for week in list_prediction_weeks(calendar, exam) if week <= now]


def _find_latest_week(workspace: Workspace, exam: Exam, term: Term, position: CollegeWeek) -> int:
    """Return the latest week so far in which the exam is predicted, or the first one to come."""
    due = list_prediction_weeks(workspace.params.calendar, exam)
    if not due:
        raise SettingsError(f"The calendar has no {exam}: there is nothing to predict.")
    return next(iter(_list_past_weeks(workspace, exam, term, position)), due[-1])


def read_upcoming_exam(
    workspace: Workspace, exam: Exam, term: str, number: int, folder: Path
) -> UpcomingExam:
    """Read a week's features from the analysis database.

    Raises:
        SettingsError: the exam is not predicted in this week, or the week was not analysed yet.
    """
    due = list_prediction_weeks(workspace.params.calendar, exam)
    if number not in due:
        raise SettingsError(
            f"Week {number} is not a week in which the {exam} is predicted:"
            f" those weeks are {join_values(due[::-1])}."
        )
    store, there = workspace.store, {"term": term, "sem_week": number}
    made = store.read("weekly_features", ("student_id", "sem_week", "class_id", *FEATURES), **there)
    if made.empty:
        raise SettingsError(
            f"Week {number} of the term of {term} was not analysed: run the weekly stage first."
        )
    # Reasons need days since the last hand-in, which is no feature of the models.
    columns = ("student_id", "semester", "days_since_submission")
    features = made.merge(store.read("weekly_metrics", columns, **there), on="student_id")
    found = registry.load_model(workspace, exam, term)
    return UpcomingExam(workspace, exam, term, number, features, found, folder)


def compute(ahead: UpcomingExam) -> ExamPredictions:
    """Predict every student's score; change nothing."""
    rows, scoring = ahead.features, ahead.workspace.params.scoring
    model = ahead.found.model
    if isinstance(model, ScoreModel):
        said, model_id = model.predict(rows, scoring.pass_mark), ahead.found.model_id
        why = _collect_reasons(ahead, model)
    else:
        # No model yet, or one that cannot be trusted; a baseline has no parts to explain.
        said, model_id = scores.predict_baseline(rows, scoring.pass_mark), BASELINE
        why = [[] for _ in rows.index]
    # Without a model or a mark p_fail is null, and the prediction decides: 1 below the pass mark, 0
    # above it, and 0.5 exactly at it.
    either = np.sign(scoring.pass_mark - said["predicted"]) / 2 + 0.5
    chance = said["p_fail"].fillna(either)
    frame = rows[["student_id", "sem_week", "semester", "class_id"]].assign(
        low=said["low"],
        high=said["high"],
        p_fail=said["p_fail"],
        # Midterm rows keep `at_risk`, end-term rows `outlook`; the last line drops the other one.
        at_risk=(chance >= LOW).to_numpy(),
        outlook=np.select([chance < LOW, chance < HIGH], ["pass", "borderline"], "fail").astype(
            object
        ),
        reasons=pd.Series(why, dtype="object", index=rows.index),
        model_id=model_id,
    )
    frame[f"predicted_{ahead.exam}_score"] = said["predicted"]
    return ExamPredictions(ahead, frame[TABLES[PREDICTION_TABLES[ahead.exam]].computed])


def _collect_reasons(ahead: UpcomingExam, model: ScoreModel) -> list[list[dict[str, Any]]]:
    """Return the reasons of every student: what takes most from the predicted score."""
    rows = ahead.features
    # A model uses some of the features only; the topics sum over all of them.
    parts = model.compute_contributions(rows).reindex(columns=list(FEATURES), fill_value=0.0)
    # Sentences read these two values under the names that the weekly lists use.
    values = rows.rename(columns={"days_since_submission": "days_idle"})
    values = values.assign(effort_week=rows["effort"]).astype({"days_idle": "float64"})
    told = ranking.collect_topic_values(OwnValues(values, pd.factorize(rows["class_id"])[0]))
    sentences, topics = ahead.workspace.params.sentences, explain.sum_by_topic(parts)
    return reasons.build_records(
        sentences, "forecast_", topics, told, worse_adds=False, least=WORTH_TELLING
    )


def list_slices(predicted: ExamPredictions, run_id: str) -> Slices:
    """Return what the predictions of a week write."""
    ahead = predicted.ahead
    there = {"term": ahead.term, "sem_week": ahead.number}
    warning = health.make_warning(f"forecast: {ahead.exam}", ahead.found.trouble)
    return {
        PREDICTION_TABLES[ahead.exam]: (predicted.rows, there),
        "data_health": (warning, {"run_id": run_id}),
    }


def make_stage(name: str, exam: Exam) -> Stage[UpcomingExam, ExamPredictions]:
    """Return the stage before an exam."""

    def find_due(moment: Moment) -> Iterator[Due]:
        term, week = moment.term, moment.week
        if term is not None and is_due(moment.college, exam, week):
            yield Due(term.name, {"week": week})

    def replay(replay: Replay) -> Iterator[UpcomingExam]:
        if is_due(replay.college, exam, replay.week):
            yield read_upcoming_exam(replay.workspace, exam, replay.term.name, replay.week, Path())

    return Stage(
        name=name,
        when="in a week",
        load=partial(load, exam),
        compute=compute,
        get_input=lambda predicted: predicted.ahead,
        list_slices=list_slices,
        find_due=find_due,
        replay=replay,
    )


PRE_MIDTERM = make_stage(NAMES["midterm"], "midterm")
PRE_ENDTERM = make_stage(NAMES["endterm"], "endterm")


def compare_models(ahead: UpcomingExam) -> Styler:
    """Return how well the model and the baselines predicted students they had not seen.

    The measures are the mean absolute error, the coverage and the width of the range. The table is
    empty before the first such exam: the prediction is then the marks so far, with a range that is
    too wide on purpose.
    """
    rows = []
    for row in _read_candidates(ahead):
        of_week = [week for week in row["metrics"]["by_week"] if week["sem_week"] == ahead.number]
        about = {
            "model": row["model"],
            "in use": bool(row["champion"]),
            "tested on": row["tested_term"],
        }
        rows += [{**about, "students": week["n"], **week} for week in of_week]
    shown = {
        "mae": "mean absolute error",
        "coverage": "in the 80% range",
        "width": "width of the range",
    }
    table = pd.DataFrame(rows, columns=["model", "in use", "tested on", "students", *shown])
    return show_table(table.sort_values("mae").rename(columns=shown), "evidence", digits=2)


def plot_reliability(ahead: UpcomingExam) -> figures.Picture | None:
    """Return a figure of predicted against actual scores of the exam that tested the model.

    None where there is no model.
    """
    used = [row["metrics"] for row in _read_candidates(ahead) if row["champion"]]
    if not used:
        return None
    sentences, table = ahead.workspace.params.sentences, pd.DataFrame(used[0]["reliability"])
    return figures.draw_reliability(sentences, table, "axis_forecast_score", scale=1)


def build_error_table(ahead: UpcomingExam) -> Styler:
    """Return by class the mean error of the predictions of the tested exam (above 0: too high)."""
    used = [row["metrics"]["by_class"] for row in _read_candidates(ahead) if row["champion"]]
    table = pd.DataFrame(
        used[0] if used else [], columns=["class_id", "n", "forecast", "happened", "error"]
    )
    names = {"class_id": "class", "n": "predictions", "forecast": "predicted", "happened": "scored"}
    return show_table(table.rename(columns=names), "by-class", digits=1)


def _read_candidates(ahead: UpcomingExam) -> list[Row]:
    """Return the candidates of the trial that chose the model in use."""
    return registry.read_candidates(ahead.workspace, ahead.exam, ahead.found.trained_terms)


def build_class_table(predicted: ExamPredictions) -> Styler:
    """Return by class the number of students, the median prediction, and how many may fail."""
    rows = predicted.rows.assign(may=_mark_may_fail(predicted))
    groups = rows.groupby(["class_id", "semester"])
    table = pd.DataFrame(
        {
            "students": groups.size(),
            "median predicted": groups[f"predicted_{predicted.ahead.exam}_score"].median().round(0),
            "may fail": groups["may"].sum(),
        }
    )
    return show_table(table.reset_index().rename(columns={"class_id": "class"}), "outlook")


def build_risk_table(predicted: ExamPredictions, count: int = 20) -> Styler:
    """Return the `count` students with the highest chance of failing.

    Columns are the predicted score, its range, the chance and the top reason.
    """
    name = f"predicted_{predicted.ahead.exam}_score"
    # Without a model every chance is null: the predicted score then decides the order.
    rows = predicted.rows.sort_values(["p_fail", name], ascending=[False, True]).head(count)
    # Points below 0 take from the predicted score.
    why = [
        next((record["text"] for record in records if record["points"] < 0), "")
        for records in rows["reasons"]
    ]
    names = {
        "student_id": "student",
        "class_id": "class",
        name: "predicted",
        "low": "low",
        "high": "high",
    }
    shown = rows[list(names)].rename(columns=names)
    shown["chance of failing, %"] = 100 * rows["p_fail"]
    return show_table(shown.assign(why=why), "likeliest")


def _mark_may_fail(predicted: ExamPredictions) -> pd.Series:
    """Return whether each student may fail the exam, from the rows of either table."""
    rows = predicted.rows
    return rows["at_risk"] if "at_risk" in rows else rows["outlook"] != "pass"
