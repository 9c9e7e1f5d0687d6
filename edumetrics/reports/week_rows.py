"""Say what the weekly reports are built from: the stored rows of a week and of those before it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

# Phrase of the label, column of weekly_metrics, unit.
MEASURES = (("label_activity", "effort_score", ""),
            ("label_performance", "academic_performance", ""),
            ("label_attendance", "weekly_att_pct", "%"),
            ("label_work", "submission_pct", "%"))  # fmt: skip


@dataclass(frozen=True)
class WeekRows:
    """The stored rows of a week, and of the weeks before it.

    Attributes:
        metrics, last: weekly_metrics of the week and of the teaching week before.
        flags, exits, findings: weekly_flags, list_exits and class_findings of the week.
        last_flags: student_id, advisor_id, within_capacity of the teaching week before.
        courses: weekly_metrics of the weeks so far, of students on the lists, in any order.
        middles: class_id, sem_week and the class's median of academic_performance.
        contacts: the intervention log of the term, without notes.
        health: data-health findings of the newest finished run of the week.
        silent: student_id and sem_week: of whom there was no record at all by that week, for this
            week and the teaching week before.
        outlook: student_id, predicted, low, high (0 to 100), p_fail (0 to 1), subjects (those at
            risk in words, with what still counts, may be empty) and subject_names (their names
            alone), in a week with a prediction; without rows in any other.
        shared: student_id and advisor_id of the second advisor.
        precision: of 100 whom the forecast in use put first last semester, how many failed or left;
            None where no forecast is in use.
        mailed: advisor_id of those who had an earlier mail; None where that does not matter.
    """

    metrics: pd.DataFrame
    last: pd.DataFrame
    flags: pd.DataFrame
    last_flags: pd.DataFrame
    exits: pd.DataFrame
    findings: pd.DataFrame
    courses: pd.DataFrame
    middles: pd.DataFrame
    contacts: pd.DataFrame
    health: pd.DataFrame
    silent: pd.DataFrame
    outlook: pd.DataFrame
    shared: pd.DataFrame
    precision: float | None = None
    mailed: frozenset[str] | None = None
