"""Check columns that should rise and fall with each other: if they do not, two are swapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.checks.finding import MappingFinding
from edumetrics.college.terms import College, Term

# With fewer rows, a mean or a correlation says nothing.
ROWS = 20


def check_correlations(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield findings: quality falls as marks rise, or students who passed have lower scores."""
    yield from _check_quality(college, term)
    yield from _check_passes(college)


def _check_quality(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield a finding if quality_pct does not rise with marks, and plagiarism_pct does."""
    done, items = (
        college.relations["assignment_submissions"],
        college.relations["assignment_definitions"],
    )
    if done is not None and items is not None and {"quality_pct", "plagiarism_pct"} <= done.present:
        joined = sa.join(done.rows, items.rows, done.c.assignment_id == items.c.assignment_id)
        mark = 100 * done.c.marks_obtained / items.c.max_marks
        # The correlation is computed from sums in SQL, so that no row leaves the database.
        read = _build_sums_query(mark, done.c.quality_pct, done.c.plagiarism_pct).select_from(
            joined
        )
        s = college.read_frame(
            read.where(term.build_condition(items), items.c.max_marks > 0), "assignment_submissions"
        ).iloc[0]
        # Both conditions must hold: one column alone may be unrelated to marks.
        if (
            s["n"] >= 2 * ROWS
            and _compute_correlation(s, "x", "y") < 0.1
            and _compute_correlation(s, "x", "z") > 0.3
        ):
            said = (
                "It falls as marks rise, and plagiarism_pct rises with them: are the two swapped?"
            )
            yield MappingFinding("assignment_submissions", "quality_pct", int(s["n"]), said)


def _check_passes(college: College) -> Iterator[MappingFinding]:
    """Yield a finding if the mean score of P is below that of F, over all terms."""
    results = college.relations["exam_results"]
    if results is not None:
        c = results.c
        # Only the order of the two means matters, so marks need not be percent.
        score = sa.func.coalesce(c.score_pct, c.marks_obtained)
        mean = sa.select(
            c.pass_fail,
            sa.func.count().label("n"),
            sa.func.avg(score, type_=sa.Double).label("mean"),
        )
        scores = college.read_frame(
            mean.where(c.pass_fail.in_(["P", "F"])).group_by(c.pass_fail), "exam_results"
        )
        means = scores[scores["n"] >= ROWS].set_index("pass_fail")["mean"].to_dict()
        if len(means) == 2 and means["P"] < means["F"]:
            said = "Who passed has lower scores than who failed: are P and F the wrong way round?"
            yield MappingFinding("exam_results", "pass_fail", 0, said)


def _build_sums_query(*columns: Any) -> sa.Select[Any]:
    """Return a select of the count n, and of the sums of x, y, z and their products.

    Only rows that have all three values count.
    """
    named = dict(zip("xyz", columns, strict=True))
    # All sums need the same rows: otherwise a correlation could lie outside -1 to 1.
    whole = sa.and_(*(column.is_not(None) for column in columns))
    products = [
        *((name, column) for name, column in named.items()),
        *((a + b, named[a] * named[b]) for a, b in ("xx", "yy", "zz", "xy", "xz")),
    ]
    sums = [
        sa.func.sum(sa.case((whole, value)), type_=sa.Double).label(name)
        for name, value in products
    ]
    wanted: list[sa.ColumnElement[Any]] = [sa.func.count(sa.case((whole, 1))).label("n"), *sums]
    return sa.select(*wanted)


def _compute_correlation(s: pd.Series, a: str, b: str) -> float:
    """Return Pearson's correlation of a and b from sums; 0 where one of them does not vary."""
    # Rounding may make a variance of 0 slightly negative, so the test is `> 0`.
    spread = (s["n"] * s[a + a] - s[a] ** 2) * (s["n"] * s[b + b] - s[b] ** 2)
    return float((s["n"] * s[a + b] - s[a] * s[b]) / spread**0.5) if spread > 0 else 0.0
