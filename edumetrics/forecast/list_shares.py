"""Do the words mean what they say: who failed or left in the end, by tier, by place, and unlisted.

A tier, a group of places or a baseline is judged with at least 20 student-weeks.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from edumetrics.forecast.scorecard import compute_logits, select_same_places
from edumetrics.params.forecast import Forecast
from edumetrics.params.triage import Triage

# What the table needs of weekly_metrics and of weekly_flags.
METRICS = ("student_id", "sem_week", "class_id", "advisor_id", "p_fail", "risk_score",
           "overall_att_pct", "academic_performance")  # fmt: skip
FLAGS = ("student_id", "sem_week", "risk_tier", "within_capacity", "looked_after")
# The names of columns by tier, in order of urgency, and of those who are on no list.
TIERS = {"critical": "Urgent", "high": "Soon", "watch": "Keep in view"}
START, NEXT, UNLISTED = "Start here", "Next", "unlisted"
# The row of all weeks together.
ALL = "all"
LEAST = 20
# Keep in view may be below those not listed by so much: rules list people for news.
SLACK = 0.03


def measure_list_shares(
    metrics: pd.DataFrame,
    flags: pd.DataFrame,
    failed: pd.DataFrame,
    triage: Triage,
    forecast: Forecast,
) -> pd.DataFrame:
    """Return the shares that failed or left, week by week and for all weeks together.

    Args:
        metrics: the columns of `METRICS`, of the weeks to judge; prior_mean where it is known.
        flags: the columns of `FLAGS`, of the same weeks.
        failed: student_id, failed (bool), of the students whose outcome is known.
        triage: the advisors' capacities.
        forecast: how lists are smoothed.

    Returns:
        One row per week (text) and a last row `ALL`: sem_week, students (student-weeks), listed
        (share), failed (share), the shares by tier, of *Start here*, *Next* and unlisted, and of
        the same number of places given by one number alone (`by ...`). NaN for fewer than `LEAST`
        student-weeks.
    """
    rows, groups = group_weeks(metrics, flags, failed, triage, forecast)
    weeks = [int(week) for week in sorted(rows["sem_week"].unique())]
    found = []
    for name, chosen in [*((str(week), [week]) for week in weeks), (ALL, weeks)]:
        here = rows[rows["sem_week"].isin(chosen)]
        found.append(
            {
                "sem_week": name,
                "students": len(here),
                "listed": here["risk_tier"].notna().mean(),
                "failed": here["failed"].mean(),
                **{
                    group: _compute_share(part[part["sem_week"].isin(chosen)])
                    for group, part in groups.items()
                },
            }
        )
    return pd.DataFrame(found)


def group_weeks(
    metrics: pd.DataFrame,
    flags: pd.DataFrame,
    failed: pd.DataFrame,
    triage: Triage,
    forecast: Forecast,
) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the student-weeks, and by group those that are in it; as for `measure_list_shares`."""
    rows = metrics.merge(failed, on="student_id")
    rows = rows.merge(flags, on=["student_id", "sem_week"], how="left", validate="one_to_one")
    groups = dict(_split_groups(rows))
    alone = {
        f"by {name}": select_same_places(rows.assign(logit=value), flags, triage, forecast)
        for name, value in _list_numbers(rows)
    }
    groups |= {name: part[part["within_capacity"]] for name, part in alone.items()}
    return rows, groups


def _split_groups(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for tier, name in TIERS.items():
        yield name, rows[rows["risk_tier"] == tier]
    listed = rows["risk_tier"].notna()
    waiting = listed & ~rows["looked_after"].eq(True)
    inside = rows["within_capacity"].eq(True)
    yield UNLISTED, rows[~listed]
    yield START, rows[waiting & inside]
    yield NEXT, rows[waiting & ~inside]


def _list_numbers(rows: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """Yield the numbers by which places could be given alone, higher first; missing is neutral."""
    if rows["p_fail"].notna().any():
        yield "the forecast", compute_logits(rows["p_fail"])
    for name, column, sign in (
        ("the risk score", "risk_score", 1),
        ("attendance", "overall_att_pct", -1),
        ("last results", "prior_mean", -1),
        ("the class's mean", "class_mean", -1),
    ):
        values = (
            rows.groupby(["class_id", "sem_week"])["academic_performance"].transform("mean")
            if column == "class_mean"
            else rows.get(column, pd.Series(np.nan, index=rows.index))
        ).astype("float64")
        if values.notna().any():
            # Any increasing scale gives the same order.
            yield name, sign * values.fillna(values.median()) / 25


def _compute_share(part: pd.DataFrame) -> float:
    """Return the share that failed; NaN for few student-weeks."""
    return float(part["failed"].mean()) if len(part) >= LEAST else float("nan")


def find_broken_order(shares: pd.DataFrame, *, by_model: bool) -> list[str]:
    """Return in sentences where the order of tiers and places is not borne out over all weeks.

    Args:
        shares: as from `measure_list_shares`.
        by_model: whether a model ranked; where rules rank, Keep in view lists news, and is not
            compared.
    """
    row = shares[shares["sem_week"] == ALL].iloc[0]
    pairs = [("Urgent", "Soon", 0.0), (START, NEXT, 0.0)]
    pairs += (
        [("Soon", "Keep in view", 0.0), ("Keep in view", UNLISTED, SLACK)]
        if by_model
        else [("Soon", UNLISTED, 0.0)]
    )
    # A comparison with NaN is False: a group that is too small breaks no order.
    return [
        f"Of {first} {100 * row[first]:.0f}% failed or left, of {second} {100 * row[second]:.0f}%:"
        " the order was not borne out."
        for first, second, slack in pairs
        if row[first] + slack <= row[second]
    ]


def describe_reach(reach: dict[str, float]) -> str:
    """Return in a sentence who was ever listed; `reach` is from `measure_reach`."""
    return (
        f"Of those who failed or left, {100 * reach['fails_listed']:.0f}% were ever on a list;"
        f" of all students, {100 * reach['all_listed']:.0f}%."
    )


def measure_reach(
    metrics: pd.DataFrame, flags: pd.DataFrame, failed: pd.DataFrame
) -> dict[str, float]:
    """Return who was ever listed.

    Args:
        metrics: student_id: everyone on the roll of any week.
        flags: student_id of every place on a list.
        failed: student_id, failed (bool).

    Returns:
        `fails_listed`, the share of those who failed that was ever listed, and `all_listed`, the
        share of all students that was. NaN where there is nothing to divide by.
    """
    students = failed[failed["student_id"].isin(metrics["student_id"])]
    listed = students["student_id"].isin(flags["student_id"])
    return {
        "fails_listed": float(listed[students["failed"]].mean()),
        "all_listed": float(listed.mean()),
    }
