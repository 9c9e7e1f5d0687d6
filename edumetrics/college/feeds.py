"""Measure what arrived in the college's weekly feeds: completeness, timeliness, repeated rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.reader import keep
from edumetrics.college.registers import build_lectures, build_marked
from edumetrics.database import make_empty_frame, order_highest_first
from edumetrics.fields import RELATIONS, Count

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term

# Weeks before a term in which students may look at the platform already.
EARLY = 4


def count_repeated_rows(college: College, term: Term, feed: str, week: int) -> pd.DataFrame:
    """Return how many rows of one week of a term may repeat another row, by class.

    A loan may be a repetition if its student has an even number of loans in the week.

    Returns:
        class_id, rows (count), repeated (count of rows that may repeat another).
    """
    relation = college.relations[feed]
    if relation is None:
        return pd.DataFrame({"class_id": [], "rows": [], "repeated": []})
    # Ids are not compared: a second import may give each row a new id.
    same = [relation.c[name] for name in RELATIONS[feed].entry]
    groups = (
        sa.select(relation.c.class_id, sa.func.count().label("n"))
        .where(term.build_condition(relation), relation.week == week)
        .group_by(*same)
        .subquery("groups")
    )
    again = (
        sa.case((groups.c.n % 2 == 0, groups.c.n // 2), else_=0)
        if RELATIONS[feed].repeats
        else groups.c.n - 1
    )
    totals = [
        sa.func.sum(groups.c.n, type_=sa.Integer).label("rows"),
        sa.func.sum(again, type_=sa.Integer).label("repeated"),
    ]
    return college.read_frame(
        sa.select(groups.c.class_id, *totals).group_by(groups.c.class_id), feed
    )


def compare_weeks(college: College, term: Term, week: int, before: int) -> pd.DataFrame:
    """Compare the registers of two weeks, to find a week that is a copy of an earlier one.

    Only registers that exist in both weeks count, with an absence in at least one of the two.
    Registers of a student who attended nothing in both weeks do not count, because they are equal
    in any two weeks.

    Args:
        college: the college to read.
        term: rows of other terms do not count.
        week: semester week to look at.
        before: the semester week to compare it with.

    Returns:
        class_id, missed (count of these registers), same (count of those equal in both weeks).
    """
    relation = college.relations["attendance"]
    if relation is None:
        return pd.DataFrame({"class_id": [], "missed": [], "same": []})
    c = relation.c
    both = {"new": week, "old": before}
    # CASE without ELSE is null in other weeks, and MAX ignores nulls: each column holds one week.
    values = {
        f"{when}_{name}": sa.func.max(sa.case((c.week == number, c[name])))
        for when, number in both.items()
        for name in ("present", "lectures_held")
    }
    # Grouping puts the two weeks side by side. A join would be slow where nothing is indexed.
    groups = (
        sa.select(c.class_id, *(value.label(name) for name, value in values.items()))
        .where(term.build_condition(relation), c.week.in_(list(both.values())))
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
    return college.read_frame(wanted.where(stand).group_by(g.class_id), "attendance")


@keep()
def find_newest_week(
    college: College, term: Term, feed: str, among: tuple[int, ...] | None = None
) -> int:
    """Return the newest semester week in which a feed has a row in a term; 0 if there is none.

    The college's week counter plays no part. With `among`, only these weeks count.
    """
    relation = college.relations[feed]
    if relation is None:
        return 0
    if among is not None and not college.large:
        # Scoring reads these weeks anyway.
        since, until = min(among), max(among)
        read = (
            read_attendance(college, term, until)
            if feed == "attendance"
            else read_weekly_counts(college, term, feed, since, until)
        )
        return int(max((0, *read.loc[read["week"].isin(among), "week"])))
    week = relation.week
    newest = sa.select(sa.func.max(week, type_=sa.Integer).label("week")).where(
        term.build_condition(relation)
    )
    found = college.read_frame(newest if among is None else newest.where(week.in_(among)), feed)[
        "week"
    ].dropna()
    # Week numbers may be negative on the platform, which opens before the semester.
    return max(0, *found.astype("int64")) if len(found) else 0


def find_moved_students(college: College, term: Term, until: int) -> pd.DataFrame:
    """Return the students with registers of another class than the one they are in today.

    Args:
        college: the college to read.
        term: registers of other terms do not count.
        until: last semester week, inclusive.

    Returns:
        student_id, home (class_id of today; null if the college lists the student in no class),
        attended (class_id of the registers); unique as a whole.
    """
    attendance, students = college.relations["attendance"], college.relations["students"]
    if attendance is None or students is None:
        return pd.DataFrame({"student_id": [], "home": [], "attended": []})
    a, s = attendance.c, students.c
    # `!=` with null is not true, so students without a class need a condition of their own.
    moved = sa.or_(s.class_id.is_(None), s.class_id != a.class_id)
    wanted = (
        sa.select(s.student_id, s.class_id.label("home"), a.class_id.label("attended"))
        .select_from(sa.join(attendance.rows, students.rows, a.student_id == s.student_id))
        .where(term.build_condition(attendance), a.week <= until, moved)
        .distinct()
    )
    return college.read_frame(wanted, "attendance")


@keep()
def read_attendance(college: College, term: Term, until: int) -> pd.DataFrame:
    """Return the registers of the term's classes, weeks 1..until, as `College.registers` does."""
    # `registers` also returns rows of unknown classes, which only data health needs.
    frame = college.read_registers(term.class_semesters, until)
    return frame[frame["class_id"].isin(term.class_semesters["class_id"])]


