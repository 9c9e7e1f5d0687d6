"""The registers of a college, its largest relation: read once for all that a week asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.people import PeopleReader
from edumetrics.college.reader import build_term_condition
from edumetrics.database import make_empty_frame
from edumetrics.params import Params

# What a college without registers has.
NO_REGISTERS = make_empty_frame(
    student_id="str", class_id="str", semester="int64", week="int64", held="float64",
    present="float64", registers="int64", odd="int64", week_date="datetime64[us]",
)  # fmt: skip
Columns = sa.ColumnCollection[str, sa.ColumnElement[Any]]
# Lectures may be halves.
LECTURES = {"held": sa.Double, "present": sa.Double}


def build_marked(c: Columns) -> sa.Case[int]:
    """Return 1 for a register that was marked, else 0, from its present and lectures_held."""
    # In SQL a comparison with null is not true: null values end in `else_`, so as unmarked.
    return sa.case((sa.and_(c.present >= 0, c.lectures_held >= 0), 1), else_=0)


def build_lectures(r: sa.Subquery) -> dict[str, sa.ColumnElement[Any]]:
    """Return how many lectures a register counts as held and as present.

    `r` has marked (1 or 0), lectures_held and present. An unmarked register counts 0; present above
    held is clipped.
    """
    # The order of the branches matters: an unmarked register may also have more present than held.
    over = r.c.present > r.c.lectures_held
    return {
        "held": sa.case((r.c.marked == 1, r.c.lectures_held), else_=0),
        "present": sa.case((r.c.marked == 0, 0), (over, r.c.lectures_held), else_=r.c.present),
    }


class RegisterReader(PeopleReader):
    """Reads registers, summed over subjects."""

    def __init__(
        self, connections: sa.Connection | Mapping[str, sa.Connection], params: Params
    ) -> None:
        super().__init__(connections, params)
        # By the classes asked for: the last week that was read, and the registers up to it.
        self._registers: dict[frozenset[tuple[str, int]], tuple[int, pd.DataFrame]] = {}

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
        key = frozenset(zip(class_semesters["class_id"], class_semesters["semester"], strict=True))
        known, frame = self._registers.get(key, (0, pd.DataFrame()))
        if known < until:
            frame = self._load_registers(class_semesters, until)
            self._registers[key] = until, frame
        return frame if known == until else frame[frame["week"] <= until]

    def _load_registers(self, class_semesters: pd.DataFrame, until: int) -> pd.DataFrame:
        relation = self.relations["attendance"]
        if relation is None:
            return NO_REGISTERS
        c = relation.c
        semesters = [int(semester) for semester in class_semesters["semester"].unique()]
        # Data health counts the rows of unknown classes. Reading them here saves a second scan.
        scope = sa.or_(
            build_term_condition(class_semesters, relation),
            sa.and_(c.semester.in_(semesters), ~self.is_known_class(relation)),
        )
        marked = build_marked(c).label("marked")
        picked = [
            c[name]
            for name in (
                "id",
                *relation.table.natural,
                "class_id",
                "week_date",
                "lectures_held",
                "present",
            )
        ]
        unread = relation.is_any_unreadable("week_date", "lectures_held", "present")
        rows = sa.select(*picked, marked, sa.case((unread, 1), else_=0).label("unread"))
        rows = rows.where(scope, c.week.between(1, until))
        if self.has_duplicates(relation, class_semesters):
            # Data health counts rows of unknown classes, but these rows must not displace a row
            # that counts. So duplicates are only looked for among rows of the same kind.
            rows = rows.add_columns(
                sa.case((self.is_known_class(relation), 1), else_=0).label("listed")
            )
        r = self.keep_one_per_key(
            rows, relation, class_semesters, (*relation.table.natural, "listed")
        )
        over = r.c.present > r.c.lectures_held
        sums = {
            **build_lectures(r),
            "registers": sa.literal(1),
            "odd": sa.case((sa.or_(r.c.marked == 0, over, r.c.unread == 1), 1), else_=0),
        }
        keys = [r.c.student_id, r.c.class_id, r.c.semester, r.c.week]
        # The type of the result is stated: some databases return the sum of integers as a decimal.
        totals = [
            sa.func.sum(value, type_=LECTURES.get(name, sa.Integer)).label(name)
            for name, value in sums.items()
        ]
        dated = sa.func.max(r.c.week_date, type_=sa.Date).label("week_date")
        return self.read_frame(sa.select(*keys, *totals, dated).group_by(*keys), "attendance")
