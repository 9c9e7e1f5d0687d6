"""The list threshold: fitted on the last completed term, so that the list has the length asked for.

A past term is replayed from its stored weeks, as lists are made from urgency and staying alone;
rules come on top. Nothing here looks at outcomes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.params.triage import Triage
from edumetrics.scoring.signals import Floats, smooth
from edumetrics.triage.urgency import compute_model_urgency

# From this week on the share of listed students is counted; earlier weeks use its threshold.
FIRST_WEEK = 5
# Halvings of the share that is cut off: 2^-40 is far below one student-week of any college.
HALVINGS = 40


def replay_urgencies(
    metrics: pd.DataFrame, calendar: Calendar, triage: Triage, keep: float, *, by_model: bool
) -> pd.DataFrame:
    """Return the urgencies of a finished term, as its weeks would be ranked.

    Args:
        metrics: student_id, sem_week, risk_score, and for a model also p_fail,
            risk_of_detention, lectures_to_attend and lectures_left of all teaching weeks.
        calendar: its weeks.
        triage: the parameters of the lists.
        keep: the weight of last week's urgency, 0..1.
        by_model: whether the chances of failing rank, or the rules.

    Returns:
        student_id, sem_week, urgency (0 to 100) of the teaching weeks after grace, in time order.
        Where a model ranks, rows without a chance are left out.
    """
    before = pd.Series(dtype="float64")
    found = []
    for week in calendar.teaching_weeks:
        rows = metrics[metrics["sem_week"] == week].drop_duplicates("student_id")
        if by_model:
            rows = rows[rows["p_fail"].notna()]
        elif week <= calendar.grace_weeks:
            continue
        value = _get_logit(rows) if by_model else rows["risk_score"].to_numpy("float64")
        value = smooth(value, before.reindex(rows["student_id"]).to_numpy("float64"), keep)
        # A student who is missing in a week keeps the order of the last week with a row.
        now = pd.Series(value, index=rows["student_id"]).dropna()
        before = now.combine_first(before) if len(before) else now
        if week > calendar.grace_weeks:
            urgency = (
                compute_model_urgency(1 / (1 + np.exp(-value)), rows, triage.detention_weight)
                if by_model
                else np.nan_to_num(value)
            )
            found.append(rows[["student_id", "sem_week"]].assign(urgency=urgency))
    empty = pd.DataFrame({"student_id": [], "sem_week": [], "urgency": []})
    return pd.concat(found, ignore_index=True) if found else empty


def _get_logit(rows: pd.DataFrame) -> Floats:
    chance = rows["p_fail"].to_numpy("float64").clip(1e-6, 1 - 1e-6)
    return np.asarray(np.log(chance / (1 - chance)))


def fit_thresholds(
    urgencies: pd.DataFrame, calendar: Calendar, triage: Triage, share: float | None = None
) -> dict[int, float]:
    """Return the list threshold of each teaching week after grace.

    Each week's threshold cuts off the same share of the urgencies of the weeks around it, one to
    either side. The share is chosen such that `list_share` of the student-weeks from week 5 on
    would have been listed by urgency and staying.

    Args:
        urgencies: student_id, sem_week, urgency, as from `replay_urgencies`.
        calendar: the term's weeks.
        triage: the parameters of the lists.
        share: the share to list; `list_share` when None.

    Returns:
        By week; empty where there is nothing to fit on.
    """
    asked = triage.list_share if share is None else share
    by_week = {int(str(w)): part for w, part in urgencies.groupby("sem_week")}
    weeks = [w for w in calendar.teaching_weeks if w in by_week]
    counted = [w for w in weeks if w >= FIRST_WEEK]
    if not counted:
        return {}
    wide = urgencies.pivot(index="student_id", columns="sem_week", values="urgency")
    pools = {w: _pool_weeks(wide, counted, n) for n, w in enumerate(counted)}
    low, high = 0.0, asked
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        cuts = {w: float(np.quantile(pools[w], 1 - middle)) for w in counted}
        listed = select_listed(wide, _fill_weeks(cuts, weeks), triage.staying_margin)
        known = wide[counted].notna().to_numpy().sum()
        if listed[counted].to_numpy().sum() > asked * known:
            high = middle
        else:
            low = middle
    cuts = {w: float(np.quantile(pools[w], 1 - low)) for w in counted}
    return _fill_weeks(cuts, [w for w in calendar.teaching_weeks if w > calendar.grace_weeks])


def _pool_weeks(wide: pd.DataFrame, weeks: list[int], n: int) -> Floats:
    """Return the known urgencies of the n-th week and of its neighbours."""
    values = wide[weeks[max(n - 1, 0) : n + 2]].to_numpy("float64").ravel()
    return np.asarray(values[~np.isnan(values)])


def _fill_weeks(cuts: dict[int, float], weeks: list[int]) -> dict[int, float]:
    """Return a threshold for every week: that of the nearest fitted week, the earlier of two."""
    return {week: cuts[min(cuts, key=lambda w: (abs(w - week), w))] for week in weeks}


def select_listed(wide: pd.DataFrame, cuts: dict[int, float], margin: float) -> pd.DataFrame:
    """Return who would be listed by urgency and staying.

    Args:
        wide: urgencies, students by weeks; NaN where a student has no row.
        cuts: the list threshold by week, in time order.
        margin: how far below it someone listed stays.

    Returns:
        Bools, students by the weeks of `cuts`.
    """
    on = np.zeros(len(wide), dtype=bool)
    found = {}
    for week, cut in cuts.items():
        urgency = wide[week].to_numpy("float64")
        # A comparison with NaN is False: whoever is gone leaves the list.
        on = (urgency >= cut) | (on & (urgency > cut - margin))
        found[week] = on
    return pd.DataFrame(found, index=wide.index)
