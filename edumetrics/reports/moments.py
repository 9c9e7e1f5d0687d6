"""Share what the sections of three moments have in common, and the report of sections alone.

They are the sections before a semester, before an exam, and on the results of an exam.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd

from edumetrics.reports.model import Prose, Report, Section, StudentEntry, Students
from edumetrics.types import Row

if TYPE_CHECKING:
    # Only the type of a moment is needed here.
    from edumetrics.reports.context import Occasion

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


def build_alone_report(
    occasion: Occasion,
    advisor: str,
    sections: tuple[Section, ...],
    headline: str = "",
    lead: str = "",
) -> Report:
    """Return the report of an advisor without a list: its sections and nothing else.

    Headline and lead say that there is no list this week, where nothing else is given.
    """
    classes = sorted(
        {
            entry.class_id
            for part in sections
            if isinstance(part, Students)
            for entry in part.entries
        }
    )
    titles, say = " · ".join(section.title for section in sections), occasion.say
    return Report(
        stage=occasion.stage,
        term=occasion.term,
        week=occasion.week,
        advisor_id=advisor,
        reader=occasion.get_reader(advisor),
        classes=tuple(classes),
        subject=say("alone_subject", week=occasion.week, titles=titles),
        kicker=occasion.format_kicker(pd.Series(classes, dtype="object")),
        headline=headline or say("alone_headline"),
        lead=lead or say("alone_lead"),
        sections=(*sections, occasion.build_closing()),
        sentences=occasion.params.sentences,
    )
