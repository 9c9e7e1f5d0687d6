"""Signals and how they are combined: an absent signal is left out, it is not zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def compute_weighted_mean(
    signals: Mapping[str, Floats], weights: Mapping[str, float]
) -> tuple[Floats, Floats]:
    """Return the weighted mean of the signals present, and the share of weight that is present.

    Args:
        signals: arrays of equal length; NaN means absent.
        weights: a weight of at least 0 for every signal.

    Returns:
        (mean, coverage). The mean is Σ w s / Σ w over the signals present; it is NaN where none is
        present, or only signals of weight 0. The coverage is present weight / total weight, 0..1.

    >>> signals = {"a": np.array([50.0]), "b": np.array([np.nan])}
    >>> mean, coverage = compute_weighted_mean(signals, {"a": 30, "b": 10})
    >>> float(mean[0]), float(coverage[0])
    (50.0, 0.75)
    """
    values = np.stack([signals[name] for name in weights])
    weight = np.array([weights[name] for name in weights])[:, None] * ~np.isnan(values)
    present, total = weight.sum(axis=0), sum(weights.values())
    # NaN times 0 is NaN, so absent values become 0 before they are weighted.
    mean = divide((np.nan_to_num(values) * weight).sum(axis=0), present)
    return mean, present / total if total else np.zeros(values.shape[1])


def divide(numerator: np.ndarray, denominator: np.ndarray) -> Floats:
    """Return the elementwise quotient; NaN where the denominator is not above 0."""
    # `where` skips these elements, so numpy gives no warning about a division by zero.
    above = np.asarray(denominator) > 0
    return np.asarray(
        np.divide(numerator, denominator, out=np.full(np.shape(denominator), np.nan), where=above)
    )


def compute_probability(logit: Floats) -> Floats:
    """Return the probability of a logit."""
    # Clipped because exp() overflows; beyond 50 the probability does not change any more.
    return np.asarray(1 / (1 + np.exp(-np.clip(logit, -50, 50))))


def smooth(now: Floats, before: Floats, keep: float) -> Floats:
    """Return a mean of this week's value and last week's smoothed one.

    Args:
        now: this week's value.
        before: last week's smoothed value; NaN where there was none, then `now` alone counts.
        keep: the weight of `before`, 0..1.
    """
    return np.where(np.isnan(before), now, (1 - keep) * now + keep * before)


def rank_in_groups(
    values: Floats, groups: np.ndarray, base: Floats, base_groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count how many values of its group are less than a value, equal to it, and in the group.

    Args:
        values, groups: the values to place, and the group of each (numbers from 0).
        base, base_groups: the values to compare with, and their groups; NaN is left out.

    Returns:
        For each value: how many values of its group are less, how many are equal, and how many
        there are. The numbers have no meaning where the value is NaN.

    >>> base, groups = np.array([1.0, 2.0, 3.0, 0.0]), np.array([0, 0, 0, 1])
    >>> [int(found[0]) for found in rank_in_groups(np.array([2.0]), np.array([0]), base, groups)]
    [1, 1, 3]
    """
    known = ~np.isnan(base)
    levels = np.unique(np.concatenate([base[known], values]))
    # One sorted array serves all groups: keys sort by group first, then by the rank of the value.
    keys = np.sort(base_groups[known] * len(levels) + np.searchsorted(levels, base[known]))
    asked = groups * len(levels) + np.searchsorted(levels, values)
    first, last = (np.searchsorted(keys, (groups + n) * len(levels)) for n in (0, 1))
    less = np.searchsorted(keys, asked)
    return less - first, np.searchsorted(keys, asked, side="right") - less, last - first
