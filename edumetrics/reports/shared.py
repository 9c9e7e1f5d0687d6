"""Tell second advisors of the students whom they share: in their own report, or in one of its own.

A student who stands on the first advisor's list has one line in the mail of the second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Report, Students
from edumetrics.reports.moments import build_alone_report
from edumetrics.reports.week_rows import WeekRows

if TYPE_CHECKING:
    # Only the type of what builds lines is needed here.
    from edumetrics.reports.cards import CardBuilder


def group_shared(occasion: Occasion, stored: WeekRows) -> dict[str, pd.DataFrame]:
    """Return by second advisor the rows of weekly_flags in order of rank; the first is `first`."""
    ranked = stored.flags.sort_values("triage_rank")
    second = ranked.rename(columns={"advisor_id": "first"}).merge(stored.shared, on="student_id")
    return dict(occasion.group_by_advisor(second))


def build_shared(occasion: Occasion, builder: CardBuilder, rows: pd.DataFrame) -> Students:
    """Return the section of the students whom a reader shares, from rows as `group_shared`."""
    entries = (
        builder.build_shared_line(row, occasion.get_reader(row["first"]))
        for row in rows.to_dict("records")
    )
    return Students(occasion.say("shared_title"), "", tuple(entries), brief=True)


def build_shared_report(
    occasion: Occasion, builder: CardBuilder, advisor: str, rows: pd.DataFrame
) -> Report:
    """Return the report of an advisor without students of their own, who shares some."""
    say, section = occasion.say, build_shared(occasion, builder, rows)
    headline = say("shared_headline", students=len(rows))
    return build_alone_report(occasion, advisor, (section,), headline, say("shared_lead"))
