"""What is known subject by subject: who takes it, how it goes so far, and how it went in earlier terms."""

from __future__ import annotations

from datetime import date
from typing import cast

import numpy as np
import pandas as pd
import sqlalchemy as sa

from edumetrics.college import records
from edumetrics.college.mapping import Relation
from edumetrics.college.outcomes import papers
from edumetrics.college.records import Work
from edumetrics.college.source import College, Term

KEY = ["student_id", "subject_id"]
# Of those with a result, the percent who pass an easy subject, and below which it is a hard one.
EASY, HARD = 90.0, 75.0
NOTHING_DONE = pd.DataFrame({name: pd.Series(dtype="str") for name in KEY}).assign(
    done=0, marked=0, mark_sum=0.0
)


def taken(college: College, students: pd.DataFrame, known_by: date) -> pd.DataFrame:
    """student_id, class_id, semester, subject_id: which subjects students take, as known by a day.

    Enrolments decide; a student of whom none has begun in the semester takes all subjects of the class.

    Args:
        college: a college without enrolments and without class_subjects gives no rows.
        students: student_id, class_id, semester.
        known_by: enrolments that begin later or ended before do not count.
    """
    enrolled, chosen = students.head(0), students.head(0)
    if college.relations["enrolments"] is not None:
        rows = college.whole("enrolments", "student_id", "subject_id", "semester", "from", "to")
        day = pd.Timestamp(known_by)
        begun = rows["from"].isna() | (pd.to_datetime(rows["from"]) <= day)
        now = begun & (rows["to"].isna() | (pd.to_datetime(rows["to"]) >= day))
        enrolled = students.merge(
            rows.loc[begun, ["student_id", "semester"]].drop_duplicates(),
            on=["student_id", "semester"],
        )
        chosen = students.merge(rows.loc[now, [*KEY, "semester"]], on=["student_id", "semester"])
    offered = college.whole("class_subjects", "class_id", "subject_id").dropna().drop_duplicates()
    subjects = (
        college.whole("subjects", "subject_id", "semester").dropna().drop_duplicates("subject_id")
    )
    offered = offered.merge(subjects.astype({"semester": "int64"}), on="subject_id")
    others = students[~students["student_id"].isin(enrolled["student_id"])].merge(
        offered, on=["class_id", "semester"]
    )
    found = pd.concat([chosen, others])
    return (
        found[["student_id", "class_id", "semester", "subject_id"]]
        .drop_duplicates(KEY)
        .reset_index(drop=True)
    )


def so_far(
    college: College, term: Term, pairs: pd.DataFrame, week: int, known_by: date
) -> pd.DataFrame:
    """How each subject goes for each student, from what was known by a day.

    Args:
        pairs: as `taken`.
        week: semester week; nothing of later weeks counts.
        known_by: marks given later do not count.

    Returns:
        The pairs with mark (mean percent of the work due so far, missing work counting 0), attendance (share of
        lectures attended) and midterm (percent); NaN where there is nothing to go by.
    """
    midterm = papers(college, term, "midterm", known_by)[[*KEY, "score"]].rename(
        columns={"score": "midterm"}
    )
    found = pairs.assign(mark=_marks(college, term, pairs, week, known_by))
    return found.merge(_attendance(college, term, week), on=KEY, how="left").merge(
        midterm, on=KEY, how="left"
    )


def _marks(
    college: College, term: Term, pairs: pd.DataFrame, week: int, known_by: date
) -> np.ndarray:
    """Each pair's mean over the assignments and quizzes due by the week."""
    works: tuple[Work, Work] = ("assignment", "quiz")
    where = ["class_id", "semester", "subject_id"]
    due = pd.concat([records.items(college, term, work) for work in works])
    due = due[due["due_week"] <= week].groupby(where).size().rename("due").reset_index()
    done = [records.done(college, term, work, known_by, by_subject=True) for work in works]
    rows = pd.concat(
        [frame[frame["week"] <= week] for frame in done if len(frame)] or [NOTHING_DONE]
    )
    sums = rows.groupby(KEY)[["done", "marked", "mark_sum"]].sum().reset_index()
    found = (
        pairs.merge(due, on=where, how="left")
        .merge(sums, on=KEY, how="left")
        .fillna({"due": 0, "done": 0, "marked": 0, "mark_sum": 0})
    )
    counted = found["marked"] + (found["due"] - found["done"]).clip(lower=0)
    return np.where(counted > 0, found["mark_sum"] / counted.clip(lower=1), np.nan)


def _attendance(college: College, term: Term, week: int) -> pd.DataFrame:
    relation = cast(Relation, college.relations["attendance"])
    c = relation.c
    marked = sa.and_(c.present >= 0, c.lectures_held > 0)
    rows = sa.select(
        c.id, *(c[name] for name in relation.table.natural), c.lectures_held, c.present
    )
    rows = rows.where(term.within(relation), c.week.between(1, week), marked)
    r = college.one_per_key(rows, relation, term.pairings, relation.table.natural).c
    present = sa.case((r.present > r.lectures_held, r.lectures_held), else_=r.present)
    held = sa.func.sum(r.lectures_held, type_=sa.Integer).label("held")
    sums = sa.select(
        r.student_id, r.subject_id, held, sa.func.sum(present, type_=sa.Integer).label("attended")
    )
    frame = college.frame(sums.group_by(r.student_id, r.subject_id), "attendance")
    return frame[KEY].assign(attendance=frame["attended"] / frame["held"])


def difficulty(college: College, term: Term, known_by: date) -> pd.DataFrame:
    """How many passed each subject in a term, of those with a result known by a day.

    Returns:
        subject_id (unique), semester, total_students, students_passed, pass_rate (percent), difficulty_label: Easy from
        90, Hard below 75.
    """
    results = papers(college, term, "endterm", known_by).dropna(subset="failed")
    groups = results.assign(failed=results["failed"].astype(bool)).groupby("subject_id")["failed"]
    frame = pd.DataFrame(
        {"total_students": groups.size(), "students_passed": groups.size() - groups.sum()}
    )
    frame = frame.astype("int64").reset_index()
    rate = 100.0 * frame["students_passed"] / frame["total_students"]
    label = np.select([rate >= EASY, rate >= HARD], ["Easy", "Medium"], "Hard").astype(object)
    subjects = (
        college.whole("subjects", "subject_id", "semester").dropna().drop_duplicates("subject_id")
    )
    return frame.assign(pass_rate=rate, difficulty_label=label).merge(
        subjects.astype({"semester": "int64"}), on="subject_id"
    )
