"""Where the two small charts of a semester are drawn, and what they say in words."""

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
# The plot: its left edge and width, its height, and the upper edges of the two charts.
LEFT, WIDE, TALL = 26.0, 288.0, 64.0
FIRST, SECOND = 22.0, 118.0


def make_course(weeks: list[int], **values: Values) -> pd.DataFrame:
    """Weeks with the measures that are given; all others are not known."""
    columns = {name: values.get(name, [None] * len(weeks)) for name in COURSE}
    return pd.DataFrame({"sem_week": weeks, **columns}).astype(dict.fromkeys(COURSE, "float64"))


def find_panel(
    weeks: list[int],
    until: int,
    calendar: Calendar | None = None,
    middle: pd.DataFrame | None = None,
    **values: Values,
) -> Panel | None:
    course = make_course(weeks, **values)
    return build_panel(SENTENCES, course, until, calendar or Calendar(), middle)


def draw(weeks: list[int], until: int, calendar: Calendar | None = None, **values: Values) -> Panel:
    panel = find_panel(weeks, until, calendar, **values)
    assert panel is not None
    return panel


def read_points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in (point.split(",") for point in path.split())]


def test_attendance_is_a_bar_for_each_week_and_a_line_for_the_total() -> None:
    attendance = draw([1, 2], 2, weekly_att_pct=[100, 25], overall_att_pct=[100, 50]).charts[0]
    # Four weeks of 72 each: two so far, and two ahead. A bar takes 0.62 of its week.
    assert attendance.bars == ((39.7, 22, 44.6, 64), (111.7, 70, 44.6, 16))
    assert [read_points(line) for line in attendance.lines] == [[(62, 22), (134, 54)]]
    assert attendance.end == (134, 54)


def test_performance_is_a_line_below_with_the_class_behind_it() -> None:
    middle = pd.DataFrame({"sem_week": [2, 1], "academic_performance": [60.0, 50.0]})
    panel = find_panel([1, 2], 2, middle=middle, academic_performance=[50, 0])
    assert panel is not None
    performance = panel.charts[1]
    assert [read_points(line) for line in performance.lines] == [[(62, 150), (134, 182)]]
    assert [read_points(line) for line in performance.behind] == [[(62, 150), (134, 143.6)]]
    assert performance.said == "0; class 60"


@pytest.mark.parametrize(
    ("week", "last"), [(1, 4), (5, 5), (6, 8), (7, 8), (9, 9), (16, 18), (17, 18)]
)
def test_the_axis_ends_with_the_week_or_with_an_exam_that_is_near(week: int, last: int) -> None:
    ticks = [tick for _, tick in draw([1], week, academic_performance=[1]).ticks]
    assert ticks == list(range(1, last + 1))


def test_the_order_of_the_rows_does_not_matter() -> None:
    up = draw([1, 2, 3], 3, academic_performance=[10, 20, 30])
    assert draw([3, 1, 2], 3, academic_performance=[30, 10, 20]) == up


@pytest.mark.parametrize(
    ("values", "course"),
    [
        ([60, 55, 40], "60% in week 1 to 40% in week 3"),
        ([None, 55, None], "55% in week 2"),
        ([60, None, None], "60% in week 1"),
        ([66.6, None, 33.3], "67% in week 1 to 33% in week 3"),
    ],
)
def test_a_chart_says_its_first_and_its_last_value(values: Values, course: str) -> None:
    panel = draw([1, 2, 3], 3, weekly_att_pct=values)
    assert panel.charts[0].course == course
    assert panel.alt == f"Up to week 3: Attendance: {course}."


def test_the_figures_of_attendance_are_this_week_and_to_date() -> None:
    panel = draw([1, 2], 2, weekly_att_pct=[90, 33], overall_att_pct=[90, 67])
    assert panel.charts[0].said == "33%, to date 67%"


def test_only_attendance_has_the_rule() -> None:
    attendance, marks = draw([1], 1, weekly_att_pct=[50], academic_performance=[50]).charts
    assert (attendance.rule, marks.rule) == (38, None), "a quarter of 64, below 22"


