"""Share what the sections of three moments have in common.

They are the sections before a semester, before an exam, and on the results of an exam.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from edumetrics.reports.model import Prose, Section, StudentEntry, Students
from edumetrics.types import Row

# By advisor_id, in reading order: what a moment adds to the mail of a week.
Sections = Mapping[str, tuple[Section, ...]]


def build_section(title: str, note: str, entries: Iterable[StudentEntry]) -> Section:
    """Return one line for each student below a sentence; only the sentence without students."""
    # No cards: a student has one card, one urgency and one draft a week, in the weekly list.
    lines = tuple(entries)
    return Students(title, note, lines, brief=True) if lines else Prose(title, (note,))


def sort_by_roll_number(group: pd.DataFrame) -> list[Row]:
    """Return the rows in the order of a class register: by class and roll number."""
    # Roll numbers may be missing or repeated; the id makes the order the same in every run.
    return list(group.sort_values(["class_id", "roll_number", "student_id"]).to_dict("records"))
