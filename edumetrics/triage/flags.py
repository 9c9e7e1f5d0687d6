"""Who is on the list this week: thresholds, hard rules, staying power, grace, escalation, contacts, rank, capacity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.params import Triage
from edumetrics.scoring.risk import points
from edumetrics.scoring.signals import Floats, weighted_mean
from edumetrics.triage import rules
from edumetrics.triage.situation import CRITICAL, HIGH, NO_TIER, TIERS, WATCH, Bools, Situation

CONTACTS = ("talked", "referred", "known reason")
RAISED = "raised"
NOBODY = ""


@dataclass(frozen=True)
class Standing:
    """How everyone on the roll stands with the list this week, aligned with the roll.

    Attributes:
        fired: the rules that fire this week; `held` those of last week, each on for a second week.
        on_list: who is on the list; `was_on` who was last week, and `rose` whose tier is higher than then.
        tier: 0 (not on the list), 1 watch, 2 high, 3 critical.
        level: escalation_level.
        raised: who is at High for having been at Watch for three weeks, until the score falls.
        ruled: for whom a rule fires or is held.
        points: what each component adds to the risk score.
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


def stand(situation: Situation) -> Standing:
    """Decide by the rules who is on the list, in which tier, and for how long."""
    triage, risk = situation.triage, situation.scored.metrics["risk_score"].to_numpy()
    fired = rules.fired(situation.scored, situation.is_in(situation.memory.out_of_reach), triage)
    codes = _codes_last_week(situation)
    held = {name: np.array([name in mine for mine in codes], dtype=bool) for name in rules.RULES}
    ruled = np.any([*fired.values(), *held.values()], axis=0)
    was_on = situation.is_in(situation.memory.last["student_id"])
    if situation.in_grace(situation.week):
        on_list = ruled | situation.is_in(situation.memory.watchlist)
        tier, level = np.where(on_list, WATCH, NO_TIER), np.zeros(len(risk), dtype=np.int64)
        raised = np.zeros(len(risk), dtype=bool)
    else:
        tier = tier_by_score(risk, was_on, ruled, triage)
        on_list = tier > NO_TIER
        level = weeks_on(situation, on_list)
        before = np.array([RAISED in mine for mine in codes], dtype=bool)
        raised = _not_falling(situation) & (tier == WATCH)
        raised &= before | (~ruled & (level == triage.raise_at_level))
        tier = np.where(raised, HIGH, np.maximum(tier, ruled * HIGH))
    rose = was_on & (tier > tier_last_week(situation))
    added = points(situation.scored.components, situation.scoring)
    return Standing(fired, held, on_list, was_on, rose, tier, level, raised, ruled, added)


def weeks_on(situation: Situation, on_list: Bools) -> np.ndarray:
    """escalation_level: how many teaching weeks running those on the list have been on it."""
    return np.asarray(on_list * (1 + situation.last_time("escalation_level", 0).astype(np.int64)))


def tier_by_score(risk: Floats, was_on: Bools, ruled: Bools, triage: Triage) -> np.ndarray:
    """The tier that the score earns after the grace weeks; at least Watch for whom a rule or staying power lists."""
    by_score = np.select(
        [risk >= triage.critical, risk >= triage.high, risk >= triage.watch],
        [CRITICAL, HIGH, WATCH],
    )
    kept = ruled | (was_on & (risk > triage.staying))
    return np.asarray(np.maximum(by_score, kept * WATCH))


def _not_falling(situation: Situation) -> Bools:
    """Whose score is not known to be below last week's."""
    last = situation.memory.metrics.set_index("student_id")["risk_score"].reindex(
        situation.students
    )
    return np.asarray(~(situation.scored.metrics["risk_score"].to_numpy() < last.to_numpy()))


def _codes_last_week(situation: Situation) -> list[frozenset[str]]:
    """The codes of the reasons that last week's list gave for each student on the roll."""
    last = situation.memory.last
    codes = {
        student: frozenset(record["code"] for record in reasons)
        for student, reasons in zip(last["student_id"], last["reasons"], strict=True)
    }
    return [codes.get(student, frozenset()) for student in situation.students]


def leading(standing: Standing) -> np.ndarray:
    """The code of the reason that weighs most for each student: a rule before any component."""
    names = list(standing.points)
    codes = np.array(names, dtype=object)[
        np.argmax([standing.points[name] for name in names], axis=0)
    ]
    nothing = np.sum(list(standing.points.values()), axis=0) <= 0
    codes = np.where(nothing, "watchlist", codes)
    for name in reversed(rules.RULES):
        codes = np.where(standing.fired[name] | standing.held[name], name, codes)
    return np.asarray(codes)


