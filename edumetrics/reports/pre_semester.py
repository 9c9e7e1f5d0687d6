"""Build the reports before a semester: which students to say hello to first."""

from __future__ import annotations

import pandas as pd

from edumetrics.reports.context import Occasion, build_table_row, format_cell
from edumetrics.reports.model import Report, StudentEntry, StudentTable
from edumetrics.reports.moments import (
    REASONS,
    build_report,
    choose_tier,
    compare_numbers,
    sort_by_roll_number,
)
from edumetrics.triage.choice import choose_facts as select_reasons
from edumetrics.types import Row

# Phrase of the label, column of pre_sem_watchlist, unit.
HISTORY = (("column_exam_average", "exam_avg_hist", ""), ("label_attendance", "att_rate_hist", "%"),
           ("column_handed_in", "assn_rate_hist", "%"))  # fmt: skip


def build_pre_semester_reports(occasion: Occasion, rows: pd.DataFrame) -> list[Report]:
    """Return one report for every advisor with students who have an earlier semester.

    A report says which students to say hello to first.

    Args:
        occasion: the moment.
        rows: pre_sem_watchlist with advisor_id (null for students without an advisor).

    Returns:
        The reports, in order of advisor_id.
    """
    reports, say = [], occasion.say
    ordered = rows.sort_values("risk_probability_pct", ascending=False)
    for advisor, group in occasion.group_by_advisor(ordered):
        # Entries are for the watchlist only; the numbers and the table are for all students.
        watched = group[group["on_watchlist"].astype(bool)]
        entries = [
            _build_watchlist_entry(occasion, advisor, row) for row in watched.to_dict("records")
        ]
        who = occasion.describe_count(advisor, len(watched), len(group))
        headline = say("pre_sem_headline", who=who) if entries else say("pre_sem_nobody")
        sections = (
            *occasion.split_by_capacity(advisor, entries, say("pre_sem_title")),
            compare_numbers(occasion, group, rows, HISTORY, say("pre_sem_about")),
            _build_history_table(occasion, group),
        )
        lead = say("pre_sem_lead")
        subject = say("pre_sem_subject", watched=len(watched), students=len(group))
        reports.append(build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_watchlist_entry(occasion: Occasion, advisor: str, row: Row) -> StudentEntry:
    """Return a student of the watchlist, with a draft email that names no topic."""
    # Positive points raise the chance of failing; here nothing else is a reason to say hello.
    reasons = select_reasons([record for record in row["reasons"] if record["points"] > 0], REASONS)
    # The watchlist has the chance in percent, the other tables as a share of 0 to 1.
    return occasion.build_entry(
        row,
        choose_tier(row["risk_probability_pct"] / 100),
        reasons=tuple(record["text"] for record in reasons),
        **occasion.write_drafts(row, advisor, []),
    )


def _build_history_table(occasion: Occasion, group: pd.DataFrame) -> StudentTable:
    cells = tuple(
        build_table_row(
            row,
            *(format_cell(row[name], unit) for _, name, unit in HISTORY),
            format_cell(row["escalation_level"]),
        )
        for row in sort_by_roll_number(group)
    )
    say = occasion.say
    columns = (*(say(label) for label, _, _ in HISTORY), say("column_weeks_listed"))
    return StudentTable(say("table_title"), columns, cells)
