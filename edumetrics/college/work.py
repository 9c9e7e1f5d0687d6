"""Read what was due and done: assignments and quizzes, one aggregate query for each.

The queries apply the rules of validity that decide which rows count (spec "Data that is wrong"):

* Among duplicates by natural key, the row with the highest id counts (10 is higher than 9), of the
  rows known at the end of the week: it is the college's latest entry.
* A submission without a date counts as in time. It counts as handed in once its mark is known.
* Rows of unknown students, classes or items, and of semesters outside the term, are left out.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.reader import keep
from edumetrics.college.terms import College, Term
from edumetrics.database import (
    build_materialized_cte,
    clip_percent,
    compute_percent,
    make_empty_frame,
)
from edumetrics.types import Work

# Frames that are kept of the work done so far. A week reads assignments and quizzes, once for each
# day on which classes of the term end their week, and there are few such days.
LATELY = 8
# What may be known of an item: see `read_known_marks`.
KNOWN = ("marks", "qualities")
HANDED_IN_ON = {"assignment": "submission_date", "quiz": "attempt_date"}


@keep()
def read_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the assignments or quizzes of the term that count.

    Returns:
        item_id, class_id, semester, subject_id, due_week (NaN where it is never due), title (null
        where it has none). No rows where the college has no such work.
    """
    items = _build_items_query(college, term, work)
    names = ("item_id", "class_id", "semester", "subject_id", "due_week", "title")
    if items is None:
        texts = {name for name in names if name.endswith("id")} | {"title"}
        return pd.DataFrame(
            {name: pd.Series(dtype="str" if name in texts else "float64") for name in names}
        )
    return college.read_frame(sa.select(*(items.c[name] for name in names)), f"{work}_definitions")


@keep(LATELY)
def read_done_items(
    college: College, term: Term, work: Work, known_by: date, since: int
) -> pd.DataFrame:
    """Return which work of the last weeks was handed in or attempted by a day.

    Args:
        college: the college to read.
        term: work of other terms does not count.
        work: assignments or quizzes.
        known_by: later submissions and attempts do not count.
        since: the first week whose work counts, by the week that it was set for or moved to.

    Returns:
        student_id, item_id; each pair once. No columns where the college has no such work.
    """
    items = _build_items_query(college, term, work)
    relation = college.relations[f"{work}_submissions"]
    if items is None or relation is None:
        return pd.DataFrame()
    r = _select_known(college, term, work, known_by)
    joined = sa.join(r, items, r.c.item_id == items.c.item_id)
    # What a student is exempt from is dropped with the extensions.
    week = sa.func.coalesce(r.c.due_week_override, items.c.due_week)
    done = _build_done_condition(r, work, _build_term_condition(college, term, r, known_by))
    select = sa.select(r.c.student_id, r.c.item_id).select_from(joined)
    return college.read_frame(select.where(done, week >= since), f"{work}_submissions")


