"""Compute what was due and done, by assignments and quizzes, from their rows (see `rows`).

The rules of validity decide which rows count (spec "Data that is wrong"):

* Among duplicates by natural key, the row with the highest id counts (10 is higher than 9), of the
  rows known at the end of the week: it is the college's latest entry.
* A submission without a date counts as in time. It counts as handed in once its mark is known.
* Rows of unknown students, classes or items, and of semesters outside the term, are left out.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from edumetrics.college.item_sums import sum_up_items
from edumetrics.college.percent import clip_percents, compute_percents
from edumetrics.college.reader import keep
from edumetrics.college.rows import drop_repeated, is_repeated, join_items, read_rows
from edumetrics.college.work_items import PLACE, read_all_items, read_items, read_places
from edumetrics.fields import RELATIONS
from edumetrics.types import WORKS, Work

if TYPE_CHECKING:
    from edumetrics.college.terms import College, Term

# Frames that are kept of the work done so far. A week reads assignments and quizzes, once for each
# day on which classes of the term end their week, and there are few such days.
LATELY = 8


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
        student_id, item_id. No rows where the college has no such work.
    """
    rows = _find_known(college, term, work, known_by)
    # What a student is exempt from is dropped with the extensions.
    lately = rows["done"] & ~rows["optional"] & (rows["moved_to"].fillna(rows["due_week"]) >= since)
    return rows.loc[lately, ["student_id", "item_id"]].astype("str")


@keep(LATELY)
def read_done_work(college: College, term: Term, work: Work, known_by: date) -> pd.DataFrame:
    """Return the work that was handed in or attempted by a day, with the marks known by that day.

    Args:
        college: the college to read.
        term: work of other terms does not count.
        work: assignments or quizzes.
        known_by: later submissions, attempts and marks do not count.

    Returns:
        One row per student, class, semester, subject and week: student_id, class_id, semester,
        subject_id (of the item), week (when the work is due, an extension included; NaN where
        never due), done (count), marked (count), mark_sum (sum of percents; NaN without a mark),
        last_date (last day of handing in), done_unmarked (of those done, how many are of items of
        which no mark of anybody is known), and, 0 or NaN for quizzes, judged (count), quality_sum
        (sum of percents), similarity (the highest, in percent) and done_unjudged (as
        done_unmarked, for quality). What a student is exempt from has no week.
    """
    rows = _find_known(college, term, work, known_by)
    rows = rows[rows["done"] & ~rows["optional"]]
    week = rows["moved_to"].fillna(rows["due_week"]).mask(rows["exempt"])
    frame = pd.DataFrame(
        {
            # Numbers are grouped much faster than texts.
            "student": rows["student_id"].cat.codes,
            "place": rows["place"],
            "week": week,
            "done": 1,
            "marked": rows["mark"].notna(),
            "judged": rows["quality"].notna(),
            "done_unmarked": ~rows["item_marked"],
            "done_unjudged": ~rows["item_judged"],
            "mark_sum": rows["mark"],
            "quality_sum": rows["quality"],
            "similarity": rows["similarity"],
            "last_date": rows["handed_in"],
        }
    )
    groups = frame.groupby(["student", "place", "week"], dropna=False, sort=False)
    counts = ["done", "marked", "judged", "done_unmarked", "done_unjudged"]
    found = pd.concat(
        [
            groups[counts].sum().astype("int64"),
            groups[["mark_sum", "quality_sum"]].sum(min_count=1),
            groups[["similarity", "last_date"]].max(),
        ],
        axis=1,
    ).reset_index()
    students = rows["student_id"].cat.categories
    places = read_places(college, term, work)
    named = places.take(found["place"].to_numpy()).reset_index(drop=True)
    named.insert(0, "student_id", students.take(found["student"].to_numpy()))
    return pd.concat([named, found.drop(columns=["student", "place"])], axis=1)


def read_work_ahead(
    college: College, term: Term, work: Work, known_by: date, week: int
) -> pd.DataFrame:
    """Return how much was done by a day of what falls due after a week, optional work included.

    Returns:
        student_id, class_id and semester (of the item), ahead (count), ahead_marked (count),
        ahead_mark_sum (sum of percents). Students without any such work have no row.
    """
    rows = _find_known(college, term, work, known_by)
    due = rows["moved_to"].fillna(rows["due_week"])
    rows = rows[rows["done"] & ~rows["exempt"] & (due > week)]
    semesters = read_places(college, term, work)["semester"]
    frame = pd.DataFrame(
        {
            "student_id": rows["student_id"].astype("str"),
            "class_id": rows["class_id"],
            "semester": semesters.to_numpy()[rows["place"]],
            "ahead": 1,
            "ahead_marked": rows["mark"].notna().astype("int64"),
            "ahead_mark_sum": rows["mark"].fillna(0),
        }
    )
    return frame.groupby(["student_id", "class_id", "semester"], as_index=False).sum()