def find_seats(college: College, term: Term, until: int, students: pd.DataFrame) -> pd.DataFrame:
    """Return the class of each student in each week with registers of the student's own semester.

    The own semester is, in the current term, that of the class of today; in an earlier term, and
    for a student whose class of today is in no semester of the term, the one in which the student
    has most registers in the whole term (of two with as many, the later one). The class is
    the one with most of the week's registers; of several, the class of today where it is one of
    them, else that of the register with the highest id. So one register filed elsewhere, a language
    group, or a course repeated with juniors moves nobody.

    Args:
        college: the college to read.
        term: registers of other terms do not count.
        until: last semester week, inclusive.
        students: student_id, class_id (of today).

    Returns:
        student_id, week, class_id, semester; unique by the first two.
    """
    # A past term is known as a whole; in the current one later weeks are not there yet.
    last = until if term.current else max(until, term.last_week)
    rows = read_attendance(college, term, last)[
        ["student_id", "class_id", "semester", "week", "registers"]
    ].merge(students[["student_id", "class_id"]], on="student_id", suffixes=("", "_today"))
    rows = rows[(rows["semester"] == _find_own_semesters(term, rows)) & (rows["week"] <= until)]
    rows = rows.assign(home=rows["class_id"] == rows["class_id_today"])
    week = ["student_id", "week"]
    most = rows.groupby(week)["registers"].transform("max")
    rows = rows[rows["registers"] == most]
    tied = rows[rows.duplicated(week, keep=False)]
    away = tied[~tied.groupby(week)["home"].transform("any")]
    latest = _read_latest_registers(college, term, until, tuple(sorted(set(away["student_id"]))))
    rows = rows.merge(latest, on=[*week, "class_id"], how="left")
    # Of two texts of digits the longer one is the higher number.
    rows = rows.assign(length=rows["id"].str.len())
    rows = rows.sort_values([*week, "home", "length", "id"], na_position="first")
    return rows.drop_duplicates(week, keep="last")[[*week, "class_id", "semester"]]


def _find_own_semesters(term: Term, rows: pd.DataFrame) -> pd.Series:
    """Return the own semester of the student of each row."""
    last = term.class_semesters.drop_duplicates("class_id", keep="last")
    semester_of = last.set_index("class_id")["semester"]
    counts = rows.groupby(["student_id", "semester"])["registers"].sum().reset_index()
    most = counts.sort_values(["student_id", "registers", "semester"]).drop_duplicates(
        "student_id", keep="last"
    )
    usual = rows["student_id"].map(most.set_index("student_id")["semester"])
    return rows["class_id_today"].map(semester_of).fillna(usual) if term.current else usual


@keep()
def _read_latest_registers(
    college: College, term: Term, until: int, students: tuple[str, ...]
) -> pd.DataFrame:
    """Return student_id, week, class_id, id: the highest of each class's registers in a week."""
    if not students:
        return make_empty_frame(student_id="str", week="int64", class_id="str", id="str")
    relation = college.relation("attendance")
    c = relation.c
    order = sa.func.row_number().over(
        partition_by=(c.student_id, c.week, c.class_id), order_by=order_highest_first(c.id)
    )
    rows = (
        sa.select(c.student_id, c.week, c.class_id, c.id, order.label("place"))
        .where(term.build_condition(relation), c.week.between(1, until), c.student_id.in_(students))
        .subquery()
    )
    names = ("student_id", "week", "class_id", "id")
    wanted = sa.select(*(rows.c[name] for name in names)).where(rows.c.place == 1)
    return college.read_frame(wanted, "attendance")


