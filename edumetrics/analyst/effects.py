"""The questions whether places and contacts did any good, and what drawing places cost."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import list_judged_weeks
from edumetrics.analyst.filters import choose_term
from edumetrics.triage import drawn_effects, draws, effects
from edumetrics.workspace import open_workspace

__all__ = ["did_it_help", "given_up"]
# Kinds of entries in the log that say that someone reached the student.
REACHED = ("talked", "emailed", "called", "referred")
# Kinds that explain the flag: it says nothing about a need for help.
EXPLAINED = ("known reason", "wrong flag")


def did_it_help(*, term: str | None = None, store: Store | None = None) -> pd.DataFrame:
    """Return what followed a contact, compared with similar students who had none.

    Where places were drawn by lot, it says what a place and what a contact did (see
    `triage.drawn_effects`). It looks at the next three teaching weeks. Contacts are entries of the
    log that say that someone reached the student: talked, emailed, called, referred.

    Args:
        term: ISO date of the term's first week; the newest analysed one when None.
        store: the analysis database; the one in the settings when None.

    Returns:
        One row for each of attendance, recorded activity and academic performance (with draws, one
        for a place and one for a contact; contacted and compared are then who was drawn in and
        out): outcome, contacted and compared (numbers of students), difference, low, high (points,
        95% interval; NaN where there are too few students), said (a sentence), what (what was
        followed). `triage.effects` explains the method, and what it cannot tell.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.

    >>> did_it_help()["outcome"].tolist()
    ['attendance', 'recorded activity', 'academic performance']
    """
    workspace = open_workspace()
    store = store or workspace.store
    name = choose_term(store, term)
    flags = store.read("weekly_flags", ("student_id", "sem_week"), term=name)
    entered = store.read("intervention_log", ("student_id", "sem_week", "kind"), term=name)
    weeks = store.read_listed_metrics(name, None, ("risk_score", *effects.OUTCOMES))
    # A student with a known reason, or who was listed wrongly, is left out from that week on, with
    # or without a contact: the flag has another explanation.
    explained = entered[entered["kind"].isin(EXPLAINED)].groupby("student_id")["sem_week"].min()
    since = flags["student_id"].map(explained).astype("float64")
    flags = flags[since.isna() | (flags["sem_week"] < since)]
    contacts, calendar = entered[entered["kind"].isin(REACHED)], workspace.params.calendar
    drawn = _read_draws(store, name)
    if drawn.empty:
        found = effects.measure_effects(weeks, flags, contacts, calendar)
    else:
        places = store.read(
            "weekly_flags", ("student_id", "sem_week"), term=name, within_capacity=True
        )
        found = drawn_effects.measure_draws(
            [drawn_effects.DrawnTerm(weeks, drawn, places, contacts, calendar)]
        )
    return pd.DataFrame([asdict(one) for one in found])


def _read_draws(store: Store, term: str) -> pd.DataFrame:
    """Return whose places were drawn in the weeks whose lists somebody was shown.

    Returns:
        student_id, sem_week, pool_id, place.
    """
    drawn = store.read("drawn_places", ("student_id", "sem_week", "seed", "place"), term=term)
    shown = drawn["sem_week"].isin(list_judged_weeks(store, term))
    return drawn[shown].rename(columns={"seed": "pool_id"})


def given_up(*, term: str | None = None, store: Store | None = None) -> pd.DataFrame:
    """Return what drawing places cost: the share of the places' urgency that lots gave up.

    Args:
        term: ISO date of the term's first week; the newest analysed one when None.
        store: the analysis database; the one in the settings when None.

    Returns:
        One row: term, drawn (student-weeks about whom lots decided), given_up (percent of the
        urgency of all places; meant to stay below 3; NaN where nobody had a place).

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term.

    >>> given_up()["drawn"].tolist()
    [0]
    """
    store = store or open_workspace().store
    name = choose_term(store, term)
    columns = ("term", "sem_week", "advisor_id", "urgency_score", "within_capacity", "drawn")
    flags = store.read("weekly_flags", columns, term=name)
    row = {
        "term": name,
        "drawn": int(flags["drawn"].sum()),
        "given_up": 100 * draws.measure_given_up(flags),
    }
    return pd.DataFrame([row])
