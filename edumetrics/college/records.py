"""Read the records that weekly scoring needs, with one aggregate query per relation.

Each query returns few rows per student and week. The queries also apply the rules of validity that
decide which rows count (spec "Data that is wrong"):

* A register whose `present` or `lectures_held` is null or negative is unmarked and left out.
  `present` above `lectures_held` is clipped. An unmarked register still says which class the
  student belongs to.
* Among duplicates by natural key, the row with the highest id counts (10 is higher than 9). Only
  rows known at the end of the week compete. The highest id is the college's latest entry, and it
  counts also when it is an unmarked register.
* A submission without a date counts as in time. It counts as handed in once its mark is known.
* Rows of unknown students, classes or items, and of semesters outside the term, are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Concatenate, Literal, ParamSpec, cast

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.source import College, Term
from edumetrics.database import build_materialized_cte, order_highest_first
from edumetrics.types import Exam, Work

Feed = Literal["library_visits", "book_borrows", "lms_activity"]
P = ParamSpec("P")
# Frames that `_keep_recent_frames` keeps. A week reads assignments and quizzes, once for each day
# on which classes of the term end their week, and there are few such days.
LATELY = 8


def _keep_frames(
    read: Callable[Concatenate[College, Term, P], pd.DataFrame],
) -> Callable[Concatenate[College, Term, P], pd.DataFrame]:
    """Wrap a reader so that it reads once per college, term and arguments, and keeps the frame."""

    def keeping(college: College, term: Term, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        key = (read.__name__, term.name, repr(args), repr(kwargs))
        if key not in college.kept:
            college.kept[key] = read(college, term, *args, **kwargs)
        return college.kept[key]

    keeping.__doc__ = read.__doc__
    return keeping


def _keep_recent_frames(
    read: Callable[Concatenate[College, Term, P], pd.DataFrame],
) -> Callable[Concatenate[College, Term, P], pd.DataFrame]:
    """Wrap a reader so that it keeps only its last few frames, for all steps of one week.

    What is known changes week by week, so older frames are never asked for again.
    """

    def keeping(college: College, term: Term, /, *args: P.args, **kwargs: P.kwargs) -> pd.DataFrame:
        # A term that ends is read by other rules (see `lag` in `read_done_work`), so `current` is
        # in the key.
        key = (read.__name__, term.name, term.current, repr(args), repr(kwargs))
        if key not in college.lately:
            college.lately[key] = read(college, term, *args, **kwargs)
            # A dict keeps the order of insertion: the first key is the oldest frame.
            while len(college.lately) > LATELY:
                del college.lately[next(iter(college.lately))]
        return college.lately[key]

    keeping.__doc__ = read.__doc__
    return keeping


@_keep_frames
def read_attendance(college: College, term: Term, until: int) -> pd.DataFrame:
    """Return the registers of the term's classes, weeks 1..until, as `College.registers` does."""
    # `registers` also returns rows of unknown classes, which only data health needs.
    frame = college.read_registers(term.class_semesters, until)
    return frame[frame["class_id"].isin(term.class_semesters["class_id"])]


@_keep_frames
def read_double_registers(
    college: College, term: Term, until: int, students: list[str]
) -> pd.DataFrame:
    """Return which class counts for students with registers of two classes in one week.

    Args:
        college: the college to read.
        term: rows of other terms do not count.
        until: last semester week, inclusive.
        students: the student_id of each such student; an empty list needs no query.

    Returns:
        student_id, week, class_id; the class of the register with the highest id counts.
    """
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
        partition_by=(c.student_id, c.week), order_by=order_highest_first(c.id)
    )
    rows = (
        sa.select(c.student_id, c.week, c.class_id, order.label("place"))
        .where(term.build_condition(relation), c.week.between(1, until), c.student_id.in_(students))
        .subquery()
    )
    wanted = sa.select(rows.c.student_id, rows.c.week, rows.c.class_id).where(rows.c.place == 1)
    return college.read_frame(wanted, "attendance")


