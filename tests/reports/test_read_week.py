"""What the weekly reports read back from the analysis database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edumetrics.reports.read_week import read_week_rows
from edumetrics.reports.week_rows import WeekRows
from edumetrics.workspace import Workspace
from tests.analysis.rows import open_small_workspace, put

TERM, BEFORE = "2026-01-05", "2025-07-14"
NAMES = {"SUB1": "Databases", "SUB2": "Methods"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return open_small_workspace(tmp_path / "home")


def row(student: str, week: int, **more: Any) -> dict[str, Any]:
    return {"student_id": student, "term": TERM, "sem_week": week, "class_id": "C", **more}


def read(workspace: Workspace, week: int = 9) -> WeekRows:
    return read_week_rows(workspace, TERM, week, NAMES)


def test_last_week_is_the_teaching_week_before(workspace: Workspace) -> None:
    put(workspace.store, "weekly_metrics", *(row("asha", week) for week in (6, 7, 9)))
    put(workspace.store, "weekly_flags", row("asha", 7, within_capacity=True), row("asha", 9))
    rows = read(workspace)
    assert rows.metrics["sem_week"].tolist() == [9]
    assert rows.last["student_id"].tolist() == ["asha"], "of week 7: week 8 is the midterm"
    assert rows.last_flags["within_capacity"].tolist() == [True]


def test_the_middle_of_a_class_is_its_median_by_week(workspace: Workspace) -> None:
    marks = {"asha": 40.0, "bala": 50.0, "chen": 90.0}
    put(
        workspace.store,
        "weekly_metrics",
        *(row(s, week, academic_performance=m) for s, m in marks.items() for week in (7, 9, 10)),
        row("dev", 9, class_id="D", academic_performance=1.0),
    )
    put(workspace.store, "weekly_flags", row("asha", 9))
    found = read(workspace).middles
    assert list(found.itertuples(index=False, name=None)) == [("C", 7, 50.0), ("C", 9, 50.0)]


def test_no_record_at_all_is_read_for_this_week_and_the_one_before(workspace: Workspace) -> None:
    nothing = {"lectures_held": 0, "submission_pct": 0.0, "library_visits": 0}
    put(
        workspace.store,
        "weekly_metrics",
        *(row("asha", week, **nothing) for week in (7, 9)),
        row("bala", 7, **nothing),
        row("bala", 9, **nothing | {"library_visits": 1}),
        # A register that says absent is a record.
        *(row("chen", week, **nothing | {"lectures_held": 4}) for week in (7, 9)),
    )
    silent = read(workspace).silent
    assert list(silent.itertuples(index=False, name=None)) == [
        ("asha", 7), ("bala", 7), ("asha", 9),
    ]  # fmt: skip


def put_outlook(workspace: Workspace, *students: tuple[str, float | None]) -> None:
    put(
        workspace.store,
        "pre_mid_term",
        *(
            row(s, 7, predicted_midterm_score=40.0, low=30.0, high=50.0, p_fail=p)
            for s, p in students
        ),
    )


def test_an_outlook_names_the_two_likeliest_subjects_at_risk_and_counts_the_rest(
    workspace: Workspace,
) -> None:
    put_outlook(workspace, ("asha", 0.7), ("bala", 0.1))
    risks = (("SUB1", 0.5, "MEDIUM"), ("SUB2", 0.8, "HIGH"), ("SUB3", 0.6, "HIGH"), ("SUB4", 0.1, "LOW"))  # fmt: skip
    put(
        workspace.store,
        "risk_of_failing_prediction",
        *(row("asha", 7, subject_id=s, p_fail=p, risk_label=label) for s, p, label in risks),
    )
    found = read(workspace, 7).outlook.set_index("student_id")
    assert found["subjects"].to_dict() == {"asha": "Methods, SUB3 and 1 more", "bala": ""}
    assert found.loc["asha", ["predicted", "low", "high", "p_fail"]].tolist() == [40, 30, 50, 0.7]
    to_come = {("C", "SUB2"): 2, ("C", "SUB3"): 1, ("D", "SUB1"): 9}
    rows = read_week_rows(workspace, TERM, 7, NAMES, to_come=to_come).outlook
    assert rows["subject_names"].tolist()[0] == "Methods, SUB3 and 1 more"
    assert rows["subjects"].tolist()[0] == "Methods (2 items left), SUB3 (1 item left) and 1 more"


def test_there_is_no_outlook_without_a_chance_nor_in_another_week(workspace: Workspace) -> None:
    put_outlook(workspace, ("asha", None))
    assert read(workspace, 7).outlook.empty
    assert read(workspace, 9).outlook.empty


def put_run(workspace: Workspace, terms: str, *shares: float | None, champion: bool = True) -> None:
    by_week = [{"sem_week": n, "precision_at_capacity": s} for n, s in enumerate(shares, 5)]
    put(
        workspace.store,
        "model_runs",
        {
            "model_id": f"{terms}-{champion}", "task": "fail", "trained_terms": terms,
            "metrics": {"by_week": by_week}, "champion": champion,
        },
    )  # fmt: skip


def test_how_often_the_forecast_was_right_is_that_of_the_model_in_use(workspace: Workspace) -> None:
    assert read(workspace).precision is None
    put_run(workspace, BEFORE, 0.2, 0.4, champion=False)
    put_run(workspace, "2025-01-06", 0.1)
    put_run(workspace, BEFORE, 0.5, None, 0.7)
    put_run(workspace, f"{BEFORE},{TERM}", 1.0)
    assert read(workspace).precision == pytest.approx(60), "no model that has learnt from this term"
