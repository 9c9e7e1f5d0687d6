"""What arrived in the college's weekly feeds: rows by class and week, and rows that say what others say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.source import College, Term

FEEDS = ("attendance", "library_visits", "book_borrows", "lms_activity")
# Of which a feed has one row a week. Of loans a student may have any number; that all have an even one is no accident.
CONTENT = {
    "attendance": ("student_id", "class_id", "semester", "subject_id", "week"),
    "library_visits": ("student_id", "class_id", "semester", "week"),
    "book_borrows": ("student_id", "class_id", "semester", "borrow_week"),
    "lms_activity": ("student_id", "class_id", "semester", "subject_id", "week"),
}


def rows_by_week(college: College, term: Term, feed: str, weeks: Sequence[int]) -> pd.DataFrame:
    """class_id, week, rows and unmarked (registers that nobody marked; 0 for other feeds), in some weeks of a term."""
    relation = college.relations[feed]
    if relation is None:
        return pd.DataFrame({"class_id": [], "week": [], "rows": [], "unmarked": []})
    c, week = relation.c, relation.week
    unmarked: sa.ColumnElement[Any] = sa.literal(0)
    if feed == "attendance":
        # Where no lecture was held there was nothing to mark.
        marked = sa.or_(sa.and_(c.present >= 0, c.lectures_held >= 0), c.lectures_held == 0)
        unmarked = sa.case((sa.func.coalesce(marked, sa.false()), 0), else_=1)
    wanted = (
        sa.select(c.class_id, week.label("week"), sa.func.count().label("rows"),
                  sa.func.sum(unmarked, type_=sa.Integer).label("unmarked"))
        .where(term.within(relation), week.in_(weeks))
        .group_by(c.class_id, week)
    )  # fmt: skip
    return college.frame(wanted, feed)


def repeated(college: College, term: Term, feed: str, week: int) -> pd.DataFrame:
    """class_id, rows, repeated (rows that may say again what another says): of one week of a term.

    A loan may be a repetition where a student has an even number of them.
    """
    relation = college.relations[feed]
    if relation is None:
        return pd.DataFrame({"class_id": [], "rows": [], "repeated": []})
    same = [relation.c[name] for name in CONTENT[feed]]
    groups = (
        sa.select(relation.c.class_id, sa.func.count().label("n"))
        .where(term.within(relation), relation.week == week)
        .group_by(*same)
        .subquery("groups")
    )
    again = (
        sa.case((groups.c.n % 2 == 0, groups.c.n // 2), else_=0)
        if feed == "book_borrows"
        else groups.c.n - 1
    )
    totals = [
        sa.func.sum(groups.c.n, type_=sa.Integer).label("rows"),
        sa.func.sum(again, type_=sa.Integer).label("repeated"),
    ]
    return college.frame(sa.select(groups.c.class_id, *totals).group_by(groups.c.class_id), feed)


def as_before(college: College, term: Term, week: int, before: int) -> pd.DataFrame:
    """class_id, missed, same: registers of one week with an absence in it or in the other, and those that are the same.

    Only registers that stand in both weeks count, and none of a student who never comes: that is the same in any two.
    """
    relation = college.relations["attendance"]
    if relation is None:
        return pd.DataFrame({"class_id": [], "missed": [], "same": []})
    c = relation.c
    both = {"new": week, "old": before}
    values = {
        f"{when}_{name}": sa.func.max(sa.case((c.week == number, c[name])))
        for when, number in both.items()
        for name in ("present", "lectures_held")
    }
    # Side by side by grouping: a join of two weeks would be slow where nothing is indexed.
    groups = (
        sa.select(c.class_id, *(value.label(name) for name, value in values.items()))
        .where(term.within(relation), c.week.in_(list(both.values())))
        .group_by(c.student_id, c.class_id, c.semester, c.subject_id)
        .subquery("groups")
    )
    g = groups.c
    absence = sa.and_(
        g.new_present + g.old_present > 0,
        sa.or_(g.new_present < g.new_lectures_held, g.old_present < g.old_lectures_held),
    )
    same = sa.and_(
        absence, g.new_present == g.old_present, g.new_lectures_held == g.old_lectures_held
    )
    counts = {"missed": absence, "same": same}
    totals = [
        sa.func.sum(sa.case((what, 1), else_=0), type_=sa.Integer).label(name)
        for name, what in counts.items()
    ]
    wanted = sa.select(g.class_id, *totals)
    stand = sa.and_(g.new_present.is_not(None), g.old_present.is_not(None))
    return college.frame(wanted.where(stand).group_by(g.class_id), "attendance")


def newest_week(college: College, term: Term, feed: str, among: Sequence[int] | None = None) -> int:
    """The newest week (of some) that a feed has a row of in a term, whatever the college's clock says; 0 for none."""
    relation = college.relations[feed]
    if relation is None:
        return 0
    week = relation.week
    newest = sa.select(sa.func.max(week, type_=sa.Integer).label("week")).where(
        term.within(relation)
    )
    found = college.frame(newest if among is None else newest.where(week.in_(among)), feed)[
        "week"
    ].dropna()
    return max(0, *found.astype("int64")) if len(found) else 0


def elsewhere(college: College, term: Term, until: int) -> pd.DataFrame:
    """student_id, home, attended: students with registers, in weeks up to one, of another class than today's.

    `home` is null for students whom the college lists in no class.
    """
    attendance, students = college.relations["attendance"], college.relations["students"]
    if attendance is None or students is None:
        return pd.DataFrame({"student_id": [], "home": [], "attended": []})
    a, s = attendance.c, students.c
    moved = sa.or_(s.class_id.is_(None), s.class_id != a.class_id)
    wanted = (
        sa.select(s.student_id, s.class_id.label("home"), a.class_id.label("attended"))
        .select_from(sa.join(attendance.rows, students.rows, a.student_id == s.student_id))
        .where(term.within(attendance), a.week <= until, moved)
        .distinct()
    )
    return college.frame(wanted, "attendance")
