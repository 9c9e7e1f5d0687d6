"""Work: what was due for each student, what was handed in, and its marks, students by weeks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import FloatMatrix, Matrix, Roll, Vector, is_enrolled
from edumetrics.scoring.signals import Floats, divide
from edumetrics.types import Work as Kind

# What is counted of the items due: all, and those without a mark (a quality) of anybody yet.
COUNTED = ["all", "unmarked", "unjudged"]
# Students by weeks by `COUNTED`.
Counts = np.ndarray[tuple[int, int, int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Work:
    """Assignments or quizzes, students by weeks; only work that is due for the student counts.

    Attributes:
        due, done, marked: how many items fell due, were done, and have a mark.
        mark_sum: the sum of their marks, percent.
        handed_on: the latest day on which any of them was handed in, in days since 1970; 0 where
            none was.
        waiting: how many of the items missed have no mark of anybody yet: a class waits together,
            so that none of them counts 0 so far.
        judged, quality_sum, similarity: this week's judged assignments (count), the sum of their
            quality (percent), and the highest similarity report (percent; NaN where none was
            checked).
        waiting_quality: how many of this week's assignments missed have no quality of anybody yet.
        last_day: the latest day on which any work of this kind was handed in, in days since 1970,
            due or not; -1 where none was.
    """

    due: Matrix
    done: Matrix
    marked: Matrix
    mark_sum: FloatMatrix
    handed_on: Matrix
    waiting: Matrix
    judged: Vector
    quality_sum: Floats
    similarity: Floats
    waiting_quality: Vector
    last_day: Vector

    @property
    def missed(self) -> Matrix:
        """How many items due were not done, students by weeks."""
        # More may be done than is due in a week: missed work is never negative.
        return np.asarray(np.maximum(self.due - self.done, 0))

    @property
    def zeros(self) -> Matrix:
        """How many items not done count 0, students by weeks: of each, some mark is known."""
        return np.asarray(np.maximum(self.missed - self.waiting, 0))

    def take(self, rows: Vector) -> Work:
        """Return the same work for some students, in the order of `rows`."""
        return Work(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def collect_work(roll: Roll, facts: Facts, calendar: Calendar) -> tuple[Work, Work]:
    """Return the assignments and the quizzes of the students on a roll.

    An item is due in a week for a student if five conditions hold. The class of the student in
    that week is the class of the item. The student is enrolled in its subject on the last day of
    the week. The week counts for the student (`Roll.away`). The student is not exempt from it. No
    extension moves the item to another week; a moved item is due in its new week. Only teaching
    weeks up to the week of the roll count: an item that falls into any other week, moved or not, is
    never due.
    """
    weeks = [week for week in calendar.teaching_weeks if week <= roll.week]
    return (
        _collect_kind(roll, facts, "assignment", facts.assignments, facts.assignments_done, weeks),
        _collect_kind(roll, facts, "quiz", facts.quizzes, facts.quizzes_done, weeks),
    )


def _collect_kind(
    roll: Roll,
    facts: Facts,
    kind: Kind,
    items: pd.DataFrame,
    done: pd.DataFrame,
    weeks: list[int],
) -> Work:
    due, unmarked, unjudged = _count_kind(roll, facts, kind, items, weeks)
    size = len(roll.frame)
    counts = {
        name: np.zeros(roll.classes.shape, dtype=np.int64)
        for name in ("done", "marked", "done_unmarked")
    }
    handed_on = np.zeros_like(due)
    mark_sum = np.zeros(roll.classes.shape)
    judged, done_unjudged = (np.zeros(size, dtype=np.int64) for _ in range(2))
    quality, similarity = np.zeros(size), np.full(size, np.nan)
    last_day = np.full(size, -1, dtype=np.int64)
    if len(done) and size:
        rows = _add_last_day(_select_own(roll, done))
        # Before the filter below, because here all work counts that was handed in, due or not.
        np.maximum.at(last_day, rows["row"], rows["last_day"])
        rows = _select_due(roll, facts, rows, weeks)
        at = (rows["row"].to_numpy(), rows["week"].to_numpy())
        for name, matrix in counts.items():
            np.add.at(matrix, at, rows[name].to_numpy())
        np.add.at(mark_sum, at, rows["mark_sum"].fillna(0).to_numpy())
        np.maximum.at(handed_on, at, rows["last_day"].to_numpy())
        now = (
            rows[rows["week"] == roll.week]
            # Quizzes have no quality or similarity.
            if "judged" in rows
            else rows.assign(judged=0, done_unjudged=0, quality_sum=0.0, similarity=np.nan).iloc[:0]
        )
        np.add.at(judged, now["row"], now["judged"])
        np.add.at(done_unjudged, now["row"], now["done_unjudged"])
        np.add.at(quality, now["row"], now["quality_sum"].fillna(0))
        # `fmax` ignores NaN, where `maximum` would keep it.
        np.fmax.at(similarity, now["row"], now["similarity"])
    return Work(
        due=due,
        done=counts["done"],
        marked=counts["marked"],
        mark_sum=mark_sum,
        handed_on=handed_on,
        waiting=np.maximum(unmarked - counts["done_unmarked"], 0),
        judged=judged,
        quality_sum=quality,
        similarity=similarity,
        waiting_quality=np.maximum(unjudged[:, roll.week] - done_unjudged, 0),
        last_day=last_day,
    )


def _count_kind(
    roll: Roll, facts: Facts, kind: Kind, items: pd.DataFrame, weeks: list[int]
) -> tuple[Matrix, ...]:
    """Return a matrix for each of `COUNTED`, students by weeks.

    What is unmarked or unjudged is as known at the end of the student's own week.
    """
    found = np.zeros((*roll.classes.shape, len(COUNTED)), dtype=np.int64)
    known, ends = facts.known_marks[kind], roll.frame["week_end"]
    for end in ends.unique():
        now = known[known["known_by"] == end]
        marked, judged = (
            items["item_id"].isin(now.loc[now[what] > 0, "item_id"].unique())
            for what in ("marks", "qualities")
        )
        counted = items.assign(all=1, unmarked=~marked, unjudged=~judged)
        own = (ends == end).to_numpy()
        found[own] = _count_due(roll, facts, counted, facts.extensions[kind], weeks)[own]
    return tuple(np.moveaxis(found, -1, 0))


def collect_work_ahead(roll: Roll, facts: Facts) -> tuple[Floats, Floats]:
    """Return how many items are done that fall due later, and their mean mark (percent).

    Only items of the class of this week count: one that several classes share is there for each.
    """
    count, marked, total = (np.zeros(len(roll.frame)) for _ in range(3))
    if len(facts.ahead) and len(roll.frame):
        rows = _select_own(roll, facts.ahead)
        own = roll.find_class_semesters(rows) == roll.classes[rows["row"], roll.week]
        rows = rows[own]
        for sums, name in ((count, ""), (marked, "_marked"), (total, "_mark_sum")):
            np.add.at(sums, rows["row"], rows[f"ahead{name}"])
    return count, divide(total, marked)


def _select_own(roll: Roll, done: pd.DataFrame) -> pd.DataFrame:
    """Return rows of students on the roll, of their semester, as known by the end of their week."""
    row = roll.find_rows(done["student_id"])
    ends, semesters = roll.frame["week_end"].to_numpy(), roll.frame["semester"].to_numpy()
    kept = (
        (row >= 0)
        & (done["known_by"].to_numpy() == ends[row])
        & (done["semester"].to_numpy() == semesters[row])
    )
    rows: pd.DataFrame = done[kept].assign(row=row[kept])
    return rows


def _add_last_day(rows: pd.DataFrame) -> pd.DataFrame:
    day = rows["last_date"].to_numpy().astype("datetime64[D]")
    # A missing date converts to a huge negative number, so it is replaced.
    return rows.assign(last_day=np.where(np.isnat(day), -1, day.astype(np.int64)))


def _select_due(roll: Roll, facts: Facts, rows: pd.DataFrame, weeks: list[int]) -> pd.DataFrame:
    rows = rows[rows["week"].isin(weeks)].astype({"week": "int64"})
    row, week = rows["row"].to_numpy(), rows["week"].to_numpy()
    rows = rows[
        (roll.find_class_semesters(rows) == roll.classes[row, week]) & ~roll.away[row, week]
    ]
    if facts.enrolments is None or rows.empty:
        return rows
    return rows[is_enrolled(roll, facts.enrolments, rows)]


def _count_due(
    roll: Roll, facts: Facts, items: pd.DataFrame, extensions: pd.DataFrame, weeks: list[int]
) -> Counts:
    """Return how many items fall due, each as often as its columns of `COUNTED` say (0 or 1)."""
    due = np.zeros((*roll.classes.shape, len(COUNTED)), dtype=np.int64)
    items = items.assign(code=roll.find_class_semesters(items))
    # Items that were never due have no week; without them the column can be an integer.
    dated = items[items["due_week"].isin(weeks) & (items["code"] >= 0)].astype(
        {"due_week": "int64", **dict.fromkeys(COUNTED, "int64")}
    )
    if facts.enrolments is None:
        # Without enrolments all students of a class have the same work: count once per class.
        shape = (len(roll.class_semesters) + 1, roll.week + 1, len(COUNTED))
        by_class, at = np.zeros(shape, dtype=np.int64), dated[["code", "due_week"]].to_numpy().T
        np.add.at(by_class, tuple(at), dated[COUNTED].to_numpy())
        due += by_class[roll.classes, np.arange(roll.week + 1)]
    else:
        rows = _list_expected(roll, dated)
        rows = rows[is_enrolled(roll, facts.enrolments, rows)]
        np.add.at(due, tuple(rows[["row", "week"]].to_numpy().T), rows[COUNTED].to_numpy())
    if len(extensions):
        due += _count_moved(roll, facts, items, extensions, weeks)
    # Last, so that work moved into a week that does not count is not due either.
    due[roll.away] = 0
    return due


def _list_expected(roll: Roll, dated: pd.DataFrame) -> pd.DataFrame:
    """Return row, week, subject_id, `COUNTED`: what is due in each student's class, by subject."""
    # Week by week, because a student may change class in the semester.
    places = ["code", "due_week", "subject_id"]
    counts = dated.groupby(places, as_index=False, dropna=False)[COUNTED].sum()
    counts = counts.rename(columns={"due_week": "week"})
    found = []
    for week, part in counts.groupby("week"):
        students = pd.DataFrame(
            {"row": np.arange(len(roll.frame)), "code": roll.classes[:, int(str(week))]}
        )
        found.append(students.merge(part, on="code"))
    empty = pd.DataFrame(columns=["row", "week", "subject_id", *COUNTED]).astype(
        dict.fromkeys(("row", "week", *COUNTED), "int64")
    )
    return pd.concat(found, ignore_index=True) if found else empty


