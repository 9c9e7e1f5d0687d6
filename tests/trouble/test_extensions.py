"""An extension that stands in another row than the work: one row of the two decides for both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.colleges import day, monday, people, score, write

ITEM = {"assignment_id": "A1", "class_id": "C", "subject_id": "S", "semester": 2}
MOVED = {"due_week_override": 7}


def rate(folder: Path, *rows: dict[str, Any]) -> dict[int, float]:
    """The submission rates of a in the weeks from that on in which A1 is due, with some rows."""
    college = people("a", "b", current_week=7)
    college["attendance"] = [
        {"id": 10 * week + n, "student_id": student, "class_id": "C", "subject_id": "S",
         "semester": 2, "week": week, "week_date": monday(week), "lectures_held": 5, "present": 5}
        for week in range(1, 8) for n, student in enumerate("ab")
    ]  # fmt: skip
    college["assignment_definitions"] = [
        {**ITEM, "title": "A1", "assigned_week": 3, "due_week": 5, "max_marks": 10}
    ]
    other = {"id": "9", "student_id": "b", "submission_date": day(5, 0), "marks_obtained": 8}
    mine = [{"student_id": "a", **row} for row in rows]
    about = {"assignment_id": "A1", "class_id": "C"}
    college["assignment_submissions"] = [{**about, **row} for row in (*mine, other)]
    found = score(write(folder / "college.db", college), 7)
    return {week: float(found[week].loc["a", "assn_submit_rate"]) for week in (5, 7)}


HANDED_IN = {"submission_date": day(7, 1), "marks_obtained": 8}


def test_the_extension_of_the_row_that_counts_holds(tmp_path: Path) -> None:
    one = rate(tmp_path, {"id": "1", **MOVED, **HANDED_IN})
    assert one == {5: pytest.approx(float("nan"), nan_ok=True), 7: 100}


def test_an_extension_of_an_older_row_is_none(tmp_path: Path) -> None:
    """The item is due in week 5, in which nothing was in; nothing is due in week 7."""
    two = rate(tmp_path, {"id": "1", **MOVED}, {"id": "2", **HANDED_IN})
    assert two == {5: 0, 7: pytest.approx(float("nan"), nan_ok=True)}


def test_work_is_done_in_the_week_in_which_it_is_due(tmp_path: Path) -> None:
    """It came in time, and the newer row moves it: what was in by week 5 is not lost."""
    early = {"id": "1", "submission_date": day(5, 0), "marks_obtained": 8}
    later = {"id": "2", **MOVED, "submission_date": day(7, 0), "marks_obtained": 8}
    assert rate(tmp_path, early, later)[7] == 100
