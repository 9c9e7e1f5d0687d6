"""Data health: problems of validity and integrity, counted per class, with examples.

Each finding says what is wrong and how the rows were treated. No finding stops a score or changes
it silently; `college.work` cleans the same rows by the same rules.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import feeds, row_findings
from edumetrics.college.deadline_findings import check_deadlines
from edumetrics.college.findings import make_empty_findings
from edumetrics.college.people_findings import check_people
from edumetrics.college.single_findings import check_single_ones
from edumetrics.college.source_findings import check_sources
from edumetrics.college.terms import College, Term
from edumetrics.college.work import find_newest_day
from edumetrics.fields import EVERYWHERE, EXAMPLES, FEEDS, FINDING_COLUMNS, RELATIONS, UP_TO
from edumetrics.types import WORKS

# Findings that date what is no weekly feed: the label, and whether only marked work counts.
DATED = {"work": ("Work handed in", False), "marks": ("Marks", True)}
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
    "unknown subject": "Look whether these subjects are missing from subjects, "
    "or subject_id is another kind of id.",
    "mark without an attempt": "Correct `attempted` in the mapping, or these rows.",
    "no first day": "Give these absences their first day.",
    "before from": "Correct these rows at their source.",
    "before joined_on": "Correct these rows; of who has come back, withdrawn_on is null.",
    "twice": "Look why these stand twice: a join in the mapping, or an entry made again.",
    ". behind": "Ask who copies it, and run again when it has caught up.",
    ": clock": "Say in which zone its moments are: `time_zone` of this source.",
    "several": "Name each student's advisor in students.advisor_id, or leave it so.",
    "duplicate": "Look why entries come twice: a repeated import, or a join in the mapping.",
    "midterm week": "Set midterm_week in calendar.yml, if it is so for all classes.",
    "endterm week": "Set endterm_week in calendar.yml, if it is so for all classes.",
}


def check_health(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return everything found in the term's data up to a week.

    Returns:
        check (`relation: kind`), class_id (`all` where no class is known, or for a feed as a
        whole), status (ok, warn, or block where a run would mislead), count (of rows), examples
        (list of up to five row ids), message (one sentence). Feeds come first.
    """
    found = [
        check_whole(college, term, week),
        format_messages(check_rows(college, term, week)),
    ]
    return pd.concat(found, ignore_index=True)


def check_whole(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return the findings that need the whole college, as `check_health` does."""
    found = [
        check_sources(college, term, week),
        check_feeds(college, term, week),
        check_people(college, term),
        check_single_ones(college, term, week),
        check_deadlines(college, term),
    ]
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


def check_rows(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return the findings about rows and exam weeks (see `row_findings.check_rows`)."""
    found = row_findings.check_rows(college, term, week)
    return pd.concat([found, _check_exam_weeks(college, term)], ignore_index=True)


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
    days = (find_newest_day(college, term, work, week, marked=marked) for work in WORKS)
    return max(filter(None, days), default=None)


def make_warning(check: str, message: str) -> pd.DataFrame:
    """Return one finding that concerns the whole college; none if the message is empty."""
    return add_warning(make_empty_findings(), check, message) if message else make_empty_findings()


def add_warning(found: pd.DataFrame, check: str, message: str) -> pd.DataFrame:
    """Return the findings and one more, a warning that concerns the whole college."""
    row: tuple[object, ...] = (check, EVERYWHERE, "warn", 1, [], message)
    return pd.concat([found, pd.DataFrame([row], columns=list(FINDING_COLUMNS))], ignore_index=True)
