"""Did it help? Compare students who had a contact with similar listed students who had none.

A student who is listed after a bad week tends to have a better week next (regression to the mean),
with or without a contact. So contacted students are only compared with listed students of the same
week who have a similar risk and trend. The method is coarsened exact matching (Iacus, King & Porro,
Political Analysis 20, 2012), followed by a regression on the week's levels.

A student without a contact in the week may have one a week or two later. Leaving these students out
would keep only those who needed no contact. Keeping them as they are would hide an effect. So the
contact of the week is the instrument, and the treatment is the share of the following weeks that
came after any contact (two-stage least squares). Intervals come from a jackknife over students.

Why an advisor chose whom to talk to is not recorded, so students cannot be matched on it. The
answer says what followed a contact, never why.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from edumetrics.params.calendar import Calendar

# The teaching weeks after the contact over which a change is averaged: one week alone is noisy.
FOLLOWED = 3
# With fewer students on either side no estimate is given.
LEAST = 10
# The smallest difference that matters to an advisor (in points), the chance to detect it, and the
# level of the intervals.
WORTHWHILE, POWER, LEVEL = 5.0, 0.8, 0.95
OUTCOMES = {"weekly_att_pct": "attendance", "effort_score": "recorded activity",
            "academic_performance": "academic performance"}  # fmt: skip
# Matching is within bands: finer ones match more closely, but leave more students without a match.
RISK_BANDS, TREND_BANDS = 4, 3
# The teaching weeks before the week of the list from which its trend is measured.
BEFORE = 4


@dataclass(frozen=True)
class Effect:
    """What followed a contact, for one measure.

    Attributes:
        outcome: the measure, in words.
        contacted: how many students with a contact could be matched.
        compared: how many students without a contact they were compared with.
        difference: mean change of the contacted students less that of the others, in points; NaN
            where there are too few students.
        low, high: its 95% confidence interval, in points; NaN where there are too few students.
        said: the result in a sentence. Where the data cannot tell, the sentence says so, and about
            how many more weeks of data would be enough.
        what: what was followed, and how it is told from what would have happened anyway.
    """

    outcome: str
    contacted: int
    compared: int
    difference: float
    low: float
    high: float
    said: str
    what: str = "a contact, matched"


def measure_effects(
    weeks: pd.DataFrame, flags: pd.DataFrame, contacts: pd.DataFrame, calendar: Calendar
) -> list[Effect]:
    """Return what followed a contact over the next three teaching weeks, for each measure.

    Args:
        weeks: student_id, sem_week, risk_score and the measures of `OUTCOMES`, of one term.
        flags: student_id, sem_week: who was listed in which week.
        contacts: student_id, sem_week: contacts, by the week whose list they answer.
        calendar: which weeks are teaching weeks.
    """
    return [measure_effect(weeks, flags, contacts, calendar, name) for name in OUTCOMES]


def measure_effect(
    weeks: pd.DataFrame,
    flags: pd.DataFrame,
    contacts: pd.DataFrame,
    calendar: Calendar,
    outcome: str,
) -> Effect:
    """Return what followed a contact, for one measure; arguments as for `measure_effects`."""
    left = calendar.count_teaching_weeks_left(int(weeks["sem_week"].max())) if len(weeks) else 0
    return _compute_effect(collect_cases(weeks, flags, contacts, calendar, outcome), outcome, left)


def collect_cases(
    weeks: pd.DataFrame,
    flags: pd.DataFrame,
    contacts: pd.DataFrame,
    calendar: Calendar,
    outcome: str,
) -> pd.DataFrame:
    """Return listed students by week: contact or not, what was known then, and what changed after.

    A student counts with a contact once, in the week of the first contact. Without a contact a
    student counts in every listed week before any contact.

    Returns:
        student_id, sem_week, contacted, exposed (the share of the following weeks that came after a
        contact), risk, level, trend, change. Only rows without a missing value; no rows where
        nobody was listed.
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
        # Weeks after the first contact are left out: the contact may already have had an effect.
        for week, group in rows[met.isna() | (rows["sem_week"] <= met)].groupby("sem_week"):
            found.append(
                _collect_week(
                    int(str(week)), group, met[group.index].to_numpy(), wide, risk, calendar
                )
            )
    kept = [frame for frame in found if frame is not None]
    if not kept:
        return pd.DataFrame(columns=columns)
    return pd.concat(kept, ignore_index=True)[columns].dropna(ignore_index=True)


