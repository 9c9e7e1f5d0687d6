"""The report of `edumetrics check`: what the mapping reads, and whether a run would mislead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import checks, health
from edumetrics.college.counts import count_rows
from edumetrics.college.mapping import Relation
from edumetrics.college.terms import College, Term
from edumetrics.database import has_write_access, list_extra_access, open_connection
from edumetrics.database.views import is_select
from edumetrics.errors import EduMetricsError, Refused
from edumetrics.fields import EVERYWHERE, PERSONAL, PERSONAL_NAMES, RELATIONS, TABLES
from edumetrics.fields.reasons import RULES
from edumetrics.params import ONLY
from edumetrics.stages import weekly
from edumetrics.stages.score_parts import decide_parts
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace, open_workspace

GRANT = "On a server, use a role with SELECT only: `edumetrics map --explain` lists the GRANTs."
# How many of the other tables are named, and how many rows of a relation are shown.
SEEN_SHOWN, SAMPLES = 5, 3
# Per cent of the students: lists this long are a sign that the mapping reads a wrong column.
MANY_LISTED = 40
# The words for the statuses, the worst first: findings are sorted by this order.
WORDS = {"block": "STOP", "warn": "warn", "ok": "ok"}


def check_college(as_of: date | None = None) -> Iterator[str]:
    """Check the college and the analysis without a change, and yield the findings line by line.

    Args:
        as_of: the day for a college without a week counter; today when None.

    Yields:
        The lines to print.

    Raises:
        SettingsError: a setting is wrong, a database cannot be reached, or the mapping does not
            fit.
        Refused: a run would mislead; the lines before say why.
    """
    workspace = open_workspace()
    calendar = workspace.params.calendar
    with workspace.open_college() as college:
        # The lists need it: the checks before them are served by the same pass over the registers.
        college.expect_whole_week()
        for name, connection in college.sources.connections.items():
            own = "College database" if name == ONLY else f"Database of {name}"
            yield (
                f"{own}: connected, {connection.dialect.name}, "
                f"mapping {workspace.settings.college}."
            )
            # The session is read-only in any case; the role is a second safeguard.
            if has_write_access(connection):
                yield f"Warning: the session is read-only, but its role could write. {GRANT}"
            else:
                yield "  Its role cannot write: no table, no schema."
        yield from _check_analysis(workspace)
        position = college.find_college_week(as_of or workspace.today)
        term = college.find_current_term(position)
        where = position.format_label(calendar)
        yield f"The last complete week is {position.compute_week(calendar)} of {where}."
        if term is not None:
            classes = len(term.class_semesters)
            yield f"The term in session began on {term.name}, with {classes} classes."
        for name in RELATIONS:
            yield from _describe_relation(college, name, term)
        if term is None:
            yield _explain_no_term(college, position, as_of or workspace.today)
            return
        # Week 0 is before the first: the checks begin with week 1.
        week = max(position.compute_week(calendar), 1)
        found = pd.concat(
            [checks.check_mapping(college, term, week), health.check_health(college, term, week)]
        )
        yield from _format_findings(found)
        yield from _count_flagged(workspace, college, term, week)
    # Refused only now, outside the snapshot: all findings have been printed.
    stops = int((found["status"] == "block").sum())
    if stops:
        raise Refused(
            "A run would mislead: correct the mapping where it says STOP above "
            f"({stops}), then check again."
        )
    yield "Nothing here would mislead a run."


def _explain_no_term(college: College, position: CollegeWeek, day: date) -> str:
    """Return the line which says that no term is in session.

    Raises:
        Refused: the mapping is the reason, and not the time of the year.
    """
    slot = position.find_slot(college.params.calendar)
    attendance = college.relations["attendance"]
    named = (
        f"classes.{slot}_sem" if college.relations["class_terms"] is None else "class_terms.slot"
    )
    # One row is enough: the whole relation may be large.
    silent = (
        attendance is not None
        and college.read_frame(sa.select(attendance.c.id).limit(1), "attendance").empty
    )
    for empty, what in (
        (college.classes.empty, "classes has no row"),
        (silent, "attendance has no row"),
        (len(college.class_terms) and not college.class_terms["slot"].eq(slot).any(),
         f"no row of {named.partition('.')[0]} says in {named} which semester it is in"),
    ):  # fmt: skip
        if empty:
            raise Refused(f"No term is in session, because {what}: correct its mapping.")
    return (
        f"No term is in session on {day}, by the calendar and the dates of attendance: "
        "give another day with --as-of."
    )


def _check_analysis(workspace: Workspace) -> Iterator[str]:
    with open_connection(workspace.store.engine, "DEFAULT_DB_URL") as connection:
        yield f"Analysis database: connected, {connection.dialect.name}, schema up to date."
        besides = list_extra_access(connection, [*TABLES, "alembic_version"])
    if besides:
        more = f" and {len(besides) - SEEN_SHOWN} more" if len(besides) > SEEN_SHOWN else ""
        seen = ", ".join(besides[:SEEN_SHOWN]) + more
        yield f"Warning: its role could read {seen}. docs/deploy/roles.sql has roles that cannot."
    else:
        yield "  Its role sees nothing else."


def _describe_relation(college: College, name: str, term: Term | None) -> Iterator[str]:
    """Yield a relation's completeness, timeliness and three sample rows, with people masked."""
    relation = college.relations[name]
    yield ""
    if relation is None:
        yield f"{name}: none"
        return
    day = relation.table.day if relation.table.day in relation.present else ""
    wanted: list[sa.ColumnElement[Any]] = [sa.func.count().label("rows")]
    # The type is given: SQLite would return the greatest date as text.
    wanted += [sa.func.max(relation.c[day], type_=sa.Date).label("newest")] if day else []
    whole = college.read_frame(sa.select(*wanted).select_from(relation.rows), name)
    source = "a SELECT" if is_select(relation.source) else f"the table {relation.source}"
    source += "" if relation.home == ONLY else f" of {relation.home}"
    yield f"{name}: {int(whole['rows'].iloc[0]):,} rows, from {source}"
    if term is not None:
        yield from _count_by_week(college, relation, term)
        if day:
            yield f"  newest {day:<17} {_format_value(whole['newest'].iloc[0])}"
    shown = [field for field in relation.table.names if field in relation.present]
    rows = sa.select(*(relation.c[field] for field in shown)).limit(SAMPLES)
    # From the current term where possible: old rows may not look like those that a run reads.
    if term is not None and {"class_id", "semester"} <= set(relation.table.names):
        rows = rows.where(term.build_condition(relation))
    sample = college.read_frame(rows, name)
    for field in shown if len(sample) else ():
        # A name is personal in some relations only: a class or a subject has one too.
        personal = field in PERSONAL or (field == "name" and name in PERSONAL_NAMES)
        values = [
            redact_value(value) if personal else _format_value(value) for value in sample[field]
        ]
        yield f"  {field:<24} {' | '.join(values)}"
    lacking = [field for field in relation.table.names if field not in relation.present]
    if lacking:
        yield f"  without                  {', '.join(lacking)}"


