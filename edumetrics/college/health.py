"""Data health: problems of validity and integrity, counted per class, with examples.

Each finding says what is wrong and how the rows were treated. No finding stops a score or changes
it silently; `college.work` cleans the same rows by the same rules.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import feeds
from edumetrics.college.mapping import Relation
from edumetrics.college.reader import Condition
from edumetrics.college.row_checks import (
    Parent,
    RowCheck,
    find_parent,
    list_checks,
    make_duplicate_check,
)
from edumetrics.college.terms import College, Term
from edumetrics.database import order_highest_first
from edumetrics.fields import EVERYWHERE, EXAMPLES, FEEDS, FINDING_COLUMNS, RELATIONS, UP_TO

# Findings that date what is no weekly feed: the label, and whether only marked work counts.
DATED = {"work": ("Work handed in", False), "marks": ("Marks", True)}
WORK = ("assignment_submissions", "quiz_submissions")
# What to do about each kind of finding. The first key that ends the name of a check decides, so a
# longer key comes before a shorter one that it ends with.
REMEDIES = {
    "attendance: feed": "Ask who imports it: without registers a week is not scored.",
    "feed": "Ask who imports it; map it to null if the college has no such records.",
    "unknown class": "Look whether these classes are missing from classes, "
    "or class_id is another kind of id.",
    "unknown student": "Look whether these students are missing from students, "
    "or student_id is another kind of id.",
    "unknown item": "Look whether the definition (or schedule) of this work is missing.",
    "out of range": "Correct the scale in the mapping, or these rows at their source.",
    "negative marks": "Nothing, where the college means not marked; else correct them.",
    "no maximum marks": "Give these items a maximum, or their marks cannot count.",
    "unmarked register": "Ask the teachers of these classes to mark their registers.",
    "present above held": "Correct these registers at their source.",
    "negative visits": "Correct these rows at their source.",
    "duplicate": "Look why entries come twice: a repeated import, or a join in the mapping.",
    "midterm week": "Set midterm_week in calendar.yml, if it is so for all classes.",
    "endterm week": "Set endterm_week in calendar.yml, if it is so for all classes.",
}


def check_health(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return everything found in the term's data up to a week.

    Returns:
        check (`relation: kind`), class_id (`all` where no class is known, or for a feed as a
        whole), status (ok, warn), count (of rows), examples (list of up to five row ids), message
        (one sentence). Feeds come first.
    """
    found = [check_feeds(college, term, week), format_messages(check_rows(college, term, week))]
    return pd.concat(found, ignore_index=True)


def format_messages(found: pd.DataFrame) -> pd.DataFrame:
    """Return the findings with their counts written into the sentences."""
    return found.assign(
        message=[
            _format_sentence(*pair) for pair in zip(found["message"], found["count"], strict=True)
        ]
    )


def _format_sentence(sentence: str, count: int) -> str:
    words = {
        "{n}": str(count),
        "{s}": "" if count == 1 else "s",
        "{were}": "was" if count == 1 else "were",
    }
    # `str.format` would fail on other braces, which ids in a sentence may contain.
    for word, value in words.items():
        sentence = sentence.replace(word, value)
    return sentence


def check_rows(college: College, term: Term, week: int, *, strays: bool = True) -> pd.DataFrame:
    """Return the findings about rows, without counts in their sentences (see `format_messages`).

    So the classes of a term can be checked in parts, and the counts of all parts can be added.

    Args:
        college: the college to read.
        term: the term, or the part of it (`Term.only`) that is checked.
        week: last semester week, inclusive.
        strays: whether to count rows of classes or items that the college does not list. Exactly
            one part must do so, on behalf of all.

    Returns:
        As `check_health`; the message is a sentence with {n}, {s} and {were}.
    """
    found = []
    for name, record in RELATIONS.items():
        relation = college.relations[name]
        if record.label and relation is not None and college.has_rows_of(name):
            found.append(_check_relation(college, relation, term, week, strays=strays))
    found.append(_check_exam_weeks(college, term))
    return pd.concat(found, ignore_index=True)


