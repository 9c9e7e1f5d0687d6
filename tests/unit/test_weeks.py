from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from edumetrics.params import Calendar
from edumetrics.weeks import (
    CollegeWeek,
    compute_week_dates,
    find_last_complete_week,
    find_slot_start,
    name_terms,
)

CALENDAR = Calendar()


@pytest.mark.parametrize(
    ("global_week", "slot", "week"),
    [(0, "odd", 0), (1, "odd", 1), (18, "odd", 18), (19, "even", 1), (36, "even", 18)],
)
def test_a_global_week_is_a_slot_and_a_semester_week(
    global_week: int, slot: str, week: int
) -> None:
    position = CollegeWeek(2025, global_week)
    assert (position.find_slot(CALENDAR), position.compute_week(CALENDAR)) == (slot, week)


def test_catching_up_crosses_slots_and_years() -> None:
    steps = list(CollegeWeek(2025, 35).iter_until(CollegeWeek(2026, 2), CALENDAR))
    assert steps == [CollegeWeek(2025, 36), CollegeWeek(2026, 1), CollegeWeek(2026, 2)]


def test_a_week_is_complete_on_its_seventh_day() -> None:
    assert find_last_complete_week(date(2025, 7, 14), CALENDAR) == CollegeWeek(2025, 0)
    assert find_last_complete_week(date(2025, 7, 19), CALENDAR) == CollegeWeek(2025, 0)
    assert find_last_complete_week(date(2025, 7, 20), CALENDAR) == CollegeWeek(2025, 1)
    assert find_last_complete_week(date(2026, 3, 15), CALENDAR) == CollegeWeek(2025, 18 + 10), (
        "the even slot belongs to the year of its odd one"
    )
    assert find_last_complete_week(date(2026, 7, 1), CALENDAR) == CollegeWeek(2025, 36), (
        "between terms the last week stays"
    )


def test_a_slot_begins_in_its_calendar_year() -> None:
    assert find_slot_start(CollegeWeek(2025, 3), CALENDAR) == date(2025, 7, 14)
    assert find_slot_start(CollegeWeek(2025, 20), CALENDAR) == date(2026, 1, 5)


def test_last_teaching_weeks_leave_exam_weeks_out() -> None:
    assert CALENDAR.get_last_teaching_weeks(9, 3) == (9, 7, 6)
    assert CALENDAR.get_teaching_weeks_before(9, 4) == (7, 6, 5, 4)
    assert CALENDAR.count_teaching_weeks_left(5) == 11
    assert Calendar(vacation_weeks=(10,)).count_teaching_weeks_left(5) == 10


def known(**weeks: str) -> pd.DataFrame:
    rows = [("C", 1, int(name[1:]), pd.Timestamp(value)) for name, value in weeks.items()]
    return pd.DataFrame(rows, columns=["class_id", "semester", "week", "week_date"])


def test_undated_weeks_follow_the_dated_one_before() -> None:
    dates = (
        compute_week_dates(known(w2="2026-01-12", w5="2026-02-09"), 6)
        .set_index("week")["week_date"]
        .dt.strftime("%m-%d")
    )
    assert dates.to_dict() == {
        1: "01-05",
        2: "01-12",
        3: "01-19",
        4: "01-26",
        5: "02-09",
        6: "02-16",
    }


def test_later_data_do_not_move_a_past_week() -> None:
    before = compute_week_dates(known(w1="2026-01-05"), 6).query("week <= 3")
    after = compute_week_dates(known(w1="2026-01-05", w4="2026-02-02"), 6).query("week <= 3")
    assert before["week_date"].tolist() == after["week_date"].tolist()


def test_starts_within_eight_weeks_are_one_term() -> None:
    starts = ["2026-01-05", "2026-03-02", "2026-03-03", "2026-04-01"]
    dates = pd.DataFrame(
        {"class_id": list("ABCD"), "semester": 2, "week": 1, "week_date": pd.to_datetime(starts)}
    )
    assert name_terms(dates)["term"].tolist() == [
        "2026-01-05",
        "2026-01-05",
        "2026-03-03",
        "2026-03-03",
    ]
