"""Check the validity of values row by row: each row may be true, but not so many of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from edumetrics.college.checks.finding import MappingFinding
from edumetrics.college.checks.suspicions import Suspicion, list_suspicions
from edumetrics.college.mapping import Relation
from edumetrics.college.terms import College, Term


def check_rows(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield the suspicions that a term's rows confirm."""
    for name, suspicions in list_suspicions(college.params.calendar).items():
        relation = college.relations[name]
        if relation is None or not college.has_rows_of(name):
            continue
        parent = college.find_parent(name)
        # A column that is not mapped is null in every row and shows nothing.
        possible = [
            one for one in suspicions if all(column in relation.present for column in one.columns)
        ]
        if not possible:
            continue
        # One scan of a relation counts all its suspicions.
        counts = college.read_frame(
            _build_counts_query(possible, relation, parent, term), name
        ).iloc[0]
        for n, one in enumerate(possible):
            rows, bad = counts[f"rows{n}"], counts[f"bad{n}"]
            if rows >= one.least and bad >= one.share / 100 * rows:
                values = {
                    "pct": f"{100 * bad / rows:.0f}",
                    "rows": f"{rows:.0f}",
                    "bad": f"{bad:.0f}",
                }
                yield MappingFinding(name, one.columns[0], int(bad), one.sentence.format(**values))


def _build_counts_query(
    possible: list[Suspicion], relation: Relation, parent: Relation | None, term: Term
) -> sa.Select[Any]:
    """Return a select of one row: for each suspicion, how many rows count, and how many are odd."""
    about = parent.c if parent is not None else None
    sums = []
    for n, one in enumerate(possible):
        counts = sa.true() if one.among is None else one.among(relation.c, about)
        odd = sa.and_(counts, one.bad(relation.c, about))
        for label, condition in ((f"rows{n}", counts), (f"bad{n}", odd)):
            # A null condition counts as 0. SUM over no rows is null, so `coalesce` makes it 0.
            total = sa.func.sum(sa.case((condition, 1), else_=0), type_=sa.Integer)
            sums.append(sa.func.coalesce(total, 0).label(label))
    if parent is not None:
        key = parent.table.key[0]
        joined = sa.join(relation.rows, parent.rows, relation.c[key] == parent.c[key])
        wanted = sa.select(*sums).select_from(joined)
        # Exams are few, and those of this term may have no results yet: every term counts.
        return (
            wanted
            if relation.table.name == "exam_results"
            else wanted.where(term.build_condition(parent))
        )
    wanted = sa.select(*sums).select_from(relation.rows)
    if "semester" in relation.table.names and "class_id" in relation.table.names:
        return wanted.where(term.build_condition(relation))
    if relation.table.name == "students":
        # A student has no semester: the class decides who belongs to the term.
        return wanted.where(relation.c.class_id.in_(list(term.class_semesters["class_id"])))
    return wanted
