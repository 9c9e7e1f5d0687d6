"""Records beyond the week: of students in earlier semesters, and of subjects so far and earlier."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.analysis.store import Classes
from edumetrics.college import subjects
from edumetrics.college.exams import read_exam_results
from edumetrics.college.terms import College, Term
from edumetrics.forecast.features import PRIOR
from edumetrics.forecast.subjects import add_gaps
from edumetrics.workspace import Workspace

# The fail rate of a subject is drawn towards the college's with the weight of this many results:
# the rate of a small subject would say little by itself.
PRIOR_RESULTS = 10


def read_student_history(
    workspace: Workspace, college: College, term: Term, past: list[Term]
) -> pd.DataFrame:
    """Return what was known of a term's students before it began.

    Args:
        workspace: where earlier terms are stored.
        college: where exams, students and subjects are.
        term: the semester ahead.
        past: the analysed terms before it, in time order; at least one.

    Returns:
        student_id (unique), class_id, semester and `forecast.watchlist.HISTORY`, of the students in
        the term's classes with a known earlier semester; NaN where a value is not known.
    """
    # Results that arrived after the term began were not known before it.
    day = pd.Timestamp(term.name).date()
    exams = [
        read_exam_results(college, known, exam, day)
        for known in past
        for exam in ("midterm", "endterm")
    ]
    scores = pd.concat(exams) if exams else pd.DataFrame({"student_id": [], "score": []})
    metrics = pd.concat([_read_semester(workspace, known.name) for known in past])
    students = _read_students(college, term)
    latest = workspace.store.read("weekly_flags", ("student_id", "term"), term=past[-1].name)
    last = metrics[metrics["term"] == past[-1].name]
    sums = metrics.groupby("student_id")[["attended", "held"]].sum()
    # Attendance and submissions are over all semesters, similarity and lists over the last one.
    found = {
        "exam_avg_hist": scores.groupby("student_id")["score"].mean(),
        "att_rate_hist": 100 * sums["attended"] / sums["held"].where(sums["held"] > 0),
        "assn_rate_hist": metrics.groupby("student_id")["handed_in"].mean(),
        "max_plagiarism": last.set_index("student_id")["similarity"],
        "escalation_level": latest.groupby("student_id").size(),
    }
    known = set(metrics["student_id"]) | set(scores["student_id"])
    rows = students[students["student_id"].isin(known)].sort_values("student_id", ignore_index=True)
    rows = rows.assign(
        **{name: rows["student_id"].map(values).astype("float64") for name, values in found.items()}
    )
    hard = _count_hard_subjects(workspace, college, rows, term)
    # No row in weekly_flags means no week on a list: that is 0, and not unknown.
    return rows.assign(escalation_level=rows["escalation_level"].fillna(0), hard_subject_count=hard)


def _read_students(college: College, term: Term) -> pd.DataFrame:
    """Return student_id, class_id, semester of the term's students who had not left before it."""
    start = pd.Timestamp(term.name)
    students = college.students.merge(term.class_semesters[["class_id", "semester"]], on="class_id")
    there = students["withdrawn_on"].isna() | (students["withdrawn_on"] > start)
    return students.loc[there, ["student_id", "class_id", "semester"]].drop_duplicates("student_id")


def _read_semester(workspace: Workspace, term: str) -> pd.DataFrame:
    """Return one semester of each student.

    Returns:
        student_id, held and attended (lectures), handed_in (mean submission rate, percent),
        similarity (highest report, percent) and term.
    """
    names = ("lectures_held", "lectures_attended", "assn_submit_rate", "assn_plagiarism_pct")
    rows = workspace.store.read("weekly_metrics", ("student_id", "sem_week", *names), term=term)
    # Lectures are stored as totals so far, so the last week has the semester's.
    groups = rows.sort_values("sem_week").groupby("student_id")
    frame = pd.DataFrame(
        {
            "held": groups["lectures_held"].last(),
            "attended": groups["lectures_attended"].last(),
            "handed_in": groups["assn_submit_rate"].mean(),
            "similarity": groups["assn_plagiarism_pct"].max(),
        }
    )
    return frame.reset_index().assign(term=term)


def _count_hard_subjects(
    workspace: Workspace, college: College, students: pd.DataFrame, term: Term
) -> pd.Series:
    """Return how many hard subjects each student has ahead, one for each row of `students`.

    A subject is hard if few students passed it in the latest earlier term, or, if none had a
    result, if the college says so.
    """
    said = (
        college.read_columns("subjects", "subject_id", "difficulty")
        .dropna()
        .drop_duplicates("subject_id")
    )
    seen = workspace.store.read("subject_difficulty", ("subject_id", "term", "difficulty_label"))
    seen = (
        seen[seen["term"] < term.name]
        .sort_values("term")
        .drop_duplicates("subject_id", keep="last")
    )
    label = pd.concat(
        [
            said.set_index("subject_id")["difficulty"],
            seen.set_index("subject_id")["difficulty_label"],
        ]
    )
    # The measured label stands after the college's for the same subject, so "last" prefers it.
    hard = set(label.index[label.groupby(level=0).transform("last") == "Hard"])
    pairs = subjects.list_taken_subjects(college, students, pd.Timestamp(term.name).date())
    counts = pairs["subject_id"].isin(hard).groupby(pairs["student_id"]).sum()
    return students["student_id"].map(counts).fillna(0).astype("int64")


