"""Check the integrity of ids: keys that repeat, and ids that no other relation knows.

Keys repeat where a join in the mapping gives a row several times. Unknown ids are a sign of a
column that holds another kind of id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa

from edumetrics.college.checks.finding import MappingFinding
from edumetrics.college.mapping import Relation
from edumetrics.college.reader import Condition
from edumetrics.college.terms import College, Term
from edumetrics.database import build_materialized_cte
from edumetrics.fields import RELATIONS

# Percent of rows from which it is no longer dirty data: repeated keys, repeated natural keys,
# unknown ids, and unknown classes. A key never repeats in a table, so 2% are enough. A college may
# have removed many old classes, so 90% of the rows must be of unknown classes.
REPEATED_KEY, REPEATED, UNKNOWN, GONE = 2, 20, 20, 90


def check_keys(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield keys that repeat in a term, and ids that are not known."""
    yield from _check_repeated_keys(college, term)
    yield from _check_references(college, term)


def _build_term_condition(relation: Relation, term: Term) -> Condition:
    """Return the SQL condition for the term's rows; every row where rows have no semester."""
    names = relation.table.names
    return term.build_condition(relation) if {"class_id", "semester"} <= set(names) else sa.true()


def _check_repeated_keys(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield a finding per relation whose keys repeat: a join may give each row several times."""
    for name, relation in college.relations.items():
        # `unique` is only true of a table, and there no join can repeat rows.
        if relation is None or relation.unique:
            continue
        for key, most in ((relation.table.key, REPEATED_KEY), (relation.table.natural, REPEATED)):
            rows, extra = _count_repeats(college, relation, term, key) if key else (0, 0)
            if extra >= 3 and 100 * extra >= most * rows:
                said = (
                    f"{extra} of {rows} rows repeat the same {', '.join(key)}: "
                    "does a join give rows several times?"
                )
                yield MappingFinding(name, key[0], extra, said)
                break  # where the key repeats, the natural key does, too


def _count_repeats(
    college: College, relation: Relation, term: Term, key: tuple[str, ...]
) -> tuple[int, int]:
    """Return how many rows of the term have a key, and how many of them repeat another's key."""
    columns = [relation.c[name] for name in key]
    # GROUP BY puts all nulls into one group, so rows with a null in the key are left out.
    groups = sa.select(sa.func.count().label("n")).where(
        _build_term_condition(relation, term), *(c.is_not(None) for c in columns)
    )
    n = groups.group_by(*columns).subquery("groups").c.n
    total = [sa.func.coalesce(sa.func.sum(value, type_=sa.Integer), 0).label(label)
             for label, value in (("rows", n), ("extra", n - 1))]  # fmt: skip
    counts = college.read_frame(sa.select(*total), relation.table.name).iloc[0]
    return int(counts["rows"]), int(counts["extra"])


def _check_references(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield a finding per column whose ids are unknown: it may hold another kind of id."""
    for name, relation in college.relations.items():
        if relation is None:
            continue
        pairs = _list_references(college, relation)
        counts = _count_unknown(college, relation, term, pairs)
        for pair, (rows, unknown) in zip(pairs, counts, strict=True):
            if unknown >= 3 and 100 * unknown >= (GONE if pair.whole else UNKNOWN) * rows:
                said = (
                    f"{unknown} of {rows} are empty, or not in {pair.target}.{pair.key}: "
                    "do the two hold one kind of id?"
                )
                yield MappingFinding(name, pair.column, unknown, said)


class _Reference(NamedTuple):
    """A column of ids, the column that lists them, and whether rows of all terms are looked at."""

    column: str
    target: str
    key: str
    whole: bool


def _list_references(college: College, relation: Relation) -> list[_Reference]:
    """Return the columns of a relation that refer to a relation which the college has, too."""
    name = relation.table.name
    return [
        # The key of enrolments begins with student_id; here their subjects are meant. A row of an
        # unknown class belongs to no term, so rows of all terms must be looked at. Many may be of
        # classes that are no longer listed.
        _Reference(
            column,
            target,
            column if target == "enrolments" else about.table.key[0],
            column == "class_id" and name != "students",
        )
        for column, target in RELATIONS[name].refers
        if (about := college.relations[target]) is not None and column in relation.present
    ]


def _count_unknown(
    college: College, relation: Relation, term: Term, pairs: list[_Reference]
) -> list[tuple[int, int]]:
    """Return for each reference how many rows were looked at, and how many have unknown ids."""
    if not pairs:
        return []
    flags: list[sa.ColumnElement[Any]] = []
    for n, (column, target, key, whole) in enumerate(pairs):
        known = relation.c[column].in_(sa.select(college.relation(target).c[key]))
        looked = [] if whole else [_build_term_condition(relation, term)]
        # Where a column may be null, null is no unknown id.
        looked += [relation.c[column].is_not(None)] if relation.table[column].null else []
        looked_at = sa.func.coalesce(sa.and_(sa.true(), *looked), sa.false())
        odd = sa.and_(looked_at, sa.not_(sa.func.coalesce(known, sa.false())))
        for label, condition in ((f"rows{n}", looked_at), (f"odd{n}", odd)):
            flags.append(sa.case((condition, 1), else_=0).label(label))
    # The flags are made within, and summed without: MariaDB refuses some views within a sum. One
    # statement for all columns: each reads the whole relation.
    within = build_materialized_cte(sa.select(*flags), "flags")
    total = [
        sa.func.coalesce(sa.func.sum(column, type_=sa.Integer), 0).label(column.name)
        for column in within.c
    ]
    wanted = sa.select(*total).select_from(within)
    counts = college.read_frame(wanted, relation.table.name).iloc[0]
    return [(int(counts[f"rows{n}"]), int(counts[f"odd{n}"])) for n in range(len(pairs))]
