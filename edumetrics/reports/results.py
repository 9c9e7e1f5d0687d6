"""Build the section after an exam: who did not pass, in what, and what comes next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

import pandas as pd

from edumetrics.fields.chances import LOW
from edumetrics.params import AfterExam
from edumetrics.reports.context import Occasion, format_cell
from edumetrics.reports.model import StudentEntry
from edumetrics.reports.moments import Sections, build_section
from edumetrics.types import Exam, Row


def build_results_sections(
    occasion: Occasion,
    exam: Exam,
    rows: pd.DataFrame,
    marks: pd.DataFrame,
    left: frozenset[str] = frozenset(),
) -> Sections:
    """Return the review of every advisor of whose students a result is known.

    It says who did not pass, with the subjects, and who passed against the outlook in one count.
    Who left the college is said to have left, and is not counted.

    Args:
        occasion, exam: the moment, and the exam.
        rows: exam_review with advisor_id; `failed` is null where the result is not known.
        marks: student_id, subject_id, name, score (null where there is none): the subjects in
            which a student failed.
        left: student_id of who left the college.
    """
    found = {}
    subjects = {student: group.to_dict("records") for student, group in marks.groupby("student_id")}
    title = occasion.say("results_title", exam=occasion.say(f"exam_{exam}"))
    comes_next = occasion.params.mail.after_results.get(exam, AfterExam())
    for advisor, group in occasion.group_by_advisor(rows.sort_values(["actual", "student_id"])):
        gone = group["student_id"].isin(left)
        known = group[~gone & group["failed"].notna()]
        failed = known[known["failed"].astype(bool)]
        entries = [
            _build_failed_entry(occasion, row, subjects.get(row["student_id"], []), comes_next)
            for row in failed.to_dict("records")
        ]
        entries += [
            occasion.build_entry(row, reasons=(occasion.say("results_left"),))
            for row in group[gone].to_dict("records")
        ]
        if len(known) or entries:
            note = _describe_results(occasion, advisor, known, int(gone.sum()), comes_next)
            found[advisor] = (build_section(title, note, entries),)
    return found


def _describe_results(
    occasion: Occasion, advisor: str, known: pd.DataFrame, left: int, comes_next: AfterExam
) -> str:
    """Return how many did not pass, or left, or passed against the outlook, and what is next."""
    failed = known["failed"].astype(bool)
    # Without a forecast p_fail is null, and nobody passed against it.
    at_risk = known["p_fail"] >= LOW
    told = [
        occasion.say(
            "results_note",
            who=occasion.describe_count(advisor, int(failed.sum()), len(known)),
            failed=int(failed.sum()),
            known=len(known),
            left=left,
        )
    ]
    against = int((at_risk & ~failed).sum())
    if against:
        told.append(occasion.say("results_against", count=against, seen=int(at_risk.sum())))
    if failed.any():
        told.append(_describe_next(occasion, comes_next, "default"))
    return " ".join(filter(None, told))


def _build_failed_entry(
    occasion: Occasion, row: Row, subjects: Sequence[Row], comes_next: AfterExam
) -> StudentEntry:
    """Return a student who did not pass, with the mark, and each subject that was not passed."""
    named = [
        occasion.say(
            "results_subject",
            name=subject["name"],
            score=_format_failed(occasion, subject["score"]),
            next=_describe_next(occasion, comes_next, subject["subject_id"]),
        )
        for subject in subjects
    ]
    score = _format_failed(occasion, row["actual"])
    line = occasion.say("results_line", score=score, subjects=", ".join(named))
    return occasion.build_entry(row, reasons=(line,))


def _format_failed(occasion: Occasion, score: float) -> str:
    """Return a mark that is not a pass, never rounded up to one; empty where it is null."""
    rounds_up = not pd.isna(score) and score < occasion.params.scoring.pass_mark <= round(score)
    return format_cell(math.floor(score) if rounds_up else score)


def _describe_next(occasion: Occasion, comes_next: AfterExam, subject: str) -> str:
    """Return when the resit of a subject is and whom to see about it; empty where not known."""
    resit: date | None = comes_next.resits.get(subject)
    # A date that was left from last semester would mislead.
    if resit is not None and pd.Timestamp(resit) < occasion.first_day:
        resit = None
    see = comes_next.see.get(subject, "")
    if resit is None and not see:
        return ""
    day = occasion.params.sentences.format_day(resit) if resit else ""
    return occasion.say("results_next", day=day, see=see, alone=subject == "default")
