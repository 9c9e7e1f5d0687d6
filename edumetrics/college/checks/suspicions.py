"""The suspicions about each relation: which problem of its rows, and how much of it, is no dirt.

A suspicion is a share: of the rows `among` which a problem could show, so many percent are `bad`.
In dirty data few rows are bad. If two columns are swapped, or a percentage is a fraction, nearly
all rows are bad.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from edumetrics.college.reader import Condition
from edumetrics.params import Calendar

Columns = Any  # of a subquery, by name
# With fewer rows, a share of them says nothing.
ROWS = 20
# Shares in percent from which a problem is suspicious. ALL is for values that are also true in most
# rows of a right mapping; SOME is for values that are hardly ever true.
ALL, MOST, MANY, SOME = 100, 50, 20, 5
# Bonus marks may go a little above the maximum: only more than this factor is odd.
BONUS = 1.25
# The most lectures and visits in a week that are believable, and the days of a week.
HIGHEST_HELD, HIGHEST_VISITS, DAYS = 40, 50, 7


@dataclass(frozen=True)
class Suspicion:
    """A share of rows that only a wrong mapping explains.

    Attributes:
        columns: columns of the relation that are needed; the first is the one to look at first.
        bad: returns the condition that a row is odd, from the relation's columns and those of the
            item or exam that the row is about (None if there is none).
        sentence: a sentence with {pct} (percent of rows that are odd), {rows} and {bad} (counts).
        among: returns the condition that a row counts at all; None means that every row counts.
        share: percent of odd rows from which it is suspicious.
        least: count of rows below which nothing can be said.
    """

    columns: tuple[str, ...]
    bad: Callable[[Columns, Columns], Condition]
    sentence: str
    among: Callable[[Columns, Columns], Condition] | None = None
    share: float = MANY
    least: int = ROWS


def list_suspicions(calendar: Calendar) -> dict[str, list[Suspicion]]:
    """Return the suspicions of each relation, in the order in which they are reported."""
    return {
        **_list_people_suspicions(),
        "attendance": _list_register_suspicions(calendar),
        **_list_feed_suspicions(calendar),
        "assignment_definitions": _list_assignment_suspicions(calendar),
        "quiz_definitions": _list_due_suspicions(calendar, "scheduled_week"),
        "assignment_submissions": _list_hand_in_suspicions(),
        "quiz_submissions": _list_attempt_suspicions(),
        "exam_schedule": [
            # `least=1`: a term has few exams.
            Suspicion(("exam_type",),
                      lambda c, _: sa.func.lower(c.exam_type).not_in(["midterm", "endterm"]),
                      "{pct}% of the exams are neither midterm nor endterm: "
                      "translate the college's words.",
                      least=1),
        ],
        "exam_results": _list_result_suspicions(),
        "enrolments": [_make_order_suspicion("to", "from")],
        "excuses": [_make_order_suspicion("to", "from")],
    }  # fmt: skip


def _list_assignment_suspicions(calendar: Calendar) -> list[Suspicion]:
    return [
        *_list_due_suspicions(calendar, "due_week"),
        Suspicion(("assigned_week", "due_week"), lambda c, _: c.assigned_week > c.due_week,
                  "In {pct}% of the rows it is later than due_week: are the two swapped?",
                  share=MOST),
        Suspicion(("max_marks",), lambda c, _: sa.or_(c.max_marks.is_(None), c.max_marks <= 0),
                  "{pct}% of the items have no maximum above 0, so that no mark of theirs counts.",
                  share=MOST),
    ]  # fmt: skip


def _list_hand_in_suspicions() -> list[Suspicion]:
    return [
        *_list_percent_suspicions("quality_pct"),
        *_list_percent_suspicions("plagiarism_pct"),
        *_list_mark_suspicions("assignments"),
        _make_order_suspicion("marked_on", "submission_date"),
        # A similarity above 60 is rare: if most are, it is 100 minus the similarity.
        Suspicion(("plagiarism_pct",), lambda c, _: c.plagiarism_pct > 60,
                  "{pct}% are above 60: is it the share that is original?",
                  among=lambda c, _: c.plagiarism_pct.is_not(None), share=60),
        Suspicion(("submission_date", "marks_obtained"),
                  lambda c, _: sa.and_(c.submission_date.is_(None), c.marks_obtained == 0),
                  "{pct}% of the rows have no date and 0 marks: "
                  "do rows of missing work count as work?"),
    ]  # fmt: skip


def _list_attempt_suspicions() -> list[Suspicion]:
    return [
        *_list_percent_suspicions("score_pct"),
        *_list_mark_suspicions("quizzes"),
        _make_score_suspicion(),
        _make_order_suspicion("marked_on", "attempt_date"),
        Suspicion(("attempted", "marks_obtained"),
                  lambda c, _: sa.not_(sa.func.coalesce(c.attempted, sa.false())),
                  "It says no in {pct}% of the rows that have marks above 0: "
                  "are yes and no the wrong way round?",
                  among=lambda c, _: c.marks_obtained > 0, share=MOST),
    ]  # fmt: skip


def _list_result_suspicions() -> list[Suspicion]:
    return [
        *_list_percent_suspicions("score_pct"),
        *_list_mark_suspicions("exams"),
        _make_score_suspicion(),
        Suspicion(("pass_fail",), lambda c, _: c.pass_fail.not_in(["P", "F"]),
                  "{pct}% are neither P nor F: translate the college's words.",
                  among=lambda c, _: c.pass_fail.is_not(None)),
        Suspicion(("result_date",), lambda c, exam: c.result_date < exam.exam_date,
                  "{pct}% of the results were known before their exam: is that another date?",
                  among=lambda c, exam: sa.and_(c.result_date.is_not(None),
                                                exam.exam_date.is_not(None)),
                  share=MOST),
    ]  # fmt: skip


def _list_people_suspicions() -> dict[str, list[Suspicion]]:
    return {
        "advisors": [_make_address_suspicion()],
        "students": [
            _make_address_suspicion(),
            _make_order_suspicion("withdrawn_on", "joined_on"),
            Suspicion(("name",), lambda c, _: c.name.contains("@"),
                      "{pct}% of the names are addresses: are name and email swapped?",
                      share=MOST, least=2),
        ],
    }  # fmt: skip


def _make_address_suspicion() -> Suspicion:
    return Suspicion(
        ("email",),
        lambda c, _: sa.not_(c.email.contains("@")),
        "{pct}% have no @: is that another column?",
        among=lambda c, _: sa.and_(c.email.is_not(None), c.email != ""),
        share=MOST,
        least=2,
    )


def _list_register_suspicions(calendar: Calendar) -> list[Suspicion]:
    def is_marked(c: Columns, _: Columns) -> Condition:
        return sa.and_(c.present >= 0, c.lectures_held > 0)

    # Without an attendance rule, active days stand in for lectures. Many students then have few.
    days_stand_in = calendar.attendance_rule_pct is None
    return [
        Suspicion(("present", "lectures_held"), lambda c, _: c.present > c.lectures_held,
                  "In {pct}% of the registers it is above lectures_held: "
                  "are the two swapped, or is it a percentage?",
                  among=is_marked),
        Suspicion(("present",), lambda c, _: c.present == c.lectures_held,
                  "In all {rows} registers it equals lectures_held: were the absences left out?",
                  among=is_marked, share=ALL, least=20 * ROWS),
        # Where students attend one lecture of several in some weeks, they attend none in others.
        Suspicion(("present", "lectures_held"), lambda c, _: c.present == 1,
                  "In {rows} registers it is 1 of several lectures, in none it is 0: "
                  "were rows of absences left out?",
                  among=lambda c, _: sa.and_(c.present.between(0, 1),
                                             c.lectures_held.between(2, 8)),
                  share=ALL),
        Suspicion(("present",), lambda c, _: sa.or_(c.present.is_(None), c.present < 0),
                  "{pct}% of the registers have none, and are left out: is that the right column?",
                  share=MOST),
        Suspicion(("lectures_held",), lambda c, _: c.lectures_held > HIGHEST_HELD,
                  "{pct}% of the registers have more than 40 lectures a week: "
                  "are these minutes, or running totals?"),
        Suspicion(("week_date",), lambda c, _: c.week_date.is_(None),
                  "{pct}% of the registers have no date."),
        *([] if days_stand_in else [_make_absence_suspicion(is_marked)]),
        *_list_week_suspicions(calendar, "week"),
    ]  # fmt: skip


def _make_absence_suspicion(marked: Callable[[Columns, Columns], Condition]) -> Suspicion:
    """Return the suspicion that `present` counts absences, among marked registers."""
    return Suspicion(
        ("present", "lectures_held"),
        lambda c, _: 2 * c.present < c.lectures_held,
        "In {pct}% of the registers it is below half of lectures_held: are these the absences?",
        among=marked,
        share=60,
        least=5 * ROWS,
    )


def _list_feed_suspicions(calendar: Calendar) -> dict[str, list[Suspicion]]:
    """Return the suspicions of the weekly feeds other than attendance."""
    return {
        "library_visits": [
            Suspicion(("physical_visits",), lambda c, _: c.physical_visits > HIGHEST_VISITS,
                      "{pct}% of the rows have more than 50 visits in a week: "
                      "are these running totals?"),
            *_list_week_suspicions(calendar, "week"),
        ],
        "book_borrows": [
            _make_order_suspicion("return_date", "borrow_date"),
            _make_order_suspicion("return_week", "borrow_week"),
            *_list_week_suspicions(calendar, "borrow_week"),
        ],
        # The platform may be open before the semester, so weeks below 1 are not suspicious.
        "lms_activity": [
            Suspicion(("active_days",), lambda c, _: ~c.active_days.between(0, DAYS),
                      "{pct}% are not between 0 and 7 days: are these clicks?"),
            Suspicion(("events", "active_days"), lambda c, _: c.events < c.active_days,
                      "In {pct}% of the rows it is below active_days: are the two swapped?",
                      share=MOST),
            Suspicion(("week",), lambda c, _: c.week > calendar.weeks_per_semester,
                      "{pct}% are beyond the last week of the semester: "
                      "are these weeks of the year?",
                      share=SOME),
        ],
    }  # fmt: skip


def _list_week_suspicions(calendar: Calendar, column: str) -> list[Suspicion]:
    last = calendar.weeks_per_semester
    return [
        # In a semester of 18 weeks, a week counted as 0 has 5 to 6% of the rows, so 3% is enough.
        Suspicion((column,), lambda c, _: c[column] < 1,
                  "{pct}% of the rows are before week 1: is the first week counted as 0?", share=3),
        Suspicion((column,), lambda c, _: c[column] > last,
                  f"{{pct}}% of the rows are after week {last}: are these weeks of the year?",
                  share=SOME),
    ]  # fmt: skip


def _list_due_suspicions(calendar: Calendar, column: str) -> list[Suspicion]:
    teaching = calendar.teaching_weeks
    # `least=5`: there are far fewer items than submissions.
    return [
        Suspicion((column,), lambda c, _: c[column].is_(None),
                  "{pct}% of the items have none, and are never due.",
                  share=MOST, least=5),
        Suspicion((column,), lambda c, _: c[column].not_in(teaching),
                  "{pct}% of the items fall into weeks that are not taught, and are never due: "
                  "compare the calendar.",
                  among=lambda c, _: c[column].is_not(None), share=MOST, least=5),
    ]  # fmt: skip


def _list_percent_suspicions(column: str) -> list[Suspicion]:
    return [
        # 0 is 0 on every scale, so only values above 0 count.
        Suspicion((column,), lambda c, _: c[column] <= 1,
                  "None of {rows} is above 1: is it a fraction? Percentages go from 0 to 100.",
                  among=lambda c, _: c[column] > 0, share=ALL),
        Suspicion((column,), lambda c, _: ~c[column].between(0, 100),
                  "{pct}% are not between 0 and 100.",
                  among=lambda c, _: c[column].is_not(None)),
    ]  # fmt: skip


def _get_maximum(c: Columns, about: Columns) -> sa.ColumnElement[Any]:
    """Return the maximum of a row's marks: its own where it has one, else that of the item."""
    return sa.func.coalesce(c.max_marks, about.max_marks) if "max_marks" in c else about.max_marks


