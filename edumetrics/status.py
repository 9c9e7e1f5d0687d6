"""The output of `edumetrics status`: the state of the college and its analysis on one screen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pandas as pd

from edumetrics.college import health
from edumetrics.college.terms import Term
from edumetrics.errors import Locked
from edumetrics.inputs.thresholds import name_ranking, read_thresholds
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace, open_workspace

# With the feeds the output still fits on a screen.
RUNS_SHOWN = 5


def describe_status() -> Iterator[str]:
    """Yield the status line by line.

    The lines are: the college's week, how far the analysis is, whether a run is at work, which
    mail is held and why, the forecasts in use, the list thresholds, the last runs, and the feeds.

    Raises:
        SettingsError: a setting is wrong, a database cannot be reached, or the mapping does not
            fit.
    """
    workspace = open_workspace()
    calendar, store = workspace.params.calendar, workspace.store
    with workspace.open_college() as college:
        # The college's position comes from its own data, `done` from the analysis database: a
        # difference between them is what the operator has to act on.
        position, done = college.find_college_week(workspace.today), store.read_college_week()
        term = college.find_current_term(position)
        label = position.format_label(calendar)
        yield f"College:  week {position.compute_week(calendar)} of {label}"
        yield f"Analysis: {_describe_analysis(workspace, done, position)}"
        yield f"At work:  {_describe_lock(workspace)}"
        state = workspace.read_week_state()
        yield f"Held:     {state.describe_held()}"
        if changed := state.describe_parameters(workspace.params.hash_values()):
            yield f"Changed:  {changed}"
        yield f"Forecast: {_describe_forecasts(workspace)}"
        yield f"Lists:    {_describe_lists(workspace, term)}"
        yield "Last runs (UTC):"
        for row in store.read_newest("run_log", "seq", RUNS_SHOWN).to_dict("records"):
            # A run that is still going has no rows yet, so the column is null.
            rows = "" if pd.isna(row["rows_written"]) else f", {int(row['rows_written'])} rows"
            why = "" if pd.isna(row["error"]) else f": {row['error']}"
            when = f"{row['started_at']:%Y-%m-%d %H:%M}"
            yield f"  {when}  {_format_run(row)}: {row['status']}{rows}{why}"
        # Between terms, and before the first teaching week, there is no feed to report on.
        weeks = calendar.get_last_teaching_weeks(position.compute_week(calendar), 1)
        if term is not None and weeks:
            yield "Feeds:"
            for feed in health.check_feeds(college, term, weeks[0]).to_dict("records"):
                yield f"  {feed['status']:<5} {feed['message']}"


def find_overdue(workspace: Workspace, as_of: date | None = None) -> list[str]:
    """Return what should have happened by now and did not, in sentences; nothing is changed.

    That is a week of the college that is not computed, a week that the gate has not checked, mail
    that is due and has not gone out, and a run that was broken off. Mail that the gate holds, or
    that nobody has released yet, waits for a person, who was told.

    Args:
        workspace: the settings, the parameters and both databases.
        as_of: the day for a college without a week counter; today when None.
    """
    store, calendar, found = workspace.store, workspace.params.calendar, list[str]()
    try:
        with store.require_lock():
            # Nothing is at work: what is still called started was killed.
            killed = len(store.read("run_log", ("run_id",), status="started"))
    except Locked:
        # What is overdue may be about to be done.
        return found
    with workspace.open_college() as college:
        position = college.find_college_week(as_of or workspace.today)
    done, state = store.read_college_week(), workspace.read_week_state()
    week = position.compute_week(calendar)
    if done is None or done < position:
        found.append(
            f"Week {week} of {position.format_label(calendar)} is not computed: no batch ran since"
            " it ended, or it failed; run `edumetrics run`."
        )
    elif state.check_due or state.replayed:
        found.append("The gate has not checked the newest week: run `edumetrics run`.")
    elif state.mail_due:
        found.append("The mail of the newest week has not gone out: run `edumetrics run`.")
    elif killed:
        found.append("A run was broken off before its end: run `edumetrics run`.")
    return found


def _describe_analysis(
    workspace: Workspace, done: CollegeWeek | None, position: CollegeWeek
) -> str:
    """Return how far the analysis is and what brings it up to date, in a sentence."""
    calendar = workspace.params.calendar
    if done is None:
        return (
            "not begun; `edumetrics calibrate` computes the completed semesters,"
            " `edumetrics run` the one in session"
        )
    # The clock of a college may go back, so the analysis may be ahead; `until` is then empty.
    behind = len(list(done.iter_until(position, calendar)))
    weeks = "1 week" if behind == 1 else f"{behind} weeks"
    left = f"; {weeks} behind, `edumetrics run` catches up" if behind else ""
    back = "; ahead of the college, `edumetrics run --roll-back` takes it back"
    ahead = back if done > position else ""
    return f"week {done.compute_week(calendar)} of {done.format_label(calendar)}{left}{ahead}"


def _describe_lock(workspace: Workspace) -> str:
    """Return whether another run is at work."""
    # Only the lock can tell: a run that was killed leaves the status `started` in the ledger.
    try:
        with workspace.store.require_lock():
            return "nobody"
    except Locked:
        return "another run"


def _describe_forecasts(workspace: Workspace) -> str:
    """Return the model in use for each question, and the last term that it was trained on."""
    kept = workspace.store.read("model_runs", ("task", "model_id", "trained_terms"), champion=True)
    # Reviews of exams are rows of the same table, but they are no models.
    kept = (
        kept[kept["task"] != "review"]
        .sort_values("trained_terms")
        .drop_duplicates("task", keep="last")
    )
    if kept.empty:
        return "none yet: lists are drawn up by the rules, and exams are predicted roughly"
    kinds = [
        f"{task}: {_extract_kind(task, model)}"
        for task, model in zip(kept["task"], kept["model_id"], strict=True)
    ]
    # Term names are ISO dates, so the highest text is the latest term.
    return (
        f"{', '.join(kinds)}; learnt from terms up to that of"
        f" {kept['trained_terms'].str.split(',').str[-1].max()}"
    )


def _describe_lists(workspace: Workspace, term: Term | None) -> str:
    """Return from which urgency on the newest lists of the term name a student, in a sentence."""
    if term is None:
        return "none, no term is in session"
    store = workspace.store
    week = store.find_highest("weekly_metrics", "sem_week", term=term.name)
    if week is None:
        return "none yet in this term"
    # What ranked the lists that there are: the forecast in use may be newer.
    ranked_by = store.find_highest("weekly_flags", "ranked_by", term=term.name, sem_week=week)
    if ranked_by is None:
        return f"nobody is on one in week {week}"
    if ranked_by == "watchlist":
        return f"from the watchlist in week {week}"
    if week <= workspace.params.calendar.grace_weeks:
        return f"from the rules of news alone in week {week}"
    by_model = ranked_by == name_ranking(by_model=True)
    limits = read_thresholds(workspace, term.name, week, by_model=by_model)
    origin = f"fitted on the term of {limits.fitted_on}" if limits.fitted_on else "as shipped"
    return f"from urgency {limits.list_at:.0f} in week {week}, {origin}, ranked by the {ranked_by}"


def _extract_kind(task: str, model_id: str) -> str:
    """Return the kind of model that an id names, such as linear, without its task and terms."""
    return re.sub(r"(-\d{4}-\d\d-\d\d)+$", "", model_id.removeprefix(f"{task}-"))


def _format_run(row: Mapping[Any, Any]) -> str:
    """Return the stage of a run, with its week and term where it has them."""
    # Training is entered with week 0, and some entries have no term: neither is worth printing.
    week = (
        "" if pd.isna(row["sem_week"]) or not row["sem_week"] else f" week {int(row['sem_week'])}"
    )
    return f"{row['stage']}{week}" + (f" of {row['term']}" if row["term"] else "")
