"""The records that weekly scoring needs: one aggregate query per relation, few rows per student and week.

Cleaning that decides which rows count (spec "Data that is wrong") happens in these queries:

* a register whose `present` or `lectures_held` is null or negative is unmarked and left out; `present` above
  `lectures_held` is clipped. An unmarked register still tells the class that the student sits in.
* of duplicates by natural key the highest id counts (10 is higher than 9), of the rows known at the week's end: it is
  the college's latest word, also where that word is an unmarked register.
* a submission without a date counts as in time, and as handed in from when its mark is known.
* rows of unknown students, classes or items, and of pairings outside the term, are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Concatenate, Literal, ParamSpec, cast

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.source import College, Term
from edumetrics.database import highest_first, materialized

Work = Literal["assignment", "quiz"]
Exam = Literal["midterm", "endterm"]
Feed = Literal["library_visits", "book_borrows", "lms_activity"]
P = ParamSpec("P")
# Assignments and quizzes, of classes whose weeks end on a few different days.
LATELY = 8


def _kept(
    read: Callable[Concatenate[College, Term, P], pd.DataFrame],
) -> Callable[Concatenate[College, Term, P], pd.DataFrame]:
    """Read once per college and term, and keep the frame."""

    def keeping(college: College, term: Term, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        key = (read.__name__, term.name, repr(args), repr(kwargs))
        if key not in college.kept:
            college.kept[key] = read(college, term, *args, **kwargs)
        return college.kept[key]

    keeping.__doc__ = read.__doc__
    return keeping


def _kept_lately(
    read: Callable[Concatenate[College, Term, P], pd.DataFrame],
) -> Callable[Concatenate[College, Term, P], pd.DataFrame]:
    """Read once for all that a week asks, and keep only the last few frames: what is known changes week by week."""

    def keeping(college: College, term: Term, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        key = (read.__name__, term.name, term.current, repr(args), repr(kwargs))
        if key not in college.lately:
            college.lately[key] = read(college, term, *args, **kwargs)
            while len(college.lately) > LATELY:
                del college.lately[next(iter(college.lately))]
        return college.lately[key]

    keeping.__doc__ = read.__doc__
    return keeping


@_kept
def attendance(college: College, term: Term, until: int) -> pd.DataFrame:
    """The registers of the term's own pairings, weeks 1..until; columns as `College.registers`."""
    frame = college.registers(term.pairings, until)
    return frame[frame["class_id"].isin(term.pairings["class_id"])]


@_kept
def double_registers(college: College, term: Term, until: int, students: list[str]) -> pd.DataFrame:
    """student_id, week, class_id: the class of the highest id, for students registered in two classes in one week."""
    if not students:
        return pd.DataFrame(
            {
                "student_id": pd.Series(dtype="str"),
                "week": pd.Series(dtype="int64"),
                "class_id": pd.Series(dtype="str"),
            }
        )
    relation = cast(Relation, college.relations["attendance"])
    c = relation.c
    order = sa.func.row_number().over(
        partition_by=(c.student_id, c.week), order_by=highest_first(c.id)
    )
    rows = (
        sa.select(c.student_id, c.week, c.class_id, order.label("place"))
        .where(term.within(relation), c.week.between(1, until), c.student_id.in_(students))
        .subquery()
    )
    wanted = sa.select(rows.c.student_id, rows.c.week, rows.c.class_id).where(rows.c.place == 1)
    return college.frame(wanted, "attendance")


@_kept
def items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """item_id, class_id, semester, subject_id, due_week of the work that counts; due_week is NaN where never due."""
    items = _items(college, term, work)
    if items is None:
        names = ("item_id", "class_id", "semester", "subject_id", "due_week")
        return pd.DataFrame(
            {name: pd.Series(dtype="str" if name.endswith("id") else "float64") for name in names}
        )
    c = items.c
    return college.frame(
        sa.select(c.item_id, c.class_id, c.semester, c.subject_id, c.due_week),
        f"{work}_definitions",
    )


@_kept_lately
def done(
    college: College, term: Term, work: Work, known_by: date, *, by_subject: bool
) -> pd.DataFrame:
    """Work handed in or attempted and known by a day, with the marks known by then.

    Returns:
        student_id, class_id, semester and, when asked for, subject_id (of the item), week (when it is due, an extension
        included; NaN where never), done (count), marked (count), mark_sum (percent), last_date; for assignments also
        judged (count), quality_sum (percent) and similarity (highest, percent).
    """
    items, relation = _items(college, term, work), college.relations[f"{work}_submissions"]
    if items is None or relation is None:
        return pd.DataFrame()
    c = relation.c
    item_id, handed_in = (
        c[f"{work}_id"],
        c["submission_date" if work == "assignment" else "attempt_date"],
    )
    assignment = work == "assignment"
    nothing: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Double())
    rows = sa.select(
        c.id,
        c.student_id,
        item_id.label("item_id"),
        handed_in.label("handed_in"),
        c.marks_obtained,
        c.marked_on,
        (sa.cast(sa.null(), sa.Integer()) if not assignment else c.due_week_override).label(
            "due_week_override"
        ),
        (c.quality_pct if assignment else nothing).label("quality"),
        (c.plagiarism_pct if assignment else nothing).label("similarity"),
        (nothing if assignment else c.score_pct).label("score"),
        (sa.true() if assignment else c.attempted).label("attempted"),
    ).where(sa.or_(handed_in.is_(None), handed_in <= known_by), college.known_class(relation))
    r = college.one_per_key(
        rows, relation, term.pairings, ("student_id", "item_id"), tag=known_by.isoformat()
    )
    # The term in session tells what is known by what is there; of a past term the marking day must be guessed.
    lag = 0 if term.current else college.params.forecast.marking_lag_days
    handed_in_by = known_by - timedelta(days=lag)
    judged = sa.or_(
        r.c.marked_on <= known_by,
        sa.and_(
            r.c.marked_on.is_(None), sa.or_(r.c.handed_in.is_(None), r.c.handed_in <= handed_in_by)
        ),
    )
    return college.frame(_summed(r, items, work, judged, by_subject), f"{work}_submissions")


