"""Ids: keys that repeat where a join gives rows several times, and ids that stand for nothing."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from edumetrics.college.mapping import Relation
from edumetrics.college.plausible.rows import Found
from edumetrics.college.source import College, Condition, Term

# Per cent of rows, classes or students from which on it is no longer dirt.
REPEATED_KEY, REPEATED, UNKNOWN, GONE = 2, 20, 20, 90
REFERENCES = (
    ("students", "class_id", "classes"),
    ("students", "advisor_id", "advisors"),
    ("attendance", "student_id", "students"),
    ("attendance", "subject_id", "subjects"),
    ("assignment_definitions", "class_id", "classes"),
    ("assignment_definitions", "subject_id", "subjects"),
    ("quiz_definitions", "class_id", "classes"),
    ("quiz_definitions", "subject_id", "subjects"),
    ("exam_schedule", "class_id", "classes"),
    ("exam_schedule", "subject_id", "subjects"),
    ("assignment_submissions", "student_id", "students"),
    ("assignment_submissions", "assignment_id", "assignment_definitions"),
    ("quiz_submissions", "student_id", "students"),
    ("quiz_submissions", "quiz_id", "quiz_definitions"),
    ("library_visits", "class_id", "classes"),
    ("library_visits", "student_id", "students"),
    ("book_borrows", "class_id", "classes"),
    ("book_borrows", "student_id", "students"),
    ("lms_activity", "class_id", "classes"),
    ("lms_activity", "student_id", "students"),
    ("exam_results", "student_id", "students"),
    ("exam_results", "schedule_id", "exam_schedule"),
    ("enrolments", "student_id", "students"),
    ("enrolments", "subject_id", "subjects"),
    ("assignment_definitions", "subject_id", "enrolments"),
    ("quiz_definitions", "subject_id", "enrolments"),
    ("excuses", "student_id", "students"),
)


def found(college: College, term: Term) -> Iterator[Found]:
    """Keys that repeat in a term, and ids that are not known."""
    yield from _repeated(college, term)
    yield from _unknown(college, term)


def _own(relation: Relation, term: Term) -> Condition:
    """The rows of the term, where a relation's rows say of which they are; else all."""
    names = relation.table.names
    return term.within(relation) if {"class_id", "semester"} <= set(names) else sa.true()


def _repeated(college: College, term: Term) -> Iterator[Found]:
    """Keys that repeat: the sign of a join that gives each row several times."""
    for name, relation in college.relations.items():
        if relation is None or relation.unique:
            continue
        for key, most in ((relation.table.key, REPEATED_KEY), (relation.table.natural, REPEATED)):
            rows, extra = _extra(college, relation, term, key) if key else (0, 0)
            if extra >= 3 and 100 * extra >= most * rows:
                said = f"{extra} of {rows} rows repeat the same {', '.join(key)}: does a join give rows several times?"
                yield Found(name, key[0], extra, said)
                break


def _extra(
    college: College, relation: Relation, term: Term, key: tuple[str, ...]
) -> tuple[int, int]:
    columns = [relation.c[name] for name in key]
    groups = sa.select(sa.func.count().label("n")).where(
        _own(relation, term), *(c.is_not(None) for c in columns)
    )
    n = groups.group_by(*columns).subquery("groups").c.n
    total = [sa.func.coalesce(sa.func.sum(value, type_=sa.Integer), 0).label(label)
             for label, value in (("rows", n), ("extra", n - 1))]  # fmt: skip
    counts = college.frame(sa.select(*total), relation.table.name).iloc[0]
    return int(counts["rows"]), int(counts["extra"])


def _unknown(college: College, term: Term) -> Iterator[Found]:
    """Ids that stand for nothing: the sign of a column that holds another kind of id."""
    for name, column, target in REFERENCES:
        relation, about = college.relations[name], college.relations[target]
        if relation is None or about is None or column not in relation.present:
            continue
        key = column if target == "enrolments" else about.table.key[0]
        known = relation.c[column].in_(sa.select(about.c[key]))
        odd = sa.case((sa.func.coalesce(known, sa.false()), 0), else_=1)
        wanted = sa.select(
            sa.func.count().label("rows"),
            sa.func.coalesce(sa.func.sum(odd, type_=sa.Integer), 0).label("odd"),
        )
        if relation.table[column].null:
            wanted = wanted.where(relation.c[column].is_not(None))
        # Rows of unknown classes are of no term: of classes that are no longer listed there may be many.
        whole = column == "class_id" and name != "students"
        counts = college.frame(wanted if whole else wanted.where(_own(relation, term)), name).iloc[
            0
        ]
        rows, unknown = int(counts["rows"]), int(counts["odd"])
        if unknown >= 3 and 100 * unknown >= (GONE if whole else UNKNOWN) * rows:
            said = f"{unknown} of {rows} are empty, or not in {target}.{key}: do the two hold one kind of id?"
            yield Found(name, column, unknown, said)
