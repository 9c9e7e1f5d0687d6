"""Lists ranked by a forecast: as long as the rules would make them, those first for whom a rule stands by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.scoring.signals import Floats, placed
from edumetrics.triage.flags import Standing, tier_last_week, weeks_on
from edumetrics.triage.situation import CRITICAL, HIGH, NO_TIER, WATCH, Bools, Ranking, Situation


def stand(situation: Situation, rules: Standing) -> Standing:
    """Who is on the list when the model ranks it.

    Each advisor's list is as long as the rules would make it: hard rules first, then by the smoothed chance. From
    `sure_chance` on a student is always on it. Tiers are cut at the rules' shares.

    Args:
        situation: the week; its model is there.
        rules: how everyone stands by the rules.
    """
    model = situation.model
    assert model is not None
    size = pd.Series(rules.on_list).groupby(situation.lists).transform("sum").to_numpy()
    on_list = (
        (_place(situation, model, rules.ruled) < size)
        | rules.ruled
        | (model.chance >= situation.triage.sure_chance)
    )
    place = _place(situation, model, rules.ruled, on_list)
    counts = [
        pd.Series(rules.tier >= tier).groupby(situation.lists).transform("sum").to_numpy()
        for tier in (CRITICAL, HIGH)
    ]
    tier = np.select(
        [~on_list, place < counts[0], place < counts[1]], [NO_TIER, CRITICAL, HIGH], WATCH
    )
    was_on = rules.was_on
    return replace(
        rules,
        on_list=on_list,
        tier=tier,
        rose=was_on & (tier > tier_last_week(situation)),
        level=weeks_on(situation, on_list),
        raised=np.zeros(len(tier), dtype=bool),
    )


def _place(
    situation: Situation, model: Ranking, ruled: Bools, among: Bools | None = None
) -> np.ndarray:
    """Each student's place on the advisor's list, from 0: rules first, then the smoothed chance, then student_id."""
    chosen = np.ones(len(ruled), dtype=bool) if among is None else among
    frame = pd.DataFrame(
        {"list": situation.lists, "ruled": ruled, "order": model.order, "id": situation.students}
    )
    ranked = frame[chosen].sort_values(
        ["list", "ruled", "order", "id"], ascending=[True, False, False, True]
    )
    return np.asarray(ranked.groupby("list").cumcount().reindex(frame.index, fill_value=len(frame)))


@dataclass(frozen=True)
class NextList:
    """Next week's lists as they would be if everyone did as this week; aligned with the roll.

    Attributes:
        lists: whose list each student is for, as `Situation.lists`.
        by_rules: who would be on the list by the rules.
        ruled: for whom a rule would stand.
        order: the smoothed logit.
    """

    lists: np.ndarray
    by_rules: Bools
    ruled: Bools
    order: Floats

    def off(self, rows: np.ndarray, by_rules: Bools, ruled: Bools, order: Floats) -> Bools:
        """Which of some students would be off the list, were each of them alone to stand like this instead."""
        lists = self.lists[rows]
        size = np.bincount(self.lists, self.by_rules)[lists] - self.by_rules[rows] + by_rules
        first = np.bincount(self.lists, self.ruled)[lists] - self.ruled[rows]
        others = np.where(self.ruled, np.nan, self.order)
        less, equal, count = placed(order, lists, others, self.lists)
        before = count - less - equal - (others[rows] > order)
        return np.asarray(~ruled & (first + before >= size))
