"""Finding the advisor of every student."""

from __future__ import annotations

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.college.terms import College, Term


def add_advisors(
    college: College, store: Store, term: Term, week: int, *, replay: bool
) -> pd.DataFrame:
    """Return the students with their advisor in `advisor_id`.

    The advisor is the student's own, or else the class's; null where there is neither. Where the
    class has several, a student keeps the advisor stored in the week before while that advisor
    still has the class; the others go, in the order of their ids, to the one with fewest students
    of the class, of equals to the first id.

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
    advisor = own.where(
        own.notna(), _find_class_advisors(students, own, advisors, store, term, week)
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


def _find_class_advisors(
    students: pd.DataFrame,
    own: pd.Series,
    advisors: pd.DataFrame,
    store: Store,
    term: Term,
    week: int,
) -> pd.Series:
    """Return the advisor of the class of each student without one; null for the others."""
    of_class = {
        str(class_id): sorted(ids)
        for class_id, ids in advisors.dropna(subset="class_id").groupby("class_id")["advisor_id"]
    }
    only = {class_id: ids[0] for class_id, ids in of_class.items() if len(ids) == 1}
    found = students["class_id"].map(only).astype("object")
    before: dict[str, str] | None = None
    several = students[students["class_id"].isin(of_class.keys() - only.keys())]
    for class_id, members in several.groupby("class_id"):
        ids, alone = of_class[str(class_id)], members[own[members.index].isna()]
        if alone.empty:
            continue
        if before is None:
            before = _read_last_advisors(store, term, week)
        kept = alone["student_id"].map(before).astype("object")
        kept = kept.where(kept.isin(ids), None)
        counts = {one: int((own[members.index] == one).sum() + (kept == one).sum()) for one in ids}
        new = alone.loc[kept.isna(), "student_id"].sort_values()
        chosen = []
        for _ in new:
            chosen.append(min(ids, key=lambda one: (counts[one], one)))
            counts[chosen[-1]] += 1
        kept.loc[new.index] = chosen
        found[alone.index] = kept
    return found


def _read_last_advisors(store: Store, term: Term, week: int) -> dict[str, str]:
    """Return the advisor of each student as stored in the newest week before this one."""
    stored = store.read("weekly_metrics", ("student_id", "sem_week", "advisor_id"),
                        term=term.name, sem_week=list(range(1, week)))  # fmt: skip
    newest = stored.dropna().sort_values("sem_week").drop_duplicates("student_id", keep="last")
    return dict(zip(newest["student_id"], newest["advisor_id"], strict=True))
