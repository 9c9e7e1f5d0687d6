"""What triage remembers: earlier lists of the term, and what people entered."""

from __future__ import annotations

from typing import Any

from edumetrics.analysis.store import Classes
from edumetrics.stages.workspace import Workspace
from edumetrics.triage.situation import METRICS, Memory


def remember(workspace: Workspace, term: str, week: int, classes: Classes = None) -> Memory:
    """Everything stored before a week that its lists depend on; nothing of the week itself or later ones.

    Of students who are never scored nothing is remembered, so that no list tells of them.
    """
    only: dict[str, Any] = {} if classes is None else {"class_id": list(classes)}
    store, calendar = workspace.store, workspace.params.calendar
    last = next(iter(calendar.teaching_weeks_before(week, 1)), 0)
    watched = store.read("pre_sem_watchlist", ("student_id",), target_term=term, on_watchlist=True)
    listed = store.read("weekly_flags", term=term, sem_week=last, **only)
    contacts = store.read(
        "intervention_log", ("student_id", "term", "sem_week", "kind", "until"), term=term
    )
    return Memory(
        lists=store.places(term, week, classes),
        last=listed[~listed["student_id"].isin(workspace.params.scoring.exclusions)],
        metrics=store.read(
            "weekly_metrics", ("student_id", *METRICS), term=term, sem_week=last, **only
        ),
        out_of_reach=store.once_out_of_reach(term, week, classes),
        watchlist=watched["student_id"],
        contacts=contacts,
    )