def class_findings(situation: Situation, standing: Standing) -> pd.DataFrame:
    """class_id, semester, code, students_affected, size: where too much of a class is listed for one leading reason."""
    metrics = situation.scored.metrics
    frame = metrics[["class_id", "semester"]].assign(
        code=leading(standing), listed=standing.on_list
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
    return found[many & (found["students_affected"] >= situation.triage.class_minimum)].reset_index(
        drop=True
    )


def urgency(situation: Situation, findings: pd.DataFrame) -> Floats:
    """What students are ranked by, 0 to 100.

    The smoothed chance of failing or leaving where the model ranks; else the risk score; in a class with a finding,
    what exceeds the class's own medians.
    """
    if situation.model is not None:
        return np.asarray(100 / (1 + np.exp(-situation.model.order)))
    scored = situation.scored
    score = scored.metrics["risk_score"].fillna(0).to_numpy(dtype="float64")
    affected = scored.metrics["class_id"].isin(findings["class_id"]).to_numpy()
    if not affected.any():
        return score
    classes = scored.observed.roll.classes[:, scored.week]
    above = {
        name: np.maximum(part - pd.Series(part).groupby(classes).transform("median").to_numpy(), 0)
        for name, part in scored.components.items()
    }
    relative, _ = weighted_mean(above, situation.scoring.risk_weights.model_dump())
    return np.where(affected, 100 * np.nan_to_num(relative), score)


def flag(situation: Situation, standing: Standing, findings: pd.DataFrame) -> pd.DataFrame:
    """The list: rows of weekly_flags but for what is said in words, with `row`, each student's row in the roll."""
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
            "urgency_score": urgency(situation, findings)[row],
            "first": standing.ruled[row] & (situation.model is not None),
            "escalation_level": standing.level[row],
            "status": _status(situation, standing)[row],
            "looked_after": looked_after(situation, standing)[row],
        }
    )
    first = (
        situation.memory.lists.groupby("student_id")["sem_week"].min().reindex(frame["student_id"])
    )
    frame["first_flagged_week"] = first.fillna(situation.week).astype("int64").to_numpy()
    frame["risk_tier"] = np.array(TIERS, dtype=object)[frame["tier"]]
    frame = frame.assign(
        sem_week=situation.week, ranked_by="rules" if situation.model is None else "model"
    )
    return rank(frame, situation.triage).drop(columns=["tier", "first"])


def _status(situation: Situation, standing: Standing) -> np.ndarray:
    earlier = situation.is_in(situation.memory.lists["student_id"])
    cases = [standing.rose, standing.was_on, earlier]
    return np.select(cases, ["escalated", "continuing", "returned"], "new").astype(object)


def tier_last_week(situation: Situation) -> np.ndarray:
    """Each student's tier on last week's list; no tier for those who were not on it."""
    return np.array(
        [TIERS.index(name) for name in situation.last_time("risk_tier", TIERS[NO_TIER])],
        dtype=np.int64,
    )


def looked_after(situation: Situation, standing: Standing) -> Bools:
    """Who is in someone's care: a contact counts until its date, or for the next two teaching weeks.

    A contact counts from the week after the one it was entered for: it answers that week's list. It ends when a rule
    newly fires or the tier rises, and stays ended until there is another.
    """
    contacts = situation.memory.contacts
    contacts = contacts[contacts["kind"].isin(CONTACTS) & (contacts["sem_week"] < situation.week)]
    ends = situation.scored.observed.roll.frame.set_index("student_id")["week_end"]
    mine = contacts.assign(week_end=contacts["student_id"].map(ends)).dropna(subset="week_end")
    covered = situation.calendar.teaching_weeks_before(
        situation.week, situation.triage.looked_after_weeks
    )
    # Two teaching weeks after week s cover this one when fewer than two lie between.
    recent = mine["sem_week"] >= (
        covered[-1] if len(covered) == situation.triage.looked_after_weeks else 0
    )
    until = pd.to_datetime(mine["until"]) >= pd.to_datetime(mine["week_end"])
    covers = np.where(mine["until"].isna(), recent, until).astype(bool)
    covered_now = situation.is_in(mine.loc[covers, "student_id"])
    latest = mine.groupby("student_id")["sem_week"].max().reindex(situation.students).to_numpy()
    cared_for = situation.last_time("looked_after", False).astype(bool)
    ended = standing.was_on & ~cared_for & (situation.last_week > latest)
    newly = np.any([standing.fired[name] & ~standing.held[name] for name in rules.RULES], axis=0)
    return np.asarray(covered_now & ~ended & ~newly & ~standing.rose)


def rank(frame: pd.DataFrame, triage: Triage) -> pd.DataFrame:
    """Rank each advisor's list and give out the advisor's capacity.

    Args:
        frame: student_id, advisor_id (NaN: the list of those without an advisor), tier, urgency_score,
            escalation_level, status, looked_after, first (whether to come before everyone else).
        triage: capacities, and how many places are kept for new names.

    Returns:
        The rows in order of student_id, with triage_rank (1 is first) and within_capacity.
    """
    order = frame.assign(advisor=frame["advisor_id"].fillna(NOBODY)).sort_values(
        ["advisor", "first", "tier", "urgency_score", "escalation_level", "student_id"],
        ascending=[True, False, False, False, False, True],
    )
    order["triage_rank"] = order.groupby("advisor").cumcount() + 1
    places = order[~order["looked_after"]].copy()
    capacity = np.array([triage.capacity_of(name) for name in places["advisor"]], dtype=np.int64)
    # The most urgent person always has a place, however small the capacity.
    kept = np.minimum(triage.new_names, capacity - 1)
    new = places["status"] == "new"
    sure = new & (places.groupby(["advisor", new]).cumcount() < kept)
    others = places.assign(sure=sure).groupby(["advisor", "sure"]).cumcount()
    left = capacity - sure.groupby(places["advisor"]).transform("sum")
    inside = places.index[sure | (others < left)]
    return (
        order.assign(within_capacity=order.index.isin(inside))
        .drop(columns="advisor")
        .sort_values("student_id", ignore_index=True)
    )
