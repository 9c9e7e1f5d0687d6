"""Who is on the list this week, in which tier and in which order.

It applies thresholds, hard rules, grace weeks, escalation, contacts, ranks and capacity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import RULES
from edumetrics.params.triage import Triage
from edumetrics.scoring.risk import compute_points
from edumetrics.scoring.signals import Floats, compute_weighted_mean
from edumetrics.triage import rules
from edumetrics.triage.situation import CRITICAL, HIGH, NO_TIER, TIERS, WATCH, Bools, Situation

# The kinds of contact after which a student counts as looked after. The others (an e-mail, a call,
# no answer, a wrong flag) leave the student among those to reach.
CONTACTS = ("talked", "referred", "known reason")
# The code of the reason that says so; it is how next week knows that a student was raised.
RAISED = "raised"
# Stands for "no advisor": `groupby` drops missing values, so they need a key.
NOBODY = ""


@dataclass(frozen=True)
class ListDecision:
    """What is decided this week about everyone on the roll; every array is aligned with the roll.

    Attributes:
        fired: by rule, for whom it fires this week.
        held: by rule, for whom it fired last week; it then holds for this second week.
        on_list: who is on the list.
        was_on: who was on last week's list.
        rose: whose tier is higher than on last week's list.
        tier: 0 (not on the list), 1 watch, 2 high, 3 critical.
        level: escalation_level, the teaching weeks running on the list.
        raised: who is at High only because of three weeks at Watch; it ends when the score falls.
        ruled: for whom a rule fires or is held.
        points: by component, what it adds to the risk score.
    """

    fired: dict[str, Bools]
    held: dict[str, Bools]
    on_list: Bools
    was_on: Bools
    rose: Bools
    tier: np.ndarray
    level: np.ndarray
    raised: Bools
    ruled: Bools
    points: dict[str, Floats]


def apply_rules(situation: Situation) -> ListDecision:
    """Return who is on the list by score and rules, in which tier, and for how many weeks."""
    triage, risk = situation.triage, situation.scored.metrics["risk_score"].to_numpy()
    fired = rules.check_rules(
        situation.scored, situation.is_in(situation.memory.out_of_reach), triage
    )
    codes = _get_last_codes(situation)
    # A rule that was itself only held last week left the code `<name>_last_week`: it is not held
    # again, so a rule lists a student for two weeks.
    held = {name: np.array([name in mine for mine in codes], dtype=bool) for name in RULES}
    ruled = np.any([*fired.values(), *held.values()], axis=0)
    was_on = situation.is_in(situation.memory.last["student_id"])
    if situation.is_in_grace(situation.week):
        # Scores mean little in the first weeks: only rules and the watchlist put students on the
        # list.
        on_list = ruled | situation.is_in(situation.memory.watchlist)
        tier, level = np.where(on_list, WATCH, NO_TIER), np.zeros(len(risk), dtype=np.int64)
        raised = np.zeros(len(risk), dtype=bool)
    else:
        tier = classify_by_score(risk, was_on, ruled, triage)
        on_list = tier > NO_TIER
        level = count_weeks_on_list(situation, on_list)
        before = np.array([RAISED in mine for mine in codes], dtype=bool)
        raised = _is_not_falling(situation) & (tier == WATCH)
        # `==` and not `>=`: once the score has fallen, the student is not raised again during the
        # same stay on the list.
        raised &= before | (~ruled & (level == triage.raise_at_level))
        # The tier is set last, because being raised depends on the tier that the score alone earns.
        tier = np.where(raised, HIGH, np.maximum(tier, ruled * HIGH))
    rose = was_on & (tier > get_last_tier(situation))
    added = compute_points(situation.scored.components, situation.scoring)
    return ListDecision(fired, held, on_list, was_on, rose, tier, level, raised, ruled, added)


def count_weeks_on_list(situation: Situation, on_list: Bools) -> np.ndarray:
    """Return escalation_level: how many teaching weeks running a student is on the list.

    This week counts; 0 for students who are not on the list.
    """
    return np.asarray(
        on_list * (1 + situation.get_last_value("escalation_level", 0).astype(np.int64))
    )


def classify_by_score(risk: Floats, was_on: Bools, ruled: Bools, triage: Triage) -> np.ndarray:
    """Return the tier that the score earns after the grace weeks.

    It is at least Watch where a rule lists a student, or where a student of last week's list still
    has a score above `triage.staying`. A score of NaN earns no tier.
    """
    # `select` takes the first condition that holds: the highest threshold must come first.
    by_score = np.select(
        [risk >= triage.critical, risk >= triage.high, risk >= triage.watch],
        [CRITICAL, HIGH, WATCH],
    )
    # Leaving takes a lower score than entering, so that the list does not flicker at the threshold.
    kept = ruled | (was_on & (risk > triage.staying))
    return np.asarray(np.maximum(by_score, kept * WATCH))


def _is_not_falling(situation: Situation) -> Bools:
    """Return whose score is not known to be below last week's."""
    last = situation.memory.metrics.set_index("student_id")["risk_score"].reindex(
        situation.students
    )
    # `~(a < b)` is not `a >= b`: where a score is missing, the comparison is False, and the student
    # counts as not falling.
    return np.asarray(~(situation.scored.metrics["risk_score"].to_numpy() < last.to_numpy()))


