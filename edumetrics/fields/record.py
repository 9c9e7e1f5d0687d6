"""The records that tables are made of: a column, a table, a relation of the college."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["text", "int", "float", "bool", "date", "time", "json"]
Ends = Literal["", "null", "last day"]
Shape = Literal["", "record", "records", "texts"]
UNKNOWN = "not known"


# What a number of a college is believed to be, where its field has no bounds of its own: what a
# column of 32 bits holds, or what no college counts.
WHOLE, ANY = (-(2.0**31), 2.0**31 - 1), (-1e9, 1e9)


@dataclass(frozen=True)
class Field:
    """A column.

    Attributes:
        name, kind: the column.
        meaning: what it holds.
        null: what null means; empty where the column is never null.
        unit: of the values.
        low, high: what is possible.
        wide: for a column of a college: outside of these bounds a number is no value of the column,
            within them an impossible one is clipped.
        ends: what a day far ahead means where a day is the end of something: null, which is open
            too, or the last day that is believed.
        shape, keys: what a column of JSON holds: a record, a list of records with these keys (and
            perhaps more), or a list of texts.
    """

    name: str
    kind: Kind
    meaning: str
    null: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    wide: tuple[float, float] | None = None
    ends: Ends = ""
    shape: Shape = ""
    keys: frozenset[str] = frozenset()

    @property
    def bounds(self) -> tuple[float, float]:
        """The lowest and the highest number that is read as a value of the column."""
        return self.wide or (WHOLE if self.kind == "int" else ANY)


class Count(NamedTuple):
    """What a feed counts of a student and week.

    `metric` is the column of weekly_metrics, `column` that of the relation. `how` says what becomes
    of several rows: their sum, the highest, or how many rows there are.
    """

    metric: str
    column: str
    how: Literal["sum", "highest", "rows"]


@dataclass(frozen=True)
class TableRecord:
    """A table: its columns, and which of them are its key."""

    name: str
    meaning: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    def __getitem__(self, name: str) -> Field:
        """Return the field of that name; KeyError when there is none."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no column {name}")

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def computed(self) -> list[str]:
        """Columns that scoring and triage fill in; the stage adds the others."""
        return [name for name in self.names if name not in ("term", "run_id", "computed_at")]


@dataclass(frozen=True)
class RelationRecord(TableRecord):
    """A canonical relation of the college: everything that any part needs to know about it.

    Attributes:
        natural: the columns that must be unique in a college's data; the highest `key` wins
            otherwise.
        optional: whether it is used only where it exists.
        essential: whether no college can do without it.
        unread: columns that may be mapped, but are never asked for.
        label: what reports call its rows; data health checks the rows of a relation with a label.
        week: the column with the semester week of a row.
        day: the column that dates a row, and says how fresh the relation is.
        known: the column with the day on which a mark or result became known.
        parent: the relation that its rows are about, where they have no semester of their own.
        refers: (column, relation): ids that stand for rows of another relation.
        feed: whether it comes week by week, so that it can stop.
        entry: the columns of which a feed has one row a week.
        counts: what scoring counts of a feed.
        finished: the yes or no by which of repeated rows one goes before the others, whatever its
            key: an attempt that was finished.
        unites: whether a row without a subject holds the union over all subjects.
    """

    natural: tuple[str, ...] = ()
    optional: bool = False
    essential: bool = False
    unread: tuple[str, ...] = ()
    label: str = ""
    week: str = ""
    day: str = ""
    known: str = ""
    parent: str = ""
    refers: tuple[tuple[str, str], ...] = ()
    feed: bool = False
    entry: tuple[str, ...] = ()
    counts: tuple[Count, ...] = ()
    finished: str = ""
    unites: bool = False

    @property
    def repeats(self) -> bool:
        """Whether equal rows of one student are normal, as with two loans of one day."""
        return any(count.how == "rows" for count in self.counts)


def text(name: str, meaning: str, null: str = "") -> Field:
    """Return a text column."""
    return Field(name, "text", meaning, null)


def integer(
    name: str,
    meaning: str,
    null: str = "",
    unit: str = "",
    low: float | None = 0,
    high: float | None = None,
    wide: float | None = None,
) -> Field:
    """Return a column of whole numbers, not negative unless `low` says so."""
    return Field(name, "int", meaning, null, unit, low, high, (-wide, wide) if wide else None)


def number(
    name: str,
    meaning: str,
    null: str = "",
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    wide: float | None = None,
) -> Field:
    """Return a column of numbers."""
    return Field(name, "float", meaning, null, unit, low, high, (-wide, wide) if wide else None)


def percent(name: str, meaning: str, null: str = "") -> Field:
    """Return a column of percentages, 0..100."""
    return Field(name, "float", meaning, null, "percent", 0, 100, (-1000, 1000))


def share(name: str, meaning: str, null: str = "") -> Field:
    """Return a column of shares, 0..1."""
    return Field(name, "float", meaning, null, "share", 0, 1)


def day(name: str, meaning: str, null: str = "", *, ends: Ends = "") -> Field:
    """Return a column of days."""
    return Field(name, "date", meaning, null, ends=ends)


def json_text(
    name: str, meaning: str, null: str = "", *, shape: Shape, keys: tuple[str, ...] = ()
) -> Field:
    """Return a column of JSON."""
    return Field(name, "json", meaning, null, shape=shape, keys=frozenset(keys))


def flag(name: str, meaning: str, null: str = "") -> Field:
    """Return a column of yes or no."""
    return Field(name, "bool", meaning, null)


STUDENT = text("student_id", "the student")
CLASS = text("class_id", "the class")
SUBJECT = text("subject_id", "the subject")
SEMESTER = integer("semester", "which semester of the degree", low=1)
