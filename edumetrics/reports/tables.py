"""Show tables in notebooks: no row numbers, whole texts, rounded numbers, a dash for null."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

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
