"""Lists ranked by a forecast: they are as long as under the rules, and ruled students come first.

A ruled student is one for whom a hard rule fires this week or fired last week.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from edumetrics.scoring.signals import Floats, rank_in_groups
from edumetrics.triage.flags import ListDecision, count_weeks_on_list, get_last_tier
from edumetrics.triage.situation import CRITICAL, HIGH, NO_TIER, WATCH, Bools, Ranking, Situation


def rank_by_model(situation: Situation, rules: ListDecision) -> ListDecision:
    """Return who is on the list, and in which tier, when the model ranks it.

    Each advisor's list is as long as the rules would make it. Students with a hard rule come first,
    the others follow by their smoothed chance of failing or leaving. A student whose unsmoothed
    chance is at least `sure_chance` is always on the list, so a list can be longer. Each list has
    as many Critical and High students as under the rules.

    Args:
        situation: the week; its model must not be None.
        rules: everyone's standing by the rules, aligned with the roll.
    """
    model = situation.model
    assert model is not None  # the caller decides by the rules where there is no model
    size = pd.Series(rules.on_list).groupby(situation.lists).transform("sum").to_numpy()
    on_list = (
        (_rank_students(situation, model, rules.ruled) < size)
        | rules.ruled
        | (model.chance >= situation.triage.sure_chance)
    )
    # The places are counted anew among those listed: a sure student may stand behind students who
    # are not on the list, and the tiers are cut by place.
    place = _rank_students(situation, model, rules.ruled, on_list)
    # The model changes who is Critical or High, not how many: advisors keep their workload.
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
        rose=was_on & (tier > get_last_tier(situation)),
        level=count_weeks_on_list(situation, on_list),
        # Watch rises to High after some weeks only where the score sets the tier.
        raised=np.zeros(len(tier), dtype=bool),
    )


def _rank_students(
    situation: Situation, model: Ranking, ruled: Bools, among: Bools | None = None
) -> np.ndarray:
    """Return each student's place on the advisor's list, from 0.

    Ruled students come first. Then the order is by smoothed chance (highest first) and student_id.

    Args:
        situation: the week.
        model: the forecast that ranks.
        ruled: for whom a rule fires or is held.
        among: the students to place; everyone when None. The others get a place behind every list.
    """
    chosen = np.ones(len(ruled), dtype=bool) if among is None else among
    frame = pd.DataFrame(
        {"list": situation.lists, "ruled": ruled, "order": model.order, "id": situation.students}
    )
    # student_id breaks ties, so that the same week always gives the same list.
    ranked = frame[chosen].sort_values(
        ["list", "ruled", "order", "id"], ascending=[True, False, False, True]
    )
    # `cumcount` keeps the sorted index: `reindex` puts the places back into the order of the roll.
    return np.asarray(ranked.groupby("list").cumcount().reindex(frame.index, fill_value=len(frame)))


@dataclass(frozen=True)
class NextWeekLists:
    """Next week's lists if everyone does the same as this week; arrays are aligned with the roll.

    Attributes:
        lists: the number of each student's list, as in `Situation.lists`.
        by_rules: who would be on the list by the rules.
        ruled: for whom a rule would fire or be held.
        order: the smoothed logit of failing or leaving.
    """

    lists: np.ndarray
    by_rules: Bools
    ruled: Bools
    order: Floats

    def find_off_list(
        self, rows: np.ndarray, by_rules: Bools, ruled: Bools, order: Floats
    ) -> Bools:
        """Return which of some students leave the list when each of them alone changes.

        Args:
            rows: the students' rows in the roll.
            by_rules: whether each would be on the list by the rules after the change.
            ruled: whether a rule would fire or be held for each after the change.
            order: each student's smoothed logit after the change.
        """
        lists = self.lists[rows]
        # The change also changes how long the list is: the student's old place by the rules goes,
        # the new one comes.
        size = np.bincount(self.lists, self.by_rules)[lists] - self.by_rules[rows] + by_rules
        first = np.bincount(self.lists, self.ruled)[lists] - self.ruled[rows]
        # Ruled students are counted in `first` already; `placed` leaves out NaN.
        others = np.where(self.ruled, np.nan, self.order)
        less, equal, count = rank_in_groups(order, lists, others, self.lists)
        # The student does not stand before itself: its old order is taken out. A comparison with
        # NaN (a ruled student) is False and takes nothing out. An equal order is not before.
        before = count - less - equal - (others[rows] > order)
        return np.asarray(~ruled & (first + before >= size))
