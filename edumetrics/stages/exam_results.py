"""Read the results of an exam, and what was predicted and listed before it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from edumetrics.college import subjects
from edumetrics.college.exams import read_exam_results
from edumetrics.college.outcomes import compute_outcomes
from edumetrics.college.terms import College, Term
from edumetrics.forecast import list_shares
from edumetrics.inputs.terms import PREDICTION_TABLES, find_exam_week
from edumetrics.types import Exam
from edumetrics.workspace import Workspace

# Columns of weekly_metrics that the review reads; a term has many rows, so others stay unread.
METRICS = (*list_shares.METRICS, "semester")
FLAGS = list_shares.FLAGS
# Without scores a student fails with more than this share of subjects failed.
HALF = 0.5


@dataclass(frozen=True)
class Results:
    """An exam that is over: the input of its review.

    Attributes:
        exam: midterm or endterm.
        term: ISO date of the term's first week.
        exam_week: the exam's semester week.
        number: the semester week whose mail tells its review; the exam's before any has.
        predicted: student_id, predicted, low, high, p_fail: the last prediction of each student
            before the exam.
        outcome: student_id, score (percent, NaN where there is none), failed (bool; <NA> where it
            is not known).
        known: how many students have a result.
        difficulty: how many students passed each subject; no rows for the midterm.
        metrics: the metrics (`METRICS`) of the weeks before the exam, with prior_mean.
        flags: the places on lists (`FLAGS`) of the weeks before the exam.
        contacts: student_id, kind, sem_week: the intervention log of the term.
        groups: student_id, group: read only to audit fairness.
        folder: where reports go.
    """

    workspace: Workspace
    exam: Exam
    term: str
    exam_week: int
    number: int
    predicted: pd.DataFrame
    outcome: pd.DataFrame
    known: int
    difficulty: pd.DataFrame
    metrics: pd.DataFrame
    flags: pd.DataFrame
    contacts: pd.DataFrame
    groups: pd.DataFrame
    folder: Path


def read_results(
    workspace: Workspace, college: College, term: Term, exam: Exam, known_by: date, folder: Path
) -> Results | None:
    """Read the results of an exam, and what was predicted before it, through an open college.

    None where the calendar has no such exam, no result is known by the day `known_by`, or no week
    before the exam was analysed.
    """
    week = find_exam_week(workspace.params.calendar, exam)
    results = read_exam_results(college, term, exam, known_by)
    if week is None or results.empty:
        return None
    store = workspace.store
    there = {"term": term.name, "sem_week": _list_weeks_before(workspace, week)}
    metrics = store.read("weekly_metrics", METRICS, **there)
    if metrics.empty:
        return None
    earlier = store.read("weekly_features", ("student_id", "sem_week", "prior_mean"), **there)
    metrics = metrics.merge(earlier, on=["student_id", "sem_week"], how="left")
    # The prediction of another week may differ: only the last one before the exam is judged.
    name = f"predicted_{exam}_score"
    columns = ("student_id", "sem_week", name, "low", "high", "p_fail")
    said = store.read(PREDICTION_TABLES[exam], columns, term=term.name)
    last = said.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    # Groups are read here and nowhere else, so that no score or forecast can depend on them.
    people = college.read_columns("students", "student_id", "gender").dropna(subset="student_id")
    return Results(
        workspace=workspace,
        exam=exam,
        term=term.name,
        exam_week=week,
        number=week,
        predicted=last.rename(columns={name: "predicted"}).drop(columns="sem_week"),
        outcome=_read_outcome(college, term, exam, results, known_by),
        known=results["student_id"].nunique(),
        difficulty=subjects.compute_difficulty(college, term, known_by)
        if exam == "endterm"
        else pd.DataFrame(),
        metrics=metrics,
        flags=store.read("weekly_flags", FLAGS, **there),
        contacts=store.read("intervention_log", ("student_id", "kind", "sem_week"), term=term.name),
        groups=people.rename(columns={"gender": "group"}).drop_duplicates("student_id"),
        folder=folder,
    )


def _list_weeks_before(workspace: Workspace, week: int) -> list[int]:
    """Return the teaching weeks before a week, latest first; a list, as `Store.read` needs it."""
    calendar = workspace.params.calendar
    return list(calendar.get_teaching_weeks_before(week, week))


def _read_outcome(
    college: College, term: Term, exam: Exam, results: pd.DataFrame, known_by: date
) -> pd.DataFrame:
    """Return student_id, score and failed of an exam.

    A student who fails the semester fails the end-term. A student fails the midterm when the mean
    score is below the pass mark or, without scores, when more than half of the subjects are failed.
    """
    if exam == "endterm":
        outcomes = compute_outcomes(college, term, known_by)[["student_id", "score", "failed"]]
        return outcomes.astype({"failed": "boolean"})
    groups = results.groupby("student_id")
    score, share = groups["score"].mean(), groups["failed"].mean()
    # `boolean` keeps "not known" as <NA>: a comparison with NaN would say "not failed".
    below = (score < college.params.scoring.pass_mark).astype("boolean")
    failed = below.where(score.notna(), share > HALF)
    return pd.DataFrame({"score": score, "failed": failed}).reset_index()


def count_known_results(
    workspace: Workspace, college: College, term: Term, exam: Exam, known_by: date
) -> int:
    """Return how many students have a result of an exam that is known by a day."""
    if find_exam_week(workspace.params.calendar, exam) is None:
        return 0
    return read_exam_results(college, term, exam, known_by)["student_id"].nunique()


def has_analysed_weeks(workspace: Workspace, term: str, before: int) -> bool:
    """Return whether any week of a term before the week `before` was analysed."""
    weeks = _list_weeks_before(workspace, before)
    return not workspace.store.read(
        "run_log", ("run_id",), term=term, sem_week=weeks, stage="weekly", status="done"
    ).empty
