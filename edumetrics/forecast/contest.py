"""The contest of every question: candidates are tried on the last completed term, and one wins."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from edumetrics.forecast import folds
from edumetrics.forecast.measures import Measures, compute_reliability, measure_by_class
from edumetrics.params.forecast import Forecast
from edumetrics.scoring.signals import Floats

# The names of questions in model_runs; the exams are questions too.
FAIL, SUBJECT, WATCHLIST = "fail", "subject", "watchlist"
# With fewer rows, starting processes takes longer than fitting the folds one after another.
MANY_ROWS = 50_000
# With this many classes, whole classes are sampled; with fewer, a sample would leave too few.
MANY_CLASSES = 50

# A model as it is fitted, and as it is stored.
Fitted = TypeVar("Fitted")
Stored_co = TypeVar("Stored_co", covariant=True)


@dataclass(frozen=True)
class Question(Generic[Fitted, Stored_co]):
    """What a contest must know about a question.

    Attributes:
        task: its name in model_runs: fail, subject, watchlist, midterm or endterm.
        outcome: the column to predict.
        folds: how many folds there are, if folds are needed.
        has_enough: says whether rows are enough to learn from.
        fit: returns candidates by name, fitted on the same rows: at least those named in the
            second argument, every one without it.
        predict: returns what each of them predicts for rows.
        convert: turns predictions into what is compared with the outcome: chances or scores.
        measure: returns the measures of a candidate's predictions, one row a week.
        choose: returns the name of the champion, from the weekly measures of each candidate.
        finish: makes the model to store. It gets a candidate fitted on all rows, these rows, rows
            of students that models had not seen, and what those models predicted for them.
        get_features: returns the features stored with a champion.
        baselines: predictions for the rows tried that need no model, by name.
        calibrated: whether `finish` needs predictions for all rows and not only for the rows tried.
            If the trial is folded, only its last term is tried then.
        most_rows: about how many rows all terms together keep.
        compute_reference: returns the distribution of the features, if it is stored.
    """

    task: str
    outcome: str
    folds: int
    has_enough: Callable[[pd.DataFrame], bool]
    fit: Callable[..., dict[str, Fitted]]
    predict: Callable[[dict[str, Fitted], pd.DataFrame], dict[str, Floats]]
    convert: Callable[[Floats], Floats]
    measure: Callable[[pd.DataFrame, Floats], pd.DataFrame]
    choose: Callable[[dict[str, pd.DataFrame]], str]
    finish: Callable[[Fitted, pd.DataFrame, pd.DataFrame, Floats], Stored_co]
    get_features: Callable[[str], tuple[str, ...]]
    baselines: Mapping[str, Callable[[pd.DataFrame], Floats]] = field(default_factory=dict)
    calibrated: bool = False
    most_rows: int = sys.maxsize
    compute_reference: Callable[[pd.DataFrame], dict[str, dict[str, Any]]] = lambda _: {}


@dataclass(frozen=True)
class Contest(Generic[Stored_co]):
    """The results of all candidates of a question, and the winner.

    Attributes:
        task: the question.
        measured: the measures of each candidate and baseline, by name.
        champion: the name of the winner.
        models: the champion, or every candidate where asked for, refitted on all terms. A baseline
            is not among them.
        features: the features that the champion uses.
        trained_terms: the terms it learnt from, in time order.
        tested_term: the term it was tried on.
        rows: how many rows it learnt from.
        reference: the distribution of the features, as in `drift.compute_reference`; stored with
            the champion.
        unseen: term, student_id, sem_week (if the question has weeks) and said: what the champion
            predicted for students that it had not seen.
    """

    task: str
    measured: dict[str, Measures]
    champion: str
    models: Mapping[str, Stored_co]
    features: tuple[str, ...]
    trained_terms: tuple[str, ...]
    tested_term: str
    rows: int
    reference: dict[str, dict[str, Any]]
    unseen: pd.DataFrame

    @property
    def model(self) -> Stored_co | None:
        """The fitted champion; None if it is a baseline that needs no model."""
        return self.models.get(self.champion)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The weekly measures of each candidate, by name; one row a week."""
        return {name: measured.by_week for name, measured in self.measured.items()}


