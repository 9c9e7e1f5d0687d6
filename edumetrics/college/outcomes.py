"""Outcomes of a semester: who failed it, who left it, and the end-term results behind that."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.exams import EVER, read_exam_results

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term


def compute_outcomes(college: College, term: Term, known_by: date = EVER) -> pd.DataFrame:
    """Return the outcome of the semester for every student whose outcome is known by a day.

    A student fails a semester when the mean end-term score over subjects is below the pass mark. If
    the student has no scores, more than half of the subjects must be failed. A student who leaves
    before the end-term fails, too.

    Returns:
        student_id (unique, ascending), score (percent, the mean over subjects; NaN where there is
        none), left (boolean: left before the end-term), failed (boolean).
    """
    results = read_exam_results(college, term, "endterm", known_by)
    groups = results.groupby("student_id")
    score, share = groups["score"].mean(), groups["failed"].mean()
    failed = (score < college.params.scoring.pass_mark).where(score.notna(), share > 0.5)
    known = failed[score.notna() | share.notna()].astype(bool)
    left = find_leavers(college, term, known_by)
    if len(known):
        # Results may come class by class. In a class without results, only those who left would be
        # known, and all of them failed: such a class is left out.
        class_of = college.students.set_index("student_id")["class_id"]
        left &= set(class_of.index[class_of.isin(class_of.reindex(known.index).dropna())])
    students = sorted({*known.index, *left})
    frame = pd.DataFrame({"student_id": students}, dtype="str")
    frame["score"] = score.reindex(students).to_numpy(dtype="float64")
    frame["left"] = frame["student_id"].isin(left)
    frame["failed"] = frame["left"] | frame["student_id"].isin(known.index[known])
    return frame


def find_leavers(college: College, term: Term, known_by: date = EVER) -> set[str]:
    """Return the student_ids of students who left during the term, before its end-term, by a day.

    The end-term of a class begins on its first exam date, or else in the calendar's end-term week.
    Without an end-term week, the last day of the term decides.
    """
    calendar = college.params.calendar
    exam_week = calendar.endterm_week or calendar.weeks_per_semester + 1
    starts = pd.Timestamp(term.name)
    ends = starts + pd.Timedelta(weeks=exam_week - 1)
    schedule = college.relations["exam_schedule"]
    if schedule is not None:
        s = schedule.c
        # Each class has its own first day of exams.
        day = sa.func.min(s.exam_date, type_=sa.Date).label("day")
        dated = sa.select(s.class_id, day).where(
            term.build_condition(schedule), sa.func.lower(s.exam_type) == "endterm"
        )
        exams = college.read_frame(dated.group_by(s.class_id), "exam_schedule").dropna()
    else:
        exams = pd.DataFrame(
            {"class_id": pd.Series(dtype="str"), "day": pd.Series(dtype="datetime64[us]")}
        )
    # Terms may overlap: a student who left while another class was in its term did not leave this
    # one.
    students = college.students.dropna(subset="withdrawn_on")
    students = students[students["class_id"].isin(term.class_semesters["class_id"])].merge(
        exams, on="class_id", how="left"
    )
    before = students["withdrawn_on"] < students["day"].fillna(ends)
    during = (students["withdrawn_on"] >= starts) & (
        students["withdrawn_on"] <= pd.Timestamp(known_by).as_unit("s")
    )
    return set(students.loc[before & during, "student_id"])
