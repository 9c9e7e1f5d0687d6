"""The one way signals are combined: absent is not zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def weighted_mean(
    signals: Mapping[str, Floats], weights: Mapping[str, float]
) -> tuple[Floats, Floats]:
    """Mean of the signals present, their weights renormalised, and the share of weight present.

    Args:
        signals: arrays of equal length; NaN is absent.
        weights: a weight of at least 0 for every signal.

    Returns:
        (mean, coverage): Σ w s / Σ w over the signals present, NaN where none (or only weight 0) is; and
        present weight / total weight, 0..1.

    >>> mean, coverage = weighted_mean({"a": np.array([50.0]), "b": np.array([np.nan])}, {"a": 30, "b": 10})
    >>> float(mean[0]), float(coverage[0])
    (50.0, 0.75)
    """
    values = np.stack([signals[name] for name in weights])
    weight = np.array([weights[name] for name in weights])[:, None] * ~np.isnan(values)
    present, total = weight.sum(axis=0), sum(weights.values())
    mean = divide((np.nan_to_num(values) * weight).sum(axis=0), present)
    return mean, present / total if total else np.zeros(values.shape[1])


def divide(numerator: np.ndarray, denominator: np.ndarray) -> Floats:
    """Elementwise quotient; NaN where the denominator is not above 0."""
    above = np.asarray(denominator) > 0
    return np.asarray(
        np.divide(numerator, denominator, out=np.full(np.shape(denominator), np.nan), where=above)
    )


def placed(
    values: Floats, groups: np.ndarray, base: Floats, base_groups: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where values stand among the values of their groups.

    Args:
        values, groups: what is asked about, and its groups (numbers from 0).
        base, base_groups: what is stood among; NaN is left out.

    Returns:
        For each value: how many of the group's are less, how many are equal, how many there are. Of no meaning where
        the value is NaN.

    >>> base, groups = np.array([1.0, 2.0, 3.0, 0.0]), np.array([0, 0, 0, 1])
    >>> [int(found[0]) for found in placed(np.array([2.0]), np.array([0]), base, groups)]
    [1, 1, 3]
    """
    known = ~np.isnan(base)
    levels = np.unique(np.concatenate([base[known], values]))
    # One sorted array serves every group: the group first, the value's place among all values second.
    keys = np.sort(base_groups[known] * len(levels) + np.searchsorted(levels, base[known]))
    asked = groups * len(levels) + np.searchsorted(levels, values)
    first, last = (np.searchsorted(keys, (groups + n) * len(levels)) for n in (0, 1))
    less = np.searchsorted(keys, asked)
    return less - first, np.searchsorted(keys, asked, side="right") - less, last - first
