"""Text for terminals, logs and spreadsheets, in which no value of the data can act."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

import pandas as pd

# All control characters but tab and line break, and those that turn the direction of a line or end
# it; a terminal obeys some of them.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
# Where a spreadsheet, or a program with another separator, begins a cell.
_CELL_ENDS = re.compile("[\r\n\v\f\t;,|\x85\u2028\u2029]+")


def mask_controls(text: str) -> str:
    """Return a text whose control characters are shown by their numbers."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def export_safe_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV that a spreadsheet does not read as formulas.

    A text in which a cell could begin like a formula gets an apostrophe in front, and its own line
    breaks, tabs and semicolons become blanks; lists become JSON.
    """
    # Texts have the dtype `str` in pandas 3, and `object` where a column is mixed or holds lists.
    texts = frame.select_dtypes(["object", "str"]).columns
    return str(
        frame.assign(**{name: frame[name].map(_disarm) for name in texts}).to_csv(index=False)
    )


def _disarm(value: Any) -> Any:
    if isinstance(value, list):
        value = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    if value[:1] in ("\t", "\r"):
        return f"'{value}"
    parts = _CELL_ENDS.split(value)
    if not any(map(_is_formula, parts)):
        return value
    # A cell that breaks could begin like a formula after the break too.
    return f"'{value}" if not any(map(_is_formula, parts[1:])) else "'" + " ".join(parts)


def _is_formula(text: str) -> bool:
    """Return whether a spreadsheet may run a cell; letters of full width are read like others."""
    return (
        unicodedata.normalize("NFKC", text)
        .strip(" \"'\u200b\ufeff")
        .startswith(("=", "+", "-", "@"))
    )
