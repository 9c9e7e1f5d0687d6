"""The columns of the analysis that hold JSON: as Python values in frames, as text in tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from edumetrics.fields import TABLES


class _Broken:
    """Stands for a text that is no JSON."""


def decode_columns(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose JSON columns are decoded to Python values; null stays null.

    A row with a text that is no JSON is left out: its report goes on without it.
    """
    decoded = {
        name: frame[name].map(_decode, na_action="ignore").astype("object")
        for name in _list_columns(table, frame)
    }
    if not decoded:
        return frame
    broken = pd.DataFrame(decoded).map(lambda value: value is _Broken).any(axis=1)
    return frame.assign(**decoded)[~broken]


def encode_columns(table: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose JSON columns are texts, as tables hold them."""
    # Letters beyond ASCII stay as they are: a search in the stored text could not find escapes.
    encoded: Mapping[str, pd.Series] = {
        name: frame[name].map(lambda value: json.dumps(value, ensure_ascii=False))
        for name in _list_columns(table, frame)
    }
    return frame.assign(**encoded) if encoded else frame


def _list_columns(table: str, frame: pd.DataFrame) -> list[str]:
    return [
        field.name
        for field in TABLES[table].fields
        if field.kind == "json" and field.name in frame.columns
    ]


def _decode(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _Broken
