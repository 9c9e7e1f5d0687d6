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
# Where a spreadsheet, or a program with another separator, may begin a cell. A text with a comma is
# in quotes, which protect all of it.
_CELL_ENDS = re.compile("([\r\n\v\f\t;|\x85\u2028\u2029]+)")


def mask_controls(text: str) -> str:
    """Return a text whose control characters are shown by their numbers."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def export_safe_csv(frame: pd.DataFrame) -> str:
    """Return a frame as CSV that a spreadsheet does not read as formulas.

    Where a cell could begin like a formula, at the start of a text or after a break in it, an
    apostrophe stands before it; lists become JSON.
    """
    # Texts have the dtype `str` in pandas 3, and `object` where a column is mixed or holds lists.
    texts = frame.select_dtypes(["object", "str"]).columns
    return str(
        frame.assign(**{name: frame[name].map(_disarm) for name in texts}).to_csv(index=False)
    )


def _disarm(value: Any) -> Any:
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, str):
        return value
    # The breaks themselves are every second part.
    parts = _CELL_ENDS.split(value)
    parts[::2] = [f"'{part}" if _is_formula(part) else part for part in parts[::2]]
    # Some programs take a tab or a line end at the start for nothing.
    return f"'{''.join(parts)}" if value[:1] in ("\t", "\r", "\n") else "".join(parts)


def _is_formula(text: str) -> bool:
    """Return whether a spreadsheet may run a cell; letters of full width are read like others."""
    return (
        unicodedata.normalize("NFKC", text)
        .strip(" \"'\u200b\ufeff")
        .startswith(("=", "+", "-", "@"))
    )
