"""Did it help? Students someone was in contact with, beside listed students like them with whom nobody was.

Whoever has a bad week and is therefore listed tends to have a better one next (regression to the mean), with or without
a contact. So contacted students are only compared with listed students of the same week of a like risk and trend:
coarsened exact matching (Iacus, King & Porro, Political Analysis 20, 2012), then a regression on the week's levels.

Those compared may be met a week or two later. To leave them out would keep those whom nobody had to meet, and to keep
them as they are would hide an effect; so the contact of the week is the instrument, and the share of the weeks that
followed which came after any contact is what it changes (two-stage least squares). Intervals are from a jackknife over
students. What people cannot be matched on (why an advisor chose whom to talk to) stays unknown: the answer says what
followed, never why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from edumetrics.params import Calendar

FOLLOWED = 3
LEAST = 10
# A difference that an advisor would call one, in points, and how surely it should be seen.
WORTHWHILE, POWER, LEVEL = 5.0, 0.8, 0.95
OUTCOMES = {"weekly_att_pct": "attendance", "effort_score": "recorded activity",
            "academic_performance": "academic performance"}  # fmt: skip
RISK_BANDS, TREND_BANDS = 4, 3
BEFORE = 4


@dataclass(frozen=True)
class Effect:
    """What followed, for one measure.

    Attributes:
        outcome: what was measured, in words.
        contacted, compared: students with a contact who could be matched, and students without one.
        difference: mean change of the contacted less that of those compared, in points; NaN where there are too few.
        low, high: its 95% confidence interval.
        said: it, in a sentence; where the data cannot tell, that, and how many more weeks would.
    """

    outcome: str
    contacted: int
    compared: int
    difference: float
    low: float
    high: float
    said: str


def effects(
    weeks: pd.DataFrame, flags: pd.DataFrame, contacts: pd.DataFrame, calendar: Calendar
) -> list[Effect]:
    """The change over the next three teaching weeks, with and without a contact, for each measure.

    Args:
        weeks: student_id, sem_week, risk_score and the measures of `OUTCOMES`, of one term.
        flags: student_id, sem_week: who was listed when.
        contacts: student_id, sem_week: contacts, by the week whose list they answer.
        calendar: which weeks are taught.
    """
    return [effect(weeks, flags, contacts, calendar, name) for name in OUTCOMES]


def effect(
    weeks: pd.DataFrame,
    flags: pd.DataFrame,
    contacts: pd.DataFrame,
    calendar: Calendar,
    outcome: str,
) -> Effect:
    """As `effects`, for one measure."""
    left = calendar.teaching_weeks_left(int(weeks["sem_week"].max())) if len(weeks) else 0
    return _effect(cases(weeks, flags, contacts, calendar, outcome), outcome, left)


def cases(
    weeks: pd.DataFrame,
    flags: pd.DataFrame,
    contacts: pd.DataFrame,
    calendar: Calendar,
    outcome: str,
) -> pd.DataFrame:
    """Listed students by week: whether there was a contact, what could be known then, and the change that followed.

    A student counts once with a contact, in its first week; without one, in weeks before any contact.

    Returns:
        student_id, sem_week, contacted, exposed (the share of the weeks that followed which came after a contact),
        risk, level, trend, change; only rows in which all is known.
    """
    columns = ["student_id", "sem_week", "contacted", "exposed", "risk", "level", "trend", "change"]
    found = []
    if len(weeks) and len(flags):
        wide = weeks.pivot(index="student_id", columns="sem_week", values=outcome).astype("float64")
        risk = weeks.pivot(index="student_id", columns="sem_week", values="risk_score").astype(
            "float64"
        )
        first = contacts.groupby("student_id")["sem_week"].min()
        rows = flags[["student_id", "sem_week"]].drop_duplicates()
        met = rows["student_id"].map(first).astype("float64")
        for week, group in rows[met.isna() | (rows["sem_week"] <= met)].groupby("sem_week"):
            found.append(
                _week(int(str(week)), group, met[group.index].to_numpy(), wide, risk, calendar)
            )
    kept = [frame for frame in found if len(frame)]
    return pd.concat(kept, ignore_index=True)[columns] if kept else pd.DataFrame(columns=columns)


def _week(
    week: int,
    group: pd.DataFrame,
    met: np.ndarray,
    wide: pd.DataFrame,
    risk: pd.DataFrame,
    calendar: Calendar,
) -> pd.DataFrame:
    """The cases of one week; `met` is the week of each student's first contact, NaN where there was none."""
    later = [w for w in calendar.next_teaching_weeks(week)[:FOLLOWED] if w in wide]
    before = [w for w in calendar.teaching_weeks_before(week, BEFORE) if w in wide]
    if len(later) < FOLLOWED or not before or week not in wide:
        return group.iloc[:0]
    mine = wide.reindex(group["student_id"])
    level = mine[week].to_numpy()
    return group.assign(
        contacted=met == week,
        # A contact answers a week's list: it can show from the week after.
        exposed=np.mean([met < w for w in later], axis=0),
        risk=risk[week].reindex(group["student_id"]).to_numpy(),
        level=level,
        trend=level - mine[before].mean(axis=1).to_numpy(),
        change=mine[later].mean(axis=1).to_numpy() - level,
    ).dropna()


