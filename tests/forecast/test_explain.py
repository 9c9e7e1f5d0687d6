"""What each feature adds to a forecast: it adds up, and goes to the heading it belongs to."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields import FEATURES
from edumetrics.forecast.explain import TOPICS, compute_contributions, sum_by_topic
from edumetrics.forecast.features import OwnValues
from edumetrics.forecast.models import ALL, Blend, Boosted, Calibrated, Linear, Window, fit_boosted
from edumetrics.forecast.ranking import collect_topic_values
from edumetrics.params import Forecast

# 2 for each 10 marks below 60, and 1 for each tenth of attendance below 0.8; -1 where both are met.
LINEAR = Linear(
    ("mark", "attendance"),
    {4: Window(np.array([60.0, 0.8]), np.array([60.0, 0.8]), np.array([10.0, 0.1]),
               np.array([-2.0, -1.0]), -1.0)},
)  # fmt: skip


def make_rows(**columns: object) -> pd.DataFrame:
    given: dict[str, object] = dict.fromkeys(FEATURES, 0.0)
    return pd.DataFrame(given | {"sem_week": 4, "semester_gone": 0.25} | columns)


ROWS = make_rows(mark=[50.0, 60.0, np.nan], attendance=[0.8, 0.7, 0.9])


def test_a_linear_model_adds_its_coefficient_times_the_distance_from_the_mean() -> None:
    parts = compute_contributions(Calibrated(LINEAR), ROWS)
    assert parts["mark"].tolist() == pytest.approx([2, 0, 0])
    assert parts["attendance"].tolist() == pytest.approx([0, 1, -1])
    assert parts["base"].tolist() == [-1, -1, -1]
    assert (parts[[name for name in ALL if name not in LINEAR.columns]] == 0).all(axis=None)


def test_the_shift_of_calibration_belongs_to_everyone() -> None:
    """A quarter of the semester is over: 1 + 2·(-0.25) + 4·0.0625 is 0.75."""
    parts = compute_contributions(Calibrated(LINEAR, (1.0, 2.0, 4.0)), ROWS)
    assert parts["base"].tolist() == pytest.approx([-0.25] * 3)
    assert parts["mark"].tolist() == pytest.approx([2, 0, 0])


@pytest.fixture(scope="module")
def boosted() -> Boosted:
    """Trees that learnt that low marks fail."""
    chance = np.random.default_rng(1)
    rows = make_rows(mark=chance.uniform(0, 100, 400), attendance=chance.uniform(0, 1, 400))
    rows["student_id"] = [f"s{n}" for n in range(400)]
    return fit_boosted(
        rows, (rows["mark"] < 40).to_numpy("float64"), Forecast(trees=12, learning_rate=0.3)
    )


def test_trees_add_up_to_their_logit_and_blame_what_they_learnt_from(boosted: Boosted) -> None:
    rows = make_rows(mark=[5.0, 95.0, np.nan], attendance=[0.5, 0.5, 0.5])
    parts = compute_contributions(Calibrated(boosted), rows)
    np.testing.assert_allclose(parts.sum(axis=1), boosted.predict_logit(rows), atol=1e-6)
    assert parts.loc[0, "mark"] > 0 > parts.loc[1, "mark"]
    assert parts.drop(columns="base").abs().idxmax(axis=1)[:2].tolist() == ["mark", "mark"]


def test_a_blend_adds_the_mean_of_both(boosted: Boosted) -> None:
    rows = make_rows(mark=[5.0, 95.0], attendance=[0.5, 0.9])
    mean = (
        compute_contributions(Calibrated(LINEAR), rows)
        + compute_contributions(Calibrated(boosted), rows)
    ) / 2
    blend = compute_contributions(Calibrated(Blend(LINEAR, boosted)), rows)
    pd.testing.assert_frame_equal(blend, mean)


def test_features_are_summed_under_their_heading() -> None:
    parts = pd.DataFrame({name: [0.0] for name in FEATURES}).assign(
        mark=1.0, mark_gap=2.0, attendance=4.0, risk=8.0, base=16.0
    )
    found = sum_by_topic(parts)
    assert tuple(found) == tuple(TOPICS)
    assert {topic: float(added[0]) for topic, added in found.items() if added[0]} == {
        "marks": 3, "attendance": 4,
    }  # fmt: skip


def test_readers_see_whole_numbers_beside_the_median_of_their_class() -> None:
    columns = {column for column, _ in TOPICS.values()}
    frame = pd.DataFrame(dict.fromkeys(columns, 1.0), index=range(4)).assign(
        attendance_recent=[0.5, 0.7, 0.9, 0.1], handed_in=[0.5, 0.0, 1.0, 1.0],
        days_idle=[3.0, 40.0, 5.0, 1.0],
    )  # fmt: skip
    told = collect_topic_values(OwnValues(frame, np.array([0, 0, 0, 1])))
    own, peers = told["attendance"]
    assert own.tolist() == pytest.approx([50, 70, 90, 10])
    assert peers.tolist() == pytest.approx([70, 70, 70, 10])
    days, usual = told["promptness"]
    assert np.isnan(days[1]), "who never handed anything in has no last time"
    assert (days[0], days[2], usual[0]) == (3, 5, 4)