@keep()
def read_unsure_registers(college: College, term: Term, until: int) -> pd.DataFrame:
    """Return the registers of subjects that no enrolment of the student covers at all times.

    Whether such a subject is taken in a week depends on the week's last day, which scoring knows.

    Returns:
        student_id, week, semester, subject_id, held and present (lectures); no rows where the
        college has no enrolments.
    """
    relation, enrolments = college.relations["attendance"], college.relations["enrolments"]
    if relation is None or enrolments is None:
        kinds = {"student_id": "str", "week": "int64", "semester": "int64", "subject_id": "str",
                 "held": "float64", "present": "float64"}  # fmt: skip
        return make_empty_frame(**kinds)
    c, e = relation.c, enrolments.c
    whole = sa.exists().where(
        e.student_id == c.student_id,
        e.subject_id == c.subject_id,
        e.semester == c.semester,
        e["from"].is_(None),
        e["to"].is_(None),
    )
    natural, marked = relation.table.natural, build_marked(c).label("marked")
    rows = sa.select(
        c.id, *(c[name] for name in natural), c.lectures_held, c.present, marked
    ).where(term.build_condition(relation), c.week.between(1, until), ~whole)
    r = college.keep_one_per_key(rows, relation, term.class_semesters, natural)
    lectures = [
        sa.cast(value, sa.Double).label(name) for name, value in build_lectures(r.c).items()
    ]
    wanted = sa.select(r.c.student_id, r.c.week, r.c.semester, r.c.subject_id, *lectures)
    return college.read_frame(wanted, "attendance").dropna(subset="subject_id")


@keep()
def read_weekly_counts(
    college: College, term: Term, feed: str, since: int, until: int
) -> pd.DataFrame:
    """Return what a feed counts per student and week, from `since` to `until`, both inclusive.

    Returns:
        student_id, semester, week, and a column for each of the feed's `counts`, named by its
        metric. Negative values count as 0. No rows where the college does not have the feed.
    """
    relation, counts = college.relations[feed], RELATIONS[feed].counts
    if relation is None:
        keys = {"student_id": pd.Series(dtype="str"), "semester": [], "week": []}
        return pd.DataFrame(keys | {count.metric: [] for count in counts})
    c = relation.c
    rows = sa.select(
        c[relation.table.key[0]].label("row_id"),
        c.student_id,
        c.semester,
        relation.week.label("week"),
        *([c.subject_id] if relation.table.unites else []),
        *(c[count.column].label(count.metric) for count in counts),
    )
    rows = rows.where(term.build_condition(relation), relation.week.between(since, until))
    if relation.table.unites:
        rows = _keep_highest(rows, counts)
    key = relation.table.key[0]
    natural = tuple("row_id" if name == key else name for name in relation.table.natural)
    r = college.keep_one_per_key(rows, relation, term.class_semesters, natural, key="row_id")
    keys_ = [r.c.student_id, r.c.semester, r.c.week]
    totals = [_build_total(r, count).label(count.metric) for count in counts]
    return college.read_frame(sa.select(*keys_, *totals).group_by(*keys_), feed)


@keep()
def read_early_clicks(college: College, term: Term) -> pd.DataFrame:
    """Return what students did on the platform in the weeks before the term began.

    Returns:
        student_id, semester, early_clicks (of `EARLY` weeks). Students without any have no row.
    """
    early = read_weekly_counts(college, term, "lms_activity", 1 - EARLY, 0)
    sums = early.groupby(["student_id", "semester"])["lms_events"].sum()
    return sums.rename("early_clicks").reset_index()


def _keep_highest(rows: sa.Select[Any], counts: tuple[Count, ...]) -> sa.Select[Any]:
    """Return the rows of a relation without ids, each once: of repeated ones the most."""
    inner = rows.subquery("entered")
    highest = {count.metric for count in counts}
    keys = [column for column in inner.c if column.name not in highest]
    most = [sa.func.max(inner.c[name]).label(name) for name in sorted(highest)]
    return sa.select(*keys, *most).group_by(*keys)


def _build_total(rows: sa.Subquery, count: Count) -> sa.ColumnElement[Any]:
    """Return the aggregate of one count over the rows of a student and week."""
    if count.how == "rows":
        return sa.func.count()
    value = rows.c[count.metric]
    total = sa.func.sum if count.how == "sum" else sa.func.max
    counted = sa.case((value > 0, value), else_=0)
    if "subject_id" not in rows.c:
        return total(counted, type_=sa.Integer)
    # A row without a subject holds the union over all of them, and stands for the others.
    union = sa.func.coalesce(rows.c.subject_id, "") == ""
    whole = sa.func.max(sa.case((union, counted)), type_=sa.Integer)
    return sa.func.coalesce(whole, total(sa.case((~union, counted)), type_=sa.Integer))
