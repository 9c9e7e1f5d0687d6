"""Years that are not odd and even, and colleges without registers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.params import Calendar, Params
from edumetrics.weeks import CollegeWeek, find_last_complete_week, fit_calendar
from tests import colleges as c
from tests.colleges import native_params, people, write
from tests.conftest import workspace_at
from tests.trouble.conftest import ENGINES, Damage, see
from tests.unit.triage.test_flags import present, run_week

SLOTS = {
    "autumn": {"offset": 0, "starts": "09-01"},
    "winter": {"offset": 18, "starts": "01-05"},
    "spring": {"offset": 36, "starts": "05-04"},
}


def of_three(**more: object) -> Params:
    params = native_params()
    calendar = Calendar.model_validate(params.calendar.model_dump() | {"slots": SLOTS} | more)
    return params.model_copy(update={"calendar": calendar})


@pytest.mark.slow
def test_a_year_of_three_terms_is_scored(damage: Damage) -> None:
    seen = damage(
        "CREATE TABLE class_terms (class_id TEXT, slot TEXT, semester INTEGER)",
        "INSERT INTO class_terms SELECT class_id, 'winter', 4 FROM classes",
        "UPDATE classes SET odd_sem = NULL, even_sem = NULL",
        params=of_three(),
    )
    assert seen.of("lectures_attended") == 91
    assert seen.stops == []


@pytest.mark.parametrize(
    "slots",
    [{}, {f"s{n}": {"offset": 9 * n, "starts": "01-05"} for n in range(5)},
     {"a": SLOTS["autumn"], "b": SLOTS["autumn"]}, {"A b": SLOTS["autumn"]}],
)  # fmt: skip
def test_a_year_that_cannot_be_is_refused(slots: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="slot"):
        Calendar.model_validate({"slots": slots})


def test_a_term_may_begin_on_another_day_than_usual() -> None:
    terms = [{"slot": "winter", "year": 2026, "starts": "2027-01-11", "weeks": 12}]
    calendar = of_three(terms=terms).calendar
    assert find_last_complete_week(pd.Timestamp("2027-01-24").date(), calendar) == CollegeWeek(
        2026, 20
    )
    late = find_last_complete_week(pd.Timestamp("2027-04-30").date(), calendar)
    assert late == CollegeWeek(2026, 30), "the term has 12 weeks"


@pytest.mark.parametrize(("weeks", "left"), [(None, 90), (12, 40), (7, 0), (6, 0)])
def test_in_a_shorter_term_fewer_lectures_are_left(
    tmp_path: Path, weeks: int | None, left: int
) -> None:
    rows = people("asha", current_week=7)
    rows["attendance"] = present("asha", dict.fromkeys(range(1, 8), 8))
    workspace = workspace_at(tmp_path / "home", write(tmp_path / "college.db", rows))
    terms = [{"slot": "even", "year": 2025, "starts": "2026-01-05", "weeks": weeks}]
    calendar = Calendar.model_validate(workspace.params.calendar.model_dump() | {"terms": terms})
    params = workspace.params.model_copy(update={"calendar": calendar})
    run_week(replace(workspace, params=params), 7)
    # Ten a week: of 18 weeks 9 to 17 are left, of 12 weeks 9 to 12.
    [metrics] = workspace.store.read("weekly_metrics").to_dict("records")
    assert metrics["lectures_left"] == left


def test_a_calendar_fits_the_term_that_begins_about_then() -> None:
    terms = [{"slot": "winter", "year": 2026, "starts": "2027-01-11", "weeks": 9}]
    calendar = of_three(terms=terms, vacation_weeks=[5, 12]).calendar
    shorter = fit_calendar(calendar, "2027-01-04", 3)
    assert shorter.teaching_weeks == (1, 2, 3, 4, 6, 7, 9) and shorter.endterm_week is None
    assert fit_calendar(calendar, "2027-01-04", 11).teaching_weeks[-1] == 11, "it has that week"
    # Of another slot, or of another year.
    for other in ("2026-01-05", "2027-05-04", "2026-09-01"):
        assert fit_calendar(calendar, other, 3) == calendar


def test_a_college_without_registers_is_healthy(tmp_path: object) -> None:
    rows = c.people(*(f"s{n}" for n in range(8)), current_week=4)
    rows["assignment_definitions"] = [c.assignment(f"A{w}", w) for w in range(1, 5)]
    rows["assignment_submissions"] = [
        {"id": 10 * w + n, "assignment_id": f"A{w}", "student_id": f"s{n}", "class_id": "C",
         "submission_date": c.day(w, 2), "marks_obtained": 12 + n / 2}
        for w in range(1, 5) for n in range(7)
    ]  # fmt: skip
    others = dict.fromkeys(("attendance", "library_visits", "book_borrows", "exam_schedule", "exam_results", "quiz_definitions", "quiz_submissions", "class_subjects", "subjects"))  # fmt: skip
    url = c.write(tmp_path / "college.db", rows)  # type: ignore[operator]
    seen = see(url, native_params(**others), week=4)
    assert len(seen.metrics) == 8
    assert seen.metrics["overall_att_pct"].isna().all()
    assert seen.metrics["assn_avg_pct"].notna().all()
    assert list(seen.findings.loc[seen.findings["status"] != "ok", "message"]) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_a_class_that_is_taught_and_has_no_semester_is_told(damage: Damage, engine: str) -> None:
    check = "classes: class_id"
    assert check not in set(damage(college="two", engine=engine).findings["check"])
    seen = damage(
        "UPDATE classes SET even_sem = NULL WHERE class_id = 'CS-2024-A'",
        college="two", engine=engine,
    )  # fmt: skip
    [told] = seen.findings[seen.findings["check"] == check].to_dict("records")
    assert (told["status"], told["count"]) == ("warn", 1)
    assert "1 of 2 classes with registers of week 7 have no semester" in told["message"]