def _check_exam_weeks(college: College, term: Term) -> pd.DataFrame:
    """Return a finding per class for exams that are not scheduled in the week of the calendar."""
    relation, calendar = college.relations["exam_schedule"], college.params.calendar
    if relation is None:
        return make_empty_findings()
    c, kind = relation.c, sa.func.lower(relation.c.exam_type)
    planned = {"midterm": calendar.midterm_week, "endterm": calendar.endterm_week}
    # Without exam weeks in the calendar there is nothing to compare: no row may match.
    off = sa.or_(
        sa.false(),
        *(
            sa.and_(kind == exam, c.scheduled_week != week)
            for exam, week in planned.items()
            if week
        ),
    )
    wanted = sa.select(c.schedule_id, c.class_id, kind.label("exam"), c.scheduled_week).where(
        term.build_condition(relation), off
    )
    moved = college.read_frame(wanted.order_by(c.schedule_id), "exam_schedule")
    rows = []
    for (exam, week, class_id), papers in moved.groupby(["exam", "scheduled_week", "class_id"]):
        rows.append(
            {
                "check": f"exam_schedule: {exam} week",
                "class_id": class_id,
                "status": "warn",
                "count": len(papers),
                "examples": papers["schedule_id"].head(EXAMPLES).tolist(),
                "message": f"The {exam} of {class_id} is scheduled for week {week:.0f}; "
                f"the calendar has it in week {planned[str(exam)]}. "
                "Trends leave out the calendar's week; results count once they are known.",
            }
        )
    # Exams of a class may be spread over several weeks: its first such week stands for all.
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS)).drop_duplicates(["check", "class_id"])


def get_remedy(check: str) -> str:
    """Return what to do about a kind of finding; empty where the finding says it."""
    return next((text for kind, text in REMEDIES.items() if check.endswith(kind)), "")


def make_empty_findings() -> pd.DataFrame:
    """Return an empty frame with the columns of `check_health`."""
    return pd.DataFrame(columns=list(FINDING_COLUMNS))