def run_contest(
    question: Question[Fitted, Stored_co],
    terms: Mapping[str, pd.DataFrame],
    trained_terms: tuple[str, ...] = (),
    *,
    every: bool = False,
) -> Contest[Stored_co] | None:
    """Fit the candidates on all terms but the last, try them on the last, and refit them on all.

    If there is only one term, or the earlier terms are too small, the trial is folded by class.

    Args:
        question: the question to answer.
        terms: by term name, rows with student_id, class_id, the outcome and what else the question
            needs.
        trained_terms: the terms to name as learnt from, if they are more than those with rows.
        every: refit every candidate on all terms, not only the champion.

    Returns:
        The contest; None if there is too little data to learn from.
    """
    names = tuple(sorted(terms))
    if not names or not question.has_enough(pd.concat([terms[name] for name in names])):
        return None
    most = question.most_rows // len(names)
    rows = pd.concat(
        [_select_sample(terms[name], most).assign(term=name) for name in names], ignore_index=True
    )
    # Term names are ISO dates, so the greatest is the latest.
    tried, said, seen, unseen = _try_candidates(question, rows, terms[rows["term"].max()])
    measured = {name: _measure_candidate(question, tried, value) for name, value in said.items()}
    champion = question.choose({name: found.by_week for name, found in measured.items()})
    models = {
        name: question.finish(fitted, rows, seen, unseen[name])
        for name, fitted in question.fit(rows, None if every else (champion,)).items()
        if name in unseen
    }
    return Contest(
        task=question.task,
        measured=measured,
        champion=champion,
        models=models,
        features=question.get_features(champion),
        trained_terms=trained_terms or names,
        tested_term=names[-1],
        rows=len(rows),
        reference=question.compute_reference(rows),
        unseen=seen.filter(["term", "student_id", "sem_week"]).assign(said=unseen[champion]),
    )


def _try_candidates(
    question: Question[Fitted, Stored_co], rows: pd.DataFrame, last_term: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, Floats], pd.DataFrame, dict[str, Floats]]:
    """Return the rows tried, and what each candidate predicts for them; then both for `finish`.

    The models had not seen the students for whom they predict.
    """
    last = (rows["term"] == rows["term"].max()).to_numpy()
    enough = question.has_enough(rows[~last])
    folded = predict_out_of_fold(question, rows) if question.calibrated or not enough else {}
    if enough:
        # The last term is tried in full, not as a sample: lists have places for all its students.
        tried = last_term.reset_index(drop=True)
        said = question.predict(question.fit(rows[~last]), tried)
    else:
        # A list has places for the students of one term only.
        counts = last if question.calibrated else np.ones(len(rows), dtype=bool)
        tried, said = rows[counts], {name: value[counts] for name, value in folded.items()}
    said |= {name: predict(tried) for name, predict in question.baselines.items()}
    return (tried, said, rows, folded) if question.calibrated else (tried, said, tried, said)


def _measure_candidate(
    question: Question[Fitted, Stored_co], rows: pd.DataFrame, value: Floats
) -> Measures:
    forecast, happened = question.convert(value), rows[question.outcome].to_numpy("float64")
    # A baseline may have nothing to say about a student.
    known = ~np.isnan(forecast)
    forecast, happened = forecast[known], happened[known]
    return Measures(
        question.measure(rows, value),
        compute_reliability(forecast, happened),
        measure_by_class(rows.loc[known, "class_id"], forecast, happened),
    )


def choose_unless_beaten(
    tables: Mapping[str, pd.DataFrame], model: str, baseline: str, measure: str
) -> str:
    """Return the model, or the baseline if its mean error is not greater.

    Args:
        tables: the weekly measures of both.
        model, baseline: their names.
        measure: the column with the error.
    """
    # Comparisons with NaN are False: a baseline without an error, because it has nothing to say,
    # does not win.
    beaten = tables[model][measure].mean() >= tables[baseline][measure].mean()
    return baseline if beaten else model


def has_enough_fails(failed: pd.Series, students: int, settings: Forecast) -> bool:
    """Return whether results are enough to learn chances from.

    Args:
        failed: the results, each once.
        students: of how many students they are.
        settings: how many students and fails are enough; as many must have passed.
    """
    fails = int(failed.sum())
    return (
        students >= settings.least_students
        and min(fails, len(failed) - fails) >= settings.least_fails
    )


def _select_sample(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most about `most` rows: whole classes, or students where classes are few."""
    every = -(-len(rows) // most)  # rounded up
    if every <= 1:
        return rows
    whole = rows["class_id"] if rows["class_id"].nunique() >= MANY_CLASSES else rows["student_id"]
    # A hash instead of a random draw: every run chooses the same ones, and keeps all their weeks.
    kept: pd.DataFrame = rows[pd.util.hash_array(whole.to_numpy(dtype=object)) % every == 0]
    return kept


def predict_out_of_fold(
    question: Question[Fitted, Stored_co], rows: pd.DataFrame, names: tuple[str, ...] | None = None
) -> dict[str, Floats]:
    """Return the predictions of candidates by models that have not seen the class.

    If there is only one class, the models have not seen the student. Every candidate is asked
    where none are named.
    """
    splits = folds.split_by_class(rows, question.folds)
    # Only trees are slow: linear models are fitted in the time that it takes to start processes.
    many = question.calibrated and len(rows) > MANY_ROWS
    workers = Parallel(n_jobs=min(question.folds, cpu_count()) if many else 1)
    predict = delayed(lambda seen, unseen: question.predict(question.fit(seen, names), unseen))
    parts = workers(predict(rows.iloc[seen], rows.iloc[unseen]) for seen, unseen in splits)
    # Every row is in one fold only: sorted by position, the folds are in the order of the rows.
    order = np.argsort(np.concatenate([unseen for _, unseen in splits]))
    return {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
