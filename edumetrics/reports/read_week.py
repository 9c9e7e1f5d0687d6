"""Read the stored rows that the weekly reports are built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.analysis.presence import find_without_record
from edumetrics.analysis.told_lists import read_lists
from edumetrics.analysis.week_state import WEEKLY, find_last_run
from edumetrics.forecast.contest import FAIL
from edumetrics.reports.card_facts import OUTLOOKS
from edumetrics.reports.week_rows import WeekRows
from edumetrics.scoring.effort import hide_thin_effort
from edumetrics.workspace import Workspace

# Only the columns that a report uses; notes that people wrote in the log are not read.
CONTACTS = ("student_id", "sem_week", "kind", "outcome", "referral", "until",
            "logged_by", "logged_at")  # fmt: skip
COURSES = (
    "week_lectures_held",
    "week_lectures_attended",
    "weekly_att_pct",
    "overall_att_pct",
    "academic_performance",
)
LAST = (
    "student_id",
    "effort_score",
    "effort_coverage",
    "academic_performance",
    "weekly_att_pct",
    "submission_pct",
    "lectures_left",
    "lectures_to_attend",
)
# The most subjects that an outlook names.
SUBJECTS = 2
AT_RISK = ["MEDIUM", "HIGH"]


def read_week_rows(
    workspace: Workspace,
    term: str,
    week: int,
    subject_names: Mapping[str, str],
    second_advisors: pd.DataFrame | None = None,
    to_come: Mapping[tuple[str, str], int] | None = None,
) -> WeekRows:
    """Read what is stored of a week, as far as its reports show it.

    Args:
        workspace: the parameters and the analysis database.
        term, week: the term (ISO date) and the semester week.
        subject_names: name by subject_id; an id without a name stands for itself.
        second_advisors: student_id and advisor_id; None where the college has none.
        to_come: how many items are still due, by class_id and subject_id; None for none.
    """
    store, scoring = workspace.store, workspace.params.scoring
    there: dict[str, Any] = {"term": term, "sem_week": week}
    last = next(iter(workspace.params.calendar.get_teaching_weeks_before(week, 1)), 0)
    before: dict[str, Any] = {"term": term, "sem_week": last}
    # Findings are kept for every run: those of the newest finished run belong to the stored rows.
    newest = find_last_run(store, WEEKLY, status="done", **there)
    flags = read_lists(store, workspace.params, term, week)
    nobody = pd.DataFrame({"student_id": [], "advisor_id": []}, dtype="str")
    return WeekRows(
        metrics=hide_thin_effort(store.read("weekly_metrics", **there), scoring),
        last=hide_thin_effort(store.read("weekly_metrics", LAST, **before), scoring),
        flags=flags,
        last_flags=store.read(
            "weekly_flags", ("student_id", "advisor_id", "within_capacity"), **before
        ),
        exits=store.read("list_exits", **there),
        findings=store.read("class_findings", **there),
        courses=store.read_listed_metrics(term, week, COURSES),
        middles=_read_middles(workspace, term, week, sorted(flags["class_id"].unique())),
        contacts=store.read("intervention_log", CONTACTS, term=term),
        health=store.read("data_health", run_id=newest["run_id"] if newest else ""),
        silent=pd.concat(
            [
                find_without_record(store, term, w).to_frame().assign(sem_week=w)
                for w in (last, week)
            ],
            ignore_index=True,
        ),
        outlook=_read_outlook(workspace, there, subject_names, to_come or {}),
        shared=nobody if second_advisors is None else second_advisors,
        precision=_read_precision(workspace, term),
    )


def _read_middles(workspace: Workspace, term: str, week: int, classes: list[str]) -> pd.DataFrame:
    """Return class_id, sem_week and the median of academic_performance of some classes so far."""
    rows = workspace.store.read(
        "weekly_metrics",
        ("class_id", "sem_week", "academic_performance"),
        term=term,
        class_id=classes,
        sem_week=list(range(1, week + 1)),
    )
    middle = rows.groupby(["class_id", "sem_week"])[["academic_performance"]].median()
    return middle.reset_index()


def _read_outlook(
    workspace: Workspace,
    there: dict[str, Any],
    names: Mapping[str, str],
    to_come: Mapping[tuple[str, str], int],
) -> pd.DataFrame:
    """Return the predictions made in a week, one row a student, with the subjects at risk.

    Beside a subject stands how many of its items are still due: what can be changed yet.
    """
    store = workspace.store
    columns = ("student_id", "low", "high", "p_fail", "model_id")
    found = [
        store.read(table, (*columns, score), **there).rename(columns={score: "predicted"})
        for table, score in OUTLOOKS.values()
    ]
    # A week is before one exam at most. Without a chance an outlook says nothing that helps.
    rows = pd.concat(found, ignore_index=True).dropna(subset=["p_fail", "predicted", "low"])
    # Where only rules may list, no card tells what a model predicts.
    rows = rows if workspace.params.triage.uses_models else rows.iloc[:0]
    risks = store.read(
        "risk_of_failing_prediction",
        ("student_id", "class_id", "subject_id", "p_fail"),
        risk_label=AT_RISK,
        **there,
    ).sort_values("p_fail", ascending=False, kind="stable")
    say = workspace.params.sentences.say
    named = [names.get(subject) or subject for subject in risks["subject_id"]]
    places = zip(risks["class_id"], risks["subject_id"], strict=True)
    with_left = [
        say("reports", "subject_at_risk", subject=name, count=to_come.get(place, 0))
        for name, place in zip(named, places, strict=True)
    ]
    return rows.assign(
        subjects=_join_subjects(risks["student_id"], with_left, rows, say),
        subject_names=_join_subjects(risks["student_id"], named, rows, say),
    )


def _join_subjects(
    students: pd.Series, said: list[str], rows: pd.DataFrame, say: Callable[..., str]
) -> list[str]:
    """Return of each row's student the subjects at risk as one text; empty for none.

    Args:
        students: whose each of `said` is, the likeliest first.
        said: what is said of the subjects.
        rows: student_id.
        say: how a phrase is made.
    """
    # The two likeliest are named; a card has no room for more.
    joined = {
        student: say(
            "reports", "subjects", named=", ".join(mine[:SUBJECTS]), more=len(mine[SUBJECTS:])
        )
        for student, mine in pd.Series(said, index=students.index).groupby(students)
    }
    return [joined.get(student, "") for student in rows["student_id"]]


def _read_precision(workspace: Workspace, term: str) -> float | None:
    """Return in percent how many of those put first failed or left, in the trial of the model."""
    runs = workspace.store.read(
        "model_runs", ("trained_terms", "metrics"), task=FAIL, champion=True
    )
    # The model in use in a term is the latest that has learnt from earlier terms only.
    newest = runs.assign(last=runs["trained_terms"].str.split(",").str[-1]).sort_values("last")
    usable = newest.loc[newest["last"] < term, "metrics"]
    weeks = usable.iloc[-1].get("by_week", []) if len(usable) else []
    shares = [week["precision_at_capacity"] for week in weeks]
    # The share is null in a week in which nobody had a place.
    known = [share for share in shares if share is not None]
    return 100 * float(np.mean(known)) if known else None