def find_best_marks(college: College, term: Term, work: Work, week: int) -> pd.DataFrame:
    """Return the best mark of each item due until a week, and how many marks it has.

    Returns:
        item_id, class_id, marks (count), best and out_of (marks); items without a mark or without a
        maximum are not there.
    """
    items = read_items(college, term, work)
    items = items[(items["max_marks"] > 0) & (items["due_week"] <= week)]
    sums = sum_up_items(college, term, f"{work}_submissions", week)
    found = items.merge(sums[sums["marks"] > 0], on="item_id")
    found["out_of"] = found["max_marks"]
    of_score = found["best_score"] * found["max_marks"] / 100
    found["best"] = pd.concat([found["best_marks"], of_score], axis=1).max(axis=1)
    return found[["item_id", "class_id", "marks", "best", "out_of"]]


@keep(LATELY)
def read_known_marks(college: College, term: Term, work: Work, known_by: date) -> pd.DataFrame:
    """Return of how many students a mark and a quality of each item are known by a day.

    Returns:
        item_id, marks, qualities (counts); items of which nothing was handed in are not there. No
        rows where the college has no such work.
    """
    rows = _find_known(college, term, work, known_by)
    rows = rows[~rows["optional"]]
    known = {"marks": rows["mark"].notna(), "qualities": rows["quality"].notna()}
    found = pd.DataFrame(known).groupby(rows["item_id"].astype("str")).sum().astype("int64")
    return found.reset_index()


def find_newest_day(
    college: College, term: Term, work: Work, week: int, *, marked: bool
) -> date | None:
    """Return the newest day, up to the end of a week, on which work was handed in, or marked.

    Args:
        college: the college to read.
        term: work of other terms does not count.
        work: assignments or quizzes.
        week: later days do not count.
        marked: whether only work with a mark counts; its day is then that on which the mark became
            known, or else that of handing in.

    Returns:
        The day; None where there is none.
    """
    sums = sum_up_items(college, term, f"{work}_submissions", week)
    newest = sums.dropna(subset="item_id")["newest_marked" if marked else "newest_day"].max()
    return None if pd.isna(newest) else newest.date()