def _collect_week(
    week: int,
    group: pd.DataFrame,
    met: np.ndarray,
    wide: pd.DataFrame,
    risk: pd.DataFrame,
    calendar: Calendar,
) -> pd.DataFrame | None:
    """Return the cases of one week; None where the weeks before or after it are missing.

    Args:
        week: the semester week of the list.
        group: student_id, sem_week of the students listed.
        met: the week of each student's first contact; NaN where there was none.
        wide: the measure, students by semester weeks.
        risk: the risk score, students by semester weeks.
        calendar: which weeks are teaching weeks.
    """
    later = [w for w in calendar.get_next_teaching_weeks(week)[:FOLLOWED] if w in wide]
    before = [w for w in calendar.get_teaching_weeks_before(week, BEFORE) if w in wide]
    if len(later) < FOLLOWED or not before or week not in wide:
        return None
    # `reindex` puts the rows into the order of `group`; the arrays below are assigned by position.
    mine = wide.reindex(group["student_id"])
    level = mine[week].to_numpy()
    return pd.DataFrame(
        {
            "student_id": group["student_id"].to_numpy(),
            "sem_week": week,
            "contacted": met == week,
            # A contact answers a week's list: its effect can show from the week after.
            "exposed": np.mean([met < w for w in later], axis=0),
            "risk": risk[week].reindex(group["student_id"]).to_numpy(),
            "level": level,
            "trend": level - mine[before].mean(axis=1).to_numpy(),
            "change": mine[later].mean(axis=1).to_numpy() - level,
        }
    )


def _compute_effect(rows: pd.DataFrame, name: str, left: int) -> Effect:
    """Return the effect for one measure; `left` is how many teaching weeks the term still has."""
    outcome, matched = OUTCOMES[name], _match_cases(rows)
    contacted = int(matched["contacted"].sum())
    # A student without a contact is a case in several weeks, but counts as one student.
    compared = int(matched.loc[~matched["contacted"].astype(bool), "student_id"].nunique())
    if min(contacted, compared) < LEAST:
        said = (
            f"Too few to tell: {contacted} students with a contact and {compared} like them"
            f" without one can be compared, and at least {LEAST} of each are needed."
        )
        return Effect(outcome, contacted, compared, np.nan, np.nan, np.nan, said)
    difference, error, freedom = _fit_difference(matched)
    # The quantile of Student's t; `scipy.stats` has the same, and takes a second to import.
    reach = error * float(special.stdtrit(freedom, (1 + LEVEL) / 2))
    low, high = difference - reach, difference + reach
    more = compute_more_weeks(matched["sem_week"].nunique(), error)
    said = _format_result(outcome, difference, low, high, more, left)
    return Effect(outcome, contacted, compared, difference, low, high, said)


