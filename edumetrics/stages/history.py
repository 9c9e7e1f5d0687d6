"""What is known beside the week: of students from earlier semesters, of subjects so far and from earlier semesters."""

from __future__ import annotations

import pandas as pd

from edumetrics.college import subjects
from edumetrics.college.outcomes import papers
from edumetrics.college.source import College, Term
from edumetrics.forecast.subjects import compared
from edumetrics.stages.workspace import Workspace

# A subject's rate of failing is drawn towards the college's by so many results' worth.
PRIOR_RESULTS = 10


def before(workspace: Workspace, college: College, term: Term, past: list[Term]) -> pd.DataFrame:
    """What was known of a term's students before it began.

    Args:
        term: the semester ahead.
        past: the analysed terms before it, in time order.

    Returns:
        student_id (unique), class_id, semester and `forecast.watchlist.HISTORY`, of the students of the term's classes
        of whom an earlier semester is known; NaN where one thing is not.
    """
    day = pd.Timestamp(term.name).date()
    exams = [papers(college, known, exam, day) for known in past for exam in ("midterm", "endterm")]
    scores = pd.concat(exams) if exams else pd.DataFrame({"student_id": [], "score": []})
    metrics = pd.concat([_semester(workspace, known.name) for known in past])
    students = _students(college, term)
    latest = workspace.store.read("weekly_flags", ("student_id", "term"), term=past[-1].name)
    last = metrics[metrics["term"] == past[-1].name]
    sums = metrics.groupby("student_id")[["attended", "held"]].sum()
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
    hard = _hard_subjects(workspace, college, rows, term)
    return rows.assign(escalation_level=rows["escalation_level"].fillna(0), hard_subject_count=hard)


def _students(college: College, term: Term) -> pd.DataFrame:
    """student_id, class_id, semester of those in the term's classes who had not left before it."""
    start = pd.Timestamp(term.name)
    students = college.students.merge(term.pairings[["class_id", "semester"]], on="class_id")
    there = students["withdrawn_on"].isna() | (students["withdrawn_on"] > start)
    return students.loc[there, ["student_id", "class_id", "semester"]].drop_duplicates("student_id")


def _semester(workspace: Workspace, term: str) -> pd.DataFrame:
    """One semester of each student: lectures held and attended, share of assignments handed in, highest similarity."""
    names = ("lectures_held", "lectures_attended", "assn_submit_rate", "assn_plagiarism_pct")
    rows = workspace.store.read("weekly_metrics", ("student_id", "sem_week", *names), term=term)
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


def _hard_subjects(
    workspace: Workspace, college: College, students: pd.DataFrame, term: Term
) -> pd.Series:
    """How many subjects ahead are hard: as few passed earlier, else as the college says."""
    said = (
        college.whole("subjects", "subject_id", "difficulty").dropna().drop_duplicates("subject_id")
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
    hard = set(label.index[label.groupby(level=0).transform("last") == "Hard"])
    pairs = subjects.taken(college, students, pd.Timestamp(term.name).date())
    counts = pairs["subject_id"].isin(hard).groupby(pairs["student_id"]).sum()
    return students["student_id"].map(counts).fillna(0).astype("int64")


def fail_rates(workspace: Workspace, before: str) -> pd.Series:
    """By subject_id: the share who failed it in the terms before one, drawn towards the mean of all subjects."""
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


def subjects_so_far(
    workspace: Workspace, college: College, term: Term, week: int, students: pd.DataFrame
) -> pd.DataFrame:
    """A week's students and subjects with what was known of them at its end.

    Args:
        students: student_id, class_id, joined_on, withdrawn_on: those of other terms' classes are left out.

    Returns:
        student_id, class_id, semester, subject_id, sem_week and `forecast.subjects.COLUMNS` but the logit.
    """
    ends = term.week_ends(week)
    own = students.merge(ends, on="class_id")
    # Whoever has left, or is not there yet, is out of the class's means too.
    there = (own["withdrawn_on"].isna() | (own["withdrawn_on"] > own["week_end"])) & (
        own["joined_on"].isna() | (own["joined_on"] <= own["week_end"])
    )
    own = own.loc[there, ["student_id", "class_id", "semester"]]
    day = ends["week_end"].max().date()
    pairs = subjects.taken(college, own.drop_duplicates("student_id"), day)
    known = subjects.so_far(college, term, pairs, week, day)
    rates = fail_rates(workspace, term.name)
    return compared(
        known.assign(sem_week=week, fail_rate=known["subject_id"].map(rates).astype("float64"))
    )
