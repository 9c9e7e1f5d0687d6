"""The scorecard of an exam that is over: how far predictions held, whom the lists reached in time, and whom not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.forecast.backtest import places
from edumetrics.params import Forecast, Triage
from edumetrics.triage.flags import NOBODY

ALL = "all"
CONTACTED = ("talked", "emailed", "called", "referred", "known reason")
# Kinds of errors worth looking into, and what is asked about each.
MISSED, ALARM = "failed, never on a list", "on a list, passed"
OUTSIDE = "failed, on a list but never in a place"
REACHED = "failed, had a place"


def by_class(rows: pd.DataFrame) -> pd.DataFrame:
    """How the exam and the predictions went, class by class and for all.

    Args:
        rows: class_id, semester, predicted, actual, residual, verdict, failed (boolean, <NA> where not known),
            weeks_flagged.

    Returns:
        class_id (`ALL` first), students, results, failed (counts), mae (mean absolute error), in_range (share of
        scores within the predicted range), below (share below it), listed (share of those who failed who had been on a
        list before), false_alarms (students listed who passed, for each listed who failed). NaN where there is nothing
        to divide by.
    """
    groups = [(ALL, rows), *rows.groupby("class_id")]
    return pd.DataFrame([{"class_id": name, **_scores(part)} for name, part in groups])


def _scores(rows: pd.DataFrame) -> dict[str, float]:
    known = rows[rows["residual"].notna()]
    told = rows[rows["failed"].notna()]
    failed, listed = told["failed"].astype(bool), told["weeks_flagged"] > 0
    return {
        "students": len(rows),
        "results": int(rows["actual"].notna().sum()),
        "failed": int(failed.sum()),
        "mae": known["residual"].abs().mean(),
        "in_range": (known["verdict"] == "within").mean() if len(known) else np.nan,
        "below": (known["verdict"] == "below").mean() if len(known) else np.nan,
        "listed": listed[failed].mean() if failed.any() else np.nan,
        "false_alarms": (listed & ~failed).sum() / (listed & failed).sum()
        if (listed & failed).any()
        else np.nan,
    }


def lists_compared(
    metrics: pd.DataFrame,
    flags: pd.DataFrame,
    failed: pd.DataFrame,
    triage: Triage,
    forecast: Forecast,
) -> pd.DataFrame:
    """The lists as they were sent, beside what one number alone would have chosen.

    Args:
        metrics: student_id, sem_week, advisor_id, p_fail, risk_score, overall_att_pct of the weeks to judge.
        flags: student_id, sem_week, within_capacity: the lists of those weeks.
        failed: student_id, failed (bool): of those whose outcome is known.

    Returns:
        list (`as sent`, `forecast`, `rules' score`, `attendance alone`), precision and recall of as many places
        (means over weeks), in the order of precision; without `forecast` where there was none. No rows where nothing
        is known.
    """
    rows = metrics.merge(failed, on="student_id")
    if rows.empty or rows["failed"].nunique() < 2:
        return pd.DataFrame(columns=["list", "precision", "recall"])
    found = [{"list": "as sent", **_sent(rows, flags)}]
    numbers = {
        "rules' score": rows["risk_score"].fillna(0) / 25 - 2,
        "attendance alone": (60 - rows["overall_att_pct"].fillna(60)) / 25,
    }
    if rows["p_fail"].notna().any():
        p = rows["p_fail"].fillna(rows["p_fail"].median()).clip(1e-6, 1 - 1e-6)
        numbers["forecast"] = (p / (1 - p)).map(np.log)
    for name, logit in numbers.items():
        found.append(
            {
                "list": name,
                **_sent(rows, _same_places(rows.assign(logit=logit), flags, triage, forecast)),
            }
        )
    return pd.DataFrame(found).sort_values("precision", ascending=False, ignore_index=True)


def _same_places(
    rows: pd.DataFrame, flags: pd.DataFrame, triage: Triage, forecast: Forecast
) -> pd.DataFrame:
    """Lists ordered by one number, smoothed as lists are, with as many places each week as each advisor's had."""
    ordered = places(rows, triage, forecast.smoothing).sort_values(
        "order", ascending=False, kind="stable"
    )
    given = rows.merge(
        flags.loc[flags["within_capacity"], ["student_id", "sem_week"]],
        on=["student_id", "sem_week"],
    )
    counts = (
        given.assign(advisor=given["advisor_id"].fillna(NOBODY))
        .groupby(["sem_week", "advisor"])
        .size()
    )
    place = ordered.groupby(["sem_week", "advisor"]).cumcount()
    had = counts.reindex(
        pd.MultiIndex.from_frame(ordered[["sem_week", "advisor"]]), fill_value=0
    ).to_numpy()
    return ordered.assign(within_capacity=place.to_numpy() < had)


def _sent(rows: pd.DataFrame, flags: pd.DataFrame) -> dict[str, float]:
    given = flags.loc[flags["within_capacity"], ["student_id", "sem_week"]]
    inside = rows.merge(given, on=["student_id", "sem_week"])
    fails = rows[rows["failed"]].groupby("sem_week").size()
    reached = inside[inside["failed"]].groupby("sem_week").size().reindex(fails.index, fill_value=0)
    return {
        "precision": inside.groupby("sem_week")["failed"].mean().mean(),
        "recall": (reached / fails).mean(),
    }


def lead_time(flags: pd.DataFrame, failed: pd.DataFrame, week: int) -> float:
    """Median weeks from the first place on a list to the exam, of those who failed and were listed; NaN where none."""
    fails = failed.loc[failed["failed"], "student_id"]
    first = flags[flags["student_id"].isin(fails)].groupby("student_id")["sem_week"].min()
    return float((week - first).median())


def errors(rows: pd.DataFrame, flags: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Kinds of errors to look into, and what the log says of each.

    Args:
        rows: student_id, failed (boolean), weeks_flagged.
        flags: student_id, within_capacity.
        contacts: student_id, kind.

    Returns:
        kind, students, contacted (how many of them someone had been in contact with), known_reason, wrong_flag (how
        many the log says that of), such_as (up to ten ids).
    """
    told = rows[rows["failed"].notna()]
    failed, listed = told["failed"].astype(bool), told["weeks_flagged"] > 0
    placed = told["student_id"].isin(flags.loc[flags["within_capacity"], "student_id"])
    kinds = {
        MISSED: failed & ~listed,
        OUTSIDE: failed & listed & ~placed,
        REACHED: failed & placed,
        ALARM: ~failed & listed,
    }
    kind_of = contacts.groupby("student_id")["kind"].agg(set)
    found = []
    for kind, who in kinds.items():
        ids = told.loc[who, "student_id"]
        said = [kind_of.get(student, set()) for student in ids]
        found.append(
            {
                "kind": kind,
                "students": len(ids),
                "contacted": sum(bool(mine.intersection(CONTACTED)) for mine in said),
                "known_reason": sum("known reason" in mine for mine in said),
                "wrong_flag": sum("wrong flag" in mine for mine in said),
                "such_as": ", ".join(ids.head(10)),
            }
        )
    return pd.DataFrame(found)
