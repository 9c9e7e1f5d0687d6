"""Fitting the list thresholds of a term on the last completed term before it."""

from __future__ import annotations

import pandas as pd

from edumetrics.analysis import run_log
from edumetrics.analysis.store import get_utc_now
from edumetrics.college.terms import College, Term
from edumetrics.forecast import backtest
from edumetrics.inputs.thresholds import TABLE, hash_parameters, name_ranking
from edumetrics.modelling import champion, train
from edumetrics.scoring.signals import compute_probability
from edumetrics.triage.situation import build_thresholds
from edumetrics.triage.thresholds import fit_thresholds, replay_urgencies
from edumetrics.triage.urgency import DEADLINE
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

STAGE = "thresholds"


def is_due(workspace: Workspace, term: str) -> bool:
    """Return whether the thresholds of a term may have to be fitted.

    They are when an earlier term was analysed, and none were fitted with the parameters in force;
    or a model can rank since then, for example because results came late. This reads only the
    analysis database and the models, never the college.
    """
    if not any(name < term for name in workspace.store.list_terms()):
        return False
    digest = hash_parameters(workspace.params)
    rows = workspace.store.read(TABLE, ("ranked_by",), term=term, params_sha256=digest)
    fitted = set(rows["ranked_by"])
    if name_ranking(by_model=False) not in fitted:
        return True
    if name_ranking(by_model=True) in fitted:
        return False
    # Reading a model takes longer than all else here: most runs need not.
    return champion.load_champion(workspace, term).model is not None


def fit(workspace: Workspace, college: College, term: Term, position: CollegeWeek) -> str | None:
    """Fit the list thresholds of a term on the last completed term before it, and store them.

    Args:
        workspace: where past terms are, and the thresholds go.
        college: where the outcomes are, for chances that were made without them.
        term: the term to fit for.
        position: how far the college has come.

    Returns:
        A line that says so; None where nothing was due, or no term is complete.
    """
    if not is_due(workspace, term.name):
        return None
    past = train.find_completed_terms(workspace, college, term.name, position)
    if not past:
        return None
    again = workspace.store.has_rows(TABLE, term=term.name)
    last, parts = past[-1], []
    metrics = workspace.store.read(
        "weekly_metrics",
        ("student_id", "sem_week", "risk_score", "p_fail", *DEADLINE),
        term=last.name,
    )
    parts.append(_fit_ranking(workspace, metrics, last.name, by_model=False))
    kind = champion.find_kind(workspace, term.name)
    if kind:
        known = _add_unseen_chances(workspace, college, last, metrics, kind)
        parts.append(_fit_ranking(workspace, known, last.name, by_model=True))
    rows = pd.concat(parts, ignore_index=True)
    if rows.empty:
        return None
    _store(workspace, term.name, rows)
    share = 100 * workspace.params.triage.list_share
    why = "The parameters have changed: the" if again else "The"
    return f"{why} list thresholds are fitted on the term of {last.name}, to list {share:g}%."


def _fit_ranking(
    workspace: Workspace, metrics: pd.DataFrame, fitted_on: str, *, by_model: bool
) -> pd.DataFrame:
    """Return rows of list_thresholds of one ranking, without term and run."""
    params = workspace.params
    urgencies = replay_urgencies(
        metrics, params.calendar, params.triage, params.forecast.smoothing, by_model=by_model
    )
    found = fit_thresholds(urgencies, params.calendar, params.triage)
    rows = [
        {
            "ranked_by": name_ranking(by_model=by_model),
            "sem_week": week,
            "list_at": limits.list_at,
            "soon_at": limits.soon_at,
            "urgent_at": limits.urgent_at,
            "fitted_on": fitted_on,
            "params_sha256": hash_parameters(params),
        }
        for week, limits in (
            (week, build_thresholds(cut, params.triage)) for week, cut in found.items()
        )
    ]
    return pd.DataFrame(rows)


def _add_unseen_chances(
    workspace: Workspace, college: College, last: Term, metrics: pd.DataFrame, kind: str
) -> pd.DataFrame:
    """Return the last term's metrics with chances that were made without its outcomes.

    These are the forecasts of that term, or where there were none, those of models that had not
    seen the student's class, calibrated as the model is.
    """
    if metrics["p_fail"].notna().any():
        return metrics
    params = workspace.params
    rows = train.read_training_rows(workspace, college, last)
    question = backtest.build_question(params.forecast, params.triage)
    chance = compute_probability(backtest.predict_unseen(question, rows, kind))
    known = rows[["student_id", "sem_week"]].assign(p_fail=chance)
    return metrics.drop(columns="p_fail").merge(known, on=["student_id", "sem_week"], how="left")


def _store(workspace: Workspace, term: str, rows: pd.DataFrame) -> None:
    """Store the thresholds of a term in one transaction."""
    store = workspace.store
    with (
        run_log.watch_run(store, workspace.params, STAGE, term, 0) as run,
        store.start_transaction() as connection,
    ):
        rows = rows.assign(term=term, run_id=run.run_id, computed_at=get_utc_now())
        store.replace_slice(connection, TABLE, rows, term=term)
        run_log.mark_done(connection, run, len(rows))
