"""The thresholds of a term as they are stored: which are read, and on what they depend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.analysis import rollback
from edumetrics.forecast.contest import FAIL, Contest
from edumetrics.forecast.measures import Measures
from edumetrics.forecast.models import Calibrated, Linear, Window
from edumetrics.inputs.thresholds import hash_parameters, read_thresholds
from edumetrics.modelling import registry, thresholds
from edumetrics.params import Params
from edumetrics.workspace import Workspace
from tests.analysis.rows import load_params, open_small_workspace, put

TERM, PAST = "2026-01-05", "2025-07-14"
PARAMS = load_params()


def fitted(ranked_by: str, week: int, list_at: float, **more: Any) -> dict[str, Any]:
    return {
        "term": TERM, "ranked_by": ranked_by, "sem_week": week, "list_at": list_at,
        "fitted_on": PAST, "params_sha256": hash_parameters(PARAMS), **more,
    }  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace with thresholds for two weeks of a term."""
    made = open_small_workspace(tmp_path / "home")
    rows = [fitted("rules", 5, 33.0), fitted("rules", 6, 31.0), fitted("model", 6, 55.0)]
    put(made.store, "list_thresholds", *rows)
    return made


def test_a_week_has_the_threshold_that_was_fitted_for_it_and_what_ranks_it(
    workspace: Workspace,
) -> None:
    found = read_thresholds(workspace, TERM, 6, by_model=False)
    assert (found.list_at, found.staying_at, found.soon_at, found.urgent_at) == (31, 23, 35, 60)
    assert found.fitted_on == PAST
    assert read_thresholds(workspace, TERM, 5, by_model=False).list_at == 33
    model = read_thresholds(workspace, TERM, 6, by_model=True)
    assert (model.list_at, model.staying_at, model.soon_at, model.urgent_at) == (55, 47, 47, 60)


def test_where_none_was_fitted_the_shipped_one_is_used(workspace: Workspace) -> None:
    for term, week, by_model in ((PAST, 6, False), (TERM, 5, True), (TERM, 9, False)):
        found = read_thresholds(workspace, term, week, by_model=by_model)
        assert (found.list_at, found.fitted_on) == (45, "")


def change(part: str, **values: Any) -> Params:
    """The shipped parameters with other values in one of their parts."""
    return PARAMS.model_copy(update={part: getattr(PARAMS, part).model_copy(update=values)})


@pytest.mark.parametrize(
    ("part", "values"),
    [
        ("triage", {"list_share": 0.2}),
        ("triage", {"staying_margin": 5}),
        ("triage", {"detention_weight": 0.2}),
        ("scoring", {"baseline_weeks": 3}),
        ("calendar", {"grace_weeks": 2}),
        ("forecast", {"smoothing": 0.2}),
    ],
)
def test_a_parameter_that_thresholds_depend_on_changes_their_fingerprint(
    part: str, values: dict[str, Any]
) -> None:
    assert hash_parameters(change(part, **values)) != hash_parameters(PARAMS)


@pytest.mark.parametrize(
    "values", [{"capacity": 3}, {"urgent": 70}, {"hand_over_to": "head@college.example"}]
)
def test_other_parameters_of_lists_do_not(values: dict[str, Any]) -> None:
    assert hash_parameters(change("triage", **values)) == hash_parameters(PARAMS)


def test_a_fit_is_due_where_a_term_was_before_and_the_parameters_are_new(
    workspace: Workspace,
) -> None:
    week = {"student_id": "a", "sem_week": 5}
    put(workspace.store, "weekly_metrics", {**week, "term": TERM})
    assert not thresholds.is_due(workspace, TERM), "no term was before it"
    put(workspace.store, "weekly_metrics", {**week, "term": PAST})
    assert not thresholds.is_due(workspace, TERM), "they are fitted with these parameters"
    other = Workspace(workspace.settings, change("triage", list_share=0.2), workspace.store)
    assert thresholds.is_due(other, TERM)
    assert not thresholds.is_due(workspace, PAST)


def store_model(workspace: Workspace, trained: str) -> None:
    """Store a forecast that was trained on a term, and was better than the rules."""
    nothing = pd.DataFrame()
    measured = {
        name: Measures(pd.DataFrame({"precision_at_capacity": {4: precision}}).rename_axis("sem_week"),
                       nothing, nothing)
        for name, precision in (("logistic", 0.5), ("rules", 0.4))
    }  # fmt: skip
    window = Window(np.zeros(1), np.zeros(1), np.ones(1), np.ones(1), 0.0)
    model = Calibrated(Linear(("mark",), {4: window}))
    held = Contest(
        FAIL, measured, "logistic", {"logistic": model}, ("mark",), (trained,), trained, 100, {}, nothing
    )  # fmt: skip
    registry.store_trials(workspace, TERM, [held])


def test_a_fit_is_due_again_when_a_model_appears_after_the_rules_were_fitted(
    tmp_path: Path,
) -> None:
    """Results of the term before came late: the forecast was trained in the middle of this one."""
    workspace = open_small_workspace(tmp_path / "home")
    put(workspace.store, "weekly_metrics", *({"student_id": "a", "sem_week": 5, "term": term}
                                             for term in (PAST, TERM)))  # fmt: skip
    put(workspace.store, "list_thresholds", fitted("rules", 5, 33.0))
    assert not thresholds.is_due(workspace, TERM)
    store_model(workspace, PAST)
    assert thresholds.is_due(workspace, TERM)
    put(workspace.store, "list_thresholds", fitted("model", 5, 55.0))
    assert not thresholds.is_due(workspace, TERM)


def test_a_model_that_has_learnt_from_the_term_itself_makes_no_fit_due(tmp_path: Path) -> None:
    workspace = open_small_workspace(tmp_path / "home")
    put(workspace.store, "weekly_metrics", *({"student_id": "a", "sem_week": 5, "term": term}
                                             for term in (PAST, TERM)))  # fmt: skip
    put(workspace.store, "list_thresholds", fitted("rules", 5, 33.0))
    store_model(workspace, TERM)
    assert not thresholds.is_due(workspace, TERM)


def test_a_rollback_keeps_the_thresholds_of_its_term_and_forgets_those_of_later_ones(
    workspace: Workspace,
) -> None:
    """They are fitted before the first week of a term: a week computed once more needs them."""
    put(workspace.store, "list_thresholds", fitted("rules", 6, 40.0, term="2026-07-13"))
    with workspace.store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later(TERM, 5))
    assert read_thresholds(workspace, TERM, 6, by_model=False).list_at == 31
    assert read_thresholds(workspace, "2026-07-13", 6, by_model=False).list_at == 45
    with workspace.store.start_transaction() as connection:
        rollback.delete_derived(connection)
    assert workspace.store.read("list_thresholds").empty