@_kept
def extensions(college: College, term: Term) -> pd.DataFrame:
    """student_id, item_id, week: assignments whose due week was moved for a student; of several the highest id's."""
    relation, items = (
        college.relations["assignment_submissions"],
        _items(college, term, "assignment"),
    )
    empty = pd.DataFrame(
        {
            "student_id": pd.Series(dtype="str"),
            "item_id": pd.Series(dtype="str"),
            "week": pd.Series(dtype="int64"),
        }
    )
    if relation is None or items is None or "due_week_override" not in relation.present:
        return empty
    c = relation.c
    joined = sa.join(relation.rows, items, c.assignment_id == items.c.item_id)
    found = college.frame(
        sa.select(
            c.id, c.student_id, c.assignment_id.label("item_id"), c.due_week_override.label("week")
        )
        .select_from(joined)
        .where(c.due_week_override.is_not(None), college.known_class(relation)),
        "assignment_submissions",
    )
    order = found["id"].str.len()
    found = (
        found.assign(order=order)
        .sort_values(["order", "id"])
        .drop_duplicates(["student_id", "item_id"], keep="last")
    )
    return found[["student_id", "item_id", "week"]] if len(found) else empty


@_kept
def per_week(college: College, term: Term, name: Feed, since: int, until: int) -> pd.DataFrame:
    """What the feed counts per student and week since..until, both inclusive.

    Returns:
        student_id, semester, week, count (visits, loans, or days active: the highest over subjects) and, for
        lms_activity, events (their sum). Negative counts are 0.
    """
    relation = college.relations[name]
    if relation is None:
        return pd.DataFrame(
            {
                "student_id": pd.Series(dtype="str"),
                "semester": [],
                "week": [],
                "count": [],
                "events": [],
            }
        )
    c = relation.c
    week = relation.week
    amount = {
        "library_visits": "physical_visits",
        "book_borrows": "borrow_id",
        "lms_activity": "active_days",
    }[name]
    rows = sa.select(
        c[relation.table.key[0]].label("row_id"),
        c.student_id,
        c.semester,
        week.label("week"),
        c[amount].label("amount"),
        (c.events if name == "lms_activity" else sa.literal(0)).label("events"),
    )
    rows = rows.where(term.within(relation), week.between(since, until))
    r = college.one_per_key(rows, relation, term.pairings, relation.table.natural, key="row_id")
    keys = [r.c.student_id, r.c.semester, r.c.week]
    total = {
        "library_visits": sa.func.sum(
            sa.case((r.c.amount > 0, r.c.amount), else_=0), type_=sa.Integer
        ),
        "book_borrows": sa.func.count(),
        "lms_activity": sa.func.max(
            sa.case((r.c.amount > 0, r.c.amount), else_=0), type_=sa.Integer
        ),
    }[name]
    events = sa.func.sum(sa.case((r.c.events > 0, r.c.events), else_=0), type_=sa.Integer)
    return college.frame(
        sa.select(*keys, total.label("count"), events.label("events")).group_by(*keys), name
    )


def midterms(college: College, term: Term, known_by: date, week: int) -> pd.DataFrame:
    """student_id, score: the mean over subjects of the midterm results (percent) known by a day.

    An undated result is known from the teaching week after its exam's scheduled week, so in `week` only when that
    is later than the scheduled week.
    """
    papers = exam_papers(college, term, "midterm", known_by, week)
    if papers is None:
        return pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "score": pd.Series(dtype="float64")}
        )
    p = papers.c
    subjects = (
        sa.select(p.student_id, sa.func.avg(p.score).label("score"))
        .where(p.score.is_not(None))
        .group_by(p.student_id, p.subject_id)
        .subquery("subjects")
    )
    mean = sa.func.avg(subjects.c.score, type_=sa.Double).label("score")
    return college.frame(
        sa.select(subjects.c.student_id, mean).group_by(subjects.c.student_id), "exam_results"
    )