@_keep_frames
def read_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the assignments or quizzes of the term that count.

    Returns:
        item_id, class_id, semester, subject_id, due_week (NaN where it is never due). No rows where
        the college has no such work.
    """
    items = _build_items_query(college, term, work)
    if items is None:
        names = ("item_id", "class_id", "semester", "subject_id", "due_week")
        return pd.DataFrame(
            {name: pd.Series(dtype="str" if name.endswith("id") else "float64") for name in names}
        )
    c = items.c
    return college.read_frame(
        sa.select(c.item_id, c.class_id, c.semester, c.subject_id, c.due_week),
        f"{work}_definitions",
    )


@_keep_recent_frames
def read_done_work(
    college: College, term: Term, work: Work, known_by: date, *, by_subject: bool
) -> pd.DataFrame:
    """Return the work that was handed in or attempted by a day, with the marks known by that day.

    Args:
        college: the college to read.
        term: work of other terms does not count.
        work: assignments or quizzes.
        known_by: later submissions, attempts and marks do not count.
        by_subject: adds subject_id to the key.

    Returns:
        One row per student, class, semester, subject (if asked for) and week: student_id, class_id,
        semester, subject_id (of the item), week (when the work is due, an extension included; NaN
        where never due), done (count), marked (count), mark_sum (sum of percents), last_date (last
        day of handing in). Assignments also have judged (count), quality_sum (sum of percents) and
        similarity (the highest, in percent). No columns where the college has no such work.
    """
    items, relation = (
        _build_items_query(college, term, work),
        college.relations[f"{work}_submissions"],
    )
    if items is None or relation is None:
        return pd.DataFrame()
    c = relation.c
    item_id, handed_in = (
        c[f"{work}_id"],
        c["submission_date" if work == "assignment" else "attempt_date"],
    )
    assignment = work == "assignment"
    # Both kinds of work get the same columns, so that one query serves both. NULL is cast, because
    # a bare NULL has no numeric type.
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
    ).where(sa.or_(handed_in.is_(None), handed_in <= known_by), college.is_known_class(relation))
    r = college.keep_one_per_key(
        rows, relation, term.class_semesters, ("student_id", "item_id"), tag=known_by.isoformat()
    )
    # In the term in session, a mark that is there is known. In a past term all marks are there, so
    # the day of an undated mark is estimated from the day of handing in.
    lag = 0 if term.current else college.params.forecast.marking_lag_days
    handed_in_by = known_by - timedelta(days=lag)
    judged = sa.or_(
        r.c.marked_on <= known_by,
        sa.and_(
            r.c.marked_on.is_(None), sa.or_(r.c.handed_in.is_(None), r.c.handed_in <= handed_in_by)
        ),
    )
    return college.read_frame(_sum_work(r, items, work, judged, by_subject), f"{work}_submissions")


@_keep_frames
def read_extensions(college: College, term: Term) -> pd.DataFrame:
    """Return the assignments whose due week was moved for a student.

    Returns:
        student_id, item_id, week (the new due week); unique by the first two. If a student has
        several extensions of one assignment, the row with the highest id counts.
    """
    relation, items = (
        college.relations["assignment_submissions"],
        _build_items_query(college, term, "assignment"),
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
    found = college.read_frame(
        sa.select(
            c.id, c.student_id, c.assignment_id.label("item_id"), c.due_week_override.label("week")
        )
        .select_from(joined)
        .where(c.due_week_override.is_not(None), college.is_known_class(relation)),
        "assignment_submissions",
    )
    # Ids are text: the length sorts first, so that 10 comes after 9.
    order = found["id"].str.len()
    found = (
        found.assign(order=order)
        .sort_values(["order", "id"])
        .drop_duplicates(["student_id", "item_id"], keep="last")
    )
    return found[["student_id", "item_id", "week"]] if len(found) else empty


@_keep_frames
def read_weekly_counts(
    college: College, term: Term, name: Feed, since: int, until: int
) -> pd.DataFrame:
    """Return what a feed counts per student and week, from `since` to `until`, both inclusive.

    Returns:
        student_id, semester, week, count (visits, loans, or active days: the highest over subjects)
        and events (their sum for lms_activity; 0 for other feeds). Negative counts are 0. No rows
        where the college does not have the feed.
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
        "book_borrows": "borrow_id",  # a placeholder: loans are counted, not summed
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
    rows = rows.where(term.build_condition(relation), week.between(since, until))
    r = college.keep_one_per_key(
        rows, relation, term.class_semesters, relation.table.natural, key="row_id"
    )
    keys = [r.c.student_id, r.c.semester, r.c.week]
    # Two subjects may be active on the same day, so days are not summed over subjects.
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
    return college.read_frame(
        sa.select(*keys, total.label("count"), events.label("events")).group_by(*keys), name
    )


def read_midterms(college: College, term: Term, known_by: date, week: int) -> pd.DataFrame:
    """Return each student's mean midterm score, from the results known by a day.

    An undated result is known from the teaching week after the scheduled week of its exam. So it
    counts only when `week` is later than the scheduled week.

    Returns:
        student_id, score (percent, the mean over subjects). Students without a score have no row.
    """
    papers = build_papers_query(college, term, "midterm", known_by, week)
    if papers is None:
        return pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "score": pd.Series(dtype="float64")}
        )
    p = papers.c
    # Each subject weighs the same, whether it had one paper or several.
    subjects = (
        sa.select(p.student_id, sa.func.avg(p.score).label("score"))
        .where(p.score.is_not(None))
        .group_by(p.student_id, p.subject_id)
        .subquery("subjects")
    )
    mean = sa.func.avg(subjects.c.score, type_=sa.Double).label("score")
    return college.read_frame(
        sa.select(subjects.c.student_id, mean).group_by(subjects.c.student_id), "exam_results"
    )


