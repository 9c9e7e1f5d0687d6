"""The gate between computing a week and mailing it.

The gate looks for data and lists that cannot be trusted, class by class. It changes no score. A
finding holds back the mail of its class; a finding about the whole college, or about too many of
its classes, holds back all mail.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.analysis import run_log
from edumetrics.analysis.run_log import Run
from edumetrics.analysis.store import get_utc_now
from edumetrics.analysis.week_state import GATE, WEEKLY, find_last_run, read_last_findings
from edumetrics.college import arrivals, checks, feeds
from edumetrics.college.findings import make_empty_findings
from edumetrics.college.terms import College, Term
from edumetrics.errors import Refused
from edumetrics.fields import EVERYWHERE, EXAMPLES, FEEDS, FINDING_COLUMNS
from edumetrics.params import Gate
from edumetrics.workspace import Workspace

# Beginning of the check of the findings that remember a relation's columns for the next run.
SCHEMA = "schema: "
# The mapping is checked in each of the first weeks of a term, once after them, and when it changed.
MAPPING = "mapping: looked at"
FIRST_WEEKS = 4
# Findings that a verdict quotes; more would not be read in a line for the operator.
TOLD = 3
# Teaching weeks before this one that show what is usual.
USUAL_WEEKS = 4
# A jump must be larger than so many standard errors of the share before, to be more than chance.
ERRORS = 3


@dataclass(frozen=True)
class Verdict:
    """What the gate found in one week of a term.

    Attributes:
        term: ISO date of the term's first week.
        week: the semester week.
        findings: the columns of `health.check_health`; status `block` holds mail back, status `ok`
            remembers something for the next run.
        classes: the classes whose mail is held.
        everyone: whether all mail is held.
    """

    term: str
    week: int
    findings: pd.DataFrame
    classes: tuple[str, ...]
    everyone: bool

    @property
    def told(self) -> str:
        """The blocking findings, in a few sentences; empty where there are none."""
        blocked = self.findings[self.findings["status"] == "block"]
        # Findings about the whole college come first; a stable sort keeps the order of the checks.
        first = blocked.sort_values("class_id", key=lambda ids: ids != EVERYWHERE, kind="stable")[
            "message"
        ]
        more = f" And {len(first) - TOLD} more like these." if len(first) > TOLD else ""
        return " ".join(first.head(TOLD)) + more


def check_week(
    workspace: Workspace, college: College, term: Term, week: int, *, back_to: int | None = None
) -> Verdict:
    """Check a computed week before its mail goes out, and return the verdict; store nothing.

    Args:
        workspace: settings, parameters and databases.
        college: the college's database, open.
        term: the week's term.
        week: a teaching week whose lists are stored.
        back_to: the semester week to which the college's clock went back since the last run; None
            where it did not go back.
    """
    gate, calendar = workspace.params.batch.gate, workspace.params.calendar
    window = calendar.get_last_teaching_weeks(week, USUAL_WEEKS + 1)
    # Feeds are compared with the whole semester so far; for lists and work the last weeks count.
    so_far = calendar.get_last_teaching_weeks(week, calendar.weeks_per_semester)
    found = [
        *(arrivals.check_feed(college, term, feed, so_far, gate) for feed in FEEDS),
        arrivals.check_repeated_week(college, term, window),
        arrivals.check_submissions(college, term, window),
        _read_stops(workspace, term, week),
        _check_list_jump(workspace, term, window, gate),
        _check_schema(workspace, college),
        # A clock that went back makes correct records look too early for their mapping.
        _check_mapping(workspace, college, term, week)
        if back_to is None
        else make_empty_findings(),
        _check_clock(college, term, back_to) if back_to is not None else make_empty_findings(),
    ]
    findings = pd.concat(found, ignore_index=True)
    # Last, because it counts the classes that the other checks block.
    findings = pd.concat([findings, _check_held_classes(findings, term, gate)], ignore_index=True)
    blocked = set(findings.loc[findings["status"] == "block", "class_id"])
    return Verdict(
        term.name, week, findings, tuple(sorted(blocked - {EVERYWHERE})), EVERYWHERE in blocked
    )


def record_verdict(
    workspace: Workspace, run: Run, verdict: Verdict, *, force: bool = False
) -> None:
    """Store the findings of a verdict, and end its run in the ledger.

    The run is `refused` where mail is held, and `done` otherwise. With `force` it is always `done`,
    with a remark that says what would have held the mail back.
    """
    frame = verdict.findings.assign(run_id=run.run_id, computed_at=get_utc_now())
    with workspace.store.start_transaction() as connection:
        workspace.store.replace_slice(connection, "data_health", frame, run_id=run.run_id)
        if force or (not verdict.classes and not verdict.everyone):
            told = f"Forced: {verdict.told}" if verdict.told else None
            run_log.mark_done(connection, run, len(frame), told)
    # Only after the findings are stored: the messages of a refused run are read from them.
    if not force and (verdict.classes or verdict.everyone):
        run_log.mark_failed(workspace.store, run, Refused(verdict.told))


def _read_stops(workspace: Workspace, term: Term, week: int) -> pd.DataFrame:
    """Return what the week's own run found in the data, and said that it would mislead."""
    newest = find_last_run(workspace.store, WEEKLY, term=term.name, sem_week=week, status="done")
    if newest is None:
        return make_empty_findings()
    return workspace.store.read(
        "data_health", FINDING_COLUMNS, run_id=newest["run_id"], status="block"
    )