def _match_cases(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the cases in strata of week, risk and trend that have both kinds, with their weights.

    The weights give the students without a contact the same distribution over the strata as the
    students with one.
    """
    if rows.empty:
        return rows.assign(weight=pd.Series(dtype="float64"))
    # `qcut` fails on equal edges: ranks without ties have none, however often a value occurs.
    bands = [pd.qcut(rows[name].rank(method="first"), count, labels=False) for name, count in
             (("risk", RISK_BANDS), ("trend", TREND_BANDS))]  # fmt: skip
    stratum = rows.groupby([rows["sem_week"], *bands]).ngroup()
    met = rows["contacted"].astype(bool)
    with_, without = (stratum.map(stratum[kind].value_counts()).fillna(0) for kind in (met, ~met))
    # A stratum without anyone to compare is dropped below; the 1 only keeps the division defined.
    weight = np.where(met, 1.0, with_ / without.where(without > 0, 1))
    return rows.assign(weight=weight)[(with_ > 0) & (without > 0)]


def _fit_difference(matched: pd.DataFrame) -> tuple[float, float, int]:
    """Return the difference in the change per contact, its error, and the degrees of freedom.

    The difference and its standard error are in points.
    """
    levels = matched[["risk", "level", "trend"]].astype("float64")
    # A constant column has a standard deviation of 0: it becomes 0 instead of NaN.
    levels = (levels - levels.mean()) / levels.std().replace(0, 1)
    known = [
        pd.get_dummies(matched["sem_week"], dtype="float64"),
        levels,
        levels[["level", "trend"]] ** 2,
    ]
    # Rows times the root of their weight make ordinary least squares weighted.
    root = np.sqrt(matched["weight"].to_numpy("float64"))[:, None]
    others = np.column_stack([frame.to_numpy() for frame in known]) * root
    instrument, exposed, change = (matched[[name]].to_numpy("float64") * root for name in
                                   ("contacted", "exposed", "change"))  # fmt: skip
    z, w = np.column_stack([instrument, others]), np.column_stack([exposed, others])
    students = pd.factorize(matched["student_id"])[0]
    count = int(students.max()) + 1
    # Sums by student: leaving out a student is then a subtraction, not a new sum over all rows.
    squares, products = np.zeros((count, z.shape[1], w.shape[1])), np.zeros((count, z.shape[1]))
    np.add.at(squares, students, z[:, :, None] * w[:, None, :])
    np.add.at(products, students, z * change)
    whole, total = squares.sum(axis=0), products.sum(axis=0)
    # The pseudo-inverse, because a constant level makes the matrix singular.
    estimate = float((np.linalg.pinv(whole) @ total)[0])
    # The jackknife leaves out whole students: the weeks of one student are not independent.
    inverses = np.linalg.pinv(whole - squares)
    without = (inverses[:, 0, :] * (total - products)).sum(axis=1)
    error = float(np.sqrt((count - 1) / count * ((without - without.mean()) ** 2).sum()))
    met = int(matched.loc[matched["contacted"].astype(bool), "student_id"].nunique())
    # The smaller side limits what is known, so it gives the degrees of freedom.
    return estimate, error, max(min(met, count - met) - 1, 1)


def compute_more_weeks(weeks: int, error: float) -> int:
    """Return about how many more weeks like those so far would show a worthwhile difference.

    It is at least one. `error` is the standard error after so many weeks, in points.
    """
    # The standard error at which a worthwhile difference is detected with the wanted power, from
    # two quantiles of the normal distribution.
    wanted = WORTHWHILE / float(special.ndtri((1 + LEVEL) / 2) + special.ndtri(POWER))
    # The error falls with the root of the number of weeks.
    return max(int(np.ceil(weeks * ((error / wanted) ** 2 - 1))), 1)


def _format_result(
    outcome: str, difference: float, low: float, high: float, more: int, left: int
) -> str:
    """Return the result in a sentence; `more` and `left` are weeks, other numbers are points."""
    between = f"95% interval {low:+.1f} to {high:+.1f} points"
    if low > 0 or high < 0:
        beside = (
            f"{abs(difference):.1f} points {'above' if low > 0 else 'below'}"
            " that of students like them"
        )
        return f"Where someone was in contact, {outcome} was then {beside} ({between})."
    # The whole interval lies below a worthwhile difference: this says more than "cannot tell".
    if low > -WORTHWHILE and high < WORTHWHILE:
        return f"No difference of {WORTHWHILE:.0f} points or more in {outcome} ({between})."
    weeks = f"about {more} more {'week' if more == 1 else 'weeks'} of as many contacts"
    late = f", and this semester has {left} left" if more > left else ""
    return (
        f"The data cannot tell for {outcome} ({between});"
        f" {weeks} would show {WORTHWHILE:.0f} points{late}."
    )