@keep(LATELY)
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
        day of handing in), done_unmarked (of those done, how many are of items of which no mark of
        anybody is known). Assignments also have judged (count), quality_sum (sum of percents),
        similarity (the highest, in percent) and done_unjudged (as done_unmarked, for quality). What
        a student is exempt from has no week. No columns where the college has no such work.
    """
    items = _build_items_query(college, term, work)
    relation = college.relations[f"{work}_submissions"]
    if items is None or relation is None:
        return pd.DataFrame()
    r = _select_known(college, term, work, known_by)
    judged = _build_term_condition(college, term, r, known_by)
    known = read_known_marks(college, term, work, known_by)
    unknown = {what: list(known.loc[known[what] == 0, "item_id"]) for what in KNOWN}
    select = _sum_work(r, items, work, judged, unknown, by_subject=by_subject)
    return college.read_frame(select, f"{work}_submissions")


def read_best_marks(college: College, term: Term, work: Work, week: int) -> pd.DataFrame:
    """Return the best mark of each item due until a week, and how many marks it has.

    Returns:
        item_id, class_id, marks (count), best and out_of (marks); items without a mark or without a
        maximum are not there.
    """
    items = _build_items_query(college, term, work)
    relation = college.relations[f"{work}_submissions"]
    if items is None or relation is None:
        kinds = {"item_id": "str", "class_id": "str", "marks": "int64", "best": "float64",
                 "out_of": "float64"}  # fmt: skip
        return make_empty_frame(**kinds)
    c = relation.c
    mark = c.marks_obtained if work == "assignment" else sa.func.coalesce(
        c.marks_obtained, c.score_pct * items.c.max_marks / 100
    )  # fmt: skip
    done = sa.true() if work == "assignment" else c.attempted.is_(sa.true())
    select = (
        sa.select(
            items.c.item_id,
            items.c.class_id,
            sa.func.count(mark).label("marks"),
            sa.func.max(mark, type_=sa.Double).label("best"),
            sa.func.max(items.c.max_marks, type_=sa.Double).label("out_of"),
        )
        .select_from(sa.join(relation.rows, items, c[f"{work}_id"] == items.c.item_id))
        .where(mark.is_not(None), items.c.max_marks > 0, items.c.due_week <= week, done)
    )
    return college.read_frame(
        select.group_by(items.c.item_id, items.c.class_id), f"{work}_submissions"
    )


@keep(LATELY)
def read_known_marks(college: College, term: Term, work: Work, known_by: date) -> pd.DataFrame:
    """Return of how many students a mark and a quality of each item are known by a day.

    Returns:
        item_id, marks, qualities (counts); items of which nothing was handed in are not there. No
        rows where the college has no such work.
    """
    items = _build_items_query(college, term, work)
    relation = college.relations[f"{work}_submissions"]
    if items is None or relation is None:
        nothing = dict.fromkeys(KNOWN, pd.Series(dtype="int64"))
        return pd.DataFrame({"item_id": pd.Series(dtype="str"), **nothing})
    r = _select_known(college, term, work, known_by)
    judged = _build_term_condition(college, term, r, known_by)
    mark, quality = (
        _build_mark(r, items, work, judged),
        sa.case((judged, clip_percent(r.c.quality))),
    )
    counts = [
        sa.func.count(one).label(name) for name, one in zip(KNOWN, (mark, quality), strict=True)
    ]
    joined = sa.join(r, items, r.c.item_id == items.c.item_id)
    select = sa.select(r.c.item_id, *counts).select_from(joined).group_by(r.c.item_id)
    return college.read_frame(select, f"{work}_submissions")


def _select_known(college: College, term: Term, work: Work, known_by: date) -> sa.Subquery:
    """Return the submissions or attempts that were known by a day, one for each student and item.

    The college has such a relation.
    """
    relation = college.relations[f"{work}_submissions"]
    assert relation is not None
    handed_in = relation.c[HANDED_IN_ON[work]]
    rows = _select_submissions(relation, work).where(
        sa.or_(handed_in.is_(None), handed_in <= known_by), college.is_known_class(relation)
    )
    return college.keep_one_per_key(
        rows,
        relation,
        term.class_semesters,
        ("student_id", "item_id"),
        tag=known_by.isoformat(),
    )


def _build_term_condition(
    college: College, term: Term, r: sa.Subquery, known_by: date
) -> sa.ColumnElement[bool]:
    """Return the condition that a mark was known by a day.

    In the term in session, a mark that is there is known. In a past term all marks are there, so
    the day of an undated mark is estimated from the day of handing in.
    """
    lag = 0 if term.current else college.params.forecast.marking_lag_days
    return _build_judged_condition(r, known_by, timedelta(days=lag))


def _build_done_condition(
    r: sa.Subquery, work: Work, judged: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """Return the condition that work was done.

    A submission without a date is handed in once its mark is known.
    """
    if work == "quiz":
        return r.c.attempted.is_(sa.true())
    return sa.or_(r.c.handed_in.is_not(None), sa.and_(judged, r.c.marks_obtained >= 0))


def _select_submissions(relation: Relation, work: Work) -> sa.Select[Any]:
    """Return a select of a relation's rows with the same columns for both kinds of work."""
    c = relation.c
    assignment = work == "assignment"
    # One query serves both kinds; a bare NULL would have no numeric type.
    nothing: sa.ColumnElement[Any] = sa.cast(sa.null(), sa.Double())
    return sa.select(
        c.id,
        c.student_id,
        c[f"{work}_id"].label("item_id"),
        c[HANDED_IN_ON[work]].label("handed_in"),
        c.marks_obtained,
        c.marked_on,
        c.due_week_override,
        c.exempt,
        (c.quality_pct if assignment else nothing).label("quality"),
        (c.plagiarism_pct if assignment else nothing).label("similarity"),
        (nothing if assignment else c.score_pct).label("score"),
        (sa.true() if assignment else c.attempted).label("attempted"),
    )


def _build_judged_condition(
    r: sa.Subquery, known_by: date, lag: timedelta
) -> sa.ColumnElement[bool]:
    """Return the condition that a mark was known by a day; an undated one comes after `lag`."""
    in_time = sa.or_(r.c.handed_in.is_(None), r.c.handed_in <= known_by - lag)
    return sa.or_(r.c.marked_on <= known_by, sa.and_(r.c.marked_on.is_(None), in_time))


