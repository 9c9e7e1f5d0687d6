"""Results of exams, as they were known by a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.percent import clip_percents, compute_percents
from edumetrics.college.reader import keep
from edumetrics.college.rows import drop_repeated, join_items, read_rows
from edumetrics.database import make_empty_frame
from edumetrics.types import Exam

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term

# The default of `known_by`: everything that the college has recorded counts.
EVER = date(9999, 12, 31)


def read_midterms(college: College, term: Term, known_by: date, week: int) -> pd.DataFrame:
    """Return each student's mean midterm score, from the results known by a day.

    An undated result is known from the teaching week after the scheduled week of its exam. So it
    counts only when `week` is later than the scheduled week.

    Returns:
        student_id, score (percent, the mean over subjects). Students without a score have no row.
    """
    papers = read_papers(college, term, "midterm", known_by, week).dropna(subset="score")
    # Each subject weighs the same, whether it had one paper or several.
    subjects = papers.groupby(["student_id", "subject_id"], dropna=False)["score"].mean()
    return subjects.groupby("student_id").mean().reset_index()


def read_papers(
    college: College, term: Term, exam: Exam, known_by: date, week: int
) -> pd.DataFrame:
    """Return the results of an exam that are known by a day, one row per student and paper.

    An undated result is known from the teaching week after the scheduled week of its exam. So it
    counts only when `week` is later than the scheduled week.

    Returns:
        student_id, schedule_id, subject_id, score (percent; NaN where there is none), pass_fail,
        grade. No rows where the college has no exams.
    """
    rows = read_rows(college, term, "exam_results")
    schedule = _read_schedule(college, term, exam)
    rows = join_items(rows[rows["listed"]], "schedule_id", schedule)
    # An exam without a scheduled week counts as week 0: its undated results are known at once.
    undated = rows["result_date"].isna() & (rows["scheduled_week"].fillna(0) < week)
    rows = rows[undated | (rows["result_date"] <= pd.Timestamp(known_by).as_unit("s"))]
    rows = drop_repeated(rows, "exam_results").astype({"student_id": "str", "schedule_id": "str"})
    # The college's own score decides. Marks only count where there is no score.
    out_of = rows["max_marks"].fillna(rows["scheduled_marks"])
    score = clip_percents(rows["score_pct"]).fillna(
        compute_percents(rows["marks_obtained"], out_of)
    )
    # Who was absent has an F, or a grade that fails, and no score, which counts 0; a paper without
    # any score gives no scores at all, but only who passed it.
    scored = score.notna().groupby(rows["schedule_id"]).transform("any")
    said = rows["pass_fail"].str.strip(" ").str.upper()
    by_grade = _judge_grades(college, rows["grade"]).fillna(False).astype("bool")
    failed = (said == "F") | (~said.isin(["F", "P"]) & by_grade)
    rows = rows.assign(score=score.mask(score.isna() & failed & scored, 0.0))
    names = ["student_id", "schedule_id", "subject_id", "score", "pass_fail", "grade"]
    return rows[names].reset_index(drop=True)


@keep()
def _read_schedule(college: College, term: Term, exam: Exam) -> pd.DataFrame:
    """Return schedule_id, subject_id, scheduled_week and scheduled_marks of a term's exam."""
    relation = college.relations["exam_schedule"]
    if relation is None:
        kinds = {"schedule_id": "str", "subject_id": "str", "scheduled_week": "float64",
                 "scheduled_marks": "float64"}  # fmt: skip
        return make_empty_frame(**kinds)
    s = relation.c
    marks = s.max_marks.label("scheduled_marks")
    select = sa.select(s.schedule_id, s.subject_id, s.scheduled_week, marks)
    exams = select.where(term.build_condition(relation), sa.func.lower(s.exam_type) == exam)
    return college.read_frame(exams, "exam_schedule")


def read_exam_results(
    college: College, term: Term, exam: Exam, known_by: date = EVER
) -> pd.DataFrame:
    """Return the results of an exam, one row per student and subject with a result known by a day.

    A subject is failed when its result says F. Where the result says nothing, the subject is failed
    when the score is below the pass mark; without a score, the grade decides where the mapping says
    which grades fail.

    Returns:
        student_id, subject_id, score (percent, the mean over papers; NaN where there is none),
        failed (boolean, NA where unknown).
    """
    # As seen after the last week of the semester: then every undated result is known.
    frame = read_papers(
        college, term, exam, known_by, college.params.calendar.weeks_per_semester + 1
    )
    # Any other word than F and P maps to NA, so that the score decides.
    said = frame["pass_fail"].str.strip().str.upper().map({"F": True, "P": False}).astype("boolean")
    # A missing score is not below the pass mark: `where` makes it unknown, and not passed.
    below = (
        (frame["score"] < college.params.scoring.pass_mark)
        .astype("boolean")
        .where(frame["score"].notna())
    )
    frame = frame.assign(failed=said.fillna(below).fillna(_judge_grades(college, frame["grade"])))
    groups = frame.groupby(["student_id", "subject_id"], as_index=False)
    # `max` of booleans is "any": one failed paper fails the subject.
    return groups.agg(score=("score", "mean"), failed=("failed", "max")).astype(
        {"failed": "boolean"}
    )


def _judge_grades(college: College, grades: pd.Series) -> pd.Series:
    """Return for each grade whether it fails; NA without a grade, or where no mapping says it."""
    fail = [grade.strip().upper() for grade in college.params.college.grades.fail]
    said = grades.str.strip().str.upper()
    known = said.notna() & (said != "") & bool(fail)
    return said.isin(fail).astype("boolean").where(known)