def _check_list_jump(
    workspace: Workspace, term: Term, window: tuple[int, ...], gate: Gate
) -> pd.DataFrame:
    """Return findings where the share of students on the lists rose by more than chance.

    The share is that of a class or of the whole college.
    """
    if len(window) < 2:
        return make_empty_findings()
    week, before = window[:2]
    size, listed = (
        workspace.store.read(
            table, ("class_id", "sem_week"), term=term.name, sem_week=[week, before]
        )
        .value_counts()
        .unstack()
        .reindex(columns=[week, before])
        .fillna(0)
        for table in ("weekly_metrics", "weekly_flags")
    )
    # A class without anyone on a list has no row in weekly_flags.
    listed = listed.reindex(size.index, fill_value=0)
    for frame in (size, listed):
        frame.loc[EVERYWHERE] = frame.sum()
    share = 100 * listed / size.where(size > 0)
    # One more listed and one more not listed: a share of 0 before would have no standard error.
    guess = (listed[before] + 1) / (size[before] + 2)
    chance = 100 * ERRORS * np.sqrt(guess * (1 - guess) / size[week].where(size[week] > 0))
    # All three conditions: enough points, enough times as many, and enough students to judge by.
    jumped = (
        (share[week] - share[before] >= np.maximum(gate.flagged_jump, chance))
        & (share[week] >= gate.flagged_times * share[before])
        & (size[week] >= gate.flagged_students)
    )
    sentence = "The share on the lists{whose} jumped from {then:.0f}% to {now:.0f}% in week {week}."
    return arrivals.make_findings(
        "lists: jump",
        jumped,
        sentence,
        count=listed[week],
        then=share[before],
        now=share[week],
        week=week,
    )


def _check_held_classes(findings: pd.DataFrame, term: Term, gate: Gate) -> pd.DataFrame:
    """Return a finding about the whole college where too many classes are held.

    A cause that holds so many classes is not one of single classes.
    """
    held = findings.loc[
        (findings["status"] == "block") & (findings["class_id"] != EVERYWHERE), "class_id"
    ].nunique()
    count, running = pd.Series({EVERYWHERE: held}), term.class_semesters["class_id"].nunique()
    sentence = "That concerns {count} of {running} classes."
    return arrivals.make_findings(
        "gate: classes",
        100 * count > gate.classes_pct * running,
        sentence,
        count=count,
        running=running,
    )


def _check_schema(workspace: Workspace, college: College) -> pd.DataFrame:
    """Return the columns of each relation, to remember, and a finding where columns have gone."""
    rows: list[tuple[object, ...]] = []
    # Only a run that was done is remembered: a refused one keeps finding what has gone.
    then = read_last_findings(workspace.store, GATE, SCHEMA)
    for name, relation in college.relations.items():
        columns = relation.present if relation is not None else frozenset()
        rows.append((SCHEMA + name, EVERYWHERE, "ok", len(columns), [], ", ".join(sorted(columns))))
        # A relation seen for the first time has an empty text, which splits into one empty name.
        gone = sorted(set(filter(None, then.get(SCHEMA + name, "").split(", "))) - columns)
        if gone:
            what = f"no longer has {', '.join(gone)}" if columns else "is gone"
            sentence = f"The college's {name} {what}: correct its mapping."
            rows.append(
                (
                    f"{name}: columns gone",
                    EVERYWHERE,
                    "block",
                    len(gone),
                    gone[:EXAMPLES],
                    sentence,
                )
            )
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))


def _check_mapping(workspace: Workspace, college: College, term: Term, week: int) -> pd.DataFrame:
    """Return findings that only a wrong mapping explains.

    Where nothing is found, this is remembered, and the check is skipped for the rest of the term.
    """
    # Remembered for this mapping, this term, and either the first weeks or the weeks after them: a
    # change of any of the three repeats the check.
    mapping = college.params.college
    parts = {"like", "settings", "sources", "relations", "views"}
    said = json.dumps(mapping.model_dump(mode="json", include=parts), sort_keys=True)
    seen = f"{hashlib.sha256(said.encode()).hexdigest()}, {term.name}, {week > FIRST_WEEKS}"
    counter = college.find_college_week(workspace.today).compute_week(college.params.calendar)
    counted = not college.counter.empty
    found = make_empty_findings()
    if counted and college.params.calendar.get_last_teaching_weeks(counter, 1) != (week,):
        # An earlier week is checked again: records that came since would only seem too early.
        return found
    if (
        week <= FIRST_WEEKS
        or read_last_findings(workspace.store, GATE, MAPPING).get(MAPPING) != seen
    ):
        found = checks.check_mapping(college, term, week)
        found = found[found["status"] == "block"]
    if len(found):
        return found
    return pd.DataFrame([(MAPPING, EVERYWHERE, "ok", 0, [], seen)], columns=list(FINDING_COLUMNS))


def _check_clock(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return a finding where the college's clock went back and its records did not."""
    newest = pd.Series(
        {EVERYWHERE: max(feeds.find_newest_week(college, term, feed) for feed in FEEDS)}
    )
    sentence = (
        "The college's clock went back to week {week}, but its records go on to week {count}:"
        " set it right."
    )
    return arrivals.make_findings(
        "sim_state: clock", newest > week, sentence, count=newest, week=week
    )
