"""Build the section of the first week: who may be glad of an early hello."""

from __future__ import annotations

import pandas as pd

from edumetrics.reports.context import Occasion
from edumetrics.reports.model import StudentEntry
from edumetrics.reports.moments import Sections, build_section
from edumetrics.types import Row


def build_pre_semester_sections(
    occasion: Occasion, rows: pd.DataFrame, listed: frozenset[str] = frozenset()
) -> Sections:
    """Return the watchlist of every advisor who has students on it.

    Who is on the week's list has a card or a line there, and is only counted here.

    Args:
        occasion: the moment.
        rows: pre_sem_watchlist with advisor_id (null for students without an advisor).
        listed: student_id of who is on the week's list.
    """
    found = {}
    ordered = rows.sort_values(["risk_probability_pct", "student_id"], ascending=[False, True])
    for advisor, group in occasion.group_by_advisor(ordered):
        watched = group[group["on_watchlist"].astype(bool)]
        if watched.empty:
            continue
        unlisted = watched[~watched["student_id"].isin(listed)]
        who = occasion.describe_count(advisor, len(watched), len(group))
        told = len(watched) - len(unlisted)
        note = occasion.say("pre_sem_note", who=who, count=len(watched), listed=told)
        entries = [_build_entry(occasion, row) for row in unlisted.to_dict("records")]
        found[advisor] = (build_section(occasion.say("pre_sem_title"), note, entries),)
    return found


def _build_entry(occasion: Occasion, row: Row) -> StudentEntry:
    """Return a student with the fact that says most for keeping in touch."""
    # Positive points raise the chance of failing; here nothing else is a reason to say hello.
    against = [record["text"] for record in row["reasons"] if record["points"] > 0]
    return occasion.build_entry(row, reasons=tuple(against[:1]))