@keep()
def read_extensions(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the items whose due week is another one for a student, or that are not due at all.

    Returns:
        student_id, item_id, week (the new due week; NaN where the student is exempt); unique by the
        first two. If a student has several such rows for an item, the one with the highest id
        counts.
    """
    relation = college.relations[f"{work}_submissions"]
    items = _build_items_query(college, term, work)
    columns = ("due_week_override", "exempt")
    if relation is None or items is None or not relation.present & set(columns):
        kinds = {"student_id": "str", "item_id": "str", "week": "float64"}
        return make_empty_frame(**kinds)
    c = relation.c
    moved = sa.or_(c.due_week_override.is_not(None), c.exempt.is_(sa.true()))
    found = college.read_frame(
        sa.select(
            c.id,
            c.student_id,
            c[f"{work}_id"].label("item_id"),
            c.due_week_override.label("week"),
            c.exempt,
        )
        .select_from(sa.join(relation.rows, items, c[f"{work}_id"] == items.c.item_id))
        .where(moved, college.is_known_class(relation)),
        f"{work}_submissions",
    )
    # Ids are text: the length sorts first, so that 10 comes after 9.
    found = found.assign(order=found["id"].str.len()).sort_values(["order", "id"])
    found = found.drop_duplicates(["student_id", "item_id"], keep="last")
    week = found["week"].astype("float64").mask(found["exempt"].fillna(False).astype(bool))
    return found.assign(week=week)[["student_id", "item_id", "week"]]


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
        c.title,
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


def _build_mark(
    r: sa.Subquery, items: sa.CTE, work: Work, judged: sa.ColumnElement[bool]
) -> sa.ColumnElement[Any]:
    """Return the percentage of a submission or attempt; null where none is known."""
    percent = compute_percent(r.c.marks_obtained, items.c.max_marks)
    return sa.case(
        (
            judged,
            percent if work == "assignment" else sa.func.coalesce(clip_percent(r.c.score), percent),
        )
    )


def _sum_work(
    r: sa.Subquery,
    items: sa.CTE,
    work: Work,
    judged: sa.ColumnElement[bool],
    unknown: dict[str, list[str]],
    *,
    by_subject: bool,
) -> sa.Select[Any]:
    """Return the select of sums per student, class of the item, week due and, if asked, subject.

    Only rows that count as done are summed. `unknown` lists the items of which nothing of a kind is
    known: these are few, the newest ones.
    """
    assignment = work == "assignment"
    done = _build_done_condition(r, work, judged)
    mark = _build_mark(r, items, work, judged)
    quality = sa.case((judged, clip_percent(r.c.quality)))
    # The class of the item, not of the submission: after a change of class the two may differ.
    keys = [r.c.student_id, items.c.class_id, items.c.semester]
    keys += [items.c.subject_id] if by_subject else []
    # What a student is exempt from is due in no week; it was handed in all the same.
    due = sa.func.coalesce(r.c.due_week_override, items.c.due_week)
    week = sa.case((sa.func.coalesce(r.c.exempt, sa.false()).is_(sa.false()), due)).label("week")
    # COUNT of a column leaves out nulls: so `marked` and `judged` count only what is known.
    sums = [
        sa.func.count().label("done"),
        sa.func.count(mark).label("marked"),
        sa.func.sum(mark, type_=sa.Double).label("mark_sum"),
        sa.func.max(r.c.handed_in, type_=sa.Date).label("last_date"),
        _count_among(r, unknown["marks"]).label("done_unmarked"),
    ]
    if assignment:
        sums += [
            sa.func.count(quality).label("judged"),
            sa.func.sum(quality, type_=sa.Double).label("quality_sum"),
            sa.func.max(sa.case((judged, clip_percent(r.c.similarity))), type_=sa.Double).label(
                "similarity"
            ),
            _count_among(r, unknown["qualities"]).label("done_unjudged"),
        ]
    joined = sa.join(r, items, r.c.item_id == items.c.item_id)
    return sa.select(*keys, week, *sums).select_from(joined).where(done).group_by(*keys, week)


def _count_among(r: sa.Subquery, items: list[str]) -> sa.ColumnElement[Any]:
    """Return how many rows are of some items."""
    among: sa.ColumnElement[Any] = (
        sa.case((r.c.item_id.in_(items), 1), else_=0) if items else sa.literal(0)
    )
    return sa.func.sum(among, type_=sa.Integer)
