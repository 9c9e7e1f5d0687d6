"""What `edumetrics check` says: what the mapping reads, week by week, and whether a run on it would mislead."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import health, plausible
from edumetrics.college.health import EVERYWHERE, PARENTS
from edumetrics.college.mapping import Relation, is_select
from edumetrics.college.source import College, Term
from edumetrics.database import connected, could_write, sees_besides
from edumetrics.errors import EduMetricsError, Refused
from edumetrics.fields import PERSONAL, PERSONAL_NAMES, RELATIONS, TABLES
from edumetrics.stages import weekly
from edumetrics.stages.workspace import Workspace, open_workspace
from edumetrics.triage.rules import RULES
from edumetrics.weeks import Position

GRANT = "On a server, give it one with SELECT only: `edumetrics map --explain` has the GRANTs."
SEEN_SHOWN, SAMPLES = 5, 3
# Per cent of the students.
MANY_LISTED = 40
# The week that rows belong to, and the day that says how fresh they are.
WEEKS = {
    "attendance": "week", "library_visits": "week", "book_borrows": "borrow_week", "lms_activity": "week",
    "assignment_definitions": "due_week", "quiz_definitions": "scheduled_week", "exam_schedule": "scheduled_week",
}  # fmt: skip
DAYS = {
    "attendance": "week_date", "library_visits": "week_date", "book_borrows": "borrow_date",
    "lms_activity": "week_date", "assignment_submissions": "submission_date", "quiz_submissions": "attempt_date",
    "exam_schedule": "exam_date", "exam_results": "result_date",
}  # fmt: skip
WORDS = {"block": "STOP", "warn": "warn", "ok": "ok"}


def report(as_of: date | None = None) -> Iterator[str]:
    """Look at the college without changing anything, and say what was found, line by line.

    Raises:
        SettingsError: a setting is wrong, a database cannot be reached, or the mapping does not fit.
        Refused: a run would mislead; the lines before say why.
    """
    workspace = open_workspace()
    calendar = workspace.params.calendar
    with workspace.college() as college:
        yield f"College database: connected, {college.connection.dialect.name}, mapping {workspace.settings.college}."
        if could_write(college.connection):
            yield f"Warning: the session is read-only, but its role could write. {GRANT}"
        else:
            yield "  Its role cannot write: no table, no schema."
        yield from _analysis(workspace)
        position = college.position(as_of or workspace.today)
        term = college.current_term(position)
        yield f"The last complete week is {position.week(calendar)} of {position.label(calendar)}."
        if term is not None:
            yield f"The term in session began on {term.name}, with {len(term.pairings)} classes."
        for name in RELATIONS:
            yield from _relation(college, name, term)
        if term is None:
            yield _why_no_term(college, position, as_of or workspace.today)
            return
        week = max(position.week(calendar), 1)
        found = pd.concat(
            [plausible.findings(college, term, week), health.findings(college, term, week)]
        )
        yield from _findings(found)
        yield from _flagged(workspace, college, term, week)
    stops = int((found["status"] == "block").sum())
    if stops:
        raise Refused(
            f"A run would mislead: correct the mapping where it says STOP above ({stops}), then check again."
        )
    yield "Nothing here would mislead a run."


def _why_no_term(college: College, position: Position, day: date) -> str:
    """That no term is in session.

    Raises:
        Refused: it is the mapping's fault, not the time of the year.
    """
    slot = f"{position.slot(college.params.calendar)}_sem"
    attendance = cast(Relation, college.relations["attendance"])
    registers = college.frame(sa.select(attendance.c.id).limit(1), "attendance")
    for empty, what in (
        (college.classes.empty, "classes has no row"),
        (registers.empty, "attendance has no row"),
        (college.classes[["odd_sem", "even_sem"]].notna().any(axis=None) and college.classes[slot].isna().all(),
         f"no row of classes says in classes.{slot} which semester it is in"),
    ):  # fmt: skip
        if empty:
            raise Refused(f"No term is in session, as {what}: correct its mapping.")
    return (
        f"No term is in session on {day}, by the calendar and the dates of attendance: see --as-of."
    )


def _analysis(workspace: Workspace) -> Iterator[str]:
    with connected(workspace.store.engine, "DEFAULT_DB_URL") as connection:
        yield f"Analysis database: connected, {connection.dialect.name}, schema up to date."
        besides = sees_besides(connection, [*TABLES, "alembic_version"])
    if besides:
        more = f" and {len(besides) - SEEN_SHOWN} more" if len(besides) > SEEN_SHOWN else ""
        seen = ", ".join(besides[:SEEN_SHOWN]) + more
        yield f"Warning: its role could read {seen}. docs/deploy/roles.sql has roles that cannot."
    else:
        yield "  Its role sees nothing else."


def _relation(college: College, name: str, term: Term | None) -> Iterator[str]:
    """How many rows, of which weeks, how fresh, and three of them with everyone in them masked."""
    relation = college.relations[name]
    yield ""
    if relation is None:
        yield f"{name}: none"
        return
    rows = college.frame(sa.select(sa.func.count().label("rows")).select_from(relation.rows), name)
    source = "a SELECT" if is_select(relation.source) else f"the table {relation.source}"
    yield f"{name}: {int(rows['rows'].iloc[0]):,} rows, from {source}"
    if term is not None:
        yield from _by_week(college, relation, term)
    shown = [field for field in relation.table.names if field in relation.present]
    wanted = sa.select(*(relation.c[field] for field in shown)).limit(SAMPLES)
    if term is not None and {"class_id", "semester"} <= set(relation.table.names):
        wanted = wanted.where(term.within(relation))
    sample = college.frame(wanted, name)
    for field in shown if len(sample) else ():
        personal = field in PERSONAL or (field == "name" and name in PERSONAL_NAMES)
        values = [masked(value) if personal else _short(value) for value in sample[field]]
        yield f"  {field:<24} {' | '.join(values)}"
    lacking = [field for field in relation.table.names if field not in relation.present]
    if lacking:
        yield f"  without                  {', '.join(lacking)}"


def masked(value: object) -> str:
    """The shape of a value and nothing of it: letters are x, digits 9, what is longer than 24 is cut."""
    if pd.isna(value):  # type: ignore[call-overload]
        return "-"
    return "".join(_shape(sign) for sign in str(value))[:24]


def _shape(sign: str) -> str:
    kind = unicodedata.category(sign)
    # Vowel signs are marks, not letters, in the scripts of India.
    return {"Lu": "X", "Nd": "9"}.get(kind, "x" if kind[0] in "LMN" else sign)


def _example(row_id: str) -> str:
    """A row's number; of an id that is more than that, only its shape."""
    return row_id if row_id.isdigit() else masked(row_id)


