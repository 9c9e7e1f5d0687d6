"""A tiny forecast made by hand, to rank lists by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.weekly import ScoredWeek
from edumetrics.triage.situation import NextWeekForecast, Ranking


def compute_logit(scored: ScoredWeek) -> Floats:
    """Return 4 for who attends nothing in a week, -4 for who attends everything."""
    return 4 - 8 * scored.metrics["weekly_att_pct"].to_numpy("float64") / 100


@dataclass(frozen=True)
class TinyNextWeek:
    """Next week by the tiny forecast, which smooths nothing."""

    order: Floats

    def simulate_change(
        self, scored: ScoredWeek, history: pd.DataFrame, rows: Vector
    ) -> tuple[Floats, Floats]:
        """See `NextWeekForecast`."""
        logit = compute_logit(scored)
        return logit, logit


@dataclass(frozen=True)
class TinyRanking:
    """A forecast whose logits are given, and whose next week goes by attendance alone."""

    order: Floats

    def simulate_next_week(self, scored: ScoredWeek, history: pd.DataFrame) -> NextWeekForecast:
        """See `Ranking`."""
        return TinyNextWeek(compute_logit(scored))


def rank_by(*chances: float) -> Ranking:
    """Return a forecast of these chances of failing, one for each student on the roll."""
    chance = np.array(chances)
    return TinyRanking(np.log(chance / (1 - chance)))
