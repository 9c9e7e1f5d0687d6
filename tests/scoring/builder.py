"""What a college knew at the end of a week, in a line or two: everyone is in class C, semester 2, from 5 January 2026."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from edumetrics.fields import COUNTED_FEEDS, RELATIONS
from edumetrics.params import Calendar, Scoring
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.observed import Observations, observe
from tests.facts import complete

# Week 8 has the midterm, week 18 the end-term: the others are teaching weeks.
CALENDAR, SCORING = Calendar(), Scoring()
START = pd.Timestamp("2026-01-05")
DAY = "datetime64[us]"
# The kinds that frames have when they come from a database, empty ones too.
KINDS = {
    "student_id": "str", "class_id": "str", "item_id": "str", "subject_id": "str",
    "week": "int64", "semester": "int64", "held": "int64", "present": "int64",
    "due": "float64", "due_week": "float64", "mark_sum": "float64", "quality_sum": "float64", "similarity": "float64", "score": "float64",
    "joined_on": DAY, "withdrawn_on": DAY, "from": DAY, "to": DAY, "known_by": DAY, "week_date": DAY, "last_date": DAY,
}  # fmt: skip


class Item(NamedTuple):
    """An assignment or a quiz. `marks` holds the percent of each student who did it; None is not marked yet."""

    due: int | None
    marks: Mapping[str, float | None] = {}
    quiz: bool = False
    subject: str = "S"
    class_id: str = "C"
    # Of each student who did it: quality and similarity report, percent.
    quality: float | None = None
    similarity: float | None = None
    handed_on: str | None = None


def facts(
    week: int = 6,
    students: str | Mapping[str, Mapping[str, Any]] = "asha",
    *,
    registers: Mapping[str, str] = {},
    work: Sequence[Item] = (),
    classes: Mapping[str, tuple[int, str]] = {"C": (2, "2026-01-05")},
    doubles: Iterable[tuple[str, int, str]] = (),
    extensions: Iterable[tuple[str, int, float]] = (),
    excuses: Iterable[tuple[str, str | None, str | None]] | None = None,
    enrolments: Iterable[tuple[str, str, str | None, str | None]] | None = None,
    feeds: Mapping[str, Mapping[str, Mapping[int, Any]]] = {},
    midterms: Mapping[str, float] = {},
    college_has: frozenset[str] | None = None,
    unmarked: Sequence[int] = (),
) -> Facts:
    """Return the facts of a week.

    Args:
        week: the semester week.
        students: names, or by name the columns that differ from the usual ones.
        registers: by student, one word a week from week 1: "3/4" is 3 of 4 lectures attended, "3/4@D" in class D,
            "-" is no register.
        work: assignments and quizzes; an extension names one by its place in this list.
        classes: semester and first day by class.
        doubles: student, week, and the class whose register counts.
        extensions: student, place of the item, new week; NaN for an exempt student.
        excuses: student, first day, last day.
        enrolments: student, subject, first day, last day.
        feeds: by feed and student, what it counts by week.
        midterms: score by student.
        unmarked: the places of items of which no mark of anybody is known.
        college_has: the counted feeds of the college; None where these facts show it.
    """
    if isinstance(students, str):
        students = {name: {} for name in students.split()}
    people = [
        (name, own.get("class_id", "C"), None, own.get("joined_on"), own.get("withdrawn_on"))
        for name, own in students.items()
    ]  # fmt: skip
    end = {c: pd.Timestamp(day) + pd.Timedelta(days=7 * week - 1) for c, (_, day) in classes.items()}  # fmt: skip
    semester = {name: number for name, (number, _) in classes.items()}
    numbered = [(f"{'Q' if item.quiz else 'A'}{n}", item) for n, item in enumerate(work)]
    moved = [(who, numbered[place][0], new) for who, place, new in extensions]
    return complete(
        week=week,
        students=_frame(people, "student_id class_id advisor_id joined_on withdrawn_on"),
        class_semesters=_frame(list(semester.items()), "class_id semester"),
        dates=_frame(
            [
                (name, number, w, pd.Timestamp(day) + pd.Timedelta(weeks=w - 1))
                for name, (number, day) in classes.items()
                for w in range(1, week + 1)
            ],
            "class_id semester week week_date",
        ),
        attendance=_list_registers(registers, semester),
        doubles=_frame(list(doubles), "student_id week class_id"),
        assignments=_list_items(numbered, semester, quiz=False),
        quizzes=_list_items(numbered, semester, quiz=True),
        assignments_done=_list_done(numbered, semester, moved, end, quiz=False),
        quizzes_done=_list_done(numbered, semester, moved, end, quiz=True),
        extensions=_list_moved(moved, "A"),
        quiz_extensions=_list_moved(moved, "Q"),
        unmarked=[numbered[place][0] for place in unmarked],
        excuses=None if excuses is None else _frame(list(excuses), "student_id from to"),
        enrolments=None if enrolments is None else _frame(
            [(who, subject, 2, *span) for who, subject, *span in enrolments], "student_id subject_id semester from to"
        ),
        weekly={feed: _list_counts(feed, feeds.get(feed, {})) for feed in COUNTED_FEEDS},
        midterms=_frame([(who, score, end["C"]) for who, score in midterms.items()], "student_id score known_by"),
        feeds=college_has,
    )  # fmt: skip


def observed(week: int = 6, students: str = "asha", **known: Any) -> Observations:
    """Return what is counted from the facts of a week, with the default parameters."""
    return observe(facts(week, students, **known), CALENDAR, SCORING)


def _frame(rows: Sequence[Any], names: str) -> pd.DataFrame:
    # Column by column, because converting a whole frame would take most of the time of a test.
    columns = dict(zip(names.split(), zip(*rows, strict=True), strict=True)) if rows else {}
    return pd.DataFrame(
        {name: pd.Series(columns.get(name, ()), dtype=KINDS.get(name)) for name in names.split()}
    )


def _list_moved(moved: Sequence[tuple[str, str, float]], kind: str) -> pd.DataFrame:
    own = [one for one in moved if one[1][0] == kind]
    # As a fraction: an item that is not due for a student has no week.
    return _frame(own, "student_id item_id due").rename(columns={"due": "week"})


def _list_registers(registers: Mapping[str, str], semester: Mapping[str, int]) -> pd.DataFrame:
    rows = []
    for student, words in registers.items():
        for week, word in enumerate(words.split(), start=1):
            if word != "-":
                counts, _, class_id = word.partition("@")
                present, held = map(int, counts.split("/"))
                class_id = class_id or "C"
                rows.append((student, class_id, semester.get(class_id, 2), week, held, present))
    return _frame(rows, "student_id class_id semester week held present")


def _list_items(
    numbered: Sequence[tuple[str, Item]], semester: Mapping[str, int], *, quiz: bool
) -> pd.DataFrame:
    rows = [
        (name, item.class_id, semester[item.class_id], item.subject, item.due)
        for name, item in numbered
        if item.quiz == quiz
    ]
    return _frame(rows, "item_id class_id semester subject_id due_week")


def _list_done(
    numbered: Sequence[tuple[str, Item]],
    semester: Mapping[str, int],
    moved: Sequence[tuple[str, str, float]],
    end: Mapping[str, pd.Timestamp],
    *,
    quiz: bool,
) -> pd.DataFrame:
    weeks = {(who, name): week for who, name, week in moved}
    rows = [
        (
            student,
            item.class_id,
            semester[item.class_id],
            item.subject,
            weeks.get((student, name), item.due),
            1,
            int(mark is not None),
            mark,
            item.handed_on,
            int(item.quality is not None),
            item.quality,
            item.similarity,
            end[item.class_id],
        )
        for name, item in numbered
        if item.quiz == quiz
        for student, mark in item.marks.items()
    ]
    frame = _frame(
        rows,
        "student_id class_id semester subject_id due done marked mark_sum last_date"
        " judged quality_sum similarity known_by",
    ).rename(columns={"due": "week"})
    # A null week is work that is never due; only assignments are judged.
    return frame.drop(columns=["judged", "quality_sum", "similarity"]) if quiz else frame


def _list_counts(feed: str, counted: Mapping[str, Mapping[int, Any]]) -> pd.DataFrame:
    metrics = [count.metric for count in RELATIONS[feed].counts]
    rows = [
        (student, 2, week, *(values if isinstance(values, tuple) else (values,)))
        for student, weeks in counted.items()
        for week, values in weeks.items()
    ]
    return _frame(rows, " ".join(["student_id", "semester", "week", *metrics]))
