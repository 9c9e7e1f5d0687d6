"""What a place did, and what a contact did, where places were drawn by lot.

Within a pool (one advisor's students of nearly equal urgency in one week) lots decide who has a
place. So the draw is an instrument (Angrist, Imbens & Rubin, JASA 91, 1996): for having had a place
in the weeks that follow, since who is drawn out may have one a week later, and for having been in
contact, since not every place is followed up. Both effects are what the outcome changed for the
share of the following weeks that came after a place, or after a contact. The levels before the
draw take noise away, and no more. Errors are clustered by student.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from edumetrics.params.calendar import Calendar
from edumetrics.triage.effects import (
    FOLLOWED,
    LEAST,
    LEVEL,
    OUTCOMES,
    WORTHWHILE,
    Effect,
    compute_more_weeks,
)

PLACE, CONTACT = "a place, drawn", "a contact, drawn"
KEY = ["student_id", "sem_week"]


@dataclass(frozen=True)
class DrawnTerm:
    """A term in which places were drawn.

    Attributes:
        weeks: student_id, sem_week and the measures of `OUTCOMES`.
        draws: student_id, sem_week, pool_id (which pool), place (bool): who was drawn in and out.
        places: student_id, sem_week: everyone with a place, drawn or not.
        contacts: student_id, sem_week: contacts, by the week whose list they answer.
        calendar: which weeks are teaching weeks.
    """

    weeks: pd.DataFrame
    draws: pd.DataFrame
    places: pd.DataFrame
    contacts: pd.DataFrame
    calendar: Calendar


def measure_draws(terms: list[DrawnTerm]) -> list[Effect]:
    """Return the effect of a place, and of a contact, on each measure."""
    found = []
    for name, outcome in OUTCOMES.items():
        cases = [collect_drawn(term, name).assign(term=n) for n, term in enumerate(terms)]
        rows = pd.concat(cases, ignore_index=True)
        found += [
            _describe(rows, outcome, what, column)
            for what, column in ((PLACE, "placed"), (CONTACT, "met"))
        ]
    return found


def collect_drawn(term: DrawnTerm, outcome: str) -> pd.DataFrame:
    """Return who was drawn in and out by week, with what was known then, and what came after.

    Returns:
        student_id, sem_week, pool_id, place, placed and met (the share of the following weeks that
        came after a place, and after a contact, of this week or later), level, usual (the mean of
        all weeks before), after. Only
        rows without a missing value.
    """
    columns = ["student_id", "sem_week", "pool_id", "place", "placed", "met", "level", "usual",
               "after"]  # fmt: skip
    wide = term.weeks.pivot(index="student_id", columns="sem_week", values=outcome)
    wide, found = wide.astype("float64"), []
    for found_in, group in term.draws.groupby("sem_week"):
        number = int(str(found_in))
        later = [w for w in term.calendar.get_next_teaching_weeks(number)[:FOLLOWED] if w in wide]
        # All weeks before: the more there are, the less of what comes after is chance.
        before = [week for week in term.calendar.teaching_weeks if week < number and week in wide]
        if len(later) < FOLLOWED or not before or number not in wide:
            continue
        mine, level = wide.reindex(group["student_id"]), wide[number]
        now = level.reindex(group["student_id"]).to_numpy()
        found.append(
            group.assign(
                placed=_measure_exposure(group["student_id"], term.places, number, later),
                met=_measure_exposure(group["student_id"], term.contacts, number, later),
                level=now,
                usual=mine[before].mean(axis=1).to_numpy(),
                after=mine[later].mean(axis=1).to_numpy(),
            )
        )
    kept = pd.concat(found) if found else pd.DataFrame(columns=columns)
    return kept[columns].dropna().astype({"place": bool})


def _measure_exposure(
    students: pd.Series, events: pd.DataFrame, week: int, later: list[int]
) -> np.ndarray:
    """Return the share of the following weeks that came after a first event of this week or later.

    An event answers a week's list: its effect can show from the week after.
    """
    since = events[events["sem_week"] >= week].groupby("student_id")["sem_week"].min()
    first = students.map(since).astype("float64").to_numpy()
    return np.asarray(np.mean([first < one for one in later], axis=0))


def _describe(rows: pd.DataFrame, outcome: str, what: str, exposure: str) -> Effect:
    inside, out = (int(rows.loc[rows["place"] == had, "student_id"].nunique())
                   for had in (True, False))  # fmt: skip
    nothing = float("nan")
    if min(inside, out) < LEAST:
        said = (
            f"Too few to tell: {inside} students were drawn in and {out} out with three teaching"
            f" weeks since, and at least {LEAST} of each are needed."
        )
        return Effect(outcome, inside, out, nothing, nothing, nothing, said, what)
    fitted = estimate(rows, exposure)
    if fitted is None:
        said = "Lots made no difference to who had one: nothing can be told."
        return Effect(outcome, inside, out, nothing, nothing, nothing, said, what)
    difference, error = fitted
    # The quantile of Student's t.
    reach = error * float(special.stdtrit(max(min(inside, out) - 1, 1), (1 + LEVEL) / 2))
    low, high = difference - reach, difference + reach
    weeks = int(rows.groupby("term")["sem_week"].nunique().sum())
    said = _format_result(outcome, what.partition(",")[0], (difference, low, high), error, weeks)
    return Effect(outcome, inside, out, difference, low, high, said, what)


def _format_result(
    outcome: str, what: str, found: tuple[float, float, float], error: float, weeks: int
) -> str:
    """Return the result in a sentence; `found` is the effect with its interval, in points."""
    difference, low, high = found
    between = f"95% interval {low:+.1f} to {high:+.1f} points"
    if low > 0 or high < 0:
        return (
            f"{what.capitalize()} changed {outcome} of the three teaching weeks after it by"
            f" {difference:+.1f} points ({between})."
        )
    if low > -WORTHWHILE and high < WORTHWHILE:
        return f"{what.capitalize()} made no difference of {WORTHWHILE:.0f} points ({between})."
    more = compute_more_weeks(weeks, error)
    return (
        f"Cannot tell yet for {outcome} ({between}): about {more} more"
        f" {'week' if more == 1 else 'weeks'} of draws would show {WORTHWHILE:.0f} points."
    )


def estimate(rows: pd.DataFrame, exposure: str) -> tuple[float, float] | None:
    """Return the effect in points and its standard error; None where lots changed no exposure.

    Two-stage least squares with the draw as the instrument, within pools, given the levels
    before the draw; standard errors are clustered by student.
    """
    pool = [rows["term"], rows["pool_id"]]
    values = rows[["place", exposure, "after", "level", "usual"]].astype("float64")
    # Within pools: what all students of a pool have in common is taken off.
    values = values - values.groupby(pool).transform("mean")
    known = values[["level", "usual"]].to_numpy()
    # What the levels explain is taken off, too (Frisch, Waugh & Lovell).
    fitted = np.linalg.pinv(known)
    z, exposed, after = (
        values[name].to_numpy() - known @ (fitted @ values[name].to_numpy())
        for name in ("place", exposure, "after")
    )
    strength = float(z @ exposed)
    if abs(strength) < 1e-9:
        return None
    effect = float(z @ after) / strength
    scores = pd.Series(z * (after - effect * exposed)).groupby(rows["student_id"].to_numpy()).sum()
    count, taken = len(scores), rows.groupby(["term", "pool_id"]).ngroups + known.shape[1]
    # With few clusters, and with as many means taken off as there are pools, the sum of squares is
    # too small (CR1).
    small = count / max(count - 1, 1) * (len(rows) - 1) / max(len(rows) - taken - 1, 1)
    error = np.sqrt(float((scores**2).sum()) * small) / abs(strength)
    return effect, float(error)
