"""Show tables in notebooks: words for names, no row numbers, rounded numbers, a dash for null."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.errors import SettingsError
from edumetrics.fields.labels import KEYS, SENTENCES, SHOWN, label_column

# So many columns stand before the sentences, which are long.
FIRST = 6
FEW = 12
# Long texts make rows high: short cells stay beside the first line.
TOP: Any = [{"selector": "td, th", "props": "vertical-align: top"}]


def show_table(frame: pd.DataFrame, name: str, digits: int = 0) -> Styler:
    """Return a frame as a table that people read.

    Args:
        frame: the table; whole numbers stay whole whatever their type.
        name: a part of the ids in the HTML; it makes them the same in every run.
        digits: the number of decimals of the other numbers.
    """
    numbers = frame.select_dtypes("number").columns
    # Whole numbers with a null among them are floats in pandas, so the values decide, not the type.
    whole: dict[Any, Any] = {
        column: "{:.0f}" for column in numbers if (frame[column].dropna() % 1 == 0).all()
    }
    formats = dict.fromkeys(numbers, f"{{:.{digits}f}}") | whole
    # Without a fixed name pandas takes a random one, and no two runs have the same HTML.
    style = frame.style.format(formats, na_rep="–", escape="html").hide(axis="index").set_uuid(name)
    texts: list[Hashable] = [column for column in frame.columns if column not in numbers]
    style = style.set_properties(subset=texts, **{"text-align": "left"})
    return style.set_table_styles(TOP)


def arrange_columns(frame: pd.DataFrame, by: str = "", *, ascending: bool = True) -> pd.DataFrame:
    """Return what people read of an answer: sorted, and with words for the names of columns.

    Args:
        frame: the answer to a question; columns that only programs need are left out.
        by: the column to sort by; it stands next to who and when. The order stays when empty.
        ascending: whether the lowest come first.

    Raises:
        SettingsError: the table has no column `by`.
    """
    if by and (
        by not in frame or frame[by].map(lambda value: isinstance(value, list | dict)).any()
    ):
        raise SettingsError(
            f"No column {by} can be sorted by: there are {', '.join(frame.columns)}."
        )
    if by:
        frame = frame.sort_values(by, ascending=ascending, kind="stable")
    keys = [name for name in KEYS if name in frame and frame[name].nunique() > 1]
    # What every row has alike says nothing in a table, unless it is what one asked to see.
    shown = [name for name in SHOWN if name in frame and name not in ("term", "sem_week")]
    sentences = [name for name in SENTENCES if name in frame]
    order = dict.fromkeys(
        [*keys, *([by] if by else []), *shown[:FIRST], *sentences, *shown[FIRST:]]
    )
    left = [name for name in frame.columns if name not in (*SHOWN, *SENTENCES, *KEYS)]
    # A small table has no column that only programs need.
    if len(frame.columns) <= FEW:
        order |= dict.fromkeys(left)
    known = order or dict.fromkeys(frame.columns)
    return frame[list(known)].map(_join_records).rename(columns=label_column)


def _join_records(value: Any) -> Any:
    """Return the sentences of records, such as reasons, as one text; anything else as it is."""
    if not isinstance(value, list):
        return value
    return " ".join(
        str(one.get("text", "")) if isinstance(one, dict) else str(one) for one in value
    )