def compute_fail_rates(workspace: Workspace, before: str) -> pd.Series:
    """Return the share who failed each subject in the terms before `before`, 0..1, by id.

    The shares are drawn towards the mean of all subjects. The result is empty if there is no
    earlier result.
    """
    rows = workspace.store.read(
        "subject_difficulty", ("subject_id", "term", "total_students", "students_passed")
    )
    sums = (
        rows[rows["term"] < before]
        .groupby("subject_id")[["total_students", "students_passed"]]
        .sum()
    )
    total = sums["total_students"]
    if not total.sum():
        return pd.Series(dtype="float64")
    overall = 1 - sums["students_passed"].sum() / total.sum()
    return (total - sums["students_passed"] + PRIOR_RESULTS * overall) / (total + PRIOR_RESULTS)


def read_subjects_so_far(
    workspace: Workspace, college: College, term: Term, week: int, students: pd.DataFrame
) -> pd.DataFrame:
    """Return a week's students and subjects, with what was known of them at the end of the week.

    Args:
        workspace: where earlier terms are stored.
        college: where marks, attendance and exams are.
        term: the term.
        week: semester week.
        students: student_id, class_id, joined_on, withdrawn_on; students in classes of other terms
            are left out.

    Returns:
        student_id, class_id, semester, subject_id, sem_week and `forecast.subjects.COLUMNS`
        without the logit.
    """
    ends = term.list_week_ends(week)
    own = students.merge(ends, on="class_id")
    # Students who have left, or have not joined yet, must not count in the class means either.
    there = (own["withdrawn_on"].isna() | (own["withdrawn_on"] > own["week_end"])) & (
        own["joined_on"].isna() | (own["joined_on"] <= own["week_end"])
    )
    own = own.loc[there, ["student_id", "class_id", "semester"]]
    day = ends["week_end"].max().date()
    pairs = subjects.list_taken_subjects(college, own.drop_duplicates("student_id"), day)
    known = subjects.read_progress(college, term, pairs, week, day)
    rates = compute_fail_rates(workspace, term.name)
    return add_gaps(
        known.assign(sem_week=week, fail_rate=known["subject_id"].map(rates).astype("float64"))
    )


def read_prior(
    workspace: Workspace, college: College, term: Term, week: int, classes: Classes = None
) -> pd.DataFrame:
    """Return what was known of students before the semester: student_id (unique) and `PRIOR`.

    The results of the semester before are read in the first week only. Later weeks use what was
    stored with the week before.

    Args:
        workspace: where earlier weeks are stored.
        college: where students and results are.
        term: the term.
        week: semester week.
        classes: read the stored values of these classes only; None for all.
    """
    own = ("prior_attempts", "credits", "entry_score")
    students = college.read_columns("students", "student_id", *own).dropna(subset="student_id")
    students = students.drop_duplicates("student_id", keep="last").astype(
        dict.fromkeys(own, "float64")
    )
    # Week 0 does not exist: before the first teaching week nothing is found, as intended.
    last = next(iter(workspace.params.calendar.get_teaching_weeks_before(week, 1)), 0)
    columns = ("student_id", "prior_mean", "prior_fails")
    only: dict[str, Any] = {} if classes is None else {"class_id": list(classes)}
    earlier = workspace.store.read(
        "weekly_features", columns, term=term.name, sem_week=last, **only
    )
    # Asked of the whole college: a class without a row last week must not make it read all again.
    if (
        workspace.store.find_highest("weekly_features", "sem_week", term=term.name, sem_week=last)
        is None
    ):
        earlier = _read_semester_before(college, term)
    return students.merge(earlier, on="student_id", how="left")[["student_id", *PRIOR]]


def _read_semester_before(college: College, term: Term) -> pd.DataFrame:
    # Not the analysed terms: results count although nobody ran EduMetrics in that semester.
    past = [known for known in college.list_past_terms() if known.name < term.name]
    if not past:
        return pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "prior_mean": [], "prior_fails": []}
        )
    results = read_exam_results(college, past[-1], "endterm", pd.Timestamp(term.name).date())
    groups = results.groupby("student_id")
    frame = pd.DataFrame(
        {"prior_mean": groups["score"].mean(), "prior_fails": groups["failed"].sum()}
    )
    # The sum of a nullable boolean is a nullable integer; features are plain floats.
    return frame.astype("float64").reset_index()
