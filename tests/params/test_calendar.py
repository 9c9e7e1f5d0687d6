"""How a college counts its weeks, and the values that parameters refuse."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from edumetrics.params import (
    BatchParams,
    Calendar,
    Forecast,
    MailParams,
    Scoring,
    SlotDates,
    Triage,
)

# Eight weeks: 4 is the midterm, 8 the end-term, 6 is vacation.
SMALL = Calendar(weeks_per_semester=8, midterm_week=4, endterm_week=8, vacation_weeks=(6,))


def test_exam_and_vacation_weeks_have_no_teaching() -> None:
    assert SMALL.teaching_weeks == (1, 2, 3, 5, 7)


def test_a_college_may_have_no_exam_week() -> None:
    calendar = Calendar(weeks_per_semester=3, midterm_week=None, endterm_week=None)
    assert calendar.teaching_weeks == (1, 2, 3)


@pytest.mark.parametrize(
    ("week", "count", "weeks"),
    [(7, 3, (7, 5, 3)), (6, 3, (5, 3, 2)), (5, 1, (5,)), (2, 3, (2, 1)), (0, 3, ()), (99, 2, (7, 5)), (7, 0, ())],
)  # fmt: skip
def test_the_last_teaching_weeks_end_with_the_week_itself(
    week: int, count: int, weeks: tuple[int, ...]
) -> None:
    assert SMALL.get_last_teaching_weeks(week, count) == weeks


@pytest.mark.parametrize(
    ("week", "count", "weeks"), [(7, 3, (5, 3, 2)), (5, 2, (3, 2)), (2, 2, (1,)), (1, 2, ())]
)
def test_the_weeks_before_leave_the_week_itself_out(
    week: int, count: int, weeks: tuple[int, ...]
) -> None:
    assert SMALL.get_teaching_weeks_before(week, count) == weeks


@pytest.mark.parametrize(
    ("week", "weeks"), [(0, (1, 2, 3, 5, 7)), (3, (5, 7)), (4, (5, 7)), (5, (7,)), (7, ()), (8, ())]
)
def test_the_weeks_ahead_are_teaching_weeks(week: int, weeks: tuple[int, ...]) -> None:
    assert SMALL.get_next_teaching_weeks(week) == weeks
    assert SMALL.count_teaching_weeks_left(week) == len(weeks)


def test_the_zone_is_that_of_the_college() -> None:
    assert Calendar(time_zone="Europe/London").zone.key == "Europe/London"


@pytest.mark.parametrize("day", ["01-01", "02-28", "04-30", "07-14", "12-31"])
def test_a_slot_starts_on_a_day_that_every_year_has(day: str) -> None:
    assert SlotDates(offset=0, starts=day).starts == day


@pytest.mark.parametrize("day", ["02-29", "04-31", "13-01", "00-10", "7-14", "14-07", "2026-07-14", "01-00", ""])  # fmt: skip
def test_a_slot_starts_on_no_other_day(day: str) -> None:
    with pytest.raises(ValidationError, match="starts"):
        SlotDates(offset=0, starts=day)


REFUSED: list[tuple[type[BaseModel], dict[str, Any], str]] = [
    (Calendar, {"time_zone": "Asia/Nowhere"}, "not a known time zone"),
    (Calendar, {"vacation_weeks": [19]}, "after the last week, 18"),
    (Calendar, {"weeks_per_semester": 2, "midterm_week": 1, "endterm_week": 2}, "no teaching week"),
    (Calendar, {"weeks_per_semester": 0}, "weeks_per_semester"),
    (Calendar, {"vacation_weeks": [0]}, "vacation_weeks"),
    (Calendar, {"attendance_rule_pct": 101}, "attendance_rule_pct"),
    (Calendar, {"attendance_rule_pct": 0}, "attendance_rule_pct"),
    (Calendar, {"slots": {"Spring term": {"offset": 0, "starts": "01-05"}}}, "slots"),
    (Calendar, {"slots": {"odd": {"offset": -1, "starts": "01-05"}}}, "offset"),
    (Calendar, {"weeks": 18}, "weeks"),
    (Scoring, {"effort_weights": {"attendance": -1}}, "attendance"),
    (Scoring, {"risk_weights": {"atendance_fall": 1}}, "atendance_fall"),
    (Scoring, {"risk_scales": {"effort_level": 0}}, "effort_level"),
    (Scoring, {"library_visits_full": 0}, "library_visits_full"),
    (Scoring, {"pass_mark": 0}, "pass_mark"),
    (Scoring, {"feed_weeks": 2.5}, "feed_weeks"),
    (Scoring, {"detention_prior_weeks": 0}, "detention_prior_weeks"),
    (Triage, {"soon": 61}, "soon must not be above urgent"),
    (Triage, {"capacities": {"a1": 0}}, "capacities"),
    (Triage, {"rules": {"low_attendance": {"at_most_pct": 101}}}, "at_most_pct"),
    (Triage, {"rules": {"no_homework": {}}}, "no_homework"),
    (Triage, {"sure_chance": 1.1}, "sure_chance"),
    (Forecast, {"smoothing": 1}, "smoothing"),
    (Forecast, {"tree_leaves": 1}, "tree_leaves"),
    (BatchParams, {"gate": {"flagged_times": 0.5}}, "flagged_times"),
    (BatchParams, {"retention": {"months": 0}}, "months"),
    (MailParams, {"mode": "smtp"}, "mode"),
    (MailParams, {"mail_detail": "everything"}, "mail_detail"),
    (MailParams, {"attempts": 0}, "attempts"),
    (MailParams, {"offers": {"A1": ["someday 14:00"]}}, "each as `tuesday 14:00`"),
    (MailParams, {"offers": {"A1": ["tuesday 24:00"]}}, "each as `tuesday 14:00`"),
    (MailParams, {"offers": {"A1": ["tuesday"]}}, "each as `tuesday 14:00`"),
    (MailParams, {"offers": {"A1": ["monday 9:00", "tuesday 9:00", "friday 9:00"]}}, "at most two"),
    (MailParams, {"offers": {"A1": "book.college.example"}}, "a link begins with https://"),
    (MailParams, {"offers": {"A1": 14}}, "offers.A1"),
]


@pytest.mark.parametrize(
    ("model", "values", "message"), REFUSED, ids=[f"{m.__name__}-{v}" for m, v, _ in REFUSED]
)
def test_a_value_out_of_range_is_refused(
    model: type[BaseModel], values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)


@pytest.mark.parametrize("model", [Calendar, Scoring, Triage, Forecast, BatchParams, MailParams])
def test_parameters_do_not_change_in_a_run(model: type[BaseModel]) -> None:
    name = next(iter(model.model_fields))
    made = model()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, name, getattr(made, name))


def test_the_full_counts_are_those_of_the_effort_signals() -> None:
    scoring = Scoring(library_visits_full=3)
    assert scoring.full_counts == {"library_visits": 3, "book_borrows": 2, "platform": 5}
    assert scoring.full_counts.keys() < scoring.effort_weights.model_dump().keys()


@pytest.mark.parametrize(
    ("advisor", "unassigned_to", "capacity"),
    [("a1", None, 3), ("a2", None, 8), ("", None, 8), ("", "a1", 3), ("a2", "a1", 8)],
)
def test_an_advisor_has_time_for_so_many(
    advisor: str, unassigned_to: str | None, capacity: int
) -> None:
    triage = Triage(capacities={"a1": 3}, unassigned_to=unassigned_to)
    assert triage.get_capacity(advisor) == capacity
