"""What is due, in order: over slots and years, vacations, and weeks that are done already."""

from __future__ import annotations

import pytest

from edumetrics.analysis import run_log
from edumetrics.analysis.week_state import GATE
from edumetrics.batch import pipeline, progress, schedule
from edumetrics.batch.schedule import RunPlan
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace


def at(workspace: Workspace, position: CollegeWeek | None) -> RunPlan:
    with workspace.store.start_transaction() as connection:
        workspace.store.set_college_week(connection, position)
    return schedule.plan_run(workspace)


def due(plan: RunPlan) -> list[tuple[str, str, int]]:
    return [(task.stage, task.term, task.week) for step in plan.steps for task in step.tasks]


@pytest.mark.slow
def test_a_catch_up_crosses_into_the_next_slot(demo_copy: Workspace) -> None:
    plan = at(demo_copy, CollegeWeek(2025, 15))
    assert [step.position.global_week for step in plan.steps] == list(range(16, 29))
    tasks = due(plan)
    weekly = [(term, week) for stage, term, week in tasks if stage == "weekly"]
    assert weekly == [
        ("2025-07-14", 16),
        ("2025-07-14", 17),
        *(("2026-01-05", week) for week in (1, 2, 3, 4, 5, 6, 7, 9, 10)),
    ]
    assert ("pre_sem", "2026-01-05", 1) in tasks
    assert [task for task in tasks if task[0] == "pre_end"] == [
        ("pre_end", "2025-07-14", 16),
        ("pre_end", "2025-07-14", 17),
    ]
    assert [task[2] for task in tasks if task[0] == "pre_mid"] == [6, 7]
    assert tasks.index(("pre_sem", "2026-01-05", 1)) < tasks.index(("weekly", "2026-01-05", 1))
    folders = {task.folder.parts[-3] for step in plan.steps for task in step.tasks}
    assert folders == {"2025-odd", "2025-even"}


def test_an_exam_or_vacation_week_has_nothing_due(demo_copy: Workspace) -> None:
    calendar = demo_copy.params.calendar.model_copy(update={"vacation_weeks": (10,)})
    params = demo_copy.params.model_copy(
        update={"calendar": type(calendar)(**calendar.model_dump())}
    )
    plan = at(Workspace(demo_copy.settings, params, demo_copy.store), CollegeWeek(2025, 25))
    assert [(step.position.global_week, [task.stage for task in step.tasks if task.stage == "weekly"]) for step in plan.steps] == [
        (26, []), (27, ["weekly"]), (28, []),
    ]  # fmt: skip


def test_classes_of_different_semesters_share_a_week(demo_copy: Workspace) -> None:
    metrics = demo_copy.store.read("weekly_metrics", term="2026-01-05", sem_week=10)
    assert metrics["semester"].nunique() > 1
    assert [task for task in due(at(demo_copy, CollegeWeek(2025, 27))) if task[0] == "weekly"] == [
        ("weekly", "2026-01-05", 10)
    ]


def test_the_newest_week_gets_its_reports_after_it_was_only_replayed(demo_copy: Workspace) -> None:
    plan = at(demo_copy, CollegeWeek(2025, 28))
    assert due(plan) == [("weekly", "2026-01-05", 10)]
    assert plan.again, "the position stays"
    judge(demo_copy)
    assert due(at(demo_copy, CollegeWeek(2025, 28))) == []


def judge(workspace: Workspace) -> None:
    """The week comes to the gate, as after a run."""
    run = run_log.start_run(workspace.store, workspace.params, GATE, "2026-01-05", 10)
    with workspace.store.start_transaction() as connection:
        run_log.mark_done(connection, run, 0)


def test_where_both_agree_nothing_is_due_and_behind_it_is_rolled_back(demo_copy: Workspace) -> None:
    judge(demo_copy)
    assert due(at(demo_copy, CollegeWeek(2025, 28))) == []
    assert at(demo_copy, CollegeWeek(2025, 28)).back_to is None
    assert at(demo_copy, CollegeWeek(2025, 30)).back_to == ("2026-01-05", 10)
    assert at(demo_copy, CollegeWeek(2026, 3)).back_to == ("2026-01-05", 10), "a year further on"
    assert list(schedule.describe_plan(at(demo_copy, CollegeWeek(2025, 28)))) == [
        "Nothing to do: the analysis is up to date with the college."
    ]


def test_a_year_that_has_not_begun_is_nothing_to_step_to(demo: Workspace) -> None:
    calendar = demo.params.calendar
    assert list(CollegeWeek(2025, 36).iter_until(CollegeWeek(2026, 0), calendar)) == []
    assert list(CollegeWeek(2025, 35).iter_until(CollegeWeek(2026, 2), calendar)) == [
        CollegeWeek(2025, 36),
        CollegeWeek(2026, 1),
        CollegeWeek(2026, 2),
    ]


@pytest.mark.slow
def test_one_stage_alone_does_not_make_a_week_done(demo_copy: Workspace) -> None:
    with demo_copy.store.start_transaction() as connection:
        demo_copy.store.set_college_week(connection, CollegeWeek(2025, 26))
    outcome = pipeline.run(demo_copy, progress.skip_line, stage="pre_end")
    assert outcome.plan.again
    assert demo_copy.store.read_college_week() == CollegeWeek(2025, 26)
    assert ("weekly", "2026-01-05", 10) in due(schedule.plan_run(demo_copy))