def _effect(rows: pd.DataFrame, name: str, left: int) -> Effect:
    outcome, matched = OUTCOMES[name], _matched(rows)
    contacted = int(matched["contacted"].sum())
    compared = int(matched.loc[~matched["contacted"].astype(bool), "student_id"].nunique())
    if min(contacted, compared) < LEAST:
        said = (
            f"Too few to tell: {contacted} students with a contact and {compared} like them without one can be"
            f" compared, and at least {LEAST} of each are needed."
        )
        return Effect(outcome, contacted, compared, np.nan, np.nan, np.nan, said)
    difference, error, freedom = _estimate(matched)
    reach = error * float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    low, high = difference - reach, difference + reach
    said = _said(outcome, difference, low, high, _more_weeks(matched, error), left)
    return Effect(outcome, contacted, compared, difference, low, high, said)


def _matched(rows: pd.DataFrame) -> pd.DataFrame:
    """Cases in strata of week, risk and trend that have both kinds, with weights that make both kinds alike."""
    if rows.empty:
        return rows.assign(weight=pd.Series(dtype="float64"))
    bands = [pd.qcut(rows[name].rank(method="first"), count, labels=False) for name, count in
             (("risk", RISK_BANDS), ("trend", TREND_BANDS))]  # fmt: skip
    stratum = rows.groupby([rows["sem_week"], *bands]).ngroup()
    met = rows["contacted"].astype(bool)
    with_, without = (stratum.map(stratum[kind].value_counts()).fillna(0) for kind in (met, ~met))
    weight = np.where(met, 1.0, with_ / without.where(without > 0, 1))
    return rows.assign(weight=weight)[(with_ > 0) & (without > 0)]


def _estimate(matched: pd.DataFrame) -> tuple[float, float, int]:
    """Difference in the change per contact, its standard error, and the degrees of freedom."""
    levels = matched[["risk", "level", "trend"]].astype("float64")
    levels = (levels - levels.mean()) / levels.std().replace(0, 1)
    known = [
        pd.get_dummies(matched["sem_week"], dtype="float64"),
        levels,
        levels[["level", "trend"]] ** 2,
    ]
    root = np.sqrt(matched["weight"].to_numpy("float64"))[:, None]
    others = np.column_stack([frame.to_numpy() for frame in known]) * root
    instrument, exposed, change = (matched[[name]].to_numpy("float64") * root for name in
                                   ("contacted", "exposed", "change"))  # fmt: skip
    z, w = np.column_stack([instrument, others]), np.column_stack([exposed, others])
    students = pd.factorize(matched["student_id"])[0]
    count = int(students.max()) + 1
    squares, products = np.zeros((count, z.shape[1], w.shape[1])), np.zeros((count, z.shape[1]))
    np.add.at(squares, students, z[:, :, None] * w[:, None, :])
    np.add.at(products, students, z * change)
    whole, total = squares.sum(axis=0), products.sum(axis=0)
    estimate = float((np.linalg.pinv(whole) @ total)[0])
    without = np.array(
        [(np.linalg.pinv(whole - squares[n]) @ (total - products[n]))[0] for n in range(count)]
    )
    error = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    met = int(matched.loc[matched["contacted"].astype(bool), "student_id"].nunique())
    return estimate, error, max(min(met, count - met) - 1, 1)


def _more_weeks(matched: pd.DataFrame, error: float) -> int:
    """About how many more weeks of as many contacts would show a worthwhile difference; at least one."""
    wanted = WORTHWHILE / float(stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER))
    weeks = matched["sem_week"].nunique()
    return max(int(np.ceil(weeks * ((error / wanted) ** 2 - 1))), 1)


def _said(outcome: str, difference: float, low: float, high: float, more: int, left: int) -> str:
    between = f"95% interval {low:+.1f} to {high:+.1f} points"
    if low > 0 or high < 0:
        beside = f"{abs(difference):.1f} points {'above' if low > 0 else 'below'} that of students like them"
        return f"Where someone was in contact, {outcome} was then {beside} ({between})."
    if low > -WORTHWHILE and high < WORTHWHILE:
        return f"No difference of {WORTHWHILE:.0f} points or more in {outcome} ({between})."
    weeks = f"about {more} more {'week' if more == 1 else 'weeks'} of as many contacts"
    late = f", and this semester has {left} left" if more > left else ""
    return f"The data cannot tell for {outcome} ({between}); {weeks} would show {WORTHWHILE:.0f} points{late}."
