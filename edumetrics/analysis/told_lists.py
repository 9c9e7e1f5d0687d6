"""A week's lists as their readers are told of them."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import list_judged_weeks
from edumetrics.params import Params


def read_lists(
    store: Store,
    params: Params,
    term: str,
    week: int,
    columns: tuple[str, ...] | None = None,
    **equal: Any,
) -> pd.DataFrame:
    """Return the lists of a week; nobody waits for an answer to lists that nobody was shown.

    Args:
        store: the analysis database.
        params: the parameters.
        term: the term.
        week: the semester week.
        columns: the columns of `weekly_flags` to read, with `hand_over`; None means all.
        equal: column = value, or column = a list of values.

    Returns:
        Rows of `weekly_flags`. Where a teaching week that `hand_over` counts was only replayed,
        by `calibrate` or by a run that caught up, no student is marked.
    """
    flags = store.read("weekly_flags", columns, term=term, sem_week=week, **equal)
    counted = params.calendar.get_last_teaching_weeks(week, params.triage.hand_over_after)
    # This week's list is what is about to be shown.
    shown = list_judged_weeks(store, term)
    return flags if shown.issuperset(counted[1:]) else flags.assign(hand_over=False)
