"""Read each subject: who takes it, how students do so far, and how difficult it was in the past."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from edumetrics.college.exams import read_exam_results
from edumetrics.college.work import read_done_work, read_known_marks
from edumetrics.college.work_items import read_items
from edumetrics.types import WORKS, Work

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term

KEY = ["student_id", "subject_id"]
# Pass rates in percent of students with a result: Easy from the first, Hard below the second.
EASY, HARD = 90.0, 75.0


def list_taken_subjects(college: College, students: pd.DataFrame, known_by: date) -> pd.DataFrame:
    """Return which subjects students take, as known by a day.

    Enrolments decide. A student without an enrolment that has begun in the semester takes all
    subjects of the class.

    Args:
        college: a college without enrolments and without class_subjects gives no rows.
        students: student_id, class_id, semester.
        known_by: enrolments that begin later or ended before do not count.

    Returns:
        student_id, class_id, semester, subject_id; unique by student_id and subject_id.
    """
    enrolled, chosen = students.head(0), students.head(0)
    if college.relations["enrolments"] is not None:
        rows = college.read_columns(
            "enrolments", "student_id", "subject_id", "semester", "from", "to"
        )
        day = pd.Timestamp(known_by)
        # Null means "from the start" and "to the end".
        begun = rows["from"].isna() | (pd.to_datetime(rows["from"]) <= day)
        now = begun & (rows["to"].isna() | (pd.to_datetime(rows["to"]) >= day))
        # Enrolments that have ended still count here: a student who dropped every subject must not
        # get all subjects of the class.
        enrolled = students.merge(
            rows.loc[begun, ["student_id", "semester"]].drop_duplicates(),
            on=["student_id", "semester"],
        )
        chosen = students.merge(rows.loc[now, [*KEY, "semester"]], on=["student_id", "semester"])
    offered = (
        college.read_columns("class_subjects", "class_id", "subject_id").dropna().drop_duplicates()
    )
    subjects = (
        college.read_columns("subjects", "subject_id", "semester")
        .dropna()
        .drop_duplicates("subject_id")
    )
    # class_subjects has no semester: the subject says in which semester it is taught.
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


def read_progress(
    college: College, term: Term, pairs: pd.DataFrame, week: int, known_by: date
) -> pd.DataFrame:
    """Return how each student does in each subject, from what was known by a day.

    Args:
        college: the college to read.
        term: the term of the pairs.
        pairs: as `list_taken_subjects` returns them.
        week: semester week; nothing of later weeks counts.
        known_by: marks given later do not count.

    Returns:
        The pairs with mark (mean percent of the work due so far, where missing work counts 0),
        attendance (share of lectures attended, 0 to 1) and midterm (percent). Each is NaN where
        nothing is recorded.
    """
    midterm = read_exam_results(college, term, "midterm", known_by)[[*KEY, "score"]].rename(
        columns={"score": "midterm"}
    )
    found = pairs.assign(mark=_compute_marks(college, term, pairs, week, known_by))
    attended = college.read_attendance_by_subject(term.class_semesters, week)
    share = attended[KEY].assign(attendance=attended["attended"] / attended["held"])
    return found.merge(share, on=KEY, how="left").merge(midterm, on=KEY, how="left")


def _compute_marks(
    college: College, term: Term, pairs: pd.DataFrame, week: int, known_by: date
) -> np.ndarray:
    """Return each pair's mean percent over the assignments and quizzes due by the week."""
    where = ["class_id", "semester", "subject_id"]
    due = pd.concat([_list_marked_items(college, term, work, known_by) for work in WORKS])
    due = due[due["due_week"] <= week].groupby(where).size().rename("due").reset_index()
    done = [read_done_work(college, term, work, known_by) for work in WORKS]
    rows = pd.concat([frame[frame["week"] <= week] for frame in done])
    # Work of which nobody has a mark yet counts for nobody.
    rows = rows.assign(done=rows["done"] - rows["done_unmarked"])
    sums = rows.groupby(KEY)[["done", "marked", "mark_sum"]].sum().reset_index()
    found = (
        pairs.merge(due, on=where, how="left")
        .merge(sums, on=KEY, how="left")
        .fillna({"due": 0, "done": 0, "marked": 0, "mark_sum": 0})
    )
    # Work that is handed in but not marked does not count; missing work counts 0. `clip` is needed,
    # because a student may hand in more than is due, for example after a change of class.
    counted = found["marked"] + (found["due"] - found["done"]).clip(lower=0)
    # `np.where` computes both branches: without `clip` it would divide by 0.
    return np.where(counted > 0, found["mark_sum"] / counted.clip(lower=1), np.nan)


def _list_marked_items(college: College, term: Term, work: Work, known_by: date) -> pd.DataFrame:
    """Return the items of which some mark is known by a day."""
    items, known = read_items(college, term, work), read_known_marks(college, term, work, known_by)
    return items[items["item_id"].isin(known.loc[known["marks"] > 0, "item_id"].unique())]


def compute_difficulty(college: College, term: Term, known_by: date) -> pd.DataFrame:
    """Return the pass rate of each subject in a term, among students with a result known by a day.

    Returns:
        subject_id (unique), semester, total_students, students_passed, pass_rate (percent) and
        difficulty_label (Easy from 90, Hard below 75, otherwise Medium).
    """
    results = read_exam_results(college, term, "endterm", known_by).dropna(subset="failed")
    groups = results.assign(failed=results["failed"].astype(bool)).groupby("subject_id")["failed"]
    frame = pd.DataFrame(
        {"total_students": groups.size(), "students_passed": groups.size() - groups.sum()}
    )
    frame = frame.astype("int64").reset_index()
    rate = 100.0 * frame["students_passed"] / frame["total_students"]
    label = np.select([rate >= EASY, rate >= HARD], ["Easy", "Medium"], "Hard").astype(object)
    subjects = (
        college.read_columns("subjects", "subject_id", "semester")
        .dropna()
        .drop_duplicates("subject_id")
    )
    return frame.assign(pass_rate=rate, difficulty_label=label).merge(
        subjects.astype({"semester": "int64"}), on="subject_id"
    )
