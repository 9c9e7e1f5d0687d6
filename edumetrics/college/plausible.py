"""What a wrong mapping looks like as a whole, so that none gives silently wrong scores.

Dirty data (`college.health`) is cleaned and counted; what is found here makes scores that mean nothing, and holds a
run's mail back until the mapping is corrected.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import coverage, dating, health, suspicions
from edumetrics.college.health import EVERYWHERE
from edumetrics.college.mapping import Relation
from edumetrics.college.source import College, Condition, Term
from edumetrics.college.suspicions import Found

ROWS = 20
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
    ("excuses", "student_id", "students"),
)


def findings(college: College, term: Term, week: int) -> pd.DataFrame:
    """What in a term's records, up to a week, only a wrong mapping explains.

    Returns:
        As `health.findings`: check is `relation: column`, and the message begins with both. The status is `block`, or
        `warn` where something else may explain it as well.
    """
    found = chain(
        _repeated(college, term),
        _unknown(college, term),
        suspicions.found(college, term),
        dating.found(college, term, week),
        coverage.found(college, term, week),
        _swapped(college, term),
    )
    rows: list[tuple[object, ...]] = [
        (f"{relation}: {column}", EVERYWHERE, "block" if stops else "warn", count, [], f"{relation}.{column}: {said}")
        for relation, column, count, said, stops in found
    ]
    return pd.DataFrame(rows, columns=list(health.COLUMNS)).drop_duplicates("check", ignore_index=True)


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


def _extra(college: College, relation: Relation, term: Term, key: tuple[str, ...]) -> tuple[int, int]:
    columns = [relation.c[name] for name in key]
    groups = sa.select(sa.func.count().label("n")).where(_own(relation, term), *(c.is_not(None) for c in columns))
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
        known = relation.c[column].in_(sa.select(about.c[about.table.key[0]]))
        odd = sa.case((sa.func.coalesce(known, sa.false()), 0), else_=1)
        wanted = sa.select(
            sa.func.count().label("rows"), sa.func.coalesce(sa.func.sum(odd, type_=sa.Integer), 0).label("odd")
        ).where(relation.c[column].is_not(None))
        # Rows of unknown classes are of no term: of classes that are no longer listed there may be many.
        whole = column == "class_id" and name != "students"
        counts = college.frame(wanted if whole else wanted.where(_own(relation, term)), name).iloc[0]
        rows, unknown = int(counts["rows"]), int(counts["odd"])
        if unknown >= 3 and 100 * unknown >= (GONE if whole else UNKNOWN) * rows:
            key = f"{target}.{about.table.key[0]}"
            yield Found(name, column, unknown, f"{unknown} of {rows} are not in {key}: do the two hold one kind of id?")


def _swapped(college: College, term: Term) -> Iterator[Found]:
    """Quality that falls, and similarity that rises, with the marks; passes below the fails."""
    done, items = college.relations["assignment_submissions"], college.relations["assignment_definitions"]
    if done is not None and items is not None and {"quality_pct", "plagiarism_pct"} <= done.present:
        joined = sa.join(done.rows, items.rows, done.c.assignment_id == items.c.assignment_id)
        mark = 100 * done.c.marks_obtained / items.c.max_marks
        read = _sums(mark, done.c.quality_pct, done.c.plagiarism_pct).select_from(joined)
        s = college.frame(read.where(term.within(items), items.c.max_marks > 0), "assignment_submissions").iloc[0]
        if s["n"] >= 2 * ROWS and _correlation(s, "x", "y") < 0.1 and _correlation(s, "x", "z") > 0.3:
            said = "It falls as marks rise, and plagiarism_pct rises with them: are the two swapped?"
            yield Found("assignment_submissions", "quality_pct", int(s["n"]), said)
    results = college.relations["exam_results"]
    if results is not None:
        c = results.c
        score = sa.func.coalesce(c.score_pct, c.marks_obtained)
        mean = sa.select(c.pass_fail, sa.func.count().label("n"), sa.func.avg(score, type_=sa.Double).label("mean"))
        scores = college.frame(mean.where(c.pass_fail.in_(["P", "F"])).group_by(c.pass_fail), "exam_results")
        means = scores[scores["n"] >= ROWS].set_index("pass_fail")["mean"].to_dict()
        if len(means) == 2 and means["P"] < means["F"]:
            said = "Who passed has lower scores than who failed: are P and F the wrong way round?"
            yield Found("exam_results", "pass_fail", 0, said)


def _sums(*columns: Any) -> sa.Select[Any]:
    """Count, sums and sums of products of x, y and z, over the rows that have all three."""
    named = dict(zip("xyz", columns, strict=True))
    whole = sa.and_(*(column.is_not(None) for column in columns))
    products = [*((name, column) for name, column in named.items()),
                *((a + b, named[a] * named[b]) for a, b in ("xx", "yy", "zz", "xy", "xz"))]  # fmt: skip
    sums = [sa.func.sum(sa.case((whole, value)), type_=sa.Double).label(name) for name, value in products]
    wanted: list[sa.ColumnElement[Any]] = [sa.func.count(sa.case((whole, 1))).label("n"), *sums]
    return sa.select(*wanted)


def _correlation(s: pd.Series, a: str, b: str) -> float:
    """Pearson's; 0 where one of the two does not vary."""
    spread = (s["n"] * s[a + a] - s[a] ** 2) * (s["n"] * s[b + b] - s[b] ** 2)
    return float((s["n"] * s[a + b] - s[a] * s[b]) / spread**0.5) if spread > 0 else 0.0
