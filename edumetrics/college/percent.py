"""Percentages as colleges may have them: marks of a maximum, and values outside 0 to 100."""

from __future__ import annotations

import numpy as np
import pandas as pd


def clip_percents(percents: pd.Series) -> pd.Series:
    """Return percentages within 0 to 100; NaN stays."""
    return percents.clip(0.0, 100.0)


def compute_percents(marks: pd.Series, out_of: pd.Series) -> pd.Series:
    """Return marks as percent, at most 100; NaN if they are negative or the maximum is not > 0."""
    possible = (marks >= 0) & (out_of > 0)
    # Bonus marks must not push a score above 100.
    percents = np.where(marks >= out_of, 100.0, marks * 100.0 / out_of.where(possible))
    return pd.Series(percents, index=marks.index).where(possible)
