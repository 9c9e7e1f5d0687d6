"""How a semester ended: who failed it, who left, and the end-term results that say so."""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import records
from edumetrics.college.source import College, Term

EVER = date(9999, 12, 31)


def papers(college: College, term: Term, exam: records.Exam, known_by: date = EVER) -> pd.DataFrame:
    """student_id, subject_id, score (percent, NaN where there is none), failed (boolean, NA where unknown).

    One row per student and subject with a result known by a day. A subject is failed when its result says F, or, where
    it says nothing, when the score is below the pass mark.
    """
    found = records.exam_papers(
        college, term, exam, known_by, college.params.calendar.weeks_per_semester + 1
    )
    if found is None:
        empty = {"student_id": "str", "subject_id": "str", "score": "float64", "failed": "boolean"}
        return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in empty.items()})
    p = found.c
    frame = college.frame(
        sa.select(
            p.student_id, p.subject_id, sa.cast(p.score, sa.Double).label("score"), p.pass_fail
        ),
        "exam_results",
    )
    said = frame["pass_fail"].str.strip().str.upper().map({"F": True, "P": False}).astype("boolean")
    below = (
        (frame["score"] < college.params.scoring.pass_mark)
        .astype("boolean")
        .where(frame["score"].notna())
    )
    frame = frame.assign(failed=said.fillna(below))
    groups = frame.groupby(["student_id", "subject_id"], as_index=False)
    return groups.agg(score=("score", "mean"), failed=("failed", "max")).astype(
        {"failed": "boolean"}
    )


def outcomes(college: College, term: Term, known_by: date = EVER) -> pd.DataFrame:
    """How the semester ended for everyone of whom it is known by a day.

    A student fails a semester when the mean end-term score over subjects is below the pass mark, or, where no scores
    exist, when more than half of the subjects are failed, or by leaving before the end-term.

    Returns:
        student_id (unique, ascending), score (mean over subjects, percent; NaN where there is none), left (before the
        end-term), failed.
    """
    results = papers(college, term, "endterm", known_by)
    groups = results.groupby("student_id")
    score, share = groups["score"].mean(), groups["failed"].mean()
    failed = (score < college.params.scoring.pass_mark).where(score.notna(), share > 0.5)
    known = failed[score.notna() | share.notna()].astype(bool)
    left = leavers(college, term, known_by)
    if len(known):
        # Results may come class by class: of a class without any, those who left would be all that is known.
        class_of = college.students.set_index("student_id")["class_id"]
        left &= set(class_of.index[class_of.isin(class_of.reindex(known.index).dropna())])
    students = sorted({*known.index, *left})
    frame = pd.DataFrame({"student_id": students}, dtype="str")
    frame["score"] = score.reindex(students).to_numpy(dtype="float64")
    frame["left"] = frame["student_id"].isin(left)
    frame["failed"] = frame["left"] | frame["student_id"].isin(known.index[known])
    return frame


def leavers(college: College, term: Term, known_by: date = EVER) -> set[str]:
    """Students who left during the term, before its end-term (its last day where there is none), and by a day."""
    calendar = college.params.calendar
    exam_week = calendar.endterm_week or calendar.weeks_per_semester + 1
    starts = pd.Timestamp(term.name)
    ends = starts + pd.Timedelta(weeks=exam_week - 1)
    schedule = college.relations["exam_schedule"]
    if schedule is not None:
        s = schedule.c
        day = sa.func.min(s.exam_date, type_=sa.Date).label("day")
        dated = sa.select(s.class_id, day).where(
            term.within(schedule), sa.func.lower(s.exam_type) == "endterm"
        )
        exams = college.frame(dated.group_by(s.class_id), "exam_schedule").dropna()
    else:
        exams = pd.DataFrame(
            {"class_id": pd.Series(dtype="str"), "day": pd.Series(dtype="datetime64[us]")}
        )
    # Terms may overlap: who left while another class was in its term did not leave this one.
    students = college.students.dropna(subset="withdrawn_on")
    students = students[students["class_id"].isin(term.pairings["class_id"])].merge(
        exams, on="class_id", how="left"
    )
    before = students["withdrawn_on"] < students["day"].fillna(ends)
    during = (students["withdrawn_on"] >= starts) & (
        students["withdrawn_on"] <= pd.Timestamp(known_by).as_unit("s")
    )
    return set(students.loc[before & during, "student_id"])
