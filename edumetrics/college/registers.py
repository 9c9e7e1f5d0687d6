"""The registers of a college, its largest relation: one pass sums up all that a week asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.people import PeopleReader
from edumetrics.college.reader import build_term_condition
from edumetrics.database import Grouping, make_empty_frame
from edumetrics.params import Params

# What a college without registers has.
NO_REGISTERS = make_empty_frame(
    student_id="str", class_id="str", semester="int64", week="int64", held="float64",
    present="float64", registers="int64", odd="int64", week_date="datetime64[us]",
    subject_id="str", lectures="float64", attended="float64", lectures_held="float64",
    times="int64",
)  # fmt: skip
Columns = sa.ColumnCollection[str, sa.ColumnElement[Any]]
Classes = frozenset[tuple[str, int]]
# The ways in which registers are summed up, and by what.
Sums = Literal["weeks", "subjects", "subject weeks", "lectures"]
KEYS: dict[Sums, tuple[str, ...]] = {
    "weeks": ("student_id", "class_id", "semester", "week"),
    "subjects": ("student_id", "class_id", "subject_id"),
    "subject weeks": ("student_id", "class_id", "subject_id", "week"),
    "lectures": ("class_id", "subject_id", "week", "lectures_held"),
}


def build_marked(c: Columns) -> sa.Case[int]:
    """Return 1 for a register that was marked, else 0, from its present and lectures_held."""
    # In SQL a comparison with null is not true: null values end in `else_`, so as unmarked.
    return sa.case((sa.and_(c.present >= 0, c.lectures_held >= 0), 1), else_=0)


def _sum_weeks(c: Columns) -> dict[str, sa.ColumnElement[Any]]:
    lectures, over = build_lectures(c), c.present > c.lectures_held
    odd = sa.case((sa.or_(c.marked == 0, over, c.unread == 1), 1), else_=0)
    # The types of the results are stated: some databases return the sum of integers as a decimal.
    # Lectures may be halves.
    return {
        "held": sa.func.sum(lectures["held"], type_=sa.Double),
        "present": sa.func.sum(lectures["present"], type_=sa.Double),
        "registers": sa.func.count(),
        "odd": sa.func.sum(odd, type_=sa.Integer),
        "week_date": sa.func.max(c.week_date, type_=sa.Date),
    }


def _sum_subjects(c: Columns) -> dict[str, sa.ColumnElement[Any]]:
    """Return the lectures of registers with any; null where there is none."""
    told = sa.and_(c.marked == 1, c.lectures_held > 0)
    lectures = build_lectures(c)
    return {
        "lectures": sa.func.sum(sa.case((told, lectures["held"])), type_=sa.Double),
        "attended": sa.func.sum(sa.case((told, lectures["present"])), type_=sa.Double),
    }


TOTALS: dict[Sums, Callable[[Columns], dict[str, sa.ColumnElement[Any]]]] = {
    "weeks": _sum_weeks,
    "subjects": _sum_subjects,
    "subject weeks": _sum_subjects,
    "lectures": lambda c: {"times": sa.func.count()},
}


def build_lectures(c: Columns) -> dict[str, sa.ColumnElement[Any]]:
    """Return how many lectures a register counts as held and as present.

    `c` has marked (1 or 0), lectures_held and present. An unmarked register counts 0; present above
    held is clipped.
    """
    # The order of the branches matters: an unmarked register may also have more present than held.
    over = c.present > c.lectures_held
    return {
        "held": sa.case((c.marked == 1, c.lectures_held), else_=0),
        "present": sa.case((c.marked == 0, 0), (over, c.lectures_held), else_=c.present),
    }


class RegisterReader(PeopleReader):
    """Reads registers, summed up in several ways."""

    def __init__(
        self, connections: sa.Connection | Mapping[str, sa.Connection], params: Params
    ) -> None:
        super().__init__(connections, params)
        self._expected: tuple[Sums, ...] = ("weeks",)
        # What was read, by the classes asked for and the last week, for each way.
        self._registers: dict[tuple[Sums, Classes], tuple[int, pd.DataFrame]] = {}

    def expect_whole_week(self, *, part: bool = False) -> None:
        """Let the first pass over the registers sum up all that a week asks for.

        `part`: whether only a part of a large college is read. What is judged of the whole of a
        large college needs no sums of each student.
        """
        # Else each way costs a pass of its own, and those who ask for one way would pay for all.
        if part or not self.large:
            self._expected = ("weeks", "subjects", "lectures")

    def reads_registers(self, relation: Relation) -> bool:
        """Return whether the registers of the classes in session are read in any case.

        Where they are not, the dates of their weeks are a small query of their own. Repeated
        registers may have other dates, so those that count have to be found first.
        """
        return not self.large and (len(self._expected) > 1 or not relation.unique)

    def read_registers(self, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        """Return the registers of weeks 1..until, summed per student, class, semester and week.

        Registers of the class-semesters in `class_semesters` count, and those of unknown classes in
        the same semesters. Attendance is the college's largest relation: it is read once, and a
        frame of more weeks also serves fewer weeks.

        Returns:
            student_id, class_id, semester, week, held and present (lectures, summed over subjects
            without unmarked registers; halves too), registers (count), odd (count of registers that
            were unmarked, clipped or unreadable), week_date (the latest date, NaT where none is
            dated). Every student and week with a register has a row; held is 0 where no register
            was marked.
        """
        frame = self._read_sums("weeks", class_semesters, until)
        return frame[frame["week"] <= until] if frame["week"].max() > until else frame

    def read_attendance_by_subject(self, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        """Return what each student was held and attended in each subject, in weeks 1..until.

        Returns:
            student_id, subject_id (unique together), held and attended (lectures of marked
            registers, clipped). A student and subject without a lecture has no row.
        """
        known, _ = self._registers.get(("weeks", _identify(class_semesters)), (until, None))
        # Weeks are replayed one after the other: their sums are taken from one frame by week.
        way: Sums = "subjects" if known <= until else "subject weeks"
        frame = self._read_sums(way, class_semesters, max(known, until))
        if way == "subject weeks":
            frame = frame[frame["week"] <= until]
        frame = frame[frame["class_id"].isin(class_semesters["class_id"])]
        sums = frame.groupby(["student_id", "subject_id"], dropna=False, sort=False)
        totals = sums[["lectures", "attended"]].sum(min_count=1).dropna().reset_index()
        return totals.rename(columns={"lectures": "held"})

    def read_lectures_held(self, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        """Return how many registers of each class, subject and week have how many lectures.

        Returns:
            class_id, subject_id, week, lectures_held (above 0), times (count).
        """
        frame = self._read_sums("lectures", class_semesters, until)
        own = frame["class_id"].isin(class_semesters["class_id"]) & (frame["week"] <= until)
        return frame[own & (frame["lectures_held"] > 0)]

    def _read_sums(self, way: Sums, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        classes = _identify(class_semesters)
        known, frame = self._registers.get((way, classes), (0, pd.DataFrame()))
        # Only what has weeks serves fewer of them.
        if known < until or (way == "subjects" and known != until):
            ways = self._expected if way in self._expected else (way,)
            for name, read in zip(ways, self._sum_up(class_semesters, until, ways), strict=True):
                self._registers[name, classes] = until, read
            return self._registers[way, classes][1]
        return frame

    def _sum_up(
        self, class_semesters: pd.DataFrame, until: int, ways: tuple[Sums, ...]
    ) -> list[pd.DataFrame]:
        """Return the registers of weeks 1..until, summed up in some ways, in one pass."""
        relation = self.relations["attendance"]
        if relation is None:
            return [NO_REGISTERS for _ in ways]
        rows = self._select_registers(relation, class_semesters, until)
        r = self.keep_one_per_key(
            rows, relation, class_semesters, (*relation.table.natural, "listed")
        )
        groupings = [Grouping(KEYS[way], TOTALS[way](r.c)) for way in ways]
        return self.read_groupings(r, groupings, "attendance")

    def _select_registers(
        self, relation: Relation, class_semesters: pd.DataFrame, until: int
    ) -> sa.Select[Any]:
        c = relation.c
        semesters = [int(semester) for semester in class_semesters["semester"].unique()]
        # Data health counts the rows of unknown classes. Reading them here saves a second scan.
        scope = sa.or_(
            build_term_condition(class_semesters, relation),
            sa.and_(c.semester.in_(semesters), ~self.is_known_class(relation)),
        )
        names = ("id", *relation.table.natural, "class_id", "week_date", "lectures_held", "present")
        unread = relation.is_any_unreadable("week_date", "lectures_held", "present")
        rows = sa.select(
            *(c[name] for name in names),
            build_marked(c).label("marked"),
            sa.case((unread, 1), else_=0).label("unread"),
        )
        rows = rows.where(scope, c.week.between(1, until))
        if self.has_duplicates(relation, class_semesters):
            # Data health counts rows of unknown classes, but these rows must not displace a row
            # that counts. So duplicates are only looked for among rows of the same kind.
            rows = rows.add_columns(
                sa.case((self.is_known_class(relation), 1), else_=0).label("listed")
            )
        return rows


def _identify(class_semesters: pd.DataFrame) -> Classes:
    return frozenset(zip(class_semesters["class_id"], class_semesters["semester"], strict=True))
