"""The numbers that reasons compare a student's own with: last week, the class, earlier weeks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from edumetrics.scoring.risk import BASELINE_METRICS
from edumetrics.scoring.signals import Floats, divide
from edumetrics.triage.situation import Bools, Situation
from edumetrics.types import Row

# By name of a sentence, one number or text for each student on the roll.
Measured = Mapping[str, np.ndarray]
# The measures of which an improvement is told: the metric, and how many points are worth a word.
CHANGES = {
    "attendance": "weekly_att_pct",
    "marks": "academic_performance",
    "activity": "effort_score",
}


def measure_changes(
    now: Row, before: Row, least: float, least_coverage: float = 0
) -> dict[str, float]:
    """Return what changed since last week by at least some points, by name of `CHANGES`.

    Above 0 is better. Unknown changes are left out.
    """
    found = {name: now[metric] - before[metric] for name, metric in CHANGES.items()}
    # Of few signals no effort score is told.
    if min(now["effort_coverage"], before["effort_coverage"]) < least_coverage:
        del found["activity"]
    # One lecture more or less is no change, whatever share of a short week it is.
    if abs(found["attendance"]) * now["week_lectures_held"] <= 100:
        del found["attendance"]
    # NaN (one of the weeks has no value) compares as False, and is left out too.
    return {name: change for name, change in found.items() if abs(change) >= least}


def measure_lectures(situation: Situation) -> Measured:
    """Return the lectures attended and held this week and last, and the share before them.

    The share (`usual`) is over the four teaching weeks before this one and the last, named in
    `weeks`: the sentence gives this week and last in numbers. NaN, and empty, where there are none.
    """
    observed, week = situation.scored.observed, situation.week
    before = situation.calendar.get_teaching_weeks_before(week, situation.scoring.baseline_weeks)
    held, present = observed.held, observed.present
    last, window = before[:1], sorted(before[1:])
    weeks = held[:, window] > 0
    texts = {
        mine: situation.sentences.name_weeks(tuple(np.array(window)[list(mine)]))
        if any(mine)
        else ""
        for mine in set(map(tuple, weeks.tolist()))
    }
    return {
        "value": present[:, week],
        "baseline": held[:, week],
        "last_attended": present[:, list(last)].sum(axis=1),
        "last_held": held[:, list(last)].sum(axis=1),
        "usual": divide(100 * present[:, window].sum(axis=1), held[:, window].sum(axis=1)),
        "weeks": np.array([texts[tuple(mine)] for mine in weeks.tolist()], dtype=object),
    }


def measure_deadline(situation: Situation) -> Measured:
    """Return how many of the lectures left can be missed, and must be attended."""
    metrics, pct = situation.scored.metrics, situation.calendar.attendance_rule_pct
    return {
        "value": metrics["lectures_can_miss"].to_numpy("float64", na_value=np.nan),
        "baseline": metrics["lectures_left"].to_numpy("float64", na_value=np.nan),
        "needed": metrics["lectures_to_attend"].to_numpy("float64", na_value=np.nan),
        # As sentences have it; empty without a rule.
        "rule": np.full(len(metrics), "" if pct is None else f"{pct:g}", dtype=object),
    }


def compute_class_medians(situation: Situation, values: Floats) -> Floats:
    """Return the median of each student's class; NaN where fewer than two students have a value.

    Students of whom the term holds nothing are in no median.
    """
    roll = situation.scored.observed.roll
    known = pd.Series(values).where(find_recorded(situation))
    groups = known.groupby(roll.classes[:, roll.week])
    return groups.transform("median").where(groups.transform("count") > 1).to_numpy()


def find_baseline_weeks(
    situation: Situation, students: pd.Series
) -> dict[str, list[tuple[int, ...]]]:
    """Return by metric, for each student, the weeks of the baseline that have a value."""
    # A sentence names the weeks in order, but the calendar gives the latest first.
    window = sorted(
        situation.calendar.get_teaching_weeks_before(
            situation.week, situation.scoring.baseline_weeks
        )
    )
    history = situation.history[situation.history["sem_week"].isin(window)]
    found = {}
    for metric in BASELINE_METRICS:
        known = history.pivot(index="student_id", columns="sem_week", values=metric).notna()
        # Weeks of the window without any stored row are no column of the pivot.
        known = known.reindex(index=students, columns=window, fill_value=False)
        found[metric] = [tuple(np.array(window)[mine]) for mine in known.to_numpy(dtype=bool)]
    return found


def measure_pace(situation: Situation) -> np.ndarray:
    """Return lectures missed, lectures held, and weeks with lectures, over the last teaching weeks.

    The array has one row for each student on the roll, and these three columns. The window is
    `detention_weeks`, four as shipped.
    """
    window = list(
        situation.calendar.get_last_teaching_weeks(
            situation.week, situation.scoring.detention_weeks
        )
    )
    observed = situation.scored.observed
    held, present = observed.held[:, window], observed.present[:, window]
    return np.stack(
        [(held - present).sum(axis=1), held.sum(axis=1), (held > 0).sum(axis=1)], axis=1
    )


def find_recorded(situation: Situation) -> np.ndarray:
    """Return of whom the term holds anything: a register, work, a visit, a loan or activity.

    A register that says absent is a record; work that fell due and was not done is none.
    """
    observed = situation.scored.observed
    signs = [situation.is_in(situation.memory.recorded), observed.held.sum(axis=1) > 0]
    for part in observed.work:
        signs += [part.done.sum(axis=1) > 0, part.last_day >= 0]
    signs += [np.nan_to_num(values) > 0 for values in observed.counts.values()]
    return np.asarray(np.any(signs, axis=0))


def find_witnessed(situation: Situation) -> Bools:
    """Return of whom this week could have shown a sign of activity.

    A student who is excused owes none. Where the class had no lecture and no work, only a feed that
    is there could have shown one: what nobody records says nothing about anybody.
    """
    observed, week = situation.scored.observed, situation.week
    roll = observed.roll
    held = [observed.held[:, week] > 0, *(part.due[:, week] > 0 for part in observed.work)]
    by_class = pd.Series(np.any(held, axis=0)).groupby(roll.classes[:, week])
    fed = [~np.isnan(values) for values in observed.counts.values()]
    witnessed = np.any([by_class.transform("any").to_numpy(), *fed], axis=0)
    return np.asarray(witnessed & ~roll.away[:, week])


def find_last_sign(situation: Situation) -> np.ndarray:
    """Return the latest teaching week with a lecture attended or work done; 0 where there is none.

    Visits and activity are known of this week only, and count for it.
    """
    observed = situation.scored.observed
    weeks = [w for w in situation.calendar.teaching_weeks if w <= situation.week]
    signs = observed.present > 0
    for part in observed.work:
        signs = signs | (part.done > 0)
    signs[:, situation.week] |= (
        np.any([np.nan_to_num(values) > 0 for values in observed.counts.values()], axis=0)
        if observed.counts
        else False
    )
    there = signs[:, weeks]
    latest = np.array(weeks)[len(weeks) - 1 - np.argmax(there[:, ::-1], axis=1)]
    return np.where(there.any(axis=1), latest, 0)
