"""Models as bytes, in a format that cannot run code, and read only if their sha256 is unchanged."""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from functools import lru_cache
from typing import Any

import numpy as np

from edumetrics.errors import EduMetricsError
from edumetrics.fields import FEATURES
from edumetrics.forecast.models import Blend, Boosted, Calibrated, Linear, LogitModel, Window
from edumetrics.forecast.scores import ScoreModel

# The arrays of a `Window`, in the order in which `_build_window` unpacks them.
ARRAYS = ("median", "mean", "scale", "coefficient")
# The only type in a stored tree model that skops does not trust by itself.
TRUSTED = ["sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"]

# How bytes that are no model fail to be read as one.
NO_MODEL = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError,
            OSError, zipfile.BadZipFile)  # fmt: skip
# The models that are stored; those of `Calibrated` are stored within it.
StoredModel = Calibrated | ScoreModel | Linear


def encode_model(model: StoredModel) -> bytes:
    """Return a model as bytes: JSON, which for trees contains a skops archive."""
    # The features go with it, because trees know their columns by position only.
    return json.dumps({"features": list(FEATURES), "model": _describe_model(model)}).encode()


def decode_model(content: bytes, sha256: str) -> StoredModel:
    """Return the model that some bytes describe.

    Args:
        content: as `encode_model`.
        sha256: the recorded fingerprint of the bytes.

    Raises:
        EduMetricsError: the bytes are not those that were stored, or the model was made for other
            features.
    """
    # Nothing of a file that was changed is parsed.
    if hash_content(content) != sha256:
        raise EduMetricsError(
            "The stored model is not the one that was tried:"
            " run `edumetrics calibrate --from-scratch` to train it again."
        )
    try:
        return _decode_trusted(content)
    # Somebody has stored other bytes, and their fingerprint with them.
    except NO_MODEL as error:
        raise EduMetricsError(
            "The stored model is none: run `edumetrics calibrate --from-scratch` to train it again."
        ) from error


# Cached, because the same few models are used week after week.
@lru_cache(maxsize=8)
def _decode_trusted(content: bytes) -> StoredModel:
    """Return the model of bytes that are trusted.

    Raises:
        EduMetricsError: the model was made for other features.
    """
    found = json.loads(content)
    if found["features"] != list(FEATURES):
        raise EduMetricsError(
            "The stored model was made for other features:"
            " run `edumetrics calibrate --from-scratch` to train it again."
        )
    model: StoredModel = _build_model(found["model"])
    return model


def hash_content(content: bytes) -> str:
    """Return the sha256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _describe_model(model: LogitModel | StoredModel) -> dict[str, Any]:
    if isinstance(model, Calibrated):
        return {"kind": "calibrated", "shift": model.shift, "model": _describe_model(model.model)}
    if isinstance(model, ScoreModel):
        rest = {
            "spread": model.spread,
            "knows_history": model.knows_history,
            "residuals": model.residuals.tolist(),
        }
        return {"kind": "scores", "linear": _describe_model(model.linear), **rest}
    if isinstance(model, Linear):
        windows = {
            week: {**{name: getattr(w, name).tolist() for name in ARRAYS}, "intercept": w.intercept}
            for week, w in model.windows.items()
        }
        return {"kind": "linear", "columns": model.columns, "windows": windows}
    if isinstance(model, Boosted):
        import skops.io

        trees = _normalize_archive(skops.io.dumps(model.trees)).hex()
        return {"kind": "boosted", "median": model.median.tolist(), "trees": trees}
    assert isinstance(model, Blend)
    return {
        "kind": "blend",
        "linear": _describe_model(model.linear),
        "boosted": _describe_model(model.boosted),
    }


def _normalize_archive(archive: bytes) -> bytes:
    """Return the same archive without times and memory addresses: equal trees are equal bytes."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(archive)) as given,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as written,
    ):
        # skops names objects by their address in memory, which differs from run to run: they are
        # numbered in the order in which they appear.
        schema = given.read("schema.json").decode()
        seen = dict.fromkeys(re.findall(r'"__id__": (\d+)|"(\d+)\.npy"', schema))
        numbers = {
            place: str(n)
            for n, place in enumerate(dict.fromkeys(one or other for one, other in seen))
        }
        renamed = re.sub(
            r'(?<="__id__": )\d+|(?<=")\d+(?=\.npy")', lambda found: numbers[found[0]], schema
        )
        # A ZipInfo without a date has the same fixed date in every archive.
        written.writestr(zipfile.ZipInfo("schema.json"), renamed)
        for name in given.namelist():
            if name != "schema.json":
                written.writestr(
                    zipfile.ZipInfo(f"{numbers[name.removesuffix('.npy')]}.npy"), given.read(name)
                )
    return out.getvalue()


def _build_model(found: dict[str, Any]) -> Any:
    if found["kind"] == "calibrated":
        first, second, third = found["shift"]
        return Calibrated(_build_model(found["model"]), (first, second, third))
    if found["kind"] == "scores":
        residuals = np.array(found["residuals"])
        return ScoreModel(
            _build_model(found["linear"]), residuals, found["spread"], found["knows_history"]
        )
    if found["kind"] == "linear":
        windows = {int(week): _build_window(values) for week, values in found["windows"].items()}
        return Linear(tuple(found["columns"]), windows)
    if found["kind"] == "boosted":
        import skops.io
        from sklearn.ensemble import HistGradientBoostingClassifier

        trees = skops.io.loads(bytes.fromhex(found["trees"]), trusted=TRUSTED)
        assert isinstance(trees, HistGradientBoostingClassifier)
        return Boosted(np.array(found["median"]), trees)
    return Blend(_build_model(found["linear"]), _build_model(found["boosted"]))


def _build_window(values: dict[str, Any]) -> Window:
    median, mean, scale, coefficient = (np.array(values[name]) for name in ARRAYS)
    return Window(median, mean, scale, coefficient, values["intercept"])
