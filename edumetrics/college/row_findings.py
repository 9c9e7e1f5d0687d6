"""The findings about rows: one pass of a relation counts all of its problems, class by class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.findings import make_empty_findings, pick_highest
from edumetrics.college.item_sums import sum_up_items
from edumetrics.college.mapping import Relation
from edumetrics.college.row_checks import (
    DUPLICATE,
    Parent,
    RowCheck,
    find_parent,
    list_row_checks,
    make_duplicate_check,
)
from edumetrics.college.rows import has_flag, is_repeated, read_rows
from edumetrics.college.terms import College, Term
from edumetrics.college.unreadable import describe_unreadable, find_stops
from edumetrics.database import order_highest_first
from edumetrics.fields import EVERYWHERE, EXAMPLES, FINDING_COLUMNS

# How many rows of each class have each problem (where_, c0, c1, ...; among0, ... of those that not
# every row could have), and the ids of a few rows with a problem, by class.
Counted = tuple[pd.DataFrame, Callable[[str], dict[str, list[str]]]]


def check_rows(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return the findings about rows, without counts in their sentences (see `format_messages`).

    So the classes of a term can be checked in parts, and the counts of all parts can be added.

    Args:
        college: the college to read.
        term: the term, or the part of it (`Term.select_classes`) that is checked.
        week: last semester week, inclusive.

    Returns:
        As `check_health`; the message is a sentence with {n}, {s} and {were}.
    """
    found = [
        _check_relation(college, relation, term, week)
        for name, relation in college.relations.items()
        if relation is not None
        and college.has_rows_of(name)
        # What belongs to no class is checked once, on behalf of all.
        and (term.strays or _has_place(relation))
    ]
    return pd.concat(found, ignore_index=True) if found else make_empty_findings()


def _has_place(relation: Relation) -> bool:
    """Return whether rows of a relation belong to a class and a semester, or to such an item."""
    return bool(relation.table.parent) or {"class_id", "semester"} <= set(relation.table.names)


def _has_clean_registers(college: College, term: Term, week: int) -> bool:
    """Return whether the registers have no problem, judged by what reading them counted anyway.

    So the usual case needs no further query of the largest relation.
    """
    read = college.read_registers(term.class_semesters, week)
    odd = read["odd"].any()
    classes, students = set(read["class_id"].unique()), set(read["student_id"].unique())
    known = classes <= set(college.classes["class_id"]) and students <= set(college.listed)
    relation = college.relation("attendance")
    return (
        not odd
        and known
        and not college.has_duplicates(relation, term.class_semesters)
        and not _has_misplaced_rows(college, relation)
    )


def _has_misplaced_rows(college: College, relation: Relation) -> bool:
    """Return whether the semester or the week of any row cannot be read."""
    odd = relation.is_any_unreadable("semester", relation.table.week)
    if not relation.doubtful & {"semester", relation.table.week}:
        return False
    probe = sa.select(relation.c.id).where(odd).limit(1)
    return len(college.read_frame(probe, relation.table.name)) > 0


def _check_relation(college: College, relation: Relation, term: Term, week: int) -> pd.DataFrame:
    """Return the findings about one relation's rows, as `check_rows` does."""
    if relation.table.name == "attendance" and _has_clean_registers(college, term, week):
        return make_empty_findings()
    parent = find_parent(college, relation.table, term)
    checks = list_row_checks(college, relation, parent, term)
    if relation.table.label and (
        not relation.unique if parent else college.has_duplicates(relation, term.class_semesters)
    ):
        checks.append(make_duplicate_check(relation))
    if parent is None:
        counted, read_examples = _count_in_database(college, relation, term, week, checks)
    else:
        own = _count_in_memory(college, relation, term, checks)
        counted, read_examples = _add(
            own, _count_strays(college, relation, parent, term, week, checks)
        )
    found = [
        # Only a check that found something needs examples.
        _describe_check(college, relation, counted, n, checks[n], read_examples(f"c{n}"))
        for n in range(len(checks))
        if counted[f"c{n}"].sum() > 0
    ]
    return pd.concat(found, ignore_index=True) if found else make_empty_findings()


