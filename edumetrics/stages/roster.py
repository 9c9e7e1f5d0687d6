"""Who is advised by whom."""

from __future__ import annotations

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.college.source import College, Term


def advised(college: College, store: Store, term: Term, week: int, *, replay: bool) -> pd.DataFrame:
    """The students with their advisor: today's, else the class's; in a replay the one stored for that week."""
    students, advisors = college.students, college.advisors
    own = students["advisor_id"].where(students["advisor_id"].isin(advisors["advisor_id"]))
    of_class = (
        advisors.dropna(subset="class_id").sort_values("advisor_id").drop_duplicates("class_id")
    )
    advisor = own.where(
        own.notna(), students["class_id"].map(of_class.set_index("class_id")["advisor_id"])
    )
    if replay:
        stored = store.read(
            "weekly_metrics", ("student_id", "advisor_id"), term=term.name, sem_week=week
        )
        then = (
            students[["student_id"]]
            .merge(stored, on="student_id", how="left")["advisor_id"]
            .to_numpy()
        )
        advisor = advisor.where(pd.isna(then), then)
    return students.assign(advisor_id=advisor)
