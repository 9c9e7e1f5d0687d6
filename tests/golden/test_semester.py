"""A tiny semester worked by hand: every number below was computed on paper from the scoring text.

Week 1 begins on Monday 5 January 2026; the college has completed week 5; four lectures a week.

              week 1  2  3         4            5
Asha    came     4    4  4         2            1
Bala    came     2    2  unmarked  3 of 2 held  2      (more attended than held counts as 2)
Chitra  no register at all
Dev     left on the last day of week 3
Esha    joined on the first day of week 5
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import betabinom

from tests import colleges as c

EXACT = {"rel": 1e-12, "abs": 1e-12}


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> dict[int, pd.DataFrame]:
    rows = c.people(
        "asha", "bala", "chitra", "dev", "esha", current_week=5,
        dev={"withdrawn_on": c.day(3, 6)}, esha={"joined_on": c.monday(5)}, asha={"joined_on": "2025-07-14"},
    )  # fmt: skip
    rows["students"] = [
        {"joined_on": None, "withdrawn_on": None, **row} for row in rows["students"]
    ]
    asha = [c.register(w, "asha", w, 4, came) for w, came in enumerate((4, 4, 4, 2, 1), start=1)]
    bala = [
        c.register(10 + w, "bala", w, held, came)
        for w, (held, came) in enumerate(((4, 2), (4, 2), (4, None), (2, 3), (4, 2)), start=1)
    ]
    rows["attendance"] = [*asha, *bala, *(c.register(20 + w, "dev", w, 4, 4) for w in (1, 2, 3))]
    rows["assignment_definitions"] = [
        c.assignment("A1", 3, 20),
        c.assignment("A2", 4, 10),
        c.assignment("A3", 5, 20),
    ]
    rows["quiz_definitions"] = [c.quiz("Q1", 4), c.quiz("Q2", 5)]
    rows["assignment_submissions"] = [
        c.handed_in(1, "A1", "asha", c.day(3, 4), 15, quality_pct=80, plagiarism_pct=10),
        c.handed_in(
            2, "A2", "asha", c.day(5, 1), 8, quality_pct=70, plagiarism_pct=20
        ),  # due in week 4: late
        c.handed_in(3, "A3", "asha", c.day(5, 4)),  # handed in, not marked
        # Once somebody has a mark of an item, it counts 0 for who did not do it.
        c.handed_in(4, "A2", "chitra", c.day(4, 1), 5, quality_pct=50),
    ]
    rows["quiz_submissions"] = [
        c.attempt(1, "Q1", "asha", c.day(4, 3), 60),
        c.attempt(2, "Q2", "chitra", c.day(5, 2), 40),
    ]
    rows["library_visits"] = [c.visit(1, "bala", 2, 7), c.visit(2, "asha", 5, 3)]
    path = tmp_path_factory.mktemp("golden") / "college.db"
    return c.score(c.write(path, rows), 5)


def test_who_has_a_row(weeks: dict[int, pd.DataFrame]) -> None:
    present = {number: list(metrics.index) for number, metrics in weeks.items()}
    assert present[2] == ["asha", "bala", "chitra", "dev"]
    assert present[3] == ["asha", "bala", "chitra"], (
        "someone who left on the last day of the week has no row"
    )
    assert present[5] == ["asha", "bala", "chitra", "esha"], (
        "someone who joined during the week has one"
    )


@pytest.mark.parametrize(
    ("week", "effort", "coverage"),
    [
        (1, 100.0, 0.10),  # attendance alone: the library had no row yet
        (2, 1000 / 35, 0.35),  # library 0, attendance 100
        (3, (20 * 80 + 15 * 90 + 10 * 100 + 10 * 100) / 80, 0.80),
        (4, (10 * 50 + 10 * 50) / 65, 0.65),  # quality 0: A2 was not there at the end of week 4
        (5, (25 * 60 + 10 * 25 + 10 * 50) / 45, 0.45),  # A3 not judged: no quality, no clean work
    ],
)
def test_effort_of_asha(
    weeks: dict[int, pd.DataFrame], week: int, effort: float, coverage: float
) -> None:
    row = weeks[week].loc["asha"]
    assert row["effort_score"] == pytest.approx(effort, **EXACT)
    assert row["effort_coverage"] == pytest.approx(coverage, **EXACT)


def test_signals_of_asha_in_week_5(weeks: dict[int, pd.DataFrame]) -> None:
    row = weeks[5].loc["asha"]
    assert (
        row["library_visits"],
        row["assn_submit_rate"],
        row["quiz_attempt_rate"],
        row["submission_pct"],
    ) == (
        3,
        100,
        0,
        50,
    )
    assert (
        row[
            ["book_borrows", "assn_quality_pct", "assn_plagiarism_pct", "lms_active_days", "p_fail"]
        ]
        .isna()
        .all()
    )


def test_academic_performance_uses_what_is_known_now(weeks: dict[int, pd.DataFrame]) -> None:
    week4, week5 = weeks[4].loc["asha"], weeks[5].loc["asha"]
    assert week4["week_mark_pct"] == 30, "A2 not handed in counts 0, Q1 60"
    assert week4["academic_performance"] == pytest.approx((40 * 30 + 30 * 75) / 70, **EXACT)
    assert week5["week_mark_pct"] == 0, "A3 is not marked and left out, Q2 not attempted counts 0"
    assert week5["academic_performance"] == pytest.approx(
        0.40 * 0 + 0.30 * 70 + 0.30 * 75, **EXACT
    ), "A2 came late: 80"
    assert week5["assn_avg_pct"] == pytest.approx(77.5, **EXACT)
    assert week5["quiz_avg_pct"] == pytest.approx(30, **EXACT)
    assert (
        weeks[2]
        .loc["asha", ["week_mark_pct", "academic_performance", "submission_pct"]]
        .isna()
        .all()
    ), "nothing due"


def test_days_since_submission(weeks: dict[int, pd.DataFrame]) -> None:
    assert weeks[4].loc["asha", "days_since_submission"] == 3, (
        "Q1 on Thursday of the week that ends on Sunday"
    )
    assert weeks[5].loc["asha", "days_since_submission"] == 2
    assert weeks[5].loc["bala", "days_since_submission"] == 34, (
        "nothing yet: from the semester's first day"
    )


def test_attendance_standing(weeks: dict[int, pd.DataFrame]) -> None:
    names = ["week_lectures_held", "week_lectures_attended", "lectures_held", "lectures_attended", "lectures_left",
             "lectures_to_attend", "lectures_can_miss"]  # fmt: skip
    # Eleven teaching weeks are left: 6, 7, 9 ... 17.
    assert weeks[5].loc["asha", names].tolist() == [4, 1, 20, 15, 44, 33, 11]
    assert weeks[5].loc["bala", names].tolist() == [4, 2, 14, 8, 39, 32, 7], (
        "14 held in 4 weeks: 38.5 are left, so 39"
    )
    assert weeks[3].loc["bala", ["week_lectures_held", "lectures_held"]].tolist() == [0, 8], (
        "an unmarked register is left out"
    )
    assert pd.isna(weeks[3].loc["bala", "weekly_att_pct"])
    assert weeks[5].loc["chitra", ["week_lectures_held", "lectures_held"]].tolist() == [0, 0]
    assert (
        weeks[5]
        .loc[
            "chitra", ["overall_att_pct", "lectures_left", "lectures_can_miss", "risk_of_detention"]
        ]
        .isna()
        .all()
    )
    assert weeks[3]["risk_of_detention"].isna().all(), "not before week 4"


def detention_of_asha() -> float:
    """Class to date 23 of 34; last four weeks 11 of 16, four lectures a week; 33 of 44 needed."""
    m = 23 / 34
    return float(100 * betabinom.cdf(32, 44, 4 * m + 11 / 4, 4 * (1 - m) + 5 / 4))


def test_risk_of_asha_in_week_5(weeks: dict[int, pd.DataFrame]) -> None:
    row = weeks[5].loc["asha"]
    detention = detention_of_asha()
    assert row["risk_of_detention"] == pytest.approx(detention, rel=1e-9)
    baseline_effort = (100 + 1000 / 35 + 61.875 + 1000 / 65) / 4
    baseline_academic = (75 + (40 * 30 + 30 * 75) / 70) / 2
    weighted = (
        20 * detention / 100
        + 20 * (55 - 43.5) / 55
        + 15 * 1 / 5  # of five items due in weeks 3-5, Q2 is missing
        + 12 * 1  # from 87.5% to 25%: more than 40 points
        + 10 * 0  # the class's median effort is lower
        + 10 * (baseline_effort - 50) / 30
        + 8 * (baseline_academic - 43.5) / 30
    )
    assert row["risk_score"] == pytest.approx(100 * weighted / 95, rel=1e-9)
    assert row["risk_coverage"] == pytest.approx(0.95, **EXACT), "no learning platform"


@pytest.mark.slow
def test_exam_weeks_are_left_out_of_windows(tmp_path: Path) -> None:
    rows = c.people("asha", current_week=9)
    rows["attendance"] = [c.register(w, "asha", w, 4, 0 if w == 8 else 4) for w in range(1, 10)]
    rows["assignment_definitions"] = [c.assignment(f"A{w}", w, 10) for w in (6, 7, 8, 9)]
    marks = {6: 5, 7: 6, 8: 0, 9: 9}
    rows["assignment_submissions"] = [
        c.handed_in(w, f"A{w}", "asha", c.day(w, 2), m) for w, m in marks.items()
    ]
    weeks = c.score(c.write(tmp_path / "college.db", rows), 9)
    assert 8 not in weeks
    row = weeks[9].loc["asha"]
    assert row["academic_performance"] == pytest.approx(0.4 * 90 + 0.3 * 60 + 0.3 * 50, **EXACT)
    assert row["assn_avg_pct"] == pytest.approx((50 + 60 + 90) / 3, **EXACT), (
        "nothing is due in an exam week"
    )
    assert (row["lectures_held"], row["lectures_attended"]) == (32, 32)
