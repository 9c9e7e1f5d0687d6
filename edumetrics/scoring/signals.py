"""The one way signals are combined: absent is not zero."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Floats = np.ndarray[tuple[int], np.dtype[np.float64]]


def weighted_mean(signals: Mapping[str, Floats], weights: Mapping[str, float]) -> tuple[Floats, Floats]:
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
    return np.asarray(np.divide(numerator, denominator, out=np.full(np.shape(denominator), np.nan), where=above))
