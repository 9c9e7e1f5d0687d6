"""The questions that people ask the analysis database, answered as typed frames."""

from __future__ import annotations

from typing import Unpack

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import WEEKLY, find_last_run
from edumetrics.analyst.effects import did_it_help, given_up
from edumetrics.analyst.filters import (
    Filters,
    ListFilters,
    choose_term,
    match_filters,
    read_rows,
    require_known,
    require_week,
)
from edumetrics.analyst.predictions import (
    pre_endterm,
    pre_midterm,
    review,
    risk_of_failing,
    watchlist,
)
from edumetrics.errors import SettingsError
from edumetrics.fields import EVERYWHERE, FINDING_COLUMNS
from edumetrics.forecast.list_shares import TIERS
from edumetrics.workspace import open_workspace

__all__ = [
    "changes",
    "class_findings",
    "class_performance",
    "did_it_help",
    "exits",
    "flagged",
    "given_up",
    "health",
    "log",
    "pre_endterm",
    "pre_midterm",
    "review",
    "risk_of_failing",
    "student_performance",
    "thresholds",
    "watchlist",
]
# As stored in `data_health`, the worst first.
SEVERITIES = ("block", "warn", "ok")
MEDIANS = (
    "weekly_att_pct",
    "overall_att_pct",
    "effort_score",
    "academic_performance",
    "risk_score",
)