def _count_in_memory(
    college: College, relation: Relation, term: Term, checks: list[RowCheck]
) -> Counted:
    """Count the problems of rows about items of the term, which are read as a whole anyway."""
    rows = read_rows(college, term, relation.table.name)
    flags: dict[str, Any] = {
        # No row shows by itself that another one repeats it.
        f"c{n}": is_repeated(rows, relation.table.name)
        if check.code == DUPLICATE
        else has_flag(rows, n)
        for n, check in enumerate(checks)
    }
    flags |= {
        f"among{n}": has_flag(rows, n, among=True)
        for n, check in enumerate(checks)
        if check.among is not None
    }
    where = rows["class_id"].astype("str").where(rows["listed"], EVERYWHERE)
    flagged = pd.DataFrame(flags, index=rows.index)
    counted = flagged.groupby(where.rename("where_")).sum().reset_index()

    def find_examples(flag: str) -> dict[str, list[str]]:
        ids = rows.loc[flagged[flag], relation.table.key[0]]
        return {str(name): pick_highest(list(group)) for name, group in ids.groupby(where)}

    return counted, find_examples


def _count_strays(
    college: College,
    relation: Relation,
    parent: Parent,
    term: Term,
    week: int,
    checks: list[RowCheck],
) -> Counted | None:
    """Count the problems of rows about items that the college does not list; None for no such part.

    They are counted where they are: a college may keep such rows of ten years, too many to read.
    """
    if not term.strays:
        return None
    if sum_up_items(college, term, relation.table.name, week)["item_id"].notna().all():
        return None
    where = _find_where(college, relation)
    joined = sa.outerjoin(relation.rows, parent.rows, relation.c[parent.key] == parent.id)
    rows = sa.select(where).select_from(joined).where(parent.id.is_(None))
    # Whether they repeat each other says nothing about them.
    return _count(college, relation, rows, [one for one in checks if one.code != DUPLICATE])


def _count_in_database(
    college: College, relation: Relation, term: Term, week: int, checks: list[RowCheck]
) -> Counted:
    """Count the problems of rows that are not read one by one."""
    return _count(college, relation, _select_rows(college, relation, term, week), checks)


def _count(
    college: College, relation: Relation, rows: sa.Select[Any], checks: list[RowCheck]
) -> Counted:
    key = relation.c[relation.table.key[0]].label("row_id")
    flagged = _flag_rows(rows.add_columns(key), checks)
    counted = (
        college.read_frame(_sum_flags(flagged, checks), relation.table.name)
        if checks
        else pd.DataFrame()
    )
    return counted, partial(_read_examples, college, relation, flagged)


def _add(one: Counted, other: Counted | None) -> Counted:
    """Return what two parts of a relation's rows have together."""
    if other is None or other[0].empty:
        return one
    counted = pd.concat([one[0], other[0]]).fillna(0).groupby("where_", as_index=False).sum()

    def find_examples(flag: str) -> dict[str, list[str]]:
        mine, more = one[1](flag), other[1](flag) if flag in other[0] else {}
        return {
            where: pick_highest([*mine.get(where, []), *more.get(where, [])])
            for where in mine.keys() | more.keys()
        }

    return counted, find_examples


def _describe_check(
    college: College,
    relation: Relation,
    counted: pd.DataFrame,
    n: int,
    check: RowCheck,
    examples: dict[str, list[str]],
) -> pd.DataFrame:
    """Return the findings of check number `n`, one per class that has any."""
    bad = counted[f"c{n}"]
    status = pd.Series("warn", index=counted.index)
    message = f"{relation.table.label or relation.table.name}: {check.sentence}"
    if check.column:
        message = describe_unreadable(college, relation, check.column)
        shares = pd.DataFrame({"bad": bad, "there": counted[f"among{n}"]})
        status = status.mask(find_stops(relation, check.column, shares), "block")
    rows = zip(counted["where_"], status, bad.astype(int), strict=True)
    return pd.DataFrame(
        [
            (f"{relation.table.name}: {check.code}", where, state, count,
             examples.get(where, []), message)
            for where, state, count in rows
            if count
        ],
        columns=list(FINDING_COLUMNS),
    )  # fmt: skip