def _short(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "-"
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)[:24]


def _by_week(college: College, relation: Relation, term: Term) -> Iterator[str]:
    name, about = relation.table.name, relation
    parent = college.relations[PARENTS[name]] if name in PARENTS else None
    joined: sa.FromClause = relation.rows
    if parent is not None:
        key = parent.table.key[0]
        about, joined = (
            parent,
            sa.join(relation.rows, parent.rows, relation.c[key] == parent.c[key]),
        )
    if about.table.name in WEEKS:
        week = about.c[WEEKS[about.table.name]].label("week")
        wanted = (
            sa.select(week, sa.func.count().label("rows"))
            .select_from(joined)
            .where(term.within(about))
        )
        counts = college.frame(wanted.group_by(week).order_by(week), name).dropna()
        told = ", ".join(f"{row.week:.0f}: {row.rows:,.0f}" for row in counts.itertuples())
        yield f"  rows of this term by week  {told or 'none'}"
    if name == "attendance":
        yield from _unmarked(college, relation, term)
    if name in DAYS and DAYS[name] in relation.present:
        newest = sa.select(sa.func.max(relation.c[DAYS[name]], type_=sa.Date).label("day"))
        day = college.frame(newest, name)["day"].iloc[0]
        yield f"  newest {DAYS[name]:<17} {_short(day)}"


def _unmarked(college: College, relation: Relation, term: Term) -> Iterator[str]:
    c = relation.c
    marked = sa.case((sa.and_(c.present >= 0, c.lectures_held >= 0), 1), else_=0)
    sums: list[sa.ColumnElement[Any]] = [
        sa.func.count().label("rows"),
        sa.func.sum(marked).label("marked"),
    ]
    wanted = sa.select(*sums)
    counts = college.frame(wanted.where(term.within(relation)), "attendance").iloc[0]
    if counts["rows"]:
        yield f"  registers unmarked       {100 - 100 * counts['marked'] / counts['rows']:.1f}%"


def _flagged(workspace: Workspace, college: College, term: Term, week: int) -> Iterator[str]:
    """The share of students that each rule would put on a list, were the week drawn up now; nothing is stored."""
    weeks = workspace.params.calendar.last_teaching_weeks(week, 1)
    yield ""
    if not weeks or weeks[0] > term.last_week:
        yield "Lists: no teaching week has data yet."
        return
    try:
        made = weekly.compute(
            weekly.gather(
                workspace, college, term, weeks[0], Path(), replay=True, with_health=False
            )
        )
        flags = weekly.triage(made).lists.flags
    except EduMetricsError as error:
        yield f"Lists: cannot be drawn up ({error})"
        return
    size = max(len(made.metrics), 1)
    yield f"Lists of week {weeks[0]}, {len(made.metrics)} students, were they drawn up now:"
    codes = flags["reasons"].map(lambda records: {record["code"] for record in records})
    for rule in RULES:
        hit = int(codes.map(lambda found, rule=rule: rule in found).sum())
        yield f"  {rule.replace('_', ' '):<24} {100 * hit / size:.0f}% of the students"
    yield f"  {'on a list':<24} {100 * len(flags) / size:.0f}% of the students"
    if 100 * len(flags) >= MANY_LISTED * size:
        yield "  warn  So many on a list say little of each. Look whether the columns that the rules read are right."


def _findings(found: pd.DataFrame) -> Iterator[str]:
    """What was found, the worst first, each with what to do about it."""
    order = {status: place for place, status in enumerate(WORDS)}
    yield ""
    for row in found.sort_values("status", key=lambda s: s.map(order), kind="stable").to_dict(
        "records"
    ):
        where = "" if row["class_id"] == EVERYWHERE else f" [{row['class_id']}]"
        examples = (
            f" Rows such as {', '.join(map(_example, row['examples']))}." if row["examples"] else ""
        )
        remedy = health.remedy(row["check"]) if row["status"] != "ok" else ""
        said = f" {remedy}" if remedy else ""
        # What a mapping reads wrong names its column itself.
        named = (
            ""
            if row["message"].startswith(row["check"].replace(": ", "."))
            else f"{row['check']}{where}: "
        )
        yield f"  {WORDS[row['status']]:<5} {named}{row['message']}{examples}{said}"
