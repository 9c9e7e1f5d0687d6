"""Who is on the list this week and in which tier: urgency, rules, staying and grace weeks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import COMPONENTS, RULES
from edumetrics.scoring.risk import compute_points
from edumetrics.scoring.signals import Floats
from edumetrics.triage.evidence import find_recorded
from edumetrics.triage.rules import RuleNews, find_news
from edumetrics.triage.situation import NO_TIER, TIERS, WATCH, Bools, Situation
from edumetrics.triage.urgency import classify, compute_urgency


@dataclass(frozen=True)
class ListDecision:
    """What is decided this week about everyone on the roll; every array is aligned with the roll.

    Attributes:
        news: what the rules say.
        urgency: what the list is ranked by, 0 to 100.
        plain: the urgency before anything that a whole class shares is taken off.
        on_list: who is on the list.
        was_on: who was on last week's list.
        rose: whose tier is higher than on last week's list.
        tier: 0 (not on the list), 1 watch, 2 high, 3 critical.
        listed_by: the first of rule, urgency, watchlist, staying that lists the student; empty for
            those who are not on the list.
        points: by component, what it adds to the risk score.
        findings: class_id, semester, code, students_affected, size: what concerns a whole class.
    """

    news: RuleNews
    urgency: Floats
    plain: Floats
    on_list: Bools
    was_on: Bools
    rose: Bools
    tier: np.ndarray
    listed_by: np.ndarray
    points: dict[str, Floats]
    findings: pd.DataFrame


def decide(situation: Situation) -> ListDecision:
    """Return who is on the list, in which tier, by what, and what concerns a whole class.

    Where more than a share of a class would be listed for one leading reason and the rules rank,
    the urgency is computed once more without what the whole class shares.
    """
    news = find_news(situation)
    first = _decide(situation, news, compute_urgency(situation))
    if situation.model is not None:
        return first
    shared = {
        str(code): set(group["class_id"])
        for code, group in first.findings.groupby("code")
        if code in COMPONENTS
    }
    if not shared:
        return first
    # The findings stay those of the first look: the second one has taken them out.
    second = _decide(situation, news, compute_urgency(situation, shared))
    return replace(second, plain=first.plain, findings=first.findings)


def _decide(situation: Situation, news: RuleNews, urgency: Floats) -> ListDecision:
    recorded = find_recorded(situation)
    was_on = situation.is_in(situation.memory.last["student_id"])
    limits = situation.thresholds
    if situation.is_in_grace(situation.week):
        # Scores mean little in the first weeks: only rules and the watchlist list anybody.
        known = situation.memory.watchlist
        watched = situation.is_in(known.loc[known["on_watchlist"].astype(bool), "student_id"])
        cases = {"rule": news.listed, "watchlist": watched}
    else:
        cases = {
            "rule": news.listed,
            "urgency": urgency >= limits.list_at,
            # Leaving takes a lower urgency than entering, so that the list does not flicker.
            "staying": was_on & (urgency > limits.staying_at),
        }
    by = np.select(list(cases.values()), list(cases), "").astype(object)
    # Of whom the term holds nothing, nothing can be said: a no-show, or a fault of the data.
    by[~recorded] = ""
    on_list = by != ""
    grace = situation.is_in_grace(situation.week)
    tier = np.where(on_list, WATCH if grace else classify(urgency, limits), NO_TIER)
    points = compute_points(situation.scored.components, situation.scoring)
    return ListDecision(
        news=news,
        urgency=urgency,
        plain=urgency,
        on_list=on_list,
        was_on=was_on,
        rose=was_on & on_list & (tier > get_last_tier(situation)),
        tier=tier,
        listed_by=by,
        points=points,
        findings=_find_shared_reasons(situation, news, points, on_list),
    )


def get_last_tier(situation: Situation) -> np.ndarray:
    """Return each student's tier on last week's list: 0 for those who were not on it."""
    return np.array(
        [TIERS.index(name) for name in situation.get_last_value("risk_tier", TIERS[NO_TIER])],
        dtype=np.int64,
    )


def find_leading_reason(news: RuleNews, points: dict[str, Floats]) -> np.ndarray:
    """Return the code of the reason that weighs most for each student: a rule before any component.

    It is "watchlist" where no rule lists the student and no component adds to the risk score.
    """
    names = list(points)
    codes = np.array(names, dtype=object)[np.argmax([points[name] for name in names], axis=0)]
    # `argmax` names the first component even where all are 0.
    nothing = np.sum(list(points.values()), axis=0) <= 0
    codes = np.where(nothing, "watchlist", codes)
    # Reversed, so that the first rule is written last and wins.
    for name in reversed(RULES):
        codes = np.where(news.since[name] > 0, name, codes)
    return np.asarray(codes)


def _find_shared_reasons(
    situation: Situation, news: RuleNews, points: dict[str, Floats], on_list: Bools
) -> pd.DataFrame:
    """Return the classes of which too large a share is listed for one leading reason.

    Classes of which a rule fired for so many that it lists nobody are among them.
    """
    frame = situation.scored.metrics[["class_id", "semester"]].assign(
        code=find_leading_reason(news, points), listed=on_list
    )
    keys = ["class_id", "semester"]
    sizes = frame.groupby(keys).size().rename("size").reset_index()
    counts = frame[frame["listed"]].groupby([*keys, "code"]).size().rename("students_affected")
    found = counts.reset_index().merge(sizes, on=keys)
    triage = situation.triage
    many = 100 * found["students_affected"] > triage.class_share_pct * found["size"]
    # In a small class two students are a large share already: a minimum number is required too.
    found = found[many & (found["students_affected"] >= triage.class_minimum)]
    parts = [part for part in (news.findings, found) if len(part)]
    every = pd.concat(parts, ignore_index=True) if parts else found
    return every[[*keys, "code", "students_affected", "size"]].reset_index(drop=True)