def build_papers_query(
    college: College, term: Term, exam: Exam, known_by: date, week: int
) -> sa.Subquery | None:
    """Return a subquery of the results of an exam that are known by a day.

    An undated result is known from the teaching week after the scheduled week of its exam. So it
    counts only when `week` is later than the scheduled week.

    Returns:
        One row per student and paper: student_id, schedule_id, subject_id, score (percent, null
        where there is none), pass_fail. None where the college has no exams.
    """
    schedule, results = college.relations["exam_schedule"], college.relations["exam_results"]
    if schedule is None or results is None:
        return None
    s, c = schedule.c, results.c
    exams = build_materialized_cte(
        sa.select(
            s.schedule_id, s.subject_id, s.scheduled_week, s.max_marks.label("scheduled_marks")
        ).where(term.build_condition(schedule), sa.func.lower(s.exam_type) == exam),
        "exams",
    )
    # An exam without a scheduled week counts as week 0: its undated results are known at once.
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
        .where(sa.or_(c.result_date <= known_by, undated), college.is_known_class(results))
    )
    r = college.keep_one_per_key(
        rows, results, term.class_semesters, results.table.natural, tag=known_by.isoformat()
    )
    # The college's own score decides. Marks only count where there is no score.
    score = sa.func.coalesce(
        _clip_percent(r.c.score_pct), _compute_percent(r.c.marks_obtained, r.c.out_of)
    ).label("score")
    return sa.select(
        r.c.student_id, r.c.schedule_id, r.c.subject_id, score, r.c.pass_fail
    ).subquery("papers")


def _build_items_query(college: College, term: Term, work: Work) -> sa.CTE | None:
    """Return the work of the term that counts; None where the college has no such work.

    Work of weight 0 is optional and does not count. If all work of a class and semester has weight
    0 or none, all of it counts.
    """
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
    rows = rows.where(term.build_condition(relation))
    # Assignments and quizzes are looked at together: if a class weighs one kind, weight 0 of the
    # other kind is meant, too.
    weighted = [
        sa.select(other.c.class_id, other.c.semester).where(other.c.weight != 0)
        for other in (
            college.relations["assignment_definitions"],
            college.relations["quiz_definitions"],
        )
        if other is not None and "weight" in other.present
    ]
    if "weight" in relation.present:
        # `weighted` cannot be empty here: this relation has weights itself.
        pairs = sa.union(*weighted).subquery("weighted")
        optional = sa.exists().where(pairs.c.class_id == c.class_id, pairs.c.semester == c.semester)
        rows = rows.where(sa.or_(c.weight.is_(None), c.weight != 0, ~optional))
    return build_materialized_cte(rows, "items")


def _clip_percent(percent: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.case((percent < 0, 0.0), (percent > 100, 100.0), else_=percent)


def _compute_percent(
    marks: sa.ColumnElement[Any], out_of: sa.ColumnElement[Any]
) -> sa.ColumnElement[Any]:
    """Return marks as percent, at most 100; null if they are negative or the maximum is not > 0."""
    # Bonus marks must not push a score above 100.
    percent = sa.case((marks >= out_of, 100.0), else_=marks * 100.0 / out_of)
    return sa.case((sa.and_(marks >= 0, out_of > 0), percent))


def _sum_work(
    r: sa.Subquery, items: sa.CTE, work: Work, judged: sa.ColumnElement[bool], by_subject: bool
) -> sa.Select[Any]:
    """Return the select of sums per student, class of the item, week due and, if asked, subject.

    Only rows that count as done are summed.
    """
    assignment = work == "assignment"
    # A submission without a date is handed in once its mark is known.
    by_mark = sa.and_(judged, r.c.marks_obtained >= 0)
    done = (
        sa.or_(r.c.handed_in.is_not(None), by_mark) if assignment else r.c.attempted.is_(sa.true())
    )
    percent = _compute_percent(r.c.marks_obtained, items.c.max_marks)
    mark = sa.case(
        (judged, percent if assignment else sa.func.coalesce(_clip_percent(r.c.score), percent))
    )
    quality = sa.case((judged, _clip_percent(r.c.quality)))
    # The class of the item, not of the submission: after a change of class the two may differ.
    keys = [r.c.student_id, items.c.class_id, items.c.semester]
    keys += [items.c.subject_id] if by_subject else []
    week = sa.func.coalesce(r.c.due_week_override, items.c.due_week).label("week")
    # COUNT of a column leaves out nulls: so `marked` and `judged` count only what is known.
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
            sa.func.max(sa.case((judged, _clip_percent(r.c.similarity))), type_=sa.Double).label(
                "similarity"
            ),
        ]
    joined = sa.join(r, items, r.c.item_id == items.c.item_id)
    return sa.select(*keys, week, *sums).select_from(joined).where(done).group_by(*keys, week)
