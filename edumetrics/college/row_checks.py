"""The checks of rows: which problems a relation's rows can have, as SQL conditions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.reader import Condition, Reader, order_repeated
from edumetrics.database import build_materialized_cte
from edumetrics.fields import Field, RelationRecord
from edumetrics.types import DEFINITIONS

if TYPE_CHECKING:
    from edumetrics.college.terms import Term

# What ends the code of a check of a column's values.
UNREADABLE = "unreadable"
# The code of the check for rows that repeat each other.
DUPLICATE = "duplicate"


@dataclass(frozen=True)
class RowCheck:
    """A kind of finding.

    Attributes:
        code: its name, as in `relation: code`.
        condition: the SQL condition that a row has the problem.
        sentence: a sentence about such rows, with {n}, {s} and {were} for their count; empty where
            it depends on what is found.
        among: the condition that a row could have it; every row could where it is None.
        column: the column whose values are meant; empty where it is the row.
    """

    code: str
    condition: Condition
    sentence: str
    among: Condition | None = None
    column: str = ""


@dataclass(frozen=True)
class Parent:
    """What submissions or results are about.

    Attributes:
        rows: a CTE with the key of each item or exam, once, and here.
        key: the name of the key, the same in both relations.
    """

    rows: sa.CTE
    key: str

    @property
    def id(self) -> sa.ColumnElement[Any]:
        """The column of the key; after an outer join, null for an item that is not listed."""
        return self.rows.c[self.key]

    @property
    def here(self) -> sa.ColumnElement[Any]:
        """1 where an item is of the term, else 0."""
        return self.rows.c.here


def find_parent(college: Reader, record: RelationRecord, term: Term) -> Parent | None:
    """Return what the rows of a relation are about; None if they have a class and semester."""
    parent = college.find_parent(record.name)
    if parent is None:
        return None
    key = parent.table.key[0]
    here = sa.func.max(sa.case((term.build_condition(parent), 1), else_=0), type_=sa.Integer)
    # Several classes may share an item: its rows are there once all the same.
    rows = sa.select(parent.c[key], here.label("here")).group_by(parent.c[key])
    return Parent(build_materialized_cte(rows, "parents"), key)


def list_row_checks(
    college: Reader, relation: Relation, parent: Parent | None, term: Term
) -> list[RowCheck]:
    """Return all checks of single rows of a relation, in the order of the findings."""
    checks = (
        [
            *_list_stranger_checks(college, relation, parent),
            *_list_value_checks(relation),
            *_list_weekly_checks(relation),
        ]
        if relation.table.label
        # Of relations that no report names everything in the table is looked at.
        else [*_list_current_strangers(college, relation, term), *_list_span_checks(relation)]
    )
    return checks + _list_unreadable_checks(relation)


def _list_current_strangers(college: Reader, relation: Relation, term: Term) -> list[RowCheck]:
    """Return the checks for classes, students and subjects that the college does not list.

    Only rows that are not known to be older than the term: a college may keep old ones of people
    and classes that it no longer lists. A semester alone does not tell: its number comes again
    every year.
    """
    kinds = {"classes": _make_class_check, "students": _make_student_check}
    # An exam or an item may be of no subject that is listed; who is enrolled in one takes nothing.
    if relation.table.name == "enrolments":
        kinds["subjects"] = _make_subject_check
    made = [
        kinds[to](college, relation)
        for _, to in relation.table.refers
        if to in kinds and college.relations[to] is not None
    ]
    concerns = _find_current(relation, term) if made else None
    if concerns is None:
        return []
    return [replace(one, condition=sa.and_(one.condition, concerns)) for one in made]


def _find_current(relation: Relation, term: Term) -> Condition | None:
    """Return the condition that a row may be about a term; None where no column could say so."""
    c, first, semesters = relation.c, date.fromisoformat(term.name), sorted(term.semesters)
    match relation.table.name:
        case "enrolments":
            lasts = sa.or_(c["to"].is_(None), c["to"] >= first)
            return sa.and_(c.semester.in_(semesters), lasts)
        case "excuses":
            return sa.func.coalesce(c["to"], c["from"]) >= first
        case "exam_schedule":
            ahead = sa.or_(c.exam_date.is_(None), c.exam_date >= first)
            return sa.and_(c.semester.in_(semesters), ahead)
        # Where nobody is said to have left, students of earlier years have classes that are gone.
        case "students" if "withdrawn_on" in relation.present:
            here = sa.or_(c.withdrawn_on.is_(None), c.withdrawn_on >= first)
            return sa.and_(c.class_id.is_not(None), here)
    return None


def _list_span_checks(relation: Relation) -> list[RowCheck]:
    """Return the checks for ends before their beginnings, and for absences without one."""
    checks = [
        RowCheck(
            f"{last} before {first}",
            relation.c[last] < relation.c[first],
            f"{{n}} row{{s}} {{were}} found whose `{last}` comes before `{first}`.",
        )
        for first, last in (("from", "to"), ("joined_on", "withdrawn_on"))
        if last in relation.table.names
    ]
    if relation.table.name == "excuses":
        c, said = relation.c, "{n} row{s} without a first day {were} left out."
        checks.append(RowCheck("no first day", c["from"].is_(None), said))
    return checks


def _list_stranger_checks(
    college: Reader, relation: Relation, parent: Parent | None
) -> list[RowCheck]:
    """Return the checks for classes, students and items that the college does not list."""
    checks = [_make_class_check(college, relation)]
    if "student_id" in relation.table.names:
        checks.append(_make_student_check(college, relation))
    if parent is not None:
        checks.append(
            RowCheck(
                "unknown item",
                parent.id.is_(None),
                "{n} row{s} of work or exams that the college does not list {were} left out.",
            )
        )
    return checks


def _make_class_check(college: Reader, relation: Relation) -> RowCheck:
    said = "{n} row{s} of a class that the college does not list {were} left out."
    if relation.table.name == "students":
        said = "{n} {were} entered for a class that the college does not list; registers decide."
    return RowCheck("unknown class", ~college.is_known_class(relation), said)


def _make_subject_check(college: Reader, relation: Relation) -> RowCheck:
    unknown = ~_is_listed(college, relation, "subject_id", "subjects")
    return RowCheck(
        "unknown subject",
        sa.and_(relation.c.subject_id.is_not(None), unknown),
        "{n} row{s} {were} found of subjects that the college does not list.",
    )


def _make_student_check(college: Reader, relation: Relation) -> RowCheck:
    said = "{n} row{s} of students that the college does not list {were} left out."
    if relation.table.parent:
        said += " Work of a group needs a row for each member: join its members in the mapping."
    return RowCheck(
        "unknown student", ~_is_listed(college, relation, "student_id", "students"), said
    )


def _is_listed(college: Reader, relation: Relation, column: str, listing: str) -> Condition:
    """Return the condition that a relation lists the id in a column; false for a null id."""
    # The relation of the mapping, and not of `College`: an excluded student is a known one.
    listed = sa.select(college.relation(listing).c[column])
    return sa.func.coalesce(relation.c[column].in_(listed), sa.false())


def _list_value_checks(relation: Relation) -> list[RowCheck]:
    """Return the checks of percentages, marks and maxima."""
    c, checks = relation.c, []
    for column in ("quality_pct", "plagiarism_pct", "score_pct"):
        # A null value makes the condition null, so it is not counted.
        if column in relation.present:
            checks.append(
                RowCheck(
                    f"{column} out of range",
                    ~c[column].between(0, 100),
                    "{n} percentage{s} outside 0 to 100 {were} clipped.",
                )
            )
    if "marks_obtained" in relation.present:
        checks.append(
            RowCheck(
                "negative marks",
                c.marks_obtained < 0,
                "{n} negative mark{s} {were} taken as not marked.",
            )
        )
    if relation.table.name == "quiz_submissions":
        marked = sa.or_(c.marks_obtained > 0, c.score_pct > 0)
        checks.append(
            RowCheck(
                "mark without an attempt",
                sa.and_(c.attempted.is_(sa.false()), marked),
                "{n} mark{s} without an attempt {were} left out.",
            )
        )
    if relation.table.name in DEFINITIONS:
        unusable = sa.or_(c.max_marks.is_(None), c.max_marks <= 0)
        checks.append(
            RowCheck(
                "no maximum marks",
                unusable,
                "{n} item{s} without a maximum above 0 {were} taken as unmarked.",
            )
        )
    return checks


def _list_weekly_checks(relation: Relation) -> list[RowCheck]:
    c, name = relation.c, relation.table.name
    if name == "attendance":
        unmarked = sa.or_(
            c.present.is_(None), c.present < 0, c.lectures_held.is_(None), c.lectures_held < 0
        )
        return [
            RowCheck(
                "unmarked register",
                unmarked,
                "{n} unmarked register{s} {were} left out, lectures held included.",
            ),
            RowCheck(
                "present above held",
                # Below 0 the register is unmarked already, and must not count twice.
                sa.and_(c.present > c.lectures_held, c.lectures_held >= 0),
                "{n} register{s} with more lectures attended than held {were} clipped.",
            ),
        ]
    if name == "library_visits":
        return [
            RowCheck(
                "negative visits",
                c.physical_visits < 0,
                "{n} negative count{s} of visits {were} taken as none.",
            )
        ]
    if name == "lms_activity":
        return [
            RowCheck(
                "days out of range",
                ~c.active_days.between(0, 7),
                "{n} count{s} of active days outside 0 to 7 {were} clipped.",
            )
        ]
    return []


def _list_unreadable_checks(relation: Relation) -> list[RowCheck]:
    """Return a check for each column of a relation that can hold what is none of its kind."""
    return [
        RowCheck(
            f"{field.name} {UNREADABLE}",
            relation.is_unreadable(field.name),
            "",
            among=_find_values(relation, field),
            column=field.name,
        )
        for field in relation.table.fields
        if field.name in relation.doubtful
    ]


def _find_values(relation: Relation, field: Field) -> Condition:
    """Return the condition that a value stands in a column."""
    stood = relation.find_stood(field.name) == 1
    # What can be read stands there: of most values the database looks no further. An open end is
    # read as a day far ahead, and is none.
    return stood if field.ends else sa.or_(relation.c[field.name].is_not(None), stood)


def make_duplicate_check(relation: Relation) -> RowCheck:
    """Return the check for rows that lose against a row with the same natural key."""
    # As `College.keep_one_per_key` orders them: the row counted here is the row left out there.
    c = relation.c
    place = sa.func.row_number().over(
        partition_by=[c[name] for name in relation.table.natural],
        order_by=order_repeated(relation.table, c, relation.table.key[0]),
    )
    said = "{n} row{s} repeated the same entry; the one with the highest id counts."
    if relation.table.finished:
        said = "{n} row{s} {were} of further attempts; a finished one counts, the last of several."
    return RowCheck(DUPLICATE, place > 1, said)
