"""Finding the advisor of every student."""

from __future__ import annotations

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.college.terms import College, Term


def add_advisors(
    college: College, store: Store, term: Term, week: int, *, replay: bool
) -> pd.DataFrame:
    """Return the students with their advisor in `advisor_id`.

    The advisor is the student's own, or else the class's; null where there is neither.

    Args:
        college: the college's database, open.
        store: the analysis database.
        term: the week's term.
        week: the semester week.
        replay: take the advisor that was stored for that week, where there is one.
    """
    students, advisors = college.students, college.advisors
    # An id that is not among the advisors cannot receive a list, so it counts as none.
    own = students["advisor_id"].where(students["advisor_id"].isin(advisors["advisor_id"]))
    # Where a class has several advisors the lowest id counts, so that every run decides alike.
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
        # Today's advisor may be new: a past week must stay with the person who had it then.
        # The left merge keeps the order of `students`, so positions can be compared.
        then = (
            students[["student_id"]]
            .merge(stored, on="student_id", how="left")["advisor_id"]
            .to_numpy()
        )
        advisor = advisor.where(pd.isna(then), then)
    return students.assign(advisor_id=advisor)
