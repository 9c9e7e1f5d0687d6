"""Read the stored rows that the page about classes is built from."""

from __future__ import annotations

from typing import Any

from edumetrics.analysis.told_lists import read_lists
from edumetrics.analysis.week_state import WEEKLY, find_last_run
from edumetrics.reports.class_rows import COURSE, FLAGS, STANDING, ClassLists, ClassRows
from edumetrics.reports.week_rows import MEASURES
from edumetrics.scoring.effort import hide_thin_effort
from edumetrics.triage.situation import STUDENT_SAYS
from edumetrics.workspace import Workspace


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
    measures = (column for _, column, _ in MEASURES)
    names = ("student_id", "class_id", "effort_coverage", *STANDING, *measures)
    contacts = store.read("intervention_log", ("student_id", "kind"), term=term, sem_week=last)
    # What a student says is no contact yet.
    contacts = contacts[contacts["kind"] != STUDENT_SAYS]
    return ClassLists(
        metrics=hide_thin_effort(
            store.read("weekly_metrics", names, **there), workspace.params.scoring
        ),
        flags=read_lists(store, workspace.params, term, week, FLAGS, **chosen),
        exits=store.read("list_exits", ("class_id",), **there),
        contacts=contacts["student_id"],
    )
