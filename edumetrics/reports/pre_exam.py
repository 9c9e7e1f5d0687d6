"""Build the section before an exam: who else may fail, a row each."""

from __future__ import annotations

import pandas as pd

from edumetrics.fields.chances import BASELINE, HIGH
from edumetrics.reports.context import Occasion, format_cell, is_known
from edumetrics.reports.model import StudentEntry, Students
from edumetrics.reports.moments import Sections
from edumetrics.types import Row

# `_build_entry` has the cells in this order.
COLUMNS = ("column_predicted", "column_failing", "column_subjects")
# The most subjects named in a cell.
SUBJECTS = 3


def build_pre_exam_sections(
    occasion: Occasion,
    exam: str,
    rows: pd.DataFrame,
    subjects: pd.DataFrame,
    on_cards: frozenset[str] = frozenset(),
) -> Sections:
    """Return the outlook of every advisor's students at a medium risk or more without a card.

    Who has a card has the outlook there. Without a chance of failing there is no outlook.

    Args:
        occasion, exam: the moment, and the name of the exam in words.
        rows: pre_mid_term or pre_end_term with advisor_id; `predicted` (with its range low to
            high), p_fail (null without a forecast), `at_risk` (for the end-term: not a pass).
        subjects: student_id, name: the subjects in which a student is at a medium risk of failing
            or above, the likeliest first.
        on_cards: student_id of who has a card in this week's mail.
    """
    near = rows[rows["at_risk"].astype(bool) & rows["p_fail"].notna()].sort_values(
        ["p_fail", "predicted", "student_id"], ascending=[False, True, True]
    )
    named = {student: list(names) for student, names in subjects.groupby("student_id")["name"]}
    found = {}
    for advisor, group in occasion.group_by_advisor(near):
        told = group["student_id"].isin(on_cards)
        entries = [
            _build_entry(occasion, row, named.get(row["student_id"], []))
            for row in group[~told].to_dict("records")
        ]
        if entries:
            cards = bool(told.any())
            title = occasion.say("pre_exam_title", exam=exam, cards=cards)
            note = occasion.say("pre_exam_note", cards=cards)
            columns = tuple(map(occasion.say, COLUMNS))
            found[advisor] = (Students(title, note, tuple(entries), brief=True, columns=columns),)
    return found


def _build_entry(occasion: Occasion, row: Row, names: list[str]) -> StudentEntry:
    """Return a student with the predicted score, its range, the chance and subjects at risk."""
    more = max(len(names) - SUBJECTS, 0)
    chance = occasion.say(
        "pre_exam_chance",
        high=row["p_fail"] >= HIGH,
        chance=occasion.say("chance", count=100 * row["p_fail"]),
        rough=row["model_id"] == BASELINE,
    )
    score = occasion.say(
        "pre_exam_score",
        score=format_cell(row["predicted"]),
        limits=format_range(occasion, row),
    )
    subjects = occasion.say("subjects", named=", ".join(names[:SUBJECTS]), more=more)
    return occasion.build_entry(row, reasons=(score, chance, subjects))


def format_range(occasion: Occasion, row: Row) -> str:
    """Return the predicted 80% range in words; empty where there is none."""
    low, high = format_cell(row["low"]), format_cell(row["high"])
    return occasion.say("range", low=low, high=high) if is_known(row["low"]) else ""
