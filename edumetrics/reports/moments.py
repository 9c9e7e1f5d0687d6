"""Share what the reports of three moments have in common.

They are the reports before a semester, before an exam, and on the results of an exam.
"""

from __future__ import annotations

import pandas as pd

from edumetrics.forecast.subjects import HIGH
from edumetrics.reports.context import Occasion, format_cell, is_known, round_value
from edumetrics.reports.model import NumberRow, Numbers, Report, Section
from edumetrics.types import Row

# The most reasons of an entry.
REASONS = 3


def build_report(
    occasion: Occasion,
    advisor: str,
    group: pd.DataFrame,
    subject: str,
    headline: str,
    lead: str,
    sections: tuple[Section, ...],
) -> Report:
    """Return the report of one advisor from the parts that differ between the moments."""
    return Report(
        stage=occasion.stage,
        term=occasion.term,
        week=occasion.week,
        advisor_id=advisor,
        reader=occasion.get_reader(advisor),
        classes=tuple(sorted(group["class_id"].unique())),
        subject=subject,
        kicker=occasion.format_kicker(group["class_id"]),
        headline=headline,
        lead=lead,
        sections=(*sections, occasion.build_closing()),
        sentences=occasion.params.sentences,
    )


def compare_numbers(
    occasion: Occasion,
    group: pd.DataFrame,
    rows: pd.DataFrame,
    measures: tuple[tuple[str, str, str], ...],
    about: str,
) -> Numbers:
    """Return medians of an advisor's students beside those of all students.

    Args:
        occasion: the moment.
        group, rows: the advisor's students, and all students.
        measures: phrase of the label, column, unit; `may_fail` is the share of students at risk, in
            percent.
        about: what the numbers are.
    """

    def compute_middle(frame: pd.DataFrame, name: str) -> int | None:
        # `may_fail` is no column: a median of yes and no would say nothing.
        return (
            round(100 * frame["at_risk"].astype(bool).mean())
            if name == "may_fail"
            else round_value(frame[name].median())
        )

    numbers = tuple(
        NumberRow(
            occasion.say(label), compute_middle(group, name), compute_middle(rows, name), unit
        )
        for label, name, unit in measures
    )
    say = occasion.say
    return Numbers(say("compared_title"), about, say("compared_own"), say("compared_all"), numbers)


def sort_by_roll_number(group: pd.DataFrame) -> list[Row]:
    """Return the rows in the order of a class register: by class and roll number."""
    # Roll numbers may be missing or repeated; the id makes the order the same in every run.
    return list(group.sort_values(["class_id", "roll_number", "student_id"]).to_dict("records"))


def choose_tier(chance: float) -> str:
    """Return the tier of a chance of failing (0 to 1); `watch` for null."""
    # A comparison with NaN is false, so a student without a forecast is never at `high`.
    return "high" if chance >= HIGH else "watch"


def format_range(occasion: Occasion, row: Row) -> str:
    """Return the predicted 80% range in words; empty where there is none."""
    low, high = format_cell(row["low"]), format_cell(row["high"])
    return occasion.say("range", low=low, high=high) if is_known(row["low"]) else ""
