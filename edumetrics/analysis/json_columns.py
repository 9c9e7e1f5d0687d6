"""The columns of the analysis that hold JSON: as Python values in frames, as text in tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from edumetrics.fields import TABLES

if TYPE_CHECKING:
    from edumetrics.fields import Field


class _Broken:
    """Stands for a text that is not what its column holds."""


def decode_columns(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose JSON columns are decoded to Python values; null stays null.

    A row with a text that is no JSON, or JSON of another shape than the column's, is left out: its
    report goes on without it.
    """
    decoded = {
        field.name: frame[field.name]
        .map(partial(_decode, field), na_action="ignore")
        .astype("object")
        for field in _list_columns(table, frame)
    }
    if not decoded:
        return frame
    broken = pd.DataFrame(decoded).map(lambda value: value is _Broken).any(axis=1)
    return frame.assign(**decoded)[~broken]


def encode_columns(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose JSON columns are texts, as tables hold them."""
    # Letters beyond ASCII stay as they are: a search in the stored text could not find escapes.
    encoded: Mapping[str, pd.Series] = {
        field.name: frame[field.name].map(lambda value: json.dumps(value, ensure_ascii=False))
        for field in _list_columns(table, frame)
    }
    return frame.assign(**encoded) if encoded else frame


def _list_columns(table: str, frame: pd.DataFrame) -> list[Field]:
    return [
        field
        for field in TABLES[table].fields
        if field.kind == "json" and field.name in frame.columns
    ]


def _decode(field: Field, text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _Broken
    # A null of JSON stands where the column may be null.
    fits = bool(field.null) if value is None else _has_shape(field, value)
    return value if fits else _Broken


def _has_shape(field: Field, value: Any) -> bool:
    """Return whether a value is what a column of JSON holds."""
    if field.shape == "texts":
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    records = [value] if field.shape == "record" else value
    return isinstance(records, list) and all(
        isinstance(one, dict) and one.keys() >= field.keys for one in records
    )