def _count_moved(
    roll: Roll, facts: Facts, items: pd.DataFrame, extensions: pd.DataFrame, weeks: list[int]
) -> Counts:
    """Return the change by extensions.

    It is one item less in the week in which it was due, and one more in the week in which it is
    due now.
    """
    change = np.zeros((*roll.classes.shape, len(COUNTED)), dtype=np.int64)
    moved = extensions.merge(items, on="item_id")
    moved = moved.assign(row=roll.find_rows(moved["student_id"])).query("row >= 0")
    for column, step in (("due_week", -1), ("week", 1)):
        part = moved[["row", "code", "subject_id", *COUNTED]].assign(week=moved[column])
        part = part[part["week"].isin(weeks)].astype(dict.fromkeys(("week", *COUNTED), "int64"))
        # Each week is tested by itself: the student may be in another class by the new week.
        part = part[roll.classes[part["row"], part["week"]] == part["code"]]
        if facts.enrolments is not None:
            part = part[is_enrolled(roll, facts.enrolments, part)]
        at = tuple(part[["row", "week"]].to_numpy().T)
        np.add.at(change, at, step * part[COUNTED].to_numpy())
    return change


def compute_mean_mark(parts: tuple[Work, ...], weeks: list[int]) -> Floats:
    """Return the mean mark (percent) of the work due in some weeks.

    Work that was not done counts 0, once some mark of the item is known. Work that was done but has
    no mark is left out. The mean is NaN where nothing is left.
    """
    total = sum(part.mark_sum[:, weeks].sum(axis=1) for part in parts)
    count = sum((part.marked + part.zeros)[:, weeks].sum(axis=1) for part in parts)
    return divide(np.asarray(total), np.asarray(count))