def redact_value(value: object) -> str:
    """Return the shape of a value: x for letters, 9 for digits, cut after 24 characters.

    Capitals become X, other characters stay, and null becomes "-".
    """
    if pd.isna(value):  # type: ignore[call-overload]
        return "-"
    return "".join(_redact_character(sign) for sign in str(value))[:24]


def _redact_character(sign: str) -> str:
    kind = unicodedata.category(sign)
    # Vowel signs are marks, not letters, in the scripts of India.
    return {"Lu": "X", "Nd": "9"}.get(kind, "x" if kind[0] in "LMN" else sign)


def _format_example(row_id: str) -> str:
    """Return a row id that is a number as it is; of any other id only the shape."""
    # A number of a row is of nobody; a longer id may hold a name or a roll number.
    return row_id if row_id.isdigit() else redact_value(row_id)


def _format_value(value: object) -> str:
    """Return a value in at most 24 characters; "-" for null."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "-"
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)[:24]


def _count_by_week(college: College, relation: Relation, term: Term) -> Iterator[str]:
    """Yield the rows of the term by week, and of registers how many are unmarked."""
    name, record = relation.table.name, relation.table
    # Submissions and results have no week and no semester: their definition or schedule has both.
    if not record.week and college.find_parent(name) is None:
        return
    counted = count_rows(college, term, name)
    by_week = counted.groupby("week")["rows"].sum()
    told = ", ".join(f"{week:.0f}: {rows:,.0f}" for week, rows in by_week.items())
    yield f"  rows of this term by week  {told or 'none'}"
    if name == "attendance" and len(counted):
        share = 100 - 100 * counted["marked"].sum() / counted["rows"].sum()
        yield f"  registers unmarked       {share:.1f}%"


def _count_flagged(workspace: Workspace, college: College, term: Term, week: int) -> Iterator[str]:
    """Yield the share of students that each rule would list now; nothing is stored."""
    weeks = workspace.params.calendar.get_last_teaching_weeks(week, 1)
    yield ""
    if not weeks or weeks[0] > term.last_week:
        yield "Lists: no teaching week has data yet."
        return
    try:
        # As a replay, so that the advisors stored for a past week are used. Data health is left
        # out: the report has it already.
        made = decide_parts(
            weekly.read_week(
                workspace, college, term, weeks[0], Path(), replay=True, with_health=False
            )
        )
    except EduMetricsError as error:
        # Not raised: what follows from a wrong mapping must not hide the findings about it.
        yield f"Lists: cannot be made ({error})"
        return
    students = sum(len(part.on_list) for part in made)
    size, listed = max(students, 1), sum(int(part.on_list.sum()) for part in made)
    yield f"Lists of week {weeks[0]}, {students} students, if they were made now:"
    for rule in RULES:
        hit = sum(int((part.on_list & (part.news.since[rule] > 0)).sum()) for part in made)
        yield f"  {rule.replace('_', ' '):<24} {100 * hit / size:.0f}% of the students"
    yield f"  {'on a list':<24} {100 * listed / size:.0f}% of the students"
    if 100 * listed >= MANY_LISTED * size:
        yield (
            "  warn  A list of so many students says little about each of them. "
            "Check whether the columns that the rules read are right."
        )


def _format_findings(found: pd.DataFrame) -> Iterator[str]:
    """Yield the findings, the worst first, each with what to do about it."""
    order = {status: place for place, status in enumerate(WORDS)}
    yield ""
    for row in found.sort_values("status", key=lambda s: s.map(order), kind="stable").to_dict(
        "records"
    ):
        where = "" if row["class_id"] == EVERYWHERE else f" [{row['class_id']}]"
        examples = (
            f" Rows such as {', '.join(map(_format_example, row['examples']))}."
            if row["examples"]
            else ""
        )
        remedy = health.get_remedy(row["check"]) if row["status"] != "ok" else ""
        said = f" {remedy}" if remedy else ""
        # The message of a wrong column begins with the name of the column already.
        named = (
            ""
            if row["message"].startswith(row["check"].replace(": ", "."))
            else f"{row['check']}{where}: "
        )
        yield f"  {WORDS[row['status']]:<5} {named}{row['message']}{examples}{said}"
