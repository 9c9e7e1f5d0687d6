"""The trial of forecasts: places on the list as it would be sent, and which candidates are fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.forecast import backtest, places
from edumetrics.forecast.contest import predict_out_of_fold, run_contest
from edumetrics.forecast.models import fit_all
from edumetrics.params import Forecast, Triage
from edumetrics.scoring.signals import compute_probability
from tests.unit.forecast.test_forecast import made_up

SETTINGS = Forecast(trees=10, least_students=20, least_fails=5)
QUESTION = backtest.build_question(SETTINGS, Triage())


def make_rows(week: int = 5, **more: object) -> pd.DataFrame:
    return pd.DataFrame({"student_id": list("abcd"), "sem_week": week, "advisor_id": "X", **more})


def test_a_nearing_deadline_is_part_of_the_urgency_that_places_go_by() -> None:
    """c has 1 − .5·(1 − .3·.9) = .635, more than a's .6; without a deadline it is the last but one."""
    chance = np.array([0.6, 0.55, 0.5, 0.1])
    logit = np.log(chance / (1 - chance))
    rows = make_rows(logit=logit, near=[0.0, np.nan, 0.9, 0.0])
    two = Triage(capacity=2)
    found = places.add_places(rows, two, 0.3).set_index("student_id")
    assert found["urgency"].to_dict() == pytest.approx({"a": 0.6, "b": 0.55, "c": 0.635, "d": 0.1})
    assert found.index[found["inside"]].tolist() == ["c", "a"]
    plain = places.add_places(rows.drop(columns="near"), two, 0.3).set_index("student_id")
    assert plain.index[plain["inside"]].tolist() == ["a", "b"]
    off = places.add_places(rows, Triage(capacity=2, detention_weight=0), 0.3)
    assert off.loc[off["inside"], "student_id"].tolist() == ["a", "b"]


def test_places_go_by_the_chance_smoothed_over_weeks() -> None:
    """b's logit of 3 in week 4 leaves .7·1 + .3·3 = 1.6 in week 5, more than a's 1.5."""
    rows = pd.concat(
        [make_rows(4, logit=[1.5, 3.0, 0.0, 0.0]), make_rows(5, logit=[1.5, 1.0, 0.0, 0.0])]
    )
    found = places.add_places(rows, Triage(capacity=1), 0.3)
    inside = found[found["inside"]].set_index("sem_week")
    assert inside["student_id"].to_dict() == {4: "b", 5: "b"}
    assert inside.loc[5, "order"] == pytest.approx(1.6)


@pytest.mark.parametrize(
    ("names", "fitted"),
    [
        (("linear",), {"linear"}),
        (("boosted",), {"boosted"}),
        (("blend",), {"linear", "boosted", "blend"}),
        (("rules", "attendance only"), {"rules", "attendance only"}),
        (
            None,
            {"rules", "attendance only", "previous semester only", "linear", "boosted", "blend"},
        ),
    ],
)
def test_only_candidates_that_are_named_are_fitted(
    names: tuple[str, ...] | None, fitted: set[str]
) -> None:
    rows = made_up(60, 1)
    assert set(fit_all(rows, rows["failed"].to_numpy("float64"), SETTINGS, names)) == fitted
    assert set(QUESTION.fit(rows, names)) == fitted


@pytest.mark.slow
def test_the_champion_alone_is_refitted_unless_every_candidate_is_asked_for() -> None:
    rows = made_up(120, 2)
    tried = run_contest(QUESTION, {"t": rows})
    assert tried is not None
    # A blend is made of two others, which come with it.
    parts = {"linear", "boosted"} if tried.champion == "blend" else set()
    assert set(tried.models) == {tried.champion, *parts}
    every = run_contest(QUESTION, {"t": rows}, every=True)
    assert every is not None
    assert every.champion == tried.champion
    assert set(every.models) > {"linear", "boosted", "blend"}
    np.testing.assert_array_equal(
        tried.models[tried.champion].predict_logit(rows),
        every.models[every.champion].predict_logit(rows),
    )


def test_an_unseen_chance_comes_from_models_of_other_classes_and_is_as_high_as_what_happened() -> (
    None
):
    rows = made_up(400, 3)
    unseen = backtest.predict_unseen(QUESTION, rows, "linear")
    failed = rows["failed"].to_numpy("float64")
    assert compute_probability(unseen).mean() == pytest.approx(failed.mean(), abs=0.02)
    own = rows["class_id"] == "c0"
    # What happened in a class changes nothing of what is said of it, but for the shift of all.
    other = rows.assign(failed=rows["failed"] ^ own)
    before, after = (
        predict_out_of_fold(QUESTION, frame, ("linear",))["linear"] for frame in (rows, other)
    )
    together = own.to_numpy()
    assert np.ptp((after - before)[together]) == pytest.approx(0, abs=1e-9)
