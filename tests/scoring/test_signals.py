"""An absent signal is left out: it is not zero."""

from __future__ import annotations

import numpy as np
import pytest

from edumetrics.scoring.signals import compute_weighted_mean, divide, rank_in_groups

NAN = np.nan


@pytest.mark.parametrize(
    ("a", "b", "weights", "mean", "coverage"),
    [
        (50, 90, {"a": 30, "b": 10}, 60, 1),
        (50, 90, {"a": 3, "b": 1}, 60, 1),
        (50, NAN, {"a": 30, "b": 10}, 50, 0.75),
        (NAN, 90, {"a": 30, "b": 10}, 90, 0.25),
        (0, 90, {"a": 30, "b": 10}, 22.5, 1),
        (50, 90, {"a": 30, "b": 0}, 50, 1),
        (NAN, NAN, {"a": 30, "b": 10}, NAN, 0),
        (NAN, 90, {"a": 30, "b": 0}, NAN, 0),
        (50, 90, {"a": 0, "b": 0}, NAN, 0),
    ],
)
def test_only_the_signals_present_are_weighed(
    a: float, b: float, weights: dict[str, float], mean: float, coverage: float
) -> None:
    signals = {"a": np.array([a], dtype=float), "b": np.array([b], dtype=float)}
    found = compute_weighted_mean(signals, weights)
    assert np.concatenate(found) == pytest.approx([mean, coverage], nan_ok=True)


def test_each_student_has_a_mean_of_their_own() -> None:
    signals = {"a": np.array([10.0, NAN]), "b": np.array([30.0, 80.0])}
    mean, coverage = compute_weighted_mean(signals, {"a": 1, "b": 1})
    assert mean.tolist() == [20, 80]
    assert coverage.tolist() == [1, 0.5]


def test_a_quotient_needs_a_denominator_above_zero() -> None:
    with np.errstate(all="raise"):
        found = divide(np.array([3.0, 3.0, 3.0, 0.0]), np.array([4.0, 0.0, -4.0, 0.0]))
    assert found == pytest.approx([0.75, NAN, NAN, NAN], nan_ok=True)


def test_a_value_is_ranked_within_its_group_only() -> None:
    base, groups = np.array([10.0, 20.0, 20.0, 30.0, 5.0, 40.0]), np.array([0, 0, 0, 0, 1, 1])
    less, equal, size = rank_in_groups(np.array([20.0, 20.0]), np.array([0, 1]), base, groups)
    assert less.tolist() == [1, 1]
    assert equal.tolist() == [2, 0]
    assert size.tolist() == [4, 2]


def test_a_student_without_a_value_is_not_counted_in_the_group() -> None:
    base, groups = np.array([10.0, NAN, 30.0]), np.array([0, 0, 0])
    less, equal, size = rank_in_groups(np.array([30.0]), np.array([0]), base, groups)
    assert (less[0], equal[0], size[0]) == (1, 1, 2)
