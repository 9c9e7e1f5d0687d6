"""The measures of a forecast, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.forecast.measures import (
    compute_abroca,
    compute_calibration_error,
    compute_reliability,
    fit_calibration_line,
    measure_by_class,
    measure_chances,
)


def test_chances_that_order_everyone_rightly() -> None:
    found = measure_chances(np.array([0.8, 0.6, 0.4, 0.2]), np.array([1, 1, 0, 0]))
    assert (found["n"], found["base_rate"], found["auc"], found["average_precision"]) == (
        4,
        0.5,
        1,
        1,
    )
    assert found["brier"] == pytest.approx((0.04 + 0.16 + 0.16 + 0.04) / 4)
    assert found["calibration_error"] == pytest.approx((0.2 + 0.4 + 0.4 + 0.2) / 4)


def test_one_pair_of_four_in_the_wrong_order() -> None:
    found = measure_chances(np.array([0.8, 0.3, 0.4, 0.2]), np.array([1, 1, 0, 0]))
    assert found["auc"] == 0.75


@pytest.mark.parametrize("outcome", [0, 1])
def test_where_all_outcomes_are_the_same_nothing_can_be_ordered(outcome: int) -> None:
    found = measure_chances(np.array([0.25, 0.75]), np.array([outcome, outcome]))
    assert np.isnan(found["auc"])
    assert np.isnan(found["average_precision"])
    assert found["brier"] == pytest.approx((0.0625 + 0.5625) / 2)


def test_reliability_has_ten_bins_from_the_lowest_forecast_on() -> None:
    forecast = np.linspace(0.975, 0.025, 20)
    table = compute_reliability(forecast, (forecast > 0.5).astype(float))
    assert table["n"].tolist() == [2] * 10
    assert table["forecast"].tolist() == pytest.approx(np.arange(0.05, 1, 0.1))
    assert table["happened"].tolist() == [0] * 5 + [1] * 5


def test_there_are_no_more_bins_than_forecasts() -> None:
    assert len(compute_reliability(np.array([0.3, 0.1, 0.2]), np.zeros(3))) == 3
    assert compute_reliability(np.array([]), np.array([])).empty


def test_the_calibration_error_is_0_where_shares_are_as_forecast() -> None:
    p, failed = np.full(100, 0.3), np.tile([1, 1, 1, *[0] * 7], 10)
    assert compute_calibration_error(p, failed) == pytest.approx(0)
    assert compute_calibration_error(p + 0.2, failed) == pytest.approx(0.2)
    assert compute_calibration_error(np.array([]), np.array([])) == 0


def outcomes(share: float, count: int = 1000) -> np.ndarray:
    return (np.arange(count) < share * count).astype(float)


# At a logit of log 3 three of four fail, and at -log 3 one of four.
LOGIT = np.repeat([np.log(3), -np.log(3)], 1000)
FAILED = np.concatenate([outcomes(0.75), outcomes(0.25)])


@pytest.mark.parametrize(
    ("shift", "factor", "slope", "intercept"),
    [(0.0, 1.0, 1.0, 0.0), (0.0, 2.0, 0.5, 0.0), (0.5, 1.0, 1.0, -0.5)],
)
def test_the_calibration_line_undoes_what_was_done_to_the_logits(
    shift: float, factor: float, slope: float, intercept: float
) -> None:
    found = fit_calibration_line(factor * LOGIT + shift, FAILED)
    assert found["calibration_slope"] == pytest.approx(slope, abs=1e-4)
    assert found["calibration_intercept"] == pytest.approx(intercept, abs=1e-4)


def test_a_line_through_outcomes_that_are_separated_stays_finite() -> None:
    found = fit_calibration_line(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0, 0, 1, 1.0]))
    assert 1 < found["calibration_slope"] < 31


def test_classes_are_measured_by_themselves() -> None:
    table = measure_by_class(
        pd.Series(["C", "D", "C"]), np.array([0.5, 0.25, 0.75]), np.array([True, False, False])
    )
    assert table["class_id"].tolist() == ["C", "D"]
    assert table["n"].tolist() == [2, 1]
    assert table["error"].tolist() == [0.625 - 0.5, 0.25]


def test_groups_with_the_same_curve_have_no_area_between_them() -> None:
    p, failed = np.array([0.9, 0.4, 0.6, 0.1] * 2), np.array([1, 1, 0, 0] * 2)
    assert compute_abroca(p, failed, np.repeat([0, 1], 4)) == pytest.approx(0)


def test_a_perfect_and_a_useless_curve_are_half_a_square_apart() -> None:
    p = np.array([0.9, 0.9, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5])
    failed = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    group = np.repeat([True, False], 4)
    assert compute_abroca(p, failed, group) == pytest.approx(0.5, abs=0.002)
    assert compute_abroca(p, failed, ~group) == pytest.approx(0.5, abs=0.002)


def test_a_group_in_which_nobody_failed_has_no_curve() -> None:
    assert np.isnan(
        compute_abroca(
            np.array([0.1, 0.9, 0.1, 0.9]), np.array([0, 1, 0, 0]), np.array([0, 0, 1, 1])
        )
    )