def exam_papers(
    college: College, term: Term, exam: Exam, known_by: date, week: int
) -> sa.Subquery | None:
    """The results of an exam known by a day, one row per student and paper: None where the college has no exams.

    Columns: student_id, schedule_id, subject_id, score (percent, null where there is none), pass_fail. An undated
    result is known from the teaching week after its exam's scheduled week, so in `week` only when that is later.
    """
    schedule, results = college.relations["exam_schedule"], college.relations["exam_results"]
    if schedule is None or results is None:
        return None
    s, c = schedule.c, results.c
    exams = materialized(
        sa.select(
            s.schedule_id, s.subject_id, s.scheduled_week, s.max_marks.label("scheduled_marks")
        ).where(term.within(schedule), sa.func.lower(s.exam_type) == exam),
        "exams",
    )
    undated = sa.and_(c.result_date.is_(None), sa.func.coalesce(exams.c.scheduled_week, 0) < week)
    rows = (
        sa.select(
            c.id,
            c.student_id,
            c.schedule_id,
            exams.c.subject_id,
            c.score_pct,
            c.marks_obtained,
            c.pass_fail,
            sa.func.coalesce(c.max_marks, exams.c.scheduled_marks).label("out_of"),
        )
        .select_from(sa.join(results.rows, exams, c.schedule_id == exams.c.schedule_id))
        .where(sa.or_(c.result_date <= known_by, undated), college.known_class(results))
    )
    r = college.one_per_key(
        rows, results, term.pairings, results.table.natural, tag=known_by.isoformat()
    )
    score = sa.func.coalesce(
        _clipped(r.c.score_pct), _percent(r.c.marks_obtained, r.c.out_of)
    ).label("score")
    return sa.select(
        r.c.student_id, r.c.schedule_id, r.c.subject_id, score, r.c.pass_fail
    ).subquery("papers")


def _items(college: College, term: Term, work: Work) -> sa.CTE | None:
    """Work of the term that counts: weight 0 is optional, unless all work of the pairing weighs 0 or nothing."""
    relation = college.relations[f"{work}_definitions"]
    if relation is None:
        return None
    c = relation.c
    due = c.due_week if work == "assignment" else c.scheduled_week
    rows = sa.select(
        c[f"{work}_id"].label("item_id"),
        c.class_id,
        c.semester,
        c.subject_id,
        due.label("due_week"),
        c.max_marks,
    )
    rows = rows.where(term.within(relation))
    weighted = [
        sa.select(other.c.class_id, other.c.semester).where(other.c.weight != 0)
        for other in (
            college.relations["assignment_definitions"],
            college.relations["quiz_definitions"],
        )
        if other is not None and "weight" in other.present
    ]
    if "weight" in relation.present:
        pairs = sa.union(*weighted).subquery("weighted")
        optional = sa.exists().where(pairs.c.class_id == c.class_id, pairs.c.semester == c.semester)
        rows = rows.where(sa.or_(c.weight.is_(None), c.weight != 0, ~optional))
    return materialized(rows, "items")


def _clipped(percent: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.case((percent < 0, 0.0), (percent > 100, 100.0), else_=percent)


def _percent(marks: sa.ColumnElement[Any], out_of: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Marks as percent, at most 100; null where they are negative or the maximum is not above 0."""
    percent = sa.case((marks >= out_of, 100.0), else_=marks * 100.0 / out_of)
    return sa.case((sa.and_(marks >= 0, out_of > 0), percent))


def _summed(
    r: sa.Subquery, items: sa.CTE, work: Work, judged: sa.ColumnElement[bool], by_subject: bool
) -> sa.Select[Any]:
    """Sums per student, item class, (subject,) and week due, over rows that count as done."""
    assignment = work == "assignment"
    by_mark = sa.and_(judged, r.c.marks_obtained >= 0)
    done = (
        sa.or_(r.c.handed_in.is_not(None), by_mark) if assignment else r.c.attempted.is_(sa.true())
    )
    percent = _percent(r.c.marks_obtained, items.c.max_marks)
    mark = sa.case(
        (judged, percent if assignment else sa.func.coalesce(_clipped(r.c.score), percent))
    )
    quality = sa.case((judged, _clipped(r.c.quality)))
    keys = [r.c.student_id, items.c.class_id, items.c.semester]
    keys += [items.c.subject_id] if by_subject else []
    week = sa.func.coalesce(r.c.due_week_override, items.c.due_week).label("week")
    sums = [
        sa.func.count().label("done"),
        sa.func.count(mark).label("marked"),
        sa.func.sum(mark, type_=sa.Double).label("mark_sum"),
        sa.func.max(r.c.handed_in, type_=sa.Date).label("last_date"),
    ]
    if assignment:
        sums += [
            sa.func.count(quality).label("judged"),
            sa.func.sum(quality, type_=sa.Double).label("quality_sum"),
            sa.func.max(sa.case((judged, _clipped(r.c.similarity))), type_=sa.Double).label(
                "similarity"
            ),
        ]
    joined = sa.join(r, items, r.c.item_id == items.c.item_id)
    return sa.select(*keys, week, *sums).select_from(joined).where(done).group_by(*keys, week)
