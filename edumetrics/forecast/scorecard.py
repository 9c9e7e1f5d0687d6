"""The scorecard of an exam: the errors of predictions, and whom the lists reached in time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.forecast.places import add_places
from edumetrics.params.forecast import Forecast
from edumetrics.params.triage import Triage
from edumetrics.triage.situation import NOBODY

# Stands where a class_id would: the row of the whole college.
ALL = "all"
# Kinds of log entries after which someone has been in contact; "no answer" is not among them.
CONTACTED = ("talked", "emailed", "called", "referred", "known reason")
# Kinds of errors that are worth a closer look; readers see these words.
MISSED, ALARM = "failed, never on a list", "on a list, passed"
OUTSIDE = "failed, on a list but never in a place"
REACHED = "failed, had a place"


def measure_classes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the results of the exam and the errors of the predictions, by class and for all.

    Args:
        rows: class_id, semester, predicted, actual, residual, verdict, failed (boolean, <NA> where
            not known), weeks_flagged.

    Returns:
        One row for `ALL`, then one per class: class_id, students, results, failed (counts), mae
        (mean absolute error, points), in_range (share of scores within the predicted range), below
        (share below it), listed (of the students who failed, the share on a list before),
        false_alarms (listed students who passed, for each listed student who failed). NaN where
        there is nothing to divide by.
    """
    groups = [(ALL, rows), *rows.groupby("class_id")]
    return pd.DataFrame([{"class_id": name, **_measure_class(part)} for name, part in groups])


def _measure_class(rows: pd.DataFrame) -> dict[str, float]:
    # Errors need a prediction and a score; lists need only an outcome, which is known more often.
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


def compare_lists(
    metrics: pd.DataFrame,
    flags: pd.DataFrame,
    failed: pd.DataFrame,
    triage: Triage,
    forecast: Forecast,
) -> pd.DataFrame:
    """Return the precision of the lists as they were sent, and of lists by one number alone.

    Args:
        metrics: student_id, sem_week, advisor_id, p_fail, risk_score, overall_att_pct of the weeks
            to judge.
        flags: student_id, sem_week, within_capacity: the lists of those weeks.
        failed: student_id, failed (bool), of the students whose outcome is known.
        triage: the advisors' capacities.
        forecast: how lists are smoothed.

    Returns:
        list (`as sent`, `forecast`, `rules' score`, `attendance alone`), precision and recall of
        the same number of places (means over weeks), highest precision first. `forecast` is left
        out if there was none. There are no rows if nobody's outcome is known, or all are the same.
    """
    # Students without an outcome are dropped: they would count as neither right nor wrong.
    rows = metrics.merge(failed, on="student_id")
    if rows.empty or rows["failed"].nunique() < 2:
        return pd.DataFrame(columns=["list", "precision", "recall"])
    found = [{"list": "as sent", **_measure_list(rows, flags)}]
    # `places` orders by a column named logit; any increasing scale gives the same order. A missing
    # value counts as neutral, but a missing risk score as the lowest.
    numbers = {
        "rules' score": rows["risk_score"].fillna(0) / 25 - 2,
        "attendance alone": (60 - rows["overall_att_pct"].fillna(60)) / 25,
    }
    if rows["p_fail"].notna().any():
        numbers["forecast"] = compute_logits(rows["p_fail"])
    for name, logit in numbers.items():
        found.append(
            {
                "list": name,
                **_measure_list(
                    rows, select_same_places(rows.assign(logit=logit), flags, triage, forecast)
                ),
            }
        )
    return pd.DataFrame(found).sort_values("precision", ascending=False, ignore_index=True)


def compute_logits(p_fail: pd.Series) -> pd.Series:
    """Return the logits of chances of failing; a null chance counts as the median of the others."""
    # Clipped, because the logit of 0 or 1 is infinite.
    p = p_fail.fillna(p_fail.median()).clip(1e-6, 1 - 1e-6)
    return (p / (1 - p)).map(np.log)


def select_same_places(
    rows: pd.DataFrame, flags: pd.DataFrame, triage: Triage, forecast: Forecast
) -> pd.DataFrame:
    """Return lists ordered by one number, with as many places a week as each advisor's list had.

    The number is smoothed in the same way as the lists are.
    """
    ordered = add_places(rows, triage, forecast.smoothing).sort_values(
        "order", ascending=False, kind="stable"
    )
    # Places are counted among the same rows, so that both lists are measured on the same students.
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


def _measure_list(rows: pd.DataFrame, flags: pd.DataFrame) -> dict[str, float]:
    given = flags.loc[flags["within_capacity"], ["student_id", "sem_week"]]
    inside = rows.merge(given, on=["student_id", "sem_week"])
    fails = rows[rows["failed"]].groupby("sem_week").size()
    reached = inside[inside["failed"]].groupby("sem_week").size().reindex(fails.index, fill_value=0)
    # A week in which nobody has a place counts for the recall only, as a recall of 0.
    return {
        "precision": inside.groupby("sem_week")["failed"].mean().mean(),
        "recall": (reached / fails).mean(),
    }


def compute_lead_time(flags: pd.DataFrame, failed: pd.DataFrame, week: int) -> float:
    """Return the median weeks from a student's first week on a list to the exam.

    Args:
        flags: student_id, sem_week.
        failed: student_id, failed (bool).
        week: the week of the exam.

    Returns:
        The median over the students who failed and were on a list; NaN if there are none.
    """
    fails = failed.loc[failed["failed"], "student_id"]
    first = flags[flags["student_id"].isin(fails)].groupby("student_id")["sem_week"].min()
    return float((week - first).median())


def count_errors(rows: pd.DataFrame, flags: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return the kinds of errors, and what the intervention log says about each.

    Args:
        rows: student_id, failed (boolean), weeks_flagged.
        flags: student_id, within_capacity.
        contacts: student_id, kind: the intervention log.

    Returns:
        kind, students (count), contacted (how many of them someone had been in contact with),
        known_reason and wrong_flag (how many have such an entry in the log), such_as (up to ten
        ids). Students whose outcome is not known are left out.
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
    # Sets, because a student may have many entries and each counts once.
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
