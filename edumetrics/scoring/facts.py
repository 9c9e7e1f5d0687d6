"""Facts: what the college knew at the end of a week, as the frames that scoring starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from edumetrics.types import Work


@dataclass(frozen=True)
class Facts:
    """Frames as known at the end of one week of one term.

    `college.work` says how each frame is cleaned.

    Attributes:
        week: the semester week, a teaching week.
        students: student_id (unique), class_id, advisor_id, joined_on, withdrawn_on.
        class_semesters: class_id, semester of the classes to score (class_id unique).
        dates: class_id, semester, week, week_date.
        attendance: student_id, week, held, present (and more); weeks after `week` are ignored.
        seats: student_id, week, class_id, semester: the class of each week with registers of the
            student's own semester; the first two are unique.
        unsure_registers: student_id, week, subject_id, held, present: registers of subjects that
            no enrolment covers for the whole semester; they count in `attendance` too.
        assignments, quizzes: the items: item_id, class_id, semester, subject_id, due_week, title.
        assignments_done, quizzes_done: as `work.read_done_work` returns them, with known_by (the
            day by which the rows were known).
        extensions: by kind of work, student_id, item_id, week: the items whose week is another one
            for a student; NaN where the item is not due for the student at all.
        known_marks: by kind of work, item_id, marks, qualities, known_by: of how many students a
            mark and a quality of the item are known; items without any are not there.
        excuses: student_id, from, to (null for one day); None where the college has none.
        enrolments: student_id, subject_id, semester, from, to; None where students take all
            subjects of their class.
        weekly: by feed, student_id, semester, week and what the feed counts (see
            `college.feeds.read_weekly_counts`).
        midterms: student_id, score, known_by.
        feeds: which of the counted feeds the college has; None where these frames show
            it themselves.
        done_items: by kind of work, student_id, item_id, known_by: what was done of the items of
            the last weeks.
        subjects: the name of each subject by subject_id.
        early: as `feeds.read_early_clicks` returns it.
        ahead: as `work.read_work_ahead` returns it, with known_by; a student may have several rows.
    """

    week: int
    students: pd.DataFrame
    class_semesters: pd.DataFrame
    dates: pd.DataFrame
    attendance: pd.DataFrame
    seats: pd.DataFrame
    unsure_registers: pd.DataFrame
    assignments: pd.DataFrame
    quizzes: pd.DataFrame
    assignments_done: pd.DataFrame
    quizzes_done: pd.DataFrame
    extensions: Mapping[Work, pd.DataFrame]
    known_marks: Mapping[Work, pd.DataFrame]
    excuses: pd.DataFrame | None
    enrolments: pd.DataFrame | None
    weekly: Mapping[str, pd.DataFrame]
    midterms: pd.DataFrame
    # Frames of a part of the college may be empty although the college has the feed.
    feeds: frozenset[str] | None = None
    done_items: Mapping[Work, pd.DataFrame] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    early: pd.DataFrame = field(default_factory=pd.DataFrame)
    ahead: pd.DataFrame = field(default_factory=pd.DataFrame)
