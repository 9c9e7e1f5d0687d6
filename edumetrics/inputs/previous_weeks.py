"""Reading what triage needs to know of earlier weeks: their lists, and what people entered."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.analysis.store import Classes
from edumetrics.fields.reasons import LAST_WEEK, RULES
from edumetrics.triage.situation import METRICS, Memory
from edumetrics.workspace import Workspace

# A hard rule keeps a student on the list in the week it applies and in the week after.
RULED = frozenset({*RULES, *(name + LAST_WEEK for name in RULES)})


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
    watched = store.read("pre_sem_watchlist", ("student_id",), target_term=term, on_watchlist=True)
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
        out_of_reach=store.find_out_of_reach(term, week, classes),
        watchlist=watched["student_id"],
        contacts=contacts,
    )


def read_rule_weeks(workspace: Workspace, term: str) -> pd.DataFrame:
    """Return student_id and sem_week of the places on a list where a hard rule applied.

    The rule applied in that week or in the week before.
    """
    flags = workspace.store.read("weekly_flags", ("student_id", "sem_week", "reasons"), term=term)
    ruled = flags["reasons"].map(lambda reasons: any(one["code"] in RULED for one in reasons))
    # Without any row, map returns objects, which are no mask.
    return flags.loc[ruled.astype(bool), ["student_id", "sem_week"]]
