"""Training before a term: the candidates of every question are tried, and the champions stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from edumetrics.college.exams import read_exam_results
from edumetrics.college.outcomes import compute_outcomes
from edumetrics.college.terms import College, Term
from edumetrics.fields import FEATURES
from edumetrics.forecast import backtest, scores, subjects, watchlist
from edumetrics.forecast.contest import FAIL, Question, run_contest
from edumetrics.forecast.registry import StoredModel
from edumetrics.inputs import previous_terms
from edumetrics.inputs.terms import list_prediction_weeks
from edumetrics.modelling import registry
from edumetrics.triage.urgency import DEADLINE, compute_nearness
from edumetrics.types import EXAMS, Exam
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

KEYS = ("student_id", "sem_week", "class_id", "advisor_id")


def train(workspace: Workspace, college: College, term: Term, position: CollegeWeek) -> str | None:
    """Train on every term completed before `term`, try the candidates, and store the champions.

    If this has been done with the same terms, it does nothing.

    Args:
        workspace: where the features are, and the models go.
        college: where the outcomes are.
        term: the term to train for.
        position: how far the college has come.

    Returns:
        A line about the champion of the first question; None if nothing was trained.
    """
    # The cheap checks come first: most calls have nothing to do, and reading outcomes takes long.
    if not is_due(workspace, term.name):
        return None
    past = find_completed_terms(workspace, college, term.name, position)
    if not past or _is_trained(workspace, [known.name for known in past]):
        return None
    rows = {known.name: read_training_rows(workspace, college, known) for known in past}
    # The terms without a usable row are named too: otherwise the next run would train again.
    names = tuple(known.name for known in past)
    held = run_contest(
        backtest.build_question(workspace.params.forecast, workspace.params.triage),
        {name: frame for name, frame in rows.items() if len(frame)},
        names,
    )
    if held is None:
        return None
    others = [run_contest(*asked) for asked in _ask_others(workspace, college, past, held.unseen)]
    registry.store_trials(
        workspace, term.name, [held, *(found for found in others if found is not None)]
    )
    table = held.tables[held.champion].mean()
    return (
        f"Forecast: the model in use is {held.champion}. On the term of {held.tested_term} it had"
        f" AUC {table['auc']:.2f} and precision at capacity {table['precision_at_capacity']:.2f};"
        f" the share who failed was {table['base_rate']:.2f}."
    )


def _ask_others(
    workspace: Workspace, college: College, past: list[Term], unseen: pd.DataFrame
) -> Iterator[tuple[Question[Any, StoredModel], dict[str, pd.DataFrame], tuple[str, ...]]]:
    """Yield the questions after the first, as `run_contest` takes them.

    They come one at a time, so that the rows of one question only are in memory.
    """
    settings, pass_mark = workspace.params.forecast, workspace.params.scoring.pass_mark
    for exam in EXAMS:
        yield (
            scores.build_question(exam, settings),
            _read_exam_rows(workspace, college, past, exam),
            (),
        )
    yield (
        subjects.build_question(settings),
        _read_subject_rows(workspace, college, past, unseen),
        (),
    )
    # All past terms are named, also the first: its records are the history of the second.
    yield (
        watchlist.build_question(pass_mark, settings),
        _read_histories(workspace, college, past),
        tuple(term.name for term in past),
    )


def is_due(workspace: Workspace, term: str) -> bool:
    """Return whether there may be something to train before a term.

    This reads only the analysis database, never the college.
    """
    names = [name for name in workspace.store.list_values("weekly_features", "term") if name < term]
    return bool(names) and not _is_trained(workspace, names)


def _is_trained(workspace: Workspace, terms: list[str]) -> bool:
    # The first question stands for all: the others may have too little data and store no row.
    known = workspace.store.read("model_runs", ("model_id", "trained_terms"), task=FAIL)
    return ",".join(terms) in set(known["trained_terms"])


def find_completed_terms(
    workspace: Workspace, college: College, before: str, position: CollegeWeek
) -> list[Term]:
    """Return the terms that were over and analysed before another term began, in time order."""
    analysed = set(workspace.store.list_values("weekly_features", "term"))
    terms = college.list_terms(position)
    return [
        term for term in terms if term.name < before and term.name in analysed and not term.current
    ]


def read_training_rows(workspace: Workspace, college: College, term: Term) -> pd.DataFrame:
    """Return the features of a term with `failed` (bool) and `near` (see `backtest.add_places`).

    Students without a known outcome are left out.
    """
    rows = workspace.store.read("weekly_features", (*KEYS, *FEATURES), term=term.name)
    rows = rows.merge(compute_outcomes(college, term)[["student_id", "failed"]], on="student_id")
    # A deadline is part of the urgency, so a trial on the list as sent must know it.
    columns = ("student_id", "sem_week", *DEADLINE)
    known = workspace.store.read("weekly_metrics", columns, term=term.name)
    known = known.assign(near=compute_nearness(known)).drop(columns=list(DEADLINE))
    return rows.merge(known, on=["student_id", "sem_week"], how="left")


def _read_exam_rows(
    workspace: Workspace, college: College, past: list[Term], exam: Exam
) -> dict[str, pd.DataFrame]:
    """Return the features before an exam with `score`, by term; only terms with rows."""
    weeks, rows = list(list_prediction_weeks(workspace.params.calendar, exam)), {}
    for term in past:
        made = workspace.store.read(
            "weekly_features", (*KEYS, *FEATURES), term=term.name, sem_week=weeks
        )
        # A student's score is the mean over subjects, as for the outcome of the semester.
        score = read_exam_results(college, term, exam).groupby("student_id")["score"].mean()
        known = made.merge(score.dropna().rename("score"), left_on="student_id", right_index=True)
        if len(known):
            rows[term.name] = known
    return rows


def _read_subject_rows(
    workspace: Workspace, college: College, past: list[Term], unseen: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """Return what was known of each subject, with the student's logit and `failed`, by term."""
    rows = {}
    for term in past:
        failed = read_exam_results(college, term, "endterm").dropna(subset="failed")[
            ["student_id", "subject_id", "failed"]
        ]
        if failed.empty:
            continue
        # From the second teaching week on, as forecasts are; in the first there is too little.
        teaching = workspace.params.calendar.teaching_weeks[1 :: subjects.EVERY]
        parts = [
            previous_terms.read_subjects_so_far(workspace, college, term, week, college.students)
            for week in teaching
        ]
        # Subjects without a result are not learnt from, and neither are students without a logit.
        every = pd.concat(parts).merge(
            failed.astype({"failed": bool}), on=["student_id", "subject_id"]
        )
        # The logits bring the term along: a result counts once a term.
        logits = unseen[unseen["term"] == term.name].rename(columns={"said": "logit"})
        rows[term.name] = every.merge(logits, on=["student_id", "sem_week"])
    return rows


def _read_histories(
    workspace: Workspace, college: College, past: list[Term]
) -> dict[str, pd.DataFrame]:
    """Return what was known before each term with `failed` in it; not of the first term."""
    # The watchlist learns from pairs of terms, and the first term has none before it.
    return {
        term.name: previous_terms.read_student_history(
            workspace, college, term, past[:number]
        ).merge(compute_outcomes(college, term)[["student_id", "failed"]], on="student_id")
        for number, term in enumerate(past)
        if number
    }
