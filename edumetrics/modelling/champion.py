"""The forecast of a term: the model in use, its evidence, and what earlier semesters tell."""

from __future__ import annotations

import pandas as pd

from edumetrics.forecast.contest import FAIL, SUBJECT
from edumetrics.forecast.in_use import Champion, TermModels
from edumetrics.forecast.models import Calibrated
from edumetrics.modelling import registry
from edumetrics.workspace import Workspace

# Before this week too little is known for a model to rank a list.
RANKS_FROM = 4
# The candidate that stands for the rules in every trial.
RULES = "rules"
EVIDENCE = ("n", "base_rate", "auc", "precision_at_capacity", "calibration_error")


def load_models(workspace: Workspace, term: str) -> TermModels:
    """Return the models in use in a term."""
    return TermModels(load_champion(workspace, term), registry.load_model(workspace, SUBJECT, term))


def load_champion(workspace: Workspace, term: str) -> Champion:
    """Return the model in use in a term: the latest champion trained on earlier terms only."""
    found = registry.load_model(workspace, FAIL, term)
    # None, or a model that cannot be trusted: `found.model` is of this kind in all other cases.
    if not isinstance(found.model, Calibrated):
        return Champion(trouble=found.trouble)
    tried = registry.read_candidates(workspace, FAIL, found.trained_terms)
    rows = {row["model"]: row["metrics"]["by_week"] for row in tried}
    won = next(row["metrics"]["by_week"] for row in tried if row["champion"])
    from_week = _find_first_win(won, rows[RULES])
    return Champion(
        found.model_id, found.model, found.trained_terms, from_week, reference=found.reference
    )


def find_kind(workspace: Workspace, term: str) -> str:
    """Return the name of the candidate in use in a term; empty where there is no model."""
    found = load_champion(workspace, term)
    tried = registry.read_candidates(workspace, FAIL, found.trained_terms)
    return next((str(row["model"]) for row in tried if row["champion"]), "") if found.model else ""


def _find_first_win(champion: list[dict[str, float]], rules: list[dict[str, float]]) -> int | None:
    """Return the first week from which on a champion's precision at capacity was above the rules'.

    It is the mean over that week and all later ones, so that one lucky week decides nothing.

    Args:
        champion, rules: their weekly measures, as in model_runs.

    Returns:
        A week from `RANKS_FROM` on; None if there is no such week.
    """
    # The measures are null where nobody had a place.
    own, others = (
        pd.Series({int(row["sem_week"]): row["precision_at_capacity"] or 0.0 for row in rows})
        for rows in (champion, rules)
    )
    weeks = [week for week in sorted(own.index) if week >= RANKS_FROM]
    ahead = (own - others.reindex(own.index).fillna(0.0)).sort_index()
    return next((week for week in weeks if ahead.loc[week:].mean() > 0), None)


def collect_evidence(workspace: Workspace, trained_terms: str, week: int) -> pd.DataFrame:
    """Return the measures of each candidate and baseline of a contest in one week.

    Args:
        workspace: where the trials are stored.
        trained_terms: the terms of the contest, separated by commas.
        week: semester week of the tested term.

    Returns:
        One row per candidate, the best AUC first: model, in use, tested on and `EVIDENCE`. NaN if
        the week was not tried; no rows if there was no contest.
    """
    rows = []
    for row in registry.read_candidates(workspace, FAIL, trained_terms):
        weeks = {int(measures["sem_week"]): measures for measures in row["metrics"]["by_week"]}
        about = {
            "model": row["model"],
            "in use": bool(row["champion"]),
            "tested on": row["tested_term"],
        }
        rows.append({**about, **weeks.get(week, {})})
    shown = ["model", "in use", "tested on", *EVIDENCE]
    return pd.DataFrame(rows, columns=shown).sort_values("auc", ascending=False, ignore_index=True)
