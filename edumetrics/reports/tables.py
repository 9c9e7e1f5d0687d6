"""Tables to look at: no row numbers, whole texts, numbers as they are read, a dash where nothing is known."""

from __future__ import annotations

from collections.abc import Hashable
from html import escape
from typing import Any

import pandas as pd
from pandas.io.formats.style import Styler

TOP: Any = [{"selector": "td, th", "props": "vertical-align: top"}]


def readable(frame: pd.DataFrame, name: str, digits: int = 0) -> Styler:
    """A frame as people read it.

    Args:
        frame: the table; whole numbers stay whole whatever their type.
        name: makes the table's ids the same in every run.
        digits: how many decimals other numbers have.
    """
    numbers = frame.select_dtypes("number").columns
    whole: dict[Any, Any] = {
        column: "{:.0f}" for column in numbers if (frame[column].dropna() % 1 == 0).all()
    }
    formats = dict.fromkeys(numbers, f"{{:.{digits}f}}") | whole
    style = frame.style.format(formats, na_rep="–", escape="html").hide(axis="index").set_uuid(name)
    texts: list[Hashable] = [column for column in frame.columns if column not in numbers]
    style = style.set_properties(subset=texts, **{"text-align": "left"})
    return style.set_table_styles(TOP)


class Shown:
    """A result that says in a line, or in a small table in JupyterLab, what it is; not every row it holds."""

    def facts(self) -> dict[str, object]:
        """What there is to say, by name."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name} {value}' for name, value in self.facts().items())})"

    def _repr_html_(self) -> str:
        cell = "<td style='text-align:left'>{}</td>"
        rows = "".join(
            f"<tr>{cell.format(escape(name))}{cell.format(escape(str(value)))}</tr>"
            for name, value in self.facts().items()
        )
        return f"<table><caption>{escape(type(self).__name__)}</caption>{rows}</table>"
