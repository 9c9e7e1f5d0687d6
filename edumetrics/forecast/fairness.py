"""The fairness audit: rates of each group with intervals, and what the data can and cannot tell."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pandas as pd

from edumetrics.forecast.measures import compute_abroca
from edumetrics.scoring.signals import Floats

# Smaller groups are not reported: a rate would reveal what happened to single persons.
SMALLEST = 10
# Two-sided 95% of the normal distribution.
Z = 1.96
RATES = ("flag_rate", "miss_rate", "calibration")


def measure_groups(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rates of each group, with their intervals.

    Args:
        rows: group, flagged (bool: ever on a list), failed (bool), p (forecast, 0..1; NaN where
            there was none). Rows without a group are left out.

    Returns:
        One row per group of at least `SMALLEST` students: group, students, failed (count),
        flag_rate (share ever on a list), miss_rate (of the students who failed, the share never on
        a list), calibration (mean forecast less the share who failed). Each rate also has `_low`
        and `_high` (95%: Wilson 1927 for shares, normal for the difference). NaN where a group has
        nothing to count. There are no rows if fewer than two groups are large enough.
    """
    # A missing group is no group: its students are counted nowhere in this table.
    rows = rows.dropna(subset="group")
    sizes = rows["group"].value_counts()
    rows = rows[rows["group"].isin(sizes.index[sizes >= SMALLEST])]
    if rows["group"].nunique() < 2:
        return pd.DataFrame(columns=["group", "students", "failed", *_list_columns()])
    groups = rows.groupby("group")
    counts = pd.DataFrame({"students": groups.size(), "failed": groups["failed"].sum()})
    found = counts.join(_measure_shares(rows, counts)).join(
        _measure_calibration(rows.dropna(subset="p"))
    )
    table = found.reindex(columns=["students", "failed", *_list_columns()])
    return table.rename_axis("group").reset_index()


def _list_columns() -> list[str]:
    return [f"{name}{end}" for name in RATES for end in ("", "_low", "_high")]


def _measure_shares(rows: pd.DataFrame, counts: pd.DataFrame) -> pd.DataFrame:
    """Return flag_rate and miss_rate with their intervals, by group."""
    from fairlearn.metrics import MetricFrame, false_negative_rate, selection_rate

    frame = MetricFrame(
        metrics={"flag_rate": selection_rate, "miss_rate": false_negative_rate},
        y_true=rows["failed"].to_numpy(dtype=int),
        y_pred=rows["flagged"].to_numpy(dtype=int),
        sensitive_features=rows["group"].to_numpy(),
    )
    table: pd.DataFrame = frame.by_group.astype("float64")
    for name, of in (("flag_rate", counts["students"]), ("miss_rate", counts["failed"])):
        ends = [
            _compute_interval(share, int(of[group]))
            for group, share in zip(table.index, table[name], strict=True)
        ]
        table[[f"{name}_low", f"{name}_high"]] = ends
        # A rate over nobody is unknown, whatever number the library gives for it.
        table.loc[of.reindex(table.index) == 0, name] = np.nan
    return table


def _compute_interval(share: float, count: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    if not count:
        return np.nan, np.nan
    # Wilson's interval stays within 0..1 and holds for small groups; the normal one does not.
    found = binomtest(round(share * count), count).proportion_ci(method="wilson")
    return float(found.low), float(found.high)


def _measure_calibration(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the mean forecast less the share who failed, with its interval, by group."""
    # The interval is that of the mean of each student's difference, so both must be of one student.
    groups = (rows["p"] - rows["failed"]).astype("float64").groupby(rows["group"])
    mean, error = groups.mean(), groups.sem()
    ends = {"calibration_low": mean - Z * error, "calibration_high": mean + Z * error}
    return pd.DataFrame({"calibration": mean, **ends})


def describe_differences(table: pd.DataFrame) -> list[str]:
    """Return sentences about differences between groups: what the data can tell and what it cannot.

    Args:
        table: as `measure_groups`.
    """
    if table.empty:
        return [
            f"No two groups of at least {SMALLEST} students: nothing can be said of differences"
            " between groups."
        ]
    called = {
        "flag_rate": "the share ever on a list",
        "miss_rate": "the share of those who failed who were never on a list",
        "calibration": "the forecast less what happened",
    }
    # Without a forecast there is none to compare with what happened.
    if "calibration" not in table or table["calibration"].isna().all():
        del called["calibration"]
    return [_describe_difference(table, name, words) for name, words in called.items()]


def _describe_difference(table: pd.DataFrame, name: str, words: str) -> str:
    known = table.dropna(subset=[name, f"{name}_low", f"{name}_high"])
    if len(known) < 2:
        return f"For {words} there are too few students to compare groups."
    # permutations gives both orders of a pair; the condition keeps the one with the higher first.
    pairs = [
        (one, other)
        for one, other in permutations(known.to_dict("records"), 2)
        if one[name] >= other[name]
    ]
    # Intervals that do not overlap: a strict test, so that chance is not reported as a difference.
    clear = [pair for pair in pairs if pair[0][f"{name}_low"] > pair[1][f"{name}_high"]]
    high, low = max(clear or pairs, key=lambda pair: pair[0][name] - pair[1][name])
    apart = round(100 * (high[name] - low[name]))
    points = f"{apart} {'point' if apart == 1 else 'points'}"
    if clear:
        return (
            f"In {words}, {high['group']} and {low['group']} differ by {points},"
            " more than chance explains."
        )
    return (
        f"In {words}, groups differ by {points} at most, which may be chance: the data cannot tell."
    )


def measure_abroca(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the area between the ROC curves (ABROCA) of each pair of groups.

    Args:
        rows: group, failed, p; rows without a group or a forecast are left out.

    Returns:
        first, second, abroca: one row per pair of groups of at least `SMALLEST`; abroca is NaN
        where a group has no curve.
    """
    rows = rows.dropna(subset=["group", "p"])
    sizes = rows["group"].value_counts()
    found = []
    for one, other in combinations(sorted(sizes.index[sizes >= SMALLEST]), 2):
        pair = rows[rows["group"].isin([one, other])]
        p: Floats = pair["p"].to_numpy("float64")
        area = compute_abroca(
            p, pair["failed"].to_numpy(dtype=int), (pair["group"] == other).to_numpy()
        )
        found.append((one, other, area))
    return pd.DataFrame(found, columns=["first", "second", "abroca"])
