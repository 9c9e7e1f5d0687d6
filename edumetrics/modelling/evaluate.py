"""Evaluation on past terms as if they were live: the measures of all candidates, week by week."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.college.outcomes import compute_outcomes
from edumetrics.errors import SettingsError
from edumetrics.forecast import list_shares
from edumetrics.forecast.backtest import build_question, measure_by_week
from edumetrics.forecast.contest import Contest, run_contest
from edumetrics.forecast.models import Calibrated
from edumetrics.modelling import train
from edumetrics.workspace import Workspace


def evaluate(workspace: Workspace) -> pd.DataFrame:
    """Return the measures of all candidates on each past term, as if it were live.

    The models of a term learnt from all terms before it. A term without an earlier one is folded
    by class.

    Returns:
        term, model, champion (bool), trained_terms, sem_week and the columns of
        `backtest.measure_by_week`.

    Raises:
        SettingsError: there is no completed term, or too little data about them.
    """
    params, found = workspace.params, []
    with workspace.open_college() as college:
        # "9999" is after every term name: all completed terms.
        past = train.find_completed_terms(
            workspace, college, "9999", college.find_college_week(workspace.today)
        )
        terms = {term.name: train.read_training_rows(workspace, college, term) for term in past}
    before: dict[str, pd.DataFrame] = {}
    held: Contest[Calibrated] | None = None
    for name, rows in terms.items():
        # `held` is still the contest of the terms before this one.
        trained = ",".join(held.trained_terms) if held else "other classes"
        live = {
            key: measure_by_week(rows, model.predict_logit(rows), params.triage, params.forecast)
            for key, model in _list_models(held)
        }
        champion_then = held.champion if held else ""
        before[name] = rows
        # After the last term a contest is only needed if no earlier models could be tried on it.
        if not live or name != max(terms):
            held = run_contest(build_question(params.forecast, params.triage), before, every=True)
        tables = live or (held.tables if held else {})
        champion_then = champion_then or (held.champion if held else "")
        for key, table in tables.items():
            about = table.reset_index().assign(term=name, model=key, champion=key == champion_then)
            found.append(about.assign(trained_terms=trained))
    if not found:
        raise SettingsError(
            "There is too little data about completed terms to evaluate a forecast:"
            " run `edumetrics calibrate` first."
        )
    table = pd.concat(found, ignore_index=True)
    first = ["term", "model", "champion", "trained_terms", "sem_week"]
    return table[[*first, *table.columns.drop(first)]].astype({"sem_week": "int64", "n": "int64"})


def measure_sent_lists(workspace: Workspace) -> dict[str, tuple[pd.DataFrame, list[str]]]:
    """Return by completed term what its lists were worth, and what is to be said of them.

    Returns:
        By term: the table of `list_shares.measure_list_shares` for the weeks after grace, and
        sentences: who was ever listed, and where the order of the words was not borne out. Terms
        without a list or a known outcome are left out.
    """
    params, found = workspace.params, {}
    for sent in read_sent_lists(workspace):
        shares = list_shares.measure_list_shares(
            sent.metrics, sent.flags, sent.failed, params.triage, params.forecast
        )
        reach = list_shares.measure_reach(sent.metrics, sent.ever, sent.failed)
        found[sent.term] = (
            shares,
            [
                list_shares.describe_reach(reach),
                *list_shares.find_broken_order(shares, by_model=sent.by_model),
            ],
        )
    return found


@dataclass(frozen=True)
class SentLists:
    """The lists of a completed term, and who failed or left in the end.

    Attributes:
        term: ISO date of the term's first week.
        metrics: the columns of `list_shares.METRICS` and prior_mean, of the weeks after grace.
        flags: the columns of `list_shares.FLAGS` of the same weeks.
        ever: student_id, sem_week of every place on a list of the term.
        failed: student_id, failed (bool), of the students whose outcome is known.
        by_model: whether a forecast ranked any of the lists.
    """

    term: str
    metrics: pd.DataFrame
    flags: pd.DataFrame
    ever: pd.DataFrame
    failed: pd.DataFrame
    by_model: bool


def read_sent_lists(workspace: Workspace) -> Iterator[SentLists]:
    """Yield the lists of each completed term that has any, and of which an outcome is known."""
    calendar, store = workspace.params.calendar, workspace.store
    with workspace.open_college() as college:
        past = train.find_completed_terms(
            workspace, college, "9999", college.find_college_week(workspace.today)
        )
        outcomes = {term.name: compute_outcomes(college, term) for term in past}
    after_grace = [week for week in calendar.teaching_weeks if week > calendar.grace_weeks]
    for term, outcome in outcomes.items():
        there: dict[str, Any] = {"term": term, "sem_week": after_grace}
        metrics = store.read("weekly_metrics", list_shares.METRICS, **there)
        earlier = store.read("weekly_features", ("student_id", "sem_week", "prior_mean"), **there)
        flags = store.read("weekly_flags", (*list_shares.FLAGS, "ranked_by"), **there)
        if flags.empty or outcome.empty:
            continue
        yield SentLists(
            term,
            metrics.merge(earlier, on=["student_id", "sem_week"], how="left"),
            flags[list(list_shares.FLAGS)],
            store.read("weekly_flags", ("student_id", "sem_week"), term=term),
            outcome[["student_id", "failed"]].astype({"failed": bool}),
            bool((flags["ranked_by"] == "model").any()),
        )


def _list_models(held: Contest[Calibrated] | None) -> list[tuple[str, Calibrated]]:
    return list(held.models.items()) if held else []