def test_a_college_without_an_attendance_rule_has_no_line_for_it() -> None:
    panel = draw([1], 1, Calendar(attendance_rule_pct=None), weekly_att_pct=[50])
    assert (panel.charts[0].rule, panel.rule) == (None, "")
    assert draw([1], 1, Calendar(attendance_rule_pct=66.5), weekly_att_pct=[50]).rule == "66.5%"


def test_a_measure_without_a_value_is_empty_and_is_not_told() -> None:
    panel = draw([1, 2], 2, academic_performance=[10, 20])
    attendance, _ = panel.charts
    assert (attendance.bars, attendance.lines, attendance.said) == ((), (), "")
    assert panel.alt == "Up to week 2: Academic performance: 10 in week 1 to 20 in week 2."


def test_a_student_of_whom_nothing_is_known_has_no_panel() -> None:
    assert find_panel([1, 2], 2) is None
    assert find_panel([], 2) is None


@pytest.mark.parametrize(
    ("weeks", "runs"),
    [
        ([1, 2, 3, 4], [4]),
        ([1, 2, 4, 5], [2, 2]),
        ([1, 3, 5], [1, 1, 1]),
        ([6, 7, 9, 10], [4]),
        ([7, 10], [1, 1]),
    ],
)
def test_a_missing_teaching_week_breaks_a_line_and_the_midterm_does_not(
    weeks: list[int], runs: list[int]
) -> None:
    chart = draw(weeks, max(weeks), academic_performance=[50.0] * len(weeks)).charts[1]
    assert [len(read_points(line)) for line in chart.lines] == runs


def test_a_vacation_does_not_break_a_line() -> None:
    calendar = Calendar(vacation_weeks=(3, 4))
    panel = draw([1, 2, 5], 5, calendar, academic_performance=[1, 2, 3])
    assert len(panel.charts[1].lines) == 1


@pytest.mark.parametrize(
    ("until", "exams"),
    [
        (5, ()),
        # Eight weeks of 36 each: the midterm is the last of them.
        (6, ((278.0, 36.0, "midterm"),)),
        (18, ((138.0, 16.0, "midterm"), (298.0, 16.0, "end-term exam"))),
    ],
)
def test_exam_weeks_on_the_axis_are_bands_with_their_names(
    until: int, exams: tuple[tuple[float, float, str], ...]
) -> None:
    assert draw([1], until, academic_performance=[50]).exams == exams


def test_a_page_draws_the_panel_and_says_it() -> None:
    panel = draw([1, 2, 4], 4, weekly_att_pct=[90, 80, 40], overall_att_pct=[90, 85, 70])
    page = render.render_page(make_report(Students("Start here", "", (make_entry(panel=panel),))))
    assert panel.alt in page
    assert panel.charts[0].lines[0] in page


percents = st.none() | st.floats(0, 100)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(percents, percents, percents), min_size=1, max_size=18))
def test_everything_drawn_is_inside_its_plot(rows: list[tuple[float | None, ...]]) -> None:
    weeks = list(range(1, len(rows) + 1))
    values = {name: list(column) for name, column in zip(COURSE, zip(*rows, strict=True), strict=True)}  # fmt: skip
    panel = find_panel(weeks, len(weeks), **values)
    drawn = 0
    for chart, top in zip(panel.charts if panel else (), (FIRST, SECOND), strict=False):
        for x, y in (point for line in chart.lines for point in read_points(line)):
            assert LEFT <= x <= LEFT + WIDE
            assert top - 0.1 <= y <= top + TALL + 0.1
            drawn += 1
        for x, y, width, height in chart.bars:
            assert LEFT <= x <= x + width <= LEFT + WIDE
            assert y + height == pytest.approx(top + TALL, abs=0.2)
    totals = sum(value is not None for _, total, mark in rows for value in (total, mark))
    assert drawn == totals or panel is None
