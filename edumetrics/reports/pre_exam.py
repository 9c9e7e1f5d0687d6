"""Build the reports before an exam: predicted scores, chances of failing, subjects at risk."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.reports.context import Occasion, build_table_row, format_cell, is_known
from edumetrics.reports.model import Report, StudentEntry, StudentTable
from edumetrics.reports.moments import (
    REASONS,
    build_report,
    choose_tier,
    compare_numbers,
    format_range,
    sort_by_roll_number,
)
from edumetrics.types import Row

# The most subjects named in an entry.
SUBJECTS = 3
# Phrase of the label, column of the predictions, unit.
PREDICTED = (("column_predicted_score", "predicted", ""), ("column_may_fail", "may_fail", "%"))
# The phrases of the columns of the table.
COLUMNS = ("column_predicted_score", "column_range", "column_chance", "column_subjects")


def build_pre_exam_reports(
    occasion: Occasion,
    exam: str,
    rows: pd.DataFrame,
    subjects: pd.DataFrame,
    listed: frozenset[str] = frozenset(),
) -> list[Report]:
    """Return a report for every advisor: predicted scores, chances of failing, subjects at risk.

    Args:
        occasion, exam: the moment, and the name of the exam in words.
        rows: pre_mid_term or pre_end_term with advisor_id; `predicted` (with its range low to
            high), p_fail (null without a forecast), `at_risk` (for the end-term: not a pass).
        subjects: student_id, name: the subjects in which a student is at a medium risk of failing
            or above, the likeliest first.
        listed: student_id of who is on the week's list.
    """
    at_risk = {
        student: _join_subjects(occasion, names)
        for student, names in subjects.groupby("student_id")["name"]
    }
    reports, say = [], occasion.say
    ordered = rows.sort_values(["p_fail", "predicted"], ascending=[False, True])
    for advisor, group in occasion.group_by_advisor(ordered):
        near = group[group["at_risk"].astype(bool)]
        forecast = group["p_fail"].notna().any()  # without a model p_fail is null for everyone
        entries = [
            _build_entry(occasion, advisor, row, at_risk, listed) for row in near.to_dict("records")
        ]
        who = occasion.describe_count(advisor, len(near), len(group))
        headline = (
            say("pre_exam_headline", who=who, exam=exam)
            if entries
            else say("pre_exam_nobody", exam=exam)
        )
        # Before an exam an advisor has two lists: the note says how they differ.
        title, note = say("pre_exam_title", exam=exam), say("pre_exam_note", forecast=forecast)
        sections = (
            *occasion.split_by_capacity(advisor, entries, title, note),
            compare_numbers(occasion, group, rows, PREDICTED, say("pre_exam_about")),
            _build_table(occasion, group, at_risk),
        )
        lead = say("pre_exam_lead", forecast=forecast, exam=exam)
        counts = {"near": len(near), "students": len(group)}
        subject = say("pre_exam_subject", exam=exam, week=occasion.week, **counts)
        reports.append(build_report(occasion, advisor, group, subject, headline, lead, sections))
    return reports


def _build_table(occasion: Occasion, group: pd.DataFrame, at_risk: dict[Any, str]) -> StudentTable:
    cells = tuple(
        build_table_row(
            row,
            format_cell(row["predicted"]),
            format_range(occasion, row),
            format_chance(occasion, row),
            at_risk.get(row["student_id"], ""),
        )
        for row in sort_by_roll_number(group)
    )
    columns = tuple(map(occasion.say, COLUMNS))
    return StudentTable(occasion.say("table_title"), columns, cells)


def _join_subjects(occasion: Occasion, names: pd.Series) -> str:
    """Return the first few names, and how many more there are."""
    named, more = ", ".join(names[:SUBJECTS]), max(len(names) - SUBJECTS, 0)
    return occasion.say("subjects", named=named, more=more)


def _build_entry(
    occasion: Occasion, advisor: str, row: Row, at_risk: dict[Any, str], listed: frozenset[str]
) -> StudentEntry:
    """Return a student near failing, with a draft email about what lowers the predicted score."""
    # Negative points lower the predicted score. One reason fewer: the facts have the numbers.
    against = [record for record in row["reasons"] if record["points"] < 0][: REASONS - 1]
    score, limits = format_cell(row["predicted"]), format_range(occasion, row)
    facts = [occasion.say_fact("fact_predicted", score=score, limits=limits)]
    if is_known(row["p_fail"]):
        facts.append(occasion.say_fact("fact_chance", chance=format_chance(occasion, row)))
    # Only students with a subject at risk have a key.
    if row["student_id"] in at_risk:
        facts.append(occasion.say_fact("fact_subjects", subjects=at_risk[row["student_id"]]))
    return occasion.build_entry(
        row,
        choose_tier(row["p_fail"]),
        since=occasion.say("pre_exam_listed") if row["student_id"] in listed else "",
        reasons=tuple(record["text"] for record in against),
        facts=tuple(facts),
        **occasion.write_drafts(row, advisor, against),
    )


def format_chance(occasion: Occasion, row: Row) -> str:
    """Return the chance of failing in words; empty where there is no forecast."""
    return occasion.say("chance", count=100 * row["p_fail"]) if is_known(row["p_fail"]) else ""
