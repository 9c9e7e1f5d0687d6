"""What the college knew at the end of a week: the frames that scoring starts from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Facts:
    """Frames as known at the end of one week of one term; see `college.records` for how each is cleaned.

    Attributes:
        week: the semester week, a teaching week.
        students: student_id (unique), class_id, advisor_id, joined_on, withdrawn_on.
        pairings: class_id, semester of the classes to score (class_id unique).
        dates: class_id, semester, week, week_date.
        attendance: student_id, class_id, semester, week, held, present (and more); weeks after `week` are ignored.
        double_registers: student_id, week, class_id: whose register counts, for students in two classes in one week.
        assignments, quizzes: items: item_id, class_id, semester, subject_id, due_week.
        assignments_done, quizzes_done: as `records.done`, with known_by (the day that the rows were known by).
        extensions: student_id, item_id, week.
        excuses: student_id, from, to; None where the college has none.
        enrolments: student_id, subject_id, semester, from, to; None where students take all subjects of the class.
        library, loans, platform: student_id, semester, week, count (and events).
        midterms: student_id, score, known_by.
        feeds: which of library, loans and platform are present at the college; None where these frames can tell.
    """

    week: int
    students: pd.DataFrame
    pairings: pd.DataFrame
    dates: pd.DataFrame
    attendance: pd.DataFrame
    double_registers: pd.DataFrame
    assignments: pd.DataFrame
    quizzes: pd.DataFrame
    assignments_done: pd.DataFrame
    quizzes_done: pd.DataFrame
    extensions: pd.DataFrame
    excuses: pd.DataFrame | None
    enrolments: pd.DataFrame | None
    library: pd.DataFrame
    loans: pd.DataFrame
    platform: pd.DataFrame
    midterms: pd.DataFrame
    feeds: frozenset[str] | None = None