def _list_mark_suspicions(what: str) -> list[Suspicion]:
    """Return the suspicions that marks and their maximum do not use one scale."""
    return [
        Suspicion(
            ("marks_obtained",),
            lambda c, about: c.marks_obtained > BONUS * _get_maximum(c, about),
            f"{{pct}}% are far above the max_marks of their {what}: "
            "are the two swapped, or is it a percentage?",
            among=lambda c, about: sa.and_(
                c.marks_obtained.is_not(None), _get_maximum(c, about) > 0
            ),
        ),
        # A hard exam has many low marks, so ALL and twice the usual rows are needed.
        Suspicion(
            ("marks_obtained",),
            lambda c, about: 3 * c.marks_obtained < _get_maximum(c, about),
            f"None of {{rows}} reaches a third of the max_marks of their {what}: "
            "do the two use one scale?",
            among=lambda c, about: sa.and_(c.marks_obtained >= 0, _get_maximum(c, about) > 0),
            share=ALL,
            least=2 * ROWS,
        ),
    ]


def _make_score_suspicion() -> Suspicion:
    """Return the suspicion that score_pct does not belong to marks_obtained and max_marks."""
    return Suspicion(
        ("score_pct", "marks_obtained"),
        # Five points leave room for rounding.
        lambda c, about: (
            sa.func.abs(c.score_pct - 100 * c.marks_obtained / _get_maximum(c, about)) > 5
        ),
        "In {pct}% of the rows it is not marks_obtained of max_marks: do they belong together?",
        among=lambda c, about: sa.and_(
            c.score_pct.is_not(None), c.marks_obtained >= 0, _get_maximum(c, about) > 0
        ),
        share=MOST,
    )


def _make_order_suspicion(later: str, earlier: str) -> Suspicion:
    return Suspicion(
        (later, earlier),
        lambda c, _: c[later] < c[earlier],
        f"In {{pct}}% of the rows it is before {earlier}: are the two swapped?",
        among=lambda c, _: sa.and_(c[later].is_not(None), c[earlier].is_not(None)),
        share=MOST,
        least=5,
    )
