"""Training before a term: the candidates of every question are tried, and the champions stored."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from edumetrics.college.outcomes import compute_outcomes, read_exam_results
from edumetrics.college.terms import College, Term
from edumetrics.fields import FEATURES
from edumetrics.forecast import scores, subjects, watchlist
from edumetrics.forecast.backtest import Contest, run_contest
from edumetrics.forecast.models import LINEAR
from edumetrics.inputs import previous_terms
from edumetrics.inputs.previous_weeks import read_rule_weeks
from edumetrics.inputs.terms import list_prediction_weeks
from edumetrics.modelling import registry
from edumetrics.modelling.registry import FAIL, SUBJECT, WATCHLIST, TrialResult
from edumetrics.types import Exam
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

EXAMS: tuple[Exam, Exam] = ("midterm", "endterm")
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
    held = run_contest(
        {name: frame for name, frame in rows.items() if len(frame)},
        workspace.params.forecast,
        workspace.params.triage,
    )
    if held is None:
        return None
    # The terms without a usable row are named too: otherwise the next run would train again.
    held = replace(held, trained_terms=tuple(known.name for known in past))
    entries = [
        _convert_contest(held),
        *_try_exams(workspace, college, past),
        *_try_subjects(workspace, college, past, held),
    ]
    registry.store_trials(
        workspace, term.name, [*entries, *_try_watchlist(workspace, college, past)]
    )
    table = held.tables[held.champion].mean()
    return (
        f"Forecast: the model in use is {held.champion}. On the term of {held.tested_term} it had"
        f" AUC {table['auc']:.2f} and precision at capacity {table['precision_at_capacity']:.2f};"
        f" the share who failed was {table['base_rate']:.2f}."
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
    """Return the features of a term with `failed` and `ruled` (both bool).

    Students without a known outcome are left out.
    """
    rows = workspace.store.read("weekly_features", (*KEYS, *FEATURES), term=term.name)
    rows = rows.merge(compute_outcomes(college, term)[["student_id", "failed"]], on="student_id")
    # Hard rules come first on the lists, so a trial on the list as sent must know them.
    ruled = read_rule_weeks(workspace, term.name).assign(ruled=True)
    rows = rows.merge(ruled, on=["student_id", "sem_week"], how="left")
    return rows.assign(ruled=rows["ruled"].notna())


def _convert_contest(held: Contest) -> TrialResult:
    return TrialResult(
        task=FAIL,
        measured=held.measured,
        champion=held.champion,
        model=held.models[held.champion],
        features=tuple(FEATURES),
        trained_terms=held.trained_terms,
        tested_term=held.tested_term,
        rows=held.rows,
        reference=held.reference,
    )


def _try_exams(workspace: Workspace, college: College, past: list[Term]) -> list[TrialResult]:
    entries = []
    for exam in EXAMS:
        weeks, rows = list(list_prediction_weeks(workspace.params.calendar, exam)), {}
        for term in past:
            made = workspace.store.read(
                "weekly_features", (*KEYS, *FEATURES), term=term.name, sem_week=weeks
            )
            # A student's score is the mean over subjects, as for the outcome of the semester.
            score = (
                read_exam_results(college, term, exam)
                .groupby("student_id")["score"]
                .mean()
                .dropna()
            )
            known = made.merge(score.rename("score"), left_on="student_id", right_index=True)
            if len(known):
                rows[term.name] = known
        tried = scores.run_trial(rows, workspace.params.forecast)
        if tried is not None:
            champion = "linear" if tried.model else "marks so far"
            names = tuple(sorted(rows))
            entries.append(
                TrialResult(
                    exam,
                    tried.measured,
                    champion,
                    tried.model,
                    LINEAR,
                    names,
                    names[-1],
                    tried.rows,
                )
            )
    return entries


def _try_subjects(
    workspace: Workspace, college: College, past: list[Term], held: Contest
) -> list[TrialResult]:
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
        logits = held.unseen.loc[
            held.unseen["term"] == term.name, ["student_id", "sem_week", "logit"]
        ]
        # Subjects without a result are not learnt from, and neither are students without a logit.
        every = pd.concat(parts).merge(
            failed.astype({"failed": bool}), on=["student_id", "subject_id"]
        )
        rows[term.name] = every.merge(logits, on=["student_id", "sem_week"])
    tried = subjects.run_trial(rows, workspace.params.forecast)
    if tried is None:
        return []
    names = tuple(sorted(rows))
    best = (tried.champion, tried.model, tried.model.columns)
    return [TrialResult(SUBJECT, tried.measured, *best, names, names[-1], tried.rows)]


def _try_watchlist(workspace: Workspace, college: College, past: list[Term]) -> list[TrialResult]:
    rows = {}
    for number, term in enumerate(past):
        # The watchlist learns from pairs of terms, and the first term has none before it.
        if number == 0:
            continue
        known = previous_terms.read_student_history(workspace, college, term, past[:number])
        rows[term.name] = known.merge(
            compute_outcomes(college, term)[["student_id", "failed"]], on="student_id"
        )
    tried = watchlist.run_trial(rows, workspace.params.scoring.pass_mark, workspace.params.forecast)
    if tried is None:
        return []
    # All past terms, also the first: its records are the history of the second.
    names = tuple(term.name for term in past)
    best = (
        watchlist.NAME if tried.model else watchlist.BASELINE,
        tried.model,
        tuple(watchlist.HISTORY),
    )
    return [TrialResult(WATCHLIST, tried.measured, *best, names, names[-1], tried.rows)]