def _flag_rows(rows: sa.Select[Any], checks: list[RowCheck]) -> sa.Subquery:
    """Return the rows with a 0 or 1 per check, so that one scan counts all.

    The columns are c0, c1, ...; and among0, ... for a check that not every row could have.
    """
    flags = []
    for n, check in enumerate(checks):
        flags.append(sa.case((check.condition, 1), else_=0).label(f"c{n}"))
        if check.among is not None:
            flags.append(sa.case((check.among, 1), else_=0).label(f"among{n}"))
    return rows.add_columns(*flags).subquery("flagged")


def _sum_flags(flagged: sa.Subquery, checks: list[RowCheck]) -> sa.Select[Any]:
    """Return the select of how many rows of each class have each flag."""
    names = [f"c{n}" for n in range(len(checks))]
    names += [f"among{n}" for n, check in enumerate(checks) if check.among is not None]
    totals = [sa.func.sum(flagged.c[name], type_=sa.Integer).label(name) for name in names]
    return sa.select(flagged.c.where_, *totals).group_by(flagged.c.where_)


def _read_examples(
    college: College, relation: Relation, flagged: sa.Subquery, flag: str
) -> dict[str, list[str]]:
    """Return a few ids of flagged rows for each class, the highest ids of each."""
    # Ranked in SQL: a bad mapping may flag every row, and their ids must not all be read.
    place = sa.func.row_number().over(
        partition_by=flagged.c.where_, order_by=order_highest_first(flagged.c.row_id)
    )
    ranked = (
        sa.select(flagged.c.where_, flagged.c.row_id, place.label("place"))
        .where(flagged.c[flag] == 1)
        .subquery("ranked")
    )
    wanted = sa.select(ranked.c.where_, ranked.c.row_id).where(ranked.c.place <= EXAMPLES)
    frame = college.read_frame(wanted, relation.table.name).sort_values("row_id")
    return {str(where): list(group) for where, group in frame.groupby("where_")["row_id"]}


def _select_rows(college: College, relation: Relation, term: Term, week: int) -> sa.Select[Any]:
    """Return a select of the relation's rows in the term, with their class.

    The column is `where_`; it is `all` for an unknown class, and for what belongs to none. Callers
    add further columns.
    """
    c = relation.c
    if not _has_place(relation):
        return _select_all(college, relation)
    where = _find_where(college, relation)
    stray = (
        sa.and_(c.semester.in_(sorted(term.semesters)), ~college.is_known_class(relation))
        if term.strays
        else sa.false()
    )
    # A row whose semester or week cannot be read is of no term: it is counted with its class.
    misplaced = sa.and_(
        c.class_id.in_(list(term.class_semesters["class_id"])),
        relation.is_any_unreadable("semester", relation.table.week),
    )
    # Definitions of work have no week: all of the term's work is checked from the first week.
    soon = relation.week.between(1, week) if relation.table.feed else sa.true()
    own = sa.or_(term.build_condition(relation), stray)
    return sa.select(where).where(sa.or_(sa.and_(own, soon), misplaced))


def _find_where(college: College, relation: Relation) -> sa.ColumnElement[Any]:
    """Return the class of a row as `where_`; `all` for a class that the college does not list."""
    known = college.is_known_class(relation)
    return sa.case((known, relation.c.class_id), else_=EVERYWHERE).label("where_")


def _select_all(college: College, relation: Relation) -> sa.Select[Any]:
    """Return a select of all rows of a relation, with their class or that of their student."""
    names, students = relation.table.names, college.relation("students")
    if "class_id" in names:
        return sa.select(_find_where(college, relation))
    if "student_id" not in names:
        return sa.select(sa.literal(EVERYWHERE).label("where_")).select_from(relation.rows)
    s = sa.select(
        students.c.student_id, sa.func.max(students.c.class_id).label("class_id")
    ).group_by(students.c.student_id).subquery("own")  # fmt: skip
    joined = sa.outerjoin(relation.rows, s, relation.c.student_id == s.c.student_id)
    where = sa.func.coalesce(s.c.class_id, EVERYWHERE)
    return sa.select(where.label("where_")).select_from(joined)
