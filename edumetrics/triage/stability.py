"""The stability of lists as a number: people do not trust a list that changes too often."""

from __future__ import annotations

import pandas as pd

from edumetrics.params.calendar import Calendar


def measure_stability(places: pd.DataFrame, calendar: Calendar) -> pd.DataFrame:
    """Return how steady a semester's lists are, week by week.

    Args:
        places: student_id, sem_week: who was on the list in which teaching week, each once.
        calendar: which weeks are teaching weeks.

    Returns:
        One row per teaching week from the first to the last one with a list: listed (students),
        of_last_week (share of last week's list still on it; NaN where last week's list is empty),
        flips_per_student (so far, how often students ever listed left or came back, on average).
    """
    weeks = sorted(places["sem_week"].unique())
    # A week in which nobody was listed has no row in `places`, but everyone left the list in it.
    teaching = [week for week in calendar.teaching_weeks if weeks and weeks[0] <= week <= weeks[-1]]
    on = (
        pd.crosstab(places["student_id"], places["sem_week"])
        .reindex(columns=teaching, fill_value=0)
        .astype(bool)
    )
    # `fill_value` keeps the dtype bool, which the operations below need.
    before = on.shift(axis=1, fill_value=False)
    ever = on.cumsum(axis=1) > 0
    # A student's first week on the list is not a flip: `before.cumsum` requires an earlier one.
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