def check_feeds(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return a finding per weekly feed: whether it has rows in the last few teaching weeks.

    A feed that has rows is ok, and its message names the last day of its newest week. A feed
    without rows gives a warning. Feeds that the college does not have are left out. Work and marks
    follow, with their newest day; where there is none yet, nothing is said of them.
    """
    window = college.list_feed_weeks(week)
    found: list[tuple[str, str, str, int, list[str], str]] = []
    for name in FEEDS:
        if college.relations[name] is None:
            continue
        newest = feeds.find_newest_week(college, term, name, window)
        if newest:
            ends = term.list_week_ends(newest)["week_end"]
            status, message = (
                "ok",
                f"{RELATIONS[name].label}{UP_TO}{_format_week_end(newest, ends)}.",
            )
        else:
            weeks, status = "week" if len(window) == 1 else f"{len(window)} teaching weeks", "warn"
            message = (
                f"{RELATIONS[name].label}: nothing recorded in the last {weeks}; "
                "treated as absent, not as zero."
            )
        found.append((f"{name}: feed", EVERYWHERE, status, 0, [], message))
    for name, (label, marked) in DATED.items():
        day = _find_newest_work_day(college, term, week, marked=marked)
        if day is not None:
            message = f"{label}{UP_TO}{day.isoformat()}."
            found.append((f"{name}: feed", EVERYWHERE, "ok", 0, [], message))
    return pd.DataFrame(found, columns=list(FINDING_COLUMNS))


def _format_week_end(week: int, ends: pd.Series) -> str:
    """Return the last day of a week with its number, or the number alone without a date."""
    return f"week {week}" if ends.empty else f"{ends.max().date().isoformat()} (week {week})"


def _find_newest_work_day(college: College, term: Term, week: int, *, marked: bool) -> date | None:
    """Return the newest day, up to the end of a week, of any kind of work; None without one."""
    ends = term.list_week_ends(week)["week_end"]
    if ends.empty:
        return None
    days = (
        feeds.find_newest_work_day(college, term, name, ends.max().date(), marked=marked)
        for name in WORK
    )
    return max(filter(None, days), default=None)


def _has_clean_registers(college: College, term: Term, week: int) -> bool:
    """Return whether the registers have no problem, judged by what reading them counted anyway.

    So the usual case needs no further query of the largest relation.
    """
    read = college.read_registers(term.class_semesters, week)
    odd = read["odd"].any()
    classes, students = set(read["class_id"].unique()), set(read["student_id"].unique())
    known = classes <= set(college.classes["class_id"]) and students <= set(college.listed)
    return (
        not odd
        and known
        and not college.has_duplicates(college.relation("attendance"), term.class_semesters)
    )


def _check_relation(
    college: College, relation: Relation, term: Term, week: int, *, strays: bool
) -> pd.DataFrame:
    """Return the findings about one relation's rows, as `check_rows` does."""
    if relation.table.name == "attendance" and _has_clean_registers(college, term, week):
        return make_empty_findings()
    parent = find_parent(college, relation)
    rows = _select_rows(college, relation, parent, term, week, strays=strays)
    checks = list_checks(college, relation, parent)
    if college.has_duplicates(relation, term.class_semesters):
        checks.append(make_duplicate_check(relation))
    key = relation.c[relation.table.key[0]].label("row_id")
    flagged = _flag_rows(rows.add_columns(key), checks)
    counted = college.read_frame(_sum_flags(flagged, len(checks)), relation.table.name)
    found = []
    for n, check in enumerate(checks):
        concerned = counted[counted[f"c{n}"] > 0]
        if concerned.empty:
            continue
        code = f"{relation.table.name}: {check.code}"
        message = f"{relation.table.label}: {check.sentence}"
        # Only a check that found something needs a second query.
        examples = _read_examples(college, relation, flagged, f"c{n}")
        for where, count in zip(concerned["where_"], concerned[f"c{n}"].astype(int), strict=True):
            found.append((code, where, "warn", count, examples.get(where, []), message))
    return pd.DataFrame(found, columns=list(FINDING_COLUMNS))


def _flag_rows(rows: sa.Select[Any], checks: list[RowCheck]) -> sa.Subquery:
    """Return the rows with a 0 or 1 per check, in columns c0, c1, ..., so one scan counts all."""
    flags = [
        sa.case((check.condition, 1), else_=0).label(f"c{n}") for n, check in enumerate(checks)
    ]
    return rows.add_columns(*flags).subquery("flagged")


def _sum_flags(flagged: sa.Subquery, number: int) -> sa.Select[Any]:
    """Return the select of how many rows of each class have each flag."""
    totals = [
        sa.func.sum(flagged.c[f"c{n}"], type_=sa.Integer).label(f"c{n}") for n in range(number)
    ]
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


def _select_rows(
    college: College,
    relation: Relation,
    parent: Parent | None,
    term: Term,
    week: int,
    *,
    strays: bool,
) -> sa.Select[Any]:
    """Return a select of the relation's rows in the term, with their class.

    The column is `where_`; it is `all` for an unknown class. Callers add further columns.
    """
    c = relation.c
    where = sa.case((college.is_known_class(relation), c.class_id), else_=EVERYWHERE).label(
        "where_"
    )
    if parent is not None:
        # An outer join: rows about an unknown item must stay, so that they can be counted.
        joined = sa.outerjoin(relation.rows, parent.rows, c[parent.key] == parent.id)
        unlisted: Condition = parent.id.is_(None) if strays else sa.false()
        return (
            sa.select(where)
            .select_from(joined)
            .where(sa.or_(term.build_condition(parent.rows), unlisted))
        )
    stray = (
        sa.and_(c.semester.in_(sorted(term.semesters)), ~college.is_known_class(relation))
        if strays
        else sa.false()
    )
    # Definitions of work have no week: all of the term's work is checked from the first week.
    soon = [relation.week.between(1, week)] if relation.table.feed else []
    return sa.select(where).where(sa.or_(term.build_condition(relation), stray), *soon)


def make_warning(check: str, message: str) -> pd.DataFrame:
    """Return one finding that concerns the whole college; none if the message is empty."""
    return add_warning(make_empty_findings(), check, message) if message else make_empty_findings()


def add_warning(found: pd.DataFrame, check: str, message: str) -> pd.DataFrame:
    """Return the findings and one more, a warning that concerns the whole college."""
    row: tuple[object, ...] = (check, EVERYWHERE, "warn", 1, [], message)
    return pd.concat([found, pd.DataFrame([row], columns=list(FINDING_COLUMNS))], ignore_index=True)