def student_performance(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return the weekly metrics of students; see `Filters`.

    Returns:
        Rows of `weekly_metrics` in order of student and week, without run_id and computed_at. No
        rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student.

    >>> student_performance(student="S22000002")["sem_week"].tolist()
    [1, 2, 3, 4, 5, 6, 7, 9, 10]
    """
    rows = read_rows("weekly_metrics", filters)
    return rows.sort_values(["student_id", "sem_week"], ignore_index=True)


def class_performance(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return the number of students and the medians of the main metrics, by class and week.

    With `weeks` it is how a class went; see `Filters`.

    Returns:
        term, sem_week, class_id, semester, students, and the medians (0 to 100; NaN where no
        student has a value).

    Raises:
        SettingsError: nothing has been analysed yet.

    >>> class_performance(class_id="CS-2022-A")[["term", "sem_week", "class_id"]].values.tolist()
    [['2026-01-05', 10, 'CS-2022-A']]
    >>> class_performance(class_id="CS-2022-A", weeks=range(6, 11))["sem_week"].tolist()
    [6, 7, 9, 10]
    """
    rows = student_performance(**filters)
    groups = rows.groupby(["term", "sem_week", "class_id", "semester"])
    table = groups[list(MEDIANS)].median()
    table.insert(0, "students", groups.size())
    return table.reset_index()


def flagged(**filters: Unpack[ListFilters]) -> pd.DataFrame:
    """Return who was on an advisor's list and why, the most urgent first; see `ListFilters`.

    Returns:
        Rows of `weekly_flags` in order of week, advisor and place on the advisor's list, without
        run_id and computed_at; `reasons` are lists of records. No rows, with the same columns, when
        nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or tier.

    >>> flagged(advisor="ADV22001")["triage_rank"].tolist()[:3]
    [1, 2, 3]
    >>> len(flagged(class_id="CS-2022-A", tier="critical", week=1))
    0
    """
    rows = read_rows("weekly_flags", {**filters, "tier": _find_tier(filters.get("tier"))})
    return rows.sort_values(["sem_week", "advisor_id", "triage_rank"], ignore_index=True)


def _find_tier(asked: str | None) -> str | None:
    """Return the tier of a name or of the word that lists show; None for any.

    Raises:
        SettingsError: there is no such tier.
    """
    words = {tier.lower(): tier for tier in TIERS} | {w.lower(): t for t, w in TIERS.items()}
    if asked is None or asked.lower() in words:
        return None if asked is None else words[asked.lower()]
    named = ", ".join(f"{tier} ({word})" for tier, word in TIERS.items())
    raise SettingsError(f"There is no tier {asked}: the tiers are {named}.")


def exits(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return who is no longer on an advisor's list, and what improved; see `Filters`.

    Returns:
        Rows of `list_exits` in order of week, advisor and student, without run_id and computed_at;
        `improved` and `remaining` are lists of records. No rows, with the same columns, when
        nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student.

    >>> set(exits()["kind"]) <= {"left", "no longer listed", "withdrawn"}
    True
    """
    order = ["sem_week", "advisor_id", "student_id"]
    return read_rows("list_exits", filters).sort_values(order, ignore_index=True)


def class_findings(**filters: Unpack[Filters]) -> pd.DataFrame:
    """Return what concerned a whole class; see `Filters`. Students and advisors are no filters.

    Returns:
        Rows of `class_findings` in order of week and class, without run_id and computed_at. No
        rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or week.

    >>> class_findings().columns.tolist()[:4]
    ['class_id', 'term', 'sem_week', 'code']
    """
    order = ["sem_week", "class_id", "code"]
    return read_rows("class_findings", filters).sort_values(order, ignore_index=True)


def thresholds(
    *, term: str | None = None, week: int | None = None, store: Store | None = None
) -> pd.DataFrame:
    """Return the list thresholds that were fitted for a week, for each ranking.

    Args:
        term: ISO date of the term's first week; the newest analysed one when None.
        week: semester week; the newest analysed one when None.
        store: the analysis database; the one in the settings when None.

    Returns:
        Rows of `list_thresholds` in order of week and ranking, without run_id and computed_at. No
        rows, with the same columns, where none were fitted: then the shipped ones hold.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or week.

    >>> thresholds(week=10)["ranked_by"].tolist()
    ['model', 'rules']
    >>> thresholds(week=1).empty
    True
    """
    rows = read_rows("list_thresholds", {"term": term, "week": week, "store": store})
    return rows.sort_values(["sem_week", "ranked_by"], ignore_index=True)


def changes(
    first: int | None = None, second: int | None = None, **filters: Unpack[Filters]
) -> pd.DataFrame:
    """Return what changed between two weeks, the largest fall in attendance first.

    Args:
        first: a semester week; the teaching week before `second` when None.
        second: a semester week of the same term; the newest analysed one when None.
        filters: see `Filters`; a week has no meaning here.

    Returns:
        One row per student: student_id, class_id, first_week, second_week, and the differences in
        attendance, recorded activity and academic performance (second week less first, in points;
        NaN where a week has no value). Only students who have both weeks.

    Raises:
        SettingsError: nothing has been analysed yet, there is no such term or week, or no teaching
            week comes before `second`.

    >>> changes(9, 10, class_id="CS-2022-A").columns.tolist()[:5]
    ['student_id', 'class_id', 'first_week', 'second_week', 'weekly_att_pct']
    """
    if "week" in filters or "weeks" in filters:
        raise SettingsError("Two weeks are compared: name them as first and second.")
    measures = ["weekly_att_pct", "effort_score", "academic_performance"]
    weeks = _choose_weeks(first, second, filters)
    both_weeks: list[Filters] = [{**filters, "week": week} for week in weeks]
    then, now = (student_performance(**one).set_index("student_id") for one in both_weeks)
    # Frames align by student: without the intersection others would come in with NaN.
    both = now.index.intersection(then.index)
    table = (
        now.loc[both, ["class_id"]]
        .assign(first_week=weeks[0], second_week=weeks[1])
        .join(now.loc[both, measures] - then.loc[both, measures])
        .reset_index()
    )
    return table.sort_values(["weekly_att_pct", "student_id"], ignore_index=True)


def _choose_weeks(first: int | None, second: int | None, filters: Filters) -> tuple[int, int]:
    """Return the two weeks to compare: those asked for, or the newest two teaching weeks.

    Raises:
        SettingsError: no teaching week comes before the second one.
    """
    # With both weeks the settings are not needed.
    if first is not None and second is not None:
        return first, second
    workspace = open_workspace()
    if second is None:
        store = filters.get("store") or workspace.store
        term = choose_term(store, filters.get("term"))
        second = int(store.find_highest("weekly_metrics", "sem_week", term=term))
    before = workspace.params.calendar.get_teaching_weeks_before(second, 1)
    if first is None and not before:
        raise SettingsError(f"No teaching week comes before week {second}: name both weeks.")
    return before[0] if first is None else first, second


def log(
    *,
    notes: bool = False,
    term: str | None = None,
    week: int | None = None,
    student: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return what people entered into the log of interventions, the oldest entry first.

    Args:
        notes: whether the notes are among the columns. They can hold what a student confided.
        term: ISO date of the term's first week; the newest analysed one when None.
        week: the semester week whose list an entry answers; every week when None.
        student: only this one.
        store: the analysis database; the one in the settings when None.

    Returns:
        Rows of `intervention_log` in the order in which they were entered, without entry_key. No
        rows, with the same columns, when nothing matches.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term, week or student.

    >>> "notes" in log().columns, "notes" in log(notes=True).columns
    (False, True)
    """
    asked = {"term": term, "week": week, "student": student, "store": store}
    rows = read_rows("intervention_log", asked, every_week=True)
    return rows.sort_values("id", ignore_index=True).drop(
        columns=["entry_key"] if notes else ["entry_key", "notes"]
    )


def health(
    *,
    term: str | None = None,
    week: int | None = None,
    class_id: str | None = None,
    store: Store | None = None,
) -> pd.DataFrame:
    """Return what was wrong or missing in the college's data of a week, the worst first.

    Args:
        term: ISO date of the term's first week; the newest analysed one when None.
        week: semester week; the newest analysed one when None.
        class_id: only findings about this class; `all` for those about the whole college.
        store: the analysis database; the one in the settings when None.

    Returns:
        term, sem_week, and the columns of `data_health` without run_id and computed_at, of the
        newest finished weekly run of the week. No rows, with the same columns, when nothing
        matches; a backfill checks only the last week that it computes.

    Raises:
        SettingsError: nothing has been analysed yet, or there is no such term or week.

    >>> set(health()["status"]) <= {"block", "warn", "ok"}
    True
    """
    store = store or open_workspace().store
    term = choose_term(store, term)
    if week is None:
        week = int(store.find_highest("weekly_metrics", "sem_week", term=term))
    require_week(store, term, week)
    # Findings are kept for every run: those of the newest finished run belong to the stored rows.
    run = find_last_run(store, WEEKLY, status="done", term=term, sem_week=week)
    if class_id not in (None, EVERYWHERE):
        require_known(store, {"class_id": class_id})
    about = match_filters("data_health", {"class_id": class_id}, store)
    rows = store.read("data_health", FINDING_COLUMNS, run_id=run["run_id"] if run else "", **about)
    rows.insert(0, "term", term)
    rows.insert(1, "sem_week", week)
    worst = rows["status"].map(SEVERITIES.index).argsort(kind="stable")
    return rows.iloc[worst].reset_index(drop=True)


def __dir__() -> list[str]:
    # What TAB shows.
    return __all__
