"""Build the reports on the results of an exam: who did not pass, and who surprised."""

from __future__ import annotations

import pandas as pd

from edumetrics.reports.context import Occasion, build_table_row, format_cell, is_known
from edumetrics.reports.model import Report, Section, StudentEntry, Students, StudentTable
from edumetrics.reports.moments import build_report, format_range, sort_by_roll_number
from edumetrics.types import Row

# The phrases of the columns of the table.
COLUMNS = ("column_score", "column_predicted", "column_range", "column_verdict",
           "column_weeks_before")  # fmt: skip


def build_results_reports(occasion: Occasion, exam: str, rows: pd.DataFrame) -> list[Report]:
    """Return a report for every advisor on the results of an exam.

    A report says who did not pass and whether they had been on the list in time, and who came below
    or above the predicted range.

    Args:
        occasion: the moment.
        exam: its name in words.
        rows: exam_review with advisor_id; `failed` is null where the result is not known.
    """
    reports, say = [], occasion.say
    for advisor, group in occasion.group_by_advisor(rows.sort_values(["actual", "student_id"])):
        # A result that is not known is not a fail.
        failed = group["failed"].fillna(value=False).astype(bool)
        entries = [
            _build_failed_entry(occasion, advisor, row) for row in group[failed].to_dict("records")
        ]
        # The headline counts those who failed or, where nobody did, the results that are known.
        count = len(entries) or int(group["failed"].notna().sum())
        sections = (
            *occasion.split_by_capacity(advisor, entries, say("results_title")),
            # Those who failed have an entry already.
            *_build_outside(occasion, group[~failed]),
            _build_table(occasion, group),
        )
        who = occasion.describe_count(advisor, count, len(group), capital=False)
        headline = say("results_headline", exam=exam, who=who, failed=bool(entries))
        subject = say("results_subject", exam=exam, failed=len(entries), students=len(group))
        lead = _build_lead(occasion, group, failed)
        reports.append(build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_outside(occasion: Occasion, group: pd.DataFrame) -> tuple[Section, ...]:
    """Return sections of who came below or above the range; none without students."""
    found = (
        Students(
            occasion.say(f"results_{verdict}_title"),
            occasion.say(f"results_{verdict}_note"),
            tuple(
                _build_outside_entry(occasion, row)
                for row in group[group["verdict"] == verdict].to_dict("records")
            ),
            brief=True,
        )
        for verdict in ("below", "above")
    )
    return tuple(section for section in found if section.entries)


def _build_table(occasion: Occasion, group: pd.DataFrame) -> StudentTable:
    cells = tuple(
        build_table_row(
            row,
            format_cell(row["actual"]),
            format_cell(row["predicted"]),
            format_range(occasion, row),
            occasion.say(f"verdict_{row['verdict']}") if is_known(row["verdict"]) else "",
            format_cell(row["weeks_flagged"]),
        )
        for row in sort_by_roll_number(group)
    )
    columns = tuple(map(occasion.say, COLUMNS))
    return StudentTable(occasion.say("table_title"), columns, cells)


def _build_lead(occasion: Occasion, group: pd.DataFrame, failed: pd.Series) -> str:
    """Return sentences on how many had been on the list, and on how far predictions held."""
    told = []
    if failed.any():
        listed = int((group.loc[failed, "weeks_flagged"] > 0).sum())
        told.append(occasion.say("results_listed", count=listed))
    # A student without a score or without a prediction has no verdict.
    verdicts = group["verdict"].dropna()
    if len(verdicts):
        within = int((verdicts == "within").sum())
        told.append(occasion.say("results_within", within=within, scores=len(verdicts)))
    else:
        told.append(occasion.say("results_unpredicted"))
    return " ".join(told)


def _build_failed_entry(occasion: Occasion, advisor: str, row: Row) -> StudentEntry:
    """Return a student who did not pass: score, prediction, and weeks on the list before."""
    facts = []
    if is_known(row["actual"]):
        facts.append(occasion.say_fact("fact_score", score=format_cell(row["actual"])))
    if is_known(row["predicted"]):
        score, limits = format_cell(row["predicted"]), format_range(occasion, row)
        facts.append(occasion.say_fact("fact_was_predicted", score=score, limits=limits))
    weeks, first = int(row["weeks_flagged"]), format_cell(row["first_flagged_week"])
    facts.append(occasion.say_fact("fact_on_list", weeks=weeks, first=first))
    # The code stands for the topic "marks": the draft may speak of marks, but it has no score.
    return occasion.build_entry(
        row,
        facts=tuple(facts),
        **occasion.write_drafts(row, advisor, [{"code": "academic_level"}]),
    )


def _build_outside_entry(occasion: Occasion, row: Row) -> StudentEntry:
    """Return a student who passed with a score outside the predicted range."""
    score, limits = format_cell(row["actual"]), format_range(occasion, row)
    said = occasion.say("results_outside", score=score, limits=limits)
    return occasion.build_entry(row, reasons=(said,))
