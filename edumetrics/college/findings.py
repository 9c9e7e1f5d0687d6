"""The frame of findings that every check of the data returns."""

from __future__ import annotations

import pandas as pd

from edumetrics.fields import EXAMPLES, FINDING_COLUMNS


def make_empty_findings() -> pd.DataFrame:
    """Return an empty frame with the columns of `health.check_health`."""
    return pd.DataFrame(columns=list(FINDING_COLUMNS))


def pick_highest(ids: list[str]) -> list[str]:
    """Return the `EXAMPLES` highest ids, ascending as text: 10 is higher than 9."""
    # Of two texts of digits the longer one is the higher number.
    return sorted(sorted(ids, key=lambda one: (len(one), one))[-EXAMPLES:])