def read_extensions(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the items whose due week is another one for a student, or that are not due at all.

    Returns:
        student_id, item_id, week (the new due week; NaN where the student is exempt); unique by the
        first two. Of several rows of a student about an item, the one that counts decides.
    """
    rows = _read_extended(college, term, work)
    moved = rows["due_week_override"].notna() | rows["exempt"]
    rows = rows[moved & rows["listed"]].drop_duplicates(["student_id", f"{work}_id"])
    counted = rows[f"{work}_id"].isin(read_items(college, term, work)["item_id"])
    found = pd.DataFrame(
        {
            "student_id": rows["student_id"].astype("str"),
            "item_id": rows[f"{work}_id"].astype("str"),
            "week": rows["due_week_override"].mask(rows["exempt"]).astype("float64"),
        }
    )
    return found[counted].reset_index(drop=True)


@keep(len(WORKS))
def _read_extended(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the `rows` of work, each with the extension of the row that counts for its item.

    An extension has no day from which it is known, so one row decides in every week: else work that
    is due in one week could be found done in another. `exempt` is a bool.
    """
    name = f"{work}_submissions"
    rows = read_rows(college, term, name)
    if _has_repeated(college, term, name):
        natural, moved = list(RELATIONS[name].natural), ["due_week_override", "exempt"]
        counted = drop_repeated(rows[rows["listed"]], name)[[*natural, *moved]]
        rows = rows.drop(columns=moved).merge(counted, on=natural, how="left")
    # A week that no term has is no extension: some columns have 0 where there is none.
    moved_to = rows["due_week_override"]
    real = moved_to.between(1, college.params.calendar.weeks_per_semester)
    return rows.assign(
        due_week_override=moved_to.where(real),
        exempt=rows["exempt"].fillna(False).astype("bool"),
    )


@keep(LATELY)
def _find_known(college: College, term: Term, work: Work, known_by: date) -> pd.DataFrame:
    """Return the submissions or attempts that were known by a day, one for each student and item.

    Returns:
        As `_join_items`, with mark, quality and similarity NaN where they were not known by then,
        done (whether it was handed in or attempted), item_marked and item_judged (whether any mark,
        or quality, of the item was known).
    """
    day = pd.Timestamp(known_by)
    rows = _join_items(college, term, work)
    rows = rows[_find_counted(college, term, f"{work}_submissions", day)[rows["row"]]]
    judged = _is_judged(rows, day, _find_lag(college, term))
    done = (
        # A submission without a date is handed in once its mark is known.
        rows["handed_in"].notna() | (judged & rows["has_marks"])
        if work == "assignment"
        else rows["attempted"]
    )
    percents = {name: rows[name].where(judged) for name in ("mark", "quality", "similarity")}
    rows = rows.assign(**percents, done=done)
    known = rows[["mark", "quality"]].notna().groupby(rows["item"]).transform("any")
    return rows.assign(item_marked=known["mark"], item_judged=known["quality"])


def _find_counted(college: College, term: Term, name: str, day: pd.Timestamp) -> np.ndarray:
    """Return which of the `rows` of work count: no later ones, of no unknown class, none twice."""
    rows = read_rows(college, term, name)
    given = rows[RELATIONS[name].day]
    # What has no day of its own is known from when its mark is.
    late = (given > day) | (given.isna() & (rows["marked_on"] > day))
    counted = (rows["listed"] & ~late).to_numpy(dtype="bool", copy=True)
    # Where no row repeats another, none of a part of them does.
    if _has_repeated(college, term, name):
        counted[counted] = ~is_repeated(rows[counted], name)
    return counted


@keep(LATELY)
def _has_repeated(college: College, term: Term, name: str) -> bool:
    return bool(is_repeated(read_rows(college, term, name), name).any())


def _find_lag(college: College, term: Term) -> timedelta:
    """Return how long after handing in a mark without a day counts as known.

    In the term in session, a mark that is there is known. In a past term all marks are there, so
    the day of an undated mark is estimated from the day of handing in.
    """
    return timedelta(days=0 if term.current else college.params.forecast.marking_lag_days)


def _is_judged(rows: pd.DataFrame, day: pd.Timestamp, lag: timedelta) -> pd.Series:
    """Return whether the mark of each row was known by a day."""
    marked_on, handed_in = rows["marked_on"], rows["handed_in"]
    in_time = handed_in.isna() | (handed_in <= day - lag)
    return (marked_on <= day) | (marked_on.isna() & in_time)


# Of the term in hand; its weeks differ in what was known.
@keep(len(WORKS))
def _join_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return the rows about items, optional ones included, each with its item.

    Args:
        college: the college to read.
        term: the term of the items.
        work: assignments or quizzes.

    Returns:
        row (the number of the row in `read_rows`), student_id and item_id (categories), item (a
        number of the item), handed_in, marked_on, has_marks (bool), mark, quality and similarity
        (percent), attempted (true for assignments), moved_to (week), exempt (bool), and of the item
        class_id, due_week, optional (bool) and place (its row in `read_places`). A row about an
        item that several classes share is there for each of them.
    """
    name, key = f"{work}_submissions", f"{work}_id"
    rows = _read_extended(college, term, work)
    assignment = work == "assignment"
    nothing = pd.Series(np.nan, index=rows.index)
    frame = pd.DataFrame(
        {
            "row": np.arange(len(rows)),
            "student_id": rows["student_id"],
            "item_id": rows[key],
            "handed_in": rows[RELATIONS[name].day],
            "marked_on": rows["marked_on"],
            "marks": rows["marks_obtained"],
            "has_marks": rows["marks_obtained"] >= 0,
            "score": nothing if assignment else clip_percents(rows["score_pct"]),
            "quality": clip_percents(rows["quality_pct"]) if assignment else nothing,
            "similarity": clip_percents(rows["plagiarism_pct"]) if assignment else nothing,
            "attempted": assignment or rows["attempted"].fillna(False).astype("bool"),
            "moved_to": rows["due_week_override"],
            "exempt": rows["exempt"],
        }
    )
    items = read_all_items(college, term, work)
    place = items.groupby(PLACE, dropna=False, sort=False).ngroup()
    names = ["item_id", "class_id", "due_week", "max_marks", "optional"]
    joined = join_items(frame, "item_id", items[names].assign(place=place))
    percent = compute_percents(joined["marks"], joined["max_marks"])
    mark = joined.pop("score").fillna(percent)
    return joined.drop(columns=["marks", "max_marks"]).assign(mark=mark)
