"""Read results of exams, as they were known by a day."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import sqlalchemy as sa

from edumetrics.database import build_materialized_cte, clip_percent, compute_percent
from edumetrics.types import Exam

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term


def read_midterms(college: College, term: Term, known_by: date, week: int) -> pd.DataFrame:
    """Return each student's mean midterm score, from the results known by a day.

    An undated result is known from the teaching week after the scheduled week of its exam. So it
    counts only when `week` is later than the scheduled week.

    Returns:
        student_id, score (percent, the mean over subjects). Students without a score have no row.
    """
    papers = build_papers_query(college, term, "midterm", known_by, week)
    if papers is None:
        return pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "score": pd.Series(dtype="float64")}
        )
    p = papers.c
    # Each subject weighs the same, whether it had one paper or several.
    subjects = (
        sa.select(p.student_id, sa.func.avg(p.score).label("score"))
        .where(p.score.is_not(None))
        .group_by(p.student_id, p.subject_id)
        .subquery("subjects")
    )
    mean = sa.func.avg(subjects.c.score, type_=sa.Double).label("score")
    return college.read_frame(
        sa.select(subjects.c.student_id, mean).group_by(subjects.c.student_id), "exam_results"
    )


def build_papers_query(
    college: College, term: Term, exam: Exam, known_by: date, week: int
) -> sa.Subquery | None:
    """Return a subquery of the results of an exam that are known by a day.

    An undated result is known from the teaching week after the scheduled week of its exam. So it
    counts only when `week` is later than the scheduled week.

    Returns:
        One row per student and paper: student_id, schedule_id, subject_id, score (percent, null
        where there is none), pass_fail, grade. None where the college has no exams.
    """
    schedule, results = college.relations["exam_schedule"], college.relations["exam_results"]
    if schedule is None or results is None:
        return None
    s, c = schedule.c, results.c
    exams = build_materialized_cte(
        sa.select(
            s.schedule_id, s.subject_id, s.scheduled_week, s.max_marks.label("scheduled_marks")
        ).where(term.build_condition(schedule), sa.func.lower(s.exam_type) == exam),
        "exams",
    )
    # An exam without a scheduled week counts as week 0: its undated results are known at once.
    undated = sa.and_(c.result_date.is_(None), sa.func.coalesce(exams.c.scheduled_week, 0) < week)
    rows = (
        sa.select(
            c.id,
            c.student_id,
            c.schedule_id,
            exams.c.subject_id,
            c.score_pct,
            c.marks_obtained,
            c.pass_fail,
            c.grade,
            sa.func.coalesce(c.max_marks, exams.c.scheduled_marks).label("out_of"),
        )
        .select_from(sa.join(results.rows, exams, c.schedule_id == exams.c.schedule_id))
        .where(sa.or_(c.result_date <= known_by, undated), college.is_known_class(results))
    )
    r = college.keep_one_per_key(
        rows, results, term.class_semesters, results.table.natural, tag=known_by.isoformat()
    )
    # The college's own score decides. Marks only count where there is no score.
    score = sa.func.coalesce(
        clip_percent(r.c.score_pct), compute_percent(r.c.marks_obtained, r.c.out_of)
    )
    # Who was absent has an F and no score, which counts 0; a paper without any score gives no
    # scores at all, but only who passed it.
    scored = sa.func.count(score).over(partition_by=r.c.schedule_id) > 0
    failed = sa.func.upper(sa.func.trim(r.c.pass_fail)) == "F"
    counted = sa.func.coalesce(score, sa.case((sa.and_(failed, scored), 0.0))).label("score")
    return sa.select(
        r.c.student_id, r.c.schedule_id, r.c.subject_id, counted, r.c.pass_fail, r.c.grade
    ).subquery("papers")
