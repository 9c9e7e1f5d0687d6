"""Work: what was due for whom, what was handed in, and how it was marked, students by weeks."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from edumetrics.params import Calendar
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import Matrix, Roll, Vector
from edumetrics.scoring.signals import Floats, divide

FloatMatrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True)
class Work:
    """Assignments or quizzes, students by weeks of the semester; only what is due for the student counts.

    Attributes:
        due, done, marked: how many items fell due, were done, and have a mark.
        mark_sum: sum of their marks, percent.
        handed_on: latest day on which any of them was handed in, in days since 1970; 0 where none was.
        judged, quality_sum, similarity: this week's judged assignments, the sum of their quality (percent), and the
            highest similarity report (percent; NaN where none was checked).
        last_day: latest day on which any of this work was handed in, in days since 1970; -1 where none was.
    """

    due: Matrix
    done: Matrix
    marked: Matrix
    mark_sum: FloatMatrix
    handed_on: Matrix
    judged: Vector
    quality_sum: Floats
    similarity: Floats
    last_day: Vector

    @property
    def missed(self) -> Matrix:
        """How many items due were not done."""
        return np.asarray(np.maximum(self.due - self.done, 0))

    def take(self, rows: Vector) -> Work:
        """The same of some students only, in the order given."""
        return Work(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


def collect(roll: Roll, facts: Facts, calendar: Calendar) -> tuple[Work, Work]:
    """Assignments and quizzes of the roll.

    An item is due in a week for every student whose class in that week is the item's, who is enrolled in its subject on
    the week's last day, who is not excused in that week, and for whom no extension moves it. Only teaching weeks up to
    the roll's count; an item whose week, moved or not, is another one is never due.
    """
    weeks = [week for week in calendar.teaching_weeks if week <= roll.week]
    extensions = facts.extensions
    return (
        _one_kind(roll, facts, facts.assignments, facts.assignments_done, extensions, weeks),
        _one_kind(roll, facts, facts.quizzes, facts.quizzes_done, extensions.iloc[:0], weeks),
    )


def _one_kind(
    roll: Roll,
    facts: Facts,
    items: pd.DataFrame,
    done: pd.DataFrame,
    extensions: pd.DataFrame,
    weeks: list[int],
) -> Work:
    due = _due(roll, facts, items, extensions, weeks)
    size = len(roll.frame)
    counts = {name: np.zeros(roll.classes.shape, dtype=np.int64) for name in ("done", "marked")}
    handed_on = np.zeros_like(due)
    mark_sum = np.zeros(roll.classes.shape)
    judged, quality, similarity = (
        np.zeros(size, dtype=np.int64),
        np.zeros(size),
        np.full(size, np.nan),
    )
    last_day = np.full(size, -1, dtype=np.int64)
    if len(done) and size:
        rows = _own(roll, done)
        np.maximum.at(last_day, rows["row"], rows["last_day"])
        rows = _counted(roll, facts, rows, weeks)
        at = (rows["row"].to_numpy(), rows["week"].to_numpy())
        for name, matrix in counts.items():
            np.add.at(matrix, at, rows[name].to_numpy())
        np.add.at(mark_sum, at, rows["mark_sum"].fillna(0).to_numpy())
        np.maximum.at(handed_on, at, rows["last_day"].to_numpy())
        now = (
            rows[rows["week"] == roll.week]
            if "judged" in rows
            else rows.assign(judged=0, quality_sum=0.0, similarity=np.nan).iloc[:0]
        )
        np.add.at(judged, now["row"], now["judged"])
        np.add.at(quality, now["row"], now["quality_sum"].fillna(0))
        np.fmax.at(similarity, now["row"], now["similarity"])
    return Work(
        due,
        counts["done"],
        counts["marked"],
        mark_sum,
        handed_on,
        judged,
        quality,
        similarity,
        last_day,
    )


def _own(roll: Roll, done: pd.DataFrame) -> pd.DataFrame:
    """Rows of students on the roll in their own semester, as known at the student's own week's end."""
    row = roll.rows(done["student_id"])
    ends, semesters = roll.frame["week_end"].to_numpy(), roll.frame["semester"].to_numpy()
    kept = (
        (row >= 0)
        & (done["known_by"].to_numpy() == ends[row])
        & (done["semester"].to_numpy() == semesters[row])
    )
    rows: pd.DataFrame = done[kept].assign(row=row[kept])
    day = rows["last_date"].to_numpy().astype("datetime64[D]")
    return rows.assign(last_day=np.where(np.isnat(day), -1, day.astype(np.int64)))


def _counted(roll: Roll, facts: Facts, rows: pd.DataFrame, weeks: list[int]) -> pd.DataFrame:
    """Of those, the rows of items that were due for the student."""
    rows = rows[rows["week"].isin(weeks)].astype({"week": "int64"})
    row, week = rows["row"].to_numpy(), rows["week"].to_numpy()
    rows = rows[(roll.pairing_codes(rows) == roll.classes[row, week]) & ~roll.excused[row, week]]
    if facts.enrolments is None or rows.empty:
        return rows
    return rows[_enrolled(roll, facts.enrolments, rows)]


def _due(
    roll: Roll, facts: Facts, items: pd.DataFrame, extensions: pd.DataFrame, weeks: list[int]
) -> Matrix:
    """How many items fall due, students by weeks."""
    due = np.zeros(roll.classes.shape, dtype=np.int64)
    items = items.assign(code=roll.pairing_codes(items))
    dated = items[items["due_week"].isin(weeks) & (items["code"] >= 0)].astype(
        {"due_week": "int64"}
    )
    if facts.enrolments is None:
        by_class = np.zeros((len(roll.pairings) + 1, roll.week + 1), dtype=np.int64)
        np.add.at(by_class, (dated["code"].to_numpy(), dated["due_week"].to_numpy()), 1)
        due += by_class[roll.classes, np.arange(roll.week + 1)]
    else:
        rows = _expected(roll, dated)
        rows = rows[_enrolled(roll, facts.enrolments, rows)]
        np.add.at(due, (rows["row"].to_numpy(), rows["week"].to_numpy()), rows["items"].to_numpy())
    if len(extensions):
        due += _moved(roll, facts, items, extensions, weeks)
    due[roll.excused] = 0
    return due


def _expected(roll: Roll, dated: pd.DataFrame) -> pd.DataFrame:
    """row, week, subject_id, items: what each student's class has due, subject by subject."""
    counts = dated.groupby(["code", "due_week", "subject_id"], as_index=False).size()
    counts = counts.rename(columns={"due_week": "week", "size": "items"})
    found = []
    for week, part in counts.groupby("week"):
        students = pd.DataFrame(
            {"row": np.arange(len(roll.frame)), "code": roll.classes[:, int(str(week))]}
        )
        found.append(students.merge(part, on="code"))
    empty = pd.DataFrame({"row": [], "week": [], "subject_id": [], "items": []}).astype(
        {"row": "int64", "week": "int64", "items": "int64"}
    )
    return pd.concat(found, ignore_index=True) if found else empty


