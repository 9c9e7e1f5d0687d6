"""Read the stored rows that the page about classes is built from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.analysis.week_state import WEEKLY, find_last_run
from edumetrics.reports.class_numbers import MEASURES
from edumetrics.workspace import Workspace

FLAGS = ("student_id", "class_id", "status", "looked_after", "hand_over")
# What a panel shows of a class: means by week.
COURSE = ("weekly_att_pct", "overall_att_pct", "academic_performance")


@dataclass(frozen=True)
class ClassLists:
    """What a week stored of all classes.

    Attributes:
        metrics: student_id, class_id and the columns of `class_numbers.MEASURES`.
        flags: the columns of `FLAGS`.
        exits: class_id of each student who is no longer listed.
        contacts: student_id of everyone about whom something was entered on the list before.
    """

    metrics: pd.DataFrame
    flags: pd.DataFrame
    exits: pd.DataFrame
    contacts: pd.Series


@dataclass(frozen=True)
class ClassRows:
    """The rows of a week, and those that they are compared with.

    Attributes:
        now, before, earlier: the week, the teaching week before, and the same week of the term
            before; a week that was not analysed has no rows.
        courses: class_id, sem_week, students and means of `COURSE`, of the weeks so far.
        findings: class_id and text.
        health: data-health findings of the newest finished run of the week.
    """

    now: ClassLists
    before: ClassLists
    earlier: ClassLists
    courses: pd.DataFrame
    findings: pd.DataFrame
    health: pd.DataFrame


def read_class_rows(
    workspace: Workspace, term: str, week: int, only: tuple[str, ...] = ()
) -> ClassRows:
    """Read what is stored of classes in a week; of some of them only where they are named."""
    store = workspace.store
    chosen: dict[str, Any] = {"class_id": list(only)} if only else {}
    last = next(iter(workspace.params.calendar.get_teaching_weeks_before(week, 1)), 0)
    earlier = max((name for name in store.list_terms() if name < term), default="")
    newest = find_last_run(store, WEEKLY, status="done", term=term, sem_week=week)
    courses = store.compute_class_means(term, week, COURSE)
    return ClassRows(
        now=_read_lists(workspace, term, week, chosen),
        before=_read_lists(workspace, term, last, chosen),
        earlier=_read_lists(workspace, earlier, week, chosen),
        courses=courses[courses["class_id"].isin(only)] if only else courses,
        findings=store.read("class_findings", term=term, sem_week=week, **chosen),
        health=store.read("data_health", run_id=newest["run_id"] if newest else ""),
    )


def _read_lists(workspace: Workspace, term: str, week: int, chosen: dict[str, Any]) -> ClassLists:
    """Read a week's lists; without rows where the week was not analysed."""
    store = workspace.store
    there: dict[str, Any] = {"term": term, "sem_week": week, **chosen}
    last = next(iter(workspace.params.calendar.get_teaching_weeks_before(week, 1)), 0)
    names = ("student_id", "class_id", *(column for _, column, _ in MEASURES))
    contacts = store.read("intervention_log", ("student_id",), term=term, sem_week=last)
    return ClassLists(
        metrics=store.read("weekly_metrics", names, **there),
        flags=store.read("weekly_flags", FLAGS, **there),
        exits=store.read("list_exits", ("class_id",), **there),
        contacts=contacts["student_id"],
    )
