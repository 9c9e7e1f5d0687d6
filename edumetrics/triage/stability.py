"""Stability as a number: a list that flickers is a list that nobody trusts."""

from __future__ import annotations

import pandas as pd

from edumetrics.params import Calendar


def stability(places: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """How steady a semester's lists are.

    Args:
        places: student_id, sem_week: who was on the list in which teaching week, each once.
        calendar: which weeks follow each other.

    Returns:
        One row per week with a list: listed (students), of_last_week (share of last week's list still on it; NaN for
        the first), flips_per_student (so far: how often those ever listed came back or left, on average).
    """
    weeks = sorted(places["sem_week"].unique())
    teaching = [week for week in calendar.teaching_weeks if weeks and weeks[0] <= week <= weeks[-1]]
    on = (
        pd.crosstab(places["student_id"], places["sem_week"])
        .reindex(columns=teaching, fill_value=0)
        .astype(bool)
    )
    before = on.shift(axis=1, fill_value=False)
    ever = on.cumsum(axis=1) > 0
    flips = (on != before) & (before.cumsum(axis=1) > 0)
    stayed, last = (on & before).sum(), before.sum()
    table = pd.DataFrame(
        {
            "listed": on.sum(),
            "of_last_week": stayed / last.where(last > 0),
            "flips_per_student": flips.cumsum(axis=1).sum() / ever.sum(),
        }
    )
    return table.rename_axis(index="week", columns=None)
