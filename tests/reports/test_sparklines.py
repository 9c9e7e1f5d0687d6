"""Where the three small lines of a semester are drawn, and what they say in words."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.params import Calendar
from edumetrics.reports import render
from edumetrics.reports.model import Students
from edumetrics.reports.sparklines import Panel, build_panel
from tests.reports.builder import COURSE, SENTENCES, make_entry, make_report

Values = list[float | None]
LEFT, RIGHT, TALL = 4.0, 294.0, 42.0


def make_course(weeks: list[int], **values: Values) -> pd.DataFrame:
    """Weeks with the measures that are given; all others are not known."""
    columns = {name: values.get(name, [None] * len(weeks)) for name in COURSE}
    return pd.DataFrame({"sem_week": weeks, **columns}).astype(dict.fromkeys(COURSE, "float64"))


def find_panel(
    weeks: list[int], until: int, calendar: Calendar | None = None, **values: Values
) -> Panel | None:
    return build_panel(SENTENCES, make_course(weeks, **values), until, calendar or Calendar())


def draw(weeks: list[int], until: int, calendar: Calendar | None = None, **values: Values) -> Panel:
    panel = find_panel(weeks, until, calendar, **values)
    assert panel is not None
    return panel


def read_points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in path.split())]


def test_values_are_placed_by_week_and_height() -> None:
    attendance = draw([1, 2, 3], 3, weekly_att_pct=[100, 50, 0]).lines[0]
    assert [read_points(path) for path in attendance.paths] == [[(4, 18), (149, 39), (294, 60)]]
    assert attendance.end == (294, 60)


def test_the_newest_week_is_at_the_right_edge_also_where_it_has_no_value() -> None:
    line = draw([1, 3], 5, weekly_att_pct=[100, 100]).lines[0]
    assert line.end == (149, 18), "week 3 of 5 is in the middle"


def test_each_measure_has_a_band_of_its_own() -> None:
    lines = draw([1], 1, weekly_att_pct=[50], effort_score=[50], academic_performance=[50]).lines
    assert [line.top for line in lines] == [18, 88, 158]
    assert [line.end for line in lines] == [(4, 39), (4, 109), (4, 179)]


def test_the_order_of_the_rows_does_not_matter() -> None:
    up = draw([1, 2, 3], 3, effort_score=[10, 20, 30])
    assert draw([3, 1, 2], 3, effort_score=[30, 10, 20]) == up


@pytest.mark.parametrize(
    ("values", "course", "last"),
    [
        ([60, 55, 40], "60% in week 1 to 40% in week 3", "40%"),
        ([None, 55, None], "55% in week 2", "55%"),
        ([60, None, None], "60% in week 1", "60%"),
        ([66.6, None, 33.3], "67% in week 1 to 33% in week 3", "33%"),
        ([50, 70, 50], "50% in week 1 to 50% in week 3", "50%"),
    ],
)
def test_a_line_says_its_first_and_its_last_value(values: Values, course: str, last: str) -> None:
    line = draw([1, 2, 3], 3, weekly_att_pct=values).lines[0]
    assert (line.course, line.last) == (course, last)


def test_only_attendance_has_a_unit_and_the_rule() -> None:
    attendance, activity, marks = draw(
        [1], 1, weekly_att_pct=[50], effort_score=[50], academic_performance=[50]
    ).lines
    assert (attendance.last, activity.last, marks.last) == ("50%", "50", "50")
    assert (attendance.rule, activity.rule, marks.rule) == (28.5, None, None), "75% of 42, from 18"


def test_a_college_without_an_attendance_rule_has_no_line_for_it() -> None:
    panel = draw([1], 1, Calendar(attendance_rule_pct=None), weekly_att_pct=[50])
    assert (panel.lines[0].rule, panel.rule) == (None, "")
    assert draw([1], 1, Calendar(attendance_rule_pct=66.5), weekly_att_pct=[50]).rule == "66.5%"


def test_a_measure_without_a_value_is_a_dash_and_is_not_told() -> None:
    panel = draw([1, 2], 2, effort_score=[10, 20])
    attendance, activity, _ = panel.lines
    assert (attendance.paths, attendance.end, attendance.last) == ((), None, "–")
    assert attendance.course == ""
    assert panel.alt == "Up to week 2: recorded activity 10 in week 1 to 20 in week 2."
    assert activity.end == (RIGHT, pytest.approx(88 + TALL * 0.8, abs=0.1))


def test_a_student_of_whom_nothing_is_known_has_no_panel() -> None:
    assert find_panel([1, 2], 2) is None
    assert find_panel([], 2) is None


@pytest.mark.parametrize(
    ("weeks", "paths"),
    [
        ([1, 2, 3, 4], [4]),
        ([1, 2, 4, 5], [2, 2]),
        ([1, 3, 5], [1, 1, 1]),
        ([6, 7, 9, 10], [4]),
        ([7, 10], [1, 1]),
    ],
)
def test_a_missing_teaching_week_breaks_a_line_and_the_midterm_does_not(
    weeks: list[int], paths: list[int]
) -> None:
    line = draw(weeks, max(weeks), effort_score=[50.0] * len(weeks)).lines[1]
    assert [len(read_points(path)) for path in line.paths] == paths


def test_a_vacation_does_not_break_a_line() -> None:
    calendar = Calendar(vacation_weeks=(3, 4))
    assert len(draw([1, 2, 5], 5, calendar, effort_score=[1, 2, 3]).lines[1].paths) == 1


@pytest.mark.parametrize(
    ("until", "bands"),
    [
        (7, ()),
        (11, ((192.5, 29.0),)),
        (18, ((114.9, 17.1), (285.5, 17.1))),
    ],
)
def test_exam_weeks_so_far_are_bands_around_their_week(
    until: int, bands: tuple[tuple[float, float], ...]
) -> None:
    assert draw([1], until, effort_score=[50]).bands == bands


def test_an_exam_in_the_first_week_has_half_a_band() -> None:
    calendar = Calendar(midterm_week=1)
    assert draw([2, 3], 3, calendar, effort_score=[50, 50]).bands == ((LEFT, 72.5),)


def test_a_page_draws_the_panel_and_says_it() -> None:
    panel = draw([1, 2, 4], 4, weekly_att_pct=[90, 80, 40])
    page = render.render_page(make_report(Students("Start here", "", (make_entry(panel=panel),))))
    assert panel.alt in page
    for path in panel.lines[0].paths:
        if " " in path:
            assert path in page


percents = st.none() | st.floats(0, 100)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(percents, percents, percents), min_size=1, max_size=18))
def test_every_point_is_inside_its_plot(rows: list[tuple[float | None, ...]]) -> None:
    weeks = list(range(1, len(rows) + 1))
    values = {name: list(column) for name, column in zip(COURSE, zip(*rows, strict=True), strict=True)}  # fmt: skip
    panel = find_panel(weeks, len(weeks), **values)
    known = sum(value is not None for row in rows for value in row)
    assert (panel is None) == (known == 0)
    drawn = 0
    for line in panel.lines if panel else ():
        for x, y in (point for path in line.paths for point in read_points(path)):
            assert LEFT <= x <= RIGHT
            assert line.top <= y <= line.top + TALL
            drawn += 1
    assert drawn == known
