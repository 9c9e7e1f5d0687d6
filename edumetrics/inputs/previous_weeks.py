"""Reading what triage needs to know of earlier weeks: their lists, and what people entered."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.analysis.presence import find_recorded
from edumetrics.analysis.store import Classes
from edumetrics.triage.situation import METRICS, STUDENT_SAYS, WRONG_FLAG, Memory
from edumetrics.workspace import Workspace


def read_memory(workspace: Workspace, term: str, week: int, classes: Classes = None) -> Memory:
    """Return everything that was stored before a week and that its lists depend on.

    Nothing of the week itself or of later weeks is read. Excluded students are left out of last
    week's list, so that no list mentions them.

    Args:
        workspace: settings, parameters and databases.
        term: ISO date of the term's first week.
        week: the semester week, exclusive.
        classes: read only these classes; all when None.
    """
    # A replayed week must give the same lists as the first time: later rows may not be read.
    only: dict[str, Any] = {} if classes is None else {"class_id": list(classes)}
    store, calendar = workspace.store, workspace.params.calendar
    # The last teaching week, not week - 1, which may be an exam or a vacation. No row has week 0.
    last = next(iter(calendar.get_teaching_weeks_before(week, 1)), 0)
    watched = store.read(
        "pre_sem_watchlist",
        ("student_id", "risk_probability_pct", "on_watchlist", "reasons"),
        target_term=term,
    )
    listed = store.read("weekly_flags", term=term, sem_week=last, **only)
    # Contacts are read for the whole term, because an old one may still hold (`until`).
    contacts = store.read(
        "intervention_log", ("student_id", "term", "sem_week", "kind", "until"), term=term
    )
    return Memory(
        lists=store.read_list_entries(term, week, classes),
        last=listed[~listed["student_id"].isin(workspace.params.scoring.exclusions)],
        metrics=store.read(
            "weekly_metrics", ("student_id", *METRICS), term=term, sem_week=last, **only
        ),
        # The watchlist is a model's: where only rules may list, nobody is on it.
        watchlist=watched if workspace.params.triage.uses_models else watched.iloc[:0],
        contacts=contacts,
        cards=_read_disputed_cards(workspace, term, contacts),
        recorded=find_recorded(store, term, week, classes),
        scores=store.read_scores(term, week, classes),
    )


def _read_disputed_cards(workspace: Workspace, term: str, contacts: pd.DataFrame) -> pd.DataFrame:
    """Return student_id, sem_week, reasons: the cards whose flag somebody called wrong."""
    wrong = contacts[contacts["kind"].isin((WRONG_FLAG, STUDENT_SAYS))]
    columns = ("student_id", "sem_week", "reasons")
    weeks = sorted({int(week) for week in wrong["sem_week"]})
    cards = workspace.store.read("weekly_flags", columns, term=term, sem_week=weeks)
    return cards.merge(wrong[["student_id", "sem_week"]].drop_duplicates())


def read_rule_weeks(workspace: Workspace, term: str) -> pd.DataFrame:
    """Return student_id and sem_week of the places on a list where a rule listed the student."""
    flags = workspace.store.read("weekly_flags", ("student_id", "sem_week", "rules"), term=term)
    return flags.loc[flags["rules"].map(bool).astype(bool), ["student_id", "sem_week"]]
