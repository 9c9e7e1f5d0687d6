"""Draw the last places by lot among students of nearly equal urgency, so that their effect shows.

Whoever has a place differs from who has none: the list sees to that. Between students whose
urgency is nearly the same, lots make two groups that differ by nothing but the place.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from edumetrics.params.triage import Triage
from edumetrics.triage.situation import CRITICAL, NOBODY, TIERS


def draw_places(frame: pd.DataFrame, triage: Triage, term: str, week: int) -> pd.DataFrame:
    """Return a ranked list whose last places are drawn, advisor by advisor.

    The lots depend on term, week and advisor alone: the same list gives the same draw.

    Args:
        frame: as from `places.rank`, with risk_tier.
        triage: `drawn_places`, how many of an advisor's places that no new name holds are drawn;
            `drawn_within`, how near the urgency of the last place a student must be.
        term: ISO date of the term's first week.
        week: the semester week.

    Returns:
        The rows with within_capacity as drawn; drawn (bool), whether lots decided about the
        student; pool, among how many, and seed, which lots (0 and empty where none did). Nothing is
        drawn where no more students are near than places, and nobody who is Urgent takes part.
    """
    pools = _find_pools(frame, triage)
    places = [frame.iloc[:0][["within_capacity"]].assign(drawn=True, pool=0, seed="")]
    for advisor, pool in pools.groupby(pools["advisor_id"].fillna(NOBODY)):
        inside = int(pool["within_capacity"].sum())
        if len(pool) <= triage.drawn_places or not inside:
            continue
        seed = hashlib.sha256(f"{term}|{week}|{advisor}".encode()).hexdigest()[:16]
        lots = np.random.default_rng(int(seed, 16))
        # In order of student_id: the lots must not depend on how rows happen to be ordered.
        names = pool.sort_values("student_id").index
        placed = names.isin(lots.choice(names, inside, replace=False))
        drawn = {"within_capacity": placed, "drawn": True, "pool": len(pool), "seed": seed}
        places.append(pd.DataFrame(drawn, index=names))
    found = frame.assign(drawn=False, pool=0, seed="")
    changed = pd.concat(places)
    found.loc[changed.index, list(changed)] = changed
    return found


def _find_pools(frame: pd.DataFrame, triage: Triage) -> pd.DataFrame:
    """Return the students among whom each advisor's lots are drawn."""
    free = frame[~frame["looked_after"] & ~frame["kept"]].sort_values("triage_rank")
    advisor = free["advisor_id"].fillna(NOBODY)
    placed = free[free["within_capacity"]].groupby(advisor)
    last = placed.tail(triage.drawn_places).index
    # As numbers also where nobody has a place.
    edge = advisor.map(placed["urgency_score"].last()).astype("float64")
    near = (free["urgency_score"] - edge).abs() <= triage.drawn_within
    near &= free["risk_tier"] != TIERS[CRITICAL]
    pools: pd.DataFrame = free[near & (free.index.isin(last) | ~free["within_capacity"])]
    return pools


def measure_given_up(flags: pd.DataFrame) -> float:
    """Return the share of the places' urgency that the draws gave up; NaN where nobody had a place.

    Args:
        flags: term, sem_week, advisor_id, urgency_score, within_capacity, drawn, of any weeks.
    """
    pools = flags[flags["drawn"]].groupby(["term", "sem_week", flags["advisor_id"].fillna(NOBODY)])
    lost = 0.0
    for _, pool in pools:
        given = pool.loc[pool["within_capacity"], "urgency_score"]
        lost += pool["urgency_score"].nlargest(len(given)).sum() - given.sum()
    whole = flags.loc[flags["within_capacity"], "urgency_score"].sum()
    return float(lost / whole) if whole else float("nan")
