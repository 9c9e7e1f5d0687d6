"""The frame of findings that every check of the data returns."""

from __future__ import annotations

import pandas as pd

from edumetrics.fields import FINDING_COLUMNS


def make_empty_findings() -> pd.DataFrame:
    """Return an empty frame with the columns of `health.check_health`."""
    return pd.DataFrame(columns=list(FINDING_COLUMNS))