def _moved(
    roll: Roll, facts: Facts, items: pd.DataFrame, extensions: pd.DataFrame, weeks: list[int]
) -> Matrix:
    """What extensions change: one less in the week the item was due, one more in the week it is due now."""
    change = np.zeros(roll.classes.shape, dtype=np.int64)
    moved = extensions.merge(items, on="item_id")
    moved = moved.assign(row=roll.rows(moved["student_id"])).query("row >= 0")
    for column, step in (("due_week", -1), ("week", 1)):
        part = moved[["row", "code", "subject_id"]].assign(week=moved[column])
        part = part[part["week"].isin(weeks)].astype({"week": "int64"})
        part = part[roll.classes[part["row"], part["week"]] == part["code"]]
        if facts.enrolments is not None:
            part = part[_enrolled(roll, facts.enrolments, part)]
        np.add.at(change, (part["row"].to_numpy(), part["week"].to_numpy()), step)
    return change


def _enrolled(roll: Roll, enrolments: pd.DataFrame, rows: pd.DataFrame) -> np.ndarray:
    """For each row (row, week, subject_id): whether the student is enrolled in the subject on the week's last day.

    Both ends of an enrolment are inclusive. A student of whom no enrolment is known in the semester takes all subjects.
    """
    if rows.empty:
        return np.zeros(0, dtype=bool)
    mine = enrolments.assign(row=roll.rows(enrolments["student_id"]))
    mine = mine[mine["row"] >= 0]
    mine = mine[mine["semester"].to_numpy() == roll.frame["semester"].to_numpy()[mine["row"]]]
    wanted = rows[["row", "week", "subject_id"]].reset_index(drop=True).reset_index(names="order")
    wanted["end"] = pd.to_datetime(roll.starts[wanted["row"], wanted["week"]] + 6, unit="D")
    matched = wanted.merge(mine[["row", "subject_id", "from", "to"]], on=["row", "subject_id"])
    matched = matched[~(matched["from"] > matched["end"]) & ~(matched["to"] < matched["end"])]
    return np.asarray(wanted["order"].isin(matched["order"]) | ~wanted["row"].isin(mine["row"]))


def mean_mark(parts: tuple[Work, ...], weeks: list[int]) -> Floats:
    """Mean mark (percent) of the work due in some weeks; work not done counts 0, done but unmarked work is left out.

    NaN where nothing is left to average.
    """
    total = sum(part.mark_sum[:, weeks].sum(axis=1) for part in parts)
    count = sum((part.marked + part.missed)[:, weeks].sum(axis=1) for part in parts)
    return divide(np.asarray(total), np.asarray(count))
