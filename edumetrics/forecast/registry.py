"""Models on disk, in a format that cannot run code when it is read, and loaded only when nothing has touched them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np
import skops.io
from sklearn.ensemble import HistGradientBoostingClassifier

from edumetrics.errors import EduMetricsError
from edumetrics.fields import FEATURES
from edumetrics.forecast.models import Blend, Boosted, Calibrated, Linear, Model, Window
from edumetrics.forecast.scores import Scores

ARRAYS = ("median", "mean", "scale", "coefficient")
# What a stored tree model may be made of, beyond what skops trusts by itself.
TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]


Kept = Calibrated | Scores | Linear


def dumped(model: Kept) -> bytes:
    """A model as bytes: JSON, and for trees a skops archive within it."""
    return json.dumps({"features": list(FEATURES), "model": _described(model)}).encode()


def loaded(content: bytes, sha256: str) -> Kept:
    """The model of some bytes.

    Raises:
        EduMetricsError: they are not those that were stored, or were made for other features.
    """
    if fingerprint(content) != sha256:
        raise EduMetricsError("The stored model is not the one that was tried: train it again.")
    return _read(content)


@lru_cache(maxsize=8)
def _read(content: bytes) -> Kept:
    """The model of bytes that are trusted; the same model serves week after week."""
    found = json.loads(content)
    if found["features"] != list(FEATURES):
        raise EduMetricsError("The stored model was made for other features: train it again.")
    model: Kept = _built(found["model"])
    return model


def fingerprint(content: bytes) -> str:
    """The sha256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _described(model: Model | Kept) -> dict[str, Any]:
    if isinstance(model, Calibrated):
        return {"kind": "calibrated", "shift": model.shift, "model": _described(model.model)}
    if isinstance(model, Scores):
        rest = {"spread": model.spread, "knows_history": model.knows_history, "residuals": model.residuals.tolist()}
        return {"kind": "scores", "linear": _described(model.linear), **rest}
    if isinstance(model, Linear):
        windows = {
            week: {**{name: getattr(w, name).tolist() for name in ARRAYS}, "intercept": w.intercept}
            for week, w in model.windows.items()
        }
        return {"kind": "linear", "columns": model.columns, "windows": windows}
    if isinstance(model, Boosted):
        trees = skops.io.dumps(model.trees).hex()
        return {"kind": "boosted", "median": model.median.tolist(), "trees": trees}
    assert isinstance(model, Blend)
    return {"kind": "blend", "linear": _described(model.linear), "boosted": _described(model.boosted)}


def _built(found: dict[str, Any]) -> Any:
    if found["kind"] == "calibrated":
        first, second, third = found["shift"]
        return Calibrated(_built(found["model"]), (first, second, third))
    if found["kind"] == "scores":
        residuals = np.array(found["residuals"])
        return Scores(_built(found["linear"]), residuals, found["spread"], found["knows_history"])
    if found["kind"] == "linear":
        windows = {int(week): _window(values) for week, values in found["windows"].items()}
        return Linear(tuple(found["columns"]), windows)
    if found["kind"] == "boosted":
        trees = skops.io.loads(bytes.fromhex(found["trees"]), trusted=TRUSTED)
        assert isinstance(trees, HistGradientBoostingClassifier)
        return Boosted(np.array(found["median"]), trees)
    return Blend(_built(found["linear"]), _built(found["boosted"]))


def _window(values: dict[str, Any]) -> Window:
    median, mean, scale, coefficient = (np.array(values[name]) for name in ARRAYS)
    return Window(median, mean, scale, coefficient, values["intercept"])