def _get_last_codes(situation: Situation) -> list[frozenset[str]]:
    """Return the codes of the reasons that last week's list gave for each student on the roll."""
    last = situation.memory.last
    codes = {
        student: frozenset(record["code"] for record in reasons)
        for student, reasons in zip(last["student_id"], last["reasons"], strict=True)
    }
    return [codes.get(student, frozenset()) for student in situation.students]


def find_leading_reason(standing: ListDecision) -> np.ndarray:
    """Return the code of the reason that weighs most for each student: a rule before any component.

    It is "watchlist" where no rule holds and no component adds to the risk score.
    """
    names = list(standing.points)
    codes = np.array(names, dtype=object)[
        np.argmax([standing.points[name] for name in names], axis=0)
    ]
    # `argmax` names the first component even where all are 0.
    nothing = np.sum(list(standing.points.values()), axis=0) <= 0
    codes = np.where(nothing, "watchlist", codes)
    # Reversed, so that the first rule is written last and wins.
    for name in reversed(RULES):
        codes = np.where(standing.fired[name] | standing.held[name], name, codes)
    return np.asarray(codes)


def find_class_findings(situation: Situation, standing: ListDecision) -> pd.DataFrame:
    """Return the classes of which too large a share is listed for one leading reason.

    Returns:
        class_id, semester, code, students_affected, size; no rows where there is no such class.
    """
    metrics = situation.scored.metrics
    frame = metrics[["class_id", "semester"]].assign(
        code=find_leading_reason(standing), listed=standing.on_list
    )
    sizes = frame.groupby(["class_id", "semester"]).size().rename("size").reset_index()
    counts = (
        frame[frame["listed"]]
        .groupby(["class_id", "semester", "code"])
        .size()
        .rename("students_affected")
    )
    found = counts.reset_index().merge(sizes, on=["class_id", "semester"])
    many = 100 * found["students_affected"] > situation.triage.class_share_pct * found["size"]
    # In a small class two students are a large share already: a minimum number is required too.
    return found[many & (found["students_affected"] >= situation.triage.class_minimum)].reset_index(
        drop=True
    )


def compute_urgency(situation: Situation, findings: pd.DataFrame) -> Floats:
    """Return what students are ranked by, 0 to 100, aligned with the roll.

    It is the smoothed chance of failing or leaving (percent) where the model ranks, else the risk
    score. In a class with a finding, only what exceeds the class's own medians counts, component by
    component. A missing score counts as 0.
    """
    if situation.model is not None:
        # `order` is a logit: this is its probability in percent.
        return np.asarray(100 / (1 + np.exp(-situation.model.order)))
    scored = situation.scored
    score = scored.metrics["risk_score"].fillna(0).to_numpy(dtype="float64")
    affected = scored.metrics["class_id"].isin(findings["class_id"]).to_numpy()
    if not affected.any():
        return score
    classes = scored.observed.roll.classes[:, scored.week]
    # What the whole class shares says nothing about who in it needs a conversation most.
    above = {
        name: np.maximum(part - pd.Series(part).groupby(classes).transform("median").to_numpy(), 0)
        for name, part in scored.components.items()
    }
    relative, _ = compute_weighted_mean(above, situation.scoring.risk_weights.model_dump())
    return np.where(affected, 100 * np.nan_to_num(relative), score)


def build_list(
    situation: Situation, standing: ListDecision, findings: pd.DataFrame
) -> pd.DataFrame:
    """Return the list: the rows of weekly_flags without their texts, in order of student_id.

    Returns:
        The columns of weekly_flags that are not texts, and `row`: each student's row in the roll.
    """
    row = np.flatnonzero(standing.on_list)
    metrics = situation.scored.metrics.iloc[row]
    frame = pd.DataFrame(
        {
            **{
                name: metrics[name].to_numpy()
                for name in ("student_id", "semester", "class_id", "advisor_id")
            },
            "row": row,
            "tier": standing.tier[row],
            "urgency_score": compute_urgency(situation, findings)[row],
            # By the rules, the tier says how urgent a rule is. The model cuts its tiers by place,
            # so there ruled students must come first in the order itself.
            "first": standing.ruled[row] & (situation.model is not None),
            "escalation_level": standing.level[row],
            "status": _classify_status(situation, standing)[row],
            "looked_after": find_looked_after(situation, standing)[row],
        }
    )
    first = (
        situation.memory.lists.groupby("student_id")["sem_week"].min().reindex(frame["student_id"])
    )
    # A student on no earlier list is listed for the first time this week.
    frame["first_flagged_week"] = first.fillna(situation.week).astype("int64").to_numpy()
    frame["risk_tier"] = np.array(TIERS, dtype=object)[frame["tier"]]
    frame = frame.assign(
        sem_week=situation.week, ranked_by="rules" if situation.model is None else "model"
    )
    return rank(frame, situation.triage).drop(columns=["tier", "first"])


