"""Places on lists ordered by one number: who would be within the advisor's capacity."""

from __future__ import annotations

import pandas as pd

from edumetrics.params.triage import Triage
from edumetrics.scoring.signals import compute_probability, smooth
from edumetrics.triage.situation import NOBODY


def add_places(frame: pd.DataFrame, triage: Triage, keep: float) -> pd.DataFrame:
    """Return the rows with two more columns, sorted by week, advisor and place.

    Args:
        frame: student_id, sem_week, advisor_id, logit; `near`, the chance (0..1) of missing an
            attendance rule that can still be met, where it is known.
        triage: the advisors' capacities.
        keep: the weight of last week's order, 0..1.

    Returns:
        The rows with `order` (the smoothed logit), `urgency` (0..1) and `inside` (bool: within the
        advisor's capacity that week); also `advisor`, empty where a student has none.
    """
    weeks, last = [], pd.Series(dtype="float64")
    for _, part in frame.groupby("sem_week"):
        order = smooth(
            part["logit"].to_numpy("float64"),
            last.reindex(part["student_id"]).to_numpy("float64"),
            keep,
        )
        # A student who is missing in a week keeps the order of the last week with a row.
        last = pd.Series(order, index=part["student_id"]).combine_first(last)
        weeks.append(part.assign(order=order))
    frame = pd.concat(weeks)
    # groupby leaves out rows whose key is missing; students without an advisor share one list.
    frame = frame.assign(advisor=frame["advisor_id"].fillna(NOBODY))
    near = frame.get("near", pd.Series(0.0, index=frame.index)).fillna(0.0)
    staying = 1 - compute_probability(frame["order"].to_numpy("float64"))
    frame = frame.assign(urgency=1 - staying * (1 - triage.detention_weight * near))
    # student_id comes last, so that equal orders give the same places in every run.
    by = ["sem_week", "advisor", "urgency", "student_id"]
    frame = frame.sort_values(by, ascending=[True, True, False, True])
    capacity = frame["advisor"].map(triage.get_capacity)
    return frame.assign(inside=frame.groupby(["sem_week", "advisor"]).cumcount() < capacity)
