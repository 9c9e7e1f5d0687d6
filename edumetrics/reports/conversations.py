"""Tell what came of last week's list: who was talked to, and how it went on."""

from __future__ import annotations

import pandas as pd

from edumetrics.reports.context import Occasion
from edumetrics.reports.moments import sort_by_roll_number
from edumetrics.reports.week_rows import WeekRows
from edumetrics.triage.situation import REFERRED, STUDENT_SAYS, TALK

# Kinds of contact in which someone was talked to.
TALKED = (TALK, "called", REFERRED)


def find_last_week(occasion: Occasion) -> int:
    """Return the teaching week before; 0 in the first one."""
    return next(iter(occasion.calendar.get_teaching_weeks_before(occasion.week, 1)), 0)


def describe_conversations(
    occasion: Occasion, stored: WeekRows, advisor: str, group: pd.DataFrame, cards: pd.Series
) -> str:
    """Return how many were talked to after the last list, and what their attendance was since.

    Args:
        occasion: the week.
        stored: the rows of the week.
        advisor: the reader; an entry without a name is taken as the reader's own.
        group: weekly_metrics of the reader's students.
        cards: student_id of those who had a card on the last list.
    """
    last = find_last_week(occasion)
    if not last:
        return ""
    entered = stored.contacts[
        (stored.contacts["sem_week"] == last) & (stored.contacts["kind"] != STUDENT_SAYS)
    ]
    talked = entered[entered["kind"].isin(TALKED)]
    by_reader = talked["logged_by"].isin([advisor]) | talked["logged_by"].isna()
    met = group[group["student_id"].isin(talked["student_id"])]
    mine = met[met["student_id"].isin(talked.loc[by_reader, "student_id"])]
    before = stored.last[["student_id", "weekly_att_pct"]]
    both = mine[["student_id", "class_id", "roll_number", "weekly_att_pct"]].merge(
        before, on="student_id", suffixes=("", "_last")
    )
    both = both.dropna(subset=["weekly_att_pct", "weekly_att_pct_last"])
    pairs = [
        occasion.say("pair", before=row["weekly_att_pct_last"], after=row["weekly_att_pct"])
        for row in sort_by_roll_number(both)
    ]
    return occasion.say(
        "weekly_talked",
        talked=len(mine),
        others=len(met) - len(mine),
        pairs=", ".join(pairs),
        last=last,
        week=occasion.week,
        # Nobody replies to a list that was never mailed.
        waiting=int((~cards.isin(entered["student_id"])).sum())
        if stored.mailed is None or advisor in stored.mailed
        else 0,
    ).strip()