def _classify_status(situation: Situation, standing: ListDecision) -> np.ndarray:
    """Return escalated, continuing, returned or new, for everyone on the roll."""
    earlier = situation.is_in(situation.memory.lists["student_id"])
    # The first case that holds counts: a student whose tier rose was on last week's list too, and
    # everyone on last week's list was on an earlier list.
    cases = [standing.rose, standing.was_on, earlier]
    return np.select(cases, ["escalated", "continuing", "returned"], "new").astype(object)


def get_last_tier(situation: Situation) -> np.ndarray:
    """Return each student's tier on last week's list: 0 for those who were not on it."""
    return np.array(
        [TIERS.index(name) for name in situation.get_last_value("risk_tier", TIERS[NO_TIER])],
        dtype=np.int64,
    )


def find_looked_after(situation: Situation, standing: ListDecision) -> Bools:
    """Return who is being looked after, aligned with the roll.

    A contact counts until its date, or for the next two teaching weeks where it has none. It counts
    from the week after the week it was entered for, because it answers that week's list. It ends
    when a rule newly fires or the tier rises, and stays ended until there is a newer contact.
    """
    contacts = situation.memory.contacts
    contacts = contacts[contacts["kind"].isin(CONTACTS) & (contacts["sem_week"] < situation.week)]
    ends = situation.scored.observed.roll.frame.set_index("student_id")["week_end"]
    mine = contacts.assign(week_end=contacts["student_id"].map(ends)).dropna(subset="week_end")
    covered = situation.calendar.get_teaching_weeks_before(
        situation.week, situation.triage.looked_after_weeks
    )
    # A contact of week s covers this week when fewer than `looked_after_weeks` teaching weeks lie
    # between.
    recent = mine["sem_week"] >= (
        covered[-1] if len(covered) == situation.triage.looked_after_weeks else 0
    )
    # Classes may count their weeks from different days: the week's last day is the student's own.
    until = pd.to_datetime(mine["until"]) >= pd.to_datetime(mine["week_end"])
    covers = np.where(mine["until"].isna(), recent, until).astype(bool)
    covered_now = situation.is_in(mine.loc[covers, "student_id"])
    latest = mine.groupby("student_id")["sem_week"].max().reindex(situation.students).to_numpy()
    # A contact that ended earlier is not stored. It shows in last week's list: the student was on
    # it without being looked after, although the latest contact was older than that list.
    cared_for = situation.get_last_value("looked_after", False).astype(bool)
    ended = standing.was_on & ~cared_for & (situation.last_week > latest)
    # A rule that fires again in its second week is nothing new to whoever looks after the student.
    newly = np.any([standing.fired[name] & ~standing.held[name] for name in RULES], axis=0)
    return np.asarray(covered_now & ~ended & ~newly & ~standing.rose)


def rank(frame: pd.DataFrame, triage: Triage) -> pd.DataFrame:
    """Rank each advisor's list and allot the advisor's capacity.

    Args:
        frame: student_id, advisor_id (NaN: the list of students without an advisor), tier,
            urgency_score, escalation_level, status, looked_after, first (whether the student
            comes before everyone else).
        triage: the capacities, and how many places are kept for new names.

    Returns:
        The rows in order of student_id, with triage_rank (1 is first) and within_capacity.
    """
    # student_id comes last, so that equal students always have the same order.
    order = frame.assign(advisor=frame["advisor_id"].fillna(NOBODY)).sort_values(
        ["advisor", "first", "tier", "urgency_score", "escalation_level", "student_id"],
        ascending=[True, False, False, False, False, True],
    )
    order["triage_rank"] = order.groupby("advisor").cumcount() + 1
    # Students who are looked after have a rank, but take no place of the capacity.
    places = order[~order["looked_after"]].copy()
    capacity = np.array([triage.get_capacity(name) for name in places["advisor"]], dtype=np.int64)
    # One place is never kept for new names: the most urgent student always has it.
    kept = np.minimum(triage.new_names, capacity - 1)
    new = places["status"] == "new"
    sure = new & (places.groupby(["advisor", new]).cumcount() < kept)
    # New names beyond the places kept compete with everyone else.
    others = places.assign(sure=sure).groupby(["advisor", "sure"]).cumcount()
    left = capacity - sure.groupby(places["advisor"]).transform("sum")
    inside = places.index[sure | (others < left)]
    return (
        order.assign(within_capacity=order.index.isin(inside))
        .drop(columns="advisor")
        .sort_values("student_id", ignore_index=True)
    )
