"""What triage remembers: earlier lists of the term, and what people entered."""

from __future__ import annotations

from edumetrics.stages.workspace import Workspace
from edumetrics.triage.situation import METRICS, Memory


def remember(workspace: Workspace, term: str, week: int) -> Memory:
    """Everything stored before a week that its lists depend on; nothing of the week itself or later ones."""
    store, calendar = workspace.store, workspace.params.calendar
    last = next(iter(calendar.teaching_weeks_before(week, 1)), 0)
    watched = store.read("pre_sem_watchlist", ("student_id", "on_watchlist"), target_term=term)
    contacts = store.read("intervention_log", ("student_id", "term", "sem_week", "kind", "until"), term=term)
    return Memory(
        lists=store.places(term, week),
        last=store.read("weekly_flags", term=term, sem_week=last),
        metrics=store.read("weekly_metrics", ("student_id", *METRICS), term=term, sem_week=last),
        out_of_reach=store.once_out_of_reach(term, week),
        watchlist=watched.loc[watched["on_watchlist"].astype(bool), "student_id"],
        contacts=contacts,
    )
