"""Read what the stages of a week stored, and build the sections that they add to its mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from edumetrics.analysis.week_state import (
    PRE_ENDTERM,
    PRE_MIDTERM,
    PRE_SEMESTER,
    REVIEW,
    MomentRun,
    list_moments,
)
from edumetrics.college.exams import read_exam_results
from edumetrics.college.outcomes import find_leavers
from edumetrics.college.terms import College, Term
from edumetrics.inputs.advisors import add_advisors
from edumetrics.inputs.terms import (
    PREDICTION_TABLES,
    find_exam_week,
    find_term,
    is_reviewed_next_term,
)
from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Section
from edumetrics.reports.moments import Sections
from edumetrics.reports.pre_exam import build_pre_exam_sections
from edumetrics.reports.pre_semester import build_pre_semester_sections
from edumetrics.reports.results import build_results_sections
from edumetrics.types import Exam
from edumetrics.workspace import Workspace

AT_RISK = ["MEDIUM", "HIGH"]
# What these stages tell is a model's: nothing of it is told where `triage.yml` says `rules`.
BY_MODEL = (PRE_SEMESTER, PRE_MIDTERM, PRE_ENDTERM)


@dataclass(frozen=True)
class Source:
    """Where the reports of a week come from.

    Attributes:
        workspace: settings, parameters and the analysis.
        college: open, for names, addresses and marks.
        term: the week's term.
        occasion: what all reports of the week share.
    """

    workspace: Workspace
    college: College
    term: Term
    occasion: Occasion


@dataclass(frozen=True)
class Told:
    """What the moments of a week tell.

    Attributes:
        sections: by advisor_id, in the order in which the stages run.
        stages: the last stage that tells an advisor something.
        missing: a sentence for each moment that could not be made.
    """

    sections: Mapping[str, tuple[Section, ...]]
    stages: Mapping[str, str]
    missing: tuple[str, ...]


def read_moments(source: Source) -> Told:
    """Return what the moments of a week tell, from what they stored so far."""
    occasion, store = source.occasion, source.workspace.store
    before = next(iter(occasion.calendar.get_teaching_weeks_before(occasion.week, 1)), 0)
    sections: dict[str, tuple[Section, ...]] = {}
    stages: dict[str, str] = {}
    missing = []
    uses_models = source.workspace.params.triage.uses_models
    for moment in list_moments(store, source.term.name, occasion.week, before):
        if moment.stage in BY_MODEL and not uses_models:
            continue
        build, say_missing = BUILDERS[moment.stage]
        if not moment.run_ids:
            missing += [say_missing(occasion)] if _is_of_week(occasion, moment) else []
            continue
        for advisor, made in build(source, moment).items():
            sections[advisor] = (*sections.get(advisor, ()), *made)
            stages[advisor] = moment.stage
    return Told(sections, stages, tuple(missing))


def _is_of_week(occasion: Occasion, moment: MomentRun) -> bool:
    """Return whether a stage that failed belongs to this week, and not to the term before."""
    # Without its rows nothing says which exam it was: no exam is reviewed before the first of its
    # own term, and late in a term nobody waits for the results of the term before.
    first = occasion.calendar.midterm_week or occasion.calendar.weeks_per_semester
    return moment.term == occasion.term or moment.week < first


def _build_watchlist(source: Source, moment: MomentRun) -> Sections:
    store, occasion, term = source.workspace.store, source.occasion, source.term
    rows = store.read("pre_sem_watchlist", target_term=term.name)
    # The watchlist has no advisors: those stored for the week count where there are any.
    whose = add_advisors(source.college, store, term, occasion.week, replay=True)
    listed = store.read("weekly_flags", ("student_id",), term=term.name, sem_week=occasion.week)
    return build_pre_semester_sections(
        occasion,
        rows.merge(whose[["student_id", "advisor_id"]], on="student_id"),
        frozenset(listed["student_id"]),
    )


def _build_outlook(source: Source, moment: MomentRun, *, exam: Exam) -> Sections:
    store, occasion = source.workspace.store, source.occasion
    # An outlook that was made late is told as long as its exam is ahead.
    if (find_exam_week(occasion.calendar, exam) or 0) <= occasion.week:
        return {}
    there: dict[str, Any] = {"term": occasion.term, "sem_week": moment.week}
    rows = store.read(PREDICTION_TABLES[exam], **there)
    rows = rows.rename(columns={f"predicted_{exam}_score": "predicted"})
    # Both exams are shown alike: "may fail" is whatever an end-term's outlook does not pass.
    if "outlook" in rows:
        rows = rows.assign(at_risk=rows["outlook"] != "pass")
    advisors = store.read("weekly_metrics", ("student_id", "advisor_id"), **there)
    said = store.read(
        "risk_of_failing_prediction",
        ("student_id", "subject_id", "p_fail"),
        risk_label=AT_RISK,
        **there,
    )
    # A stable sort keeps the order of the table between equal chances.
    subjects = _name_subjects(
        source.college, said.sort_values("p_fail", ascending=False, kind="stable")
    )
    shown = store.read("weekly_flags", ("student_id",), term=occasion.term, within_capacity=True,
                       sem_week=occasion.week)  # fmt: skip
    return build_pre_exam_sections(
        occasion,
        occasion.say(f"exam_{exam}"),
        rows.merge(advisors, on="student_id"),
        subjects,
        frozenset(shown["student_id"]),
    )


def _build_review(source: Source, moment: MomentRun) -> Sections:
    store, occasion, college = source.workspace.store, source.occasion, source.college
    # A review that was made again has replaced the rows of the earlier run.
    rows = store.read("exam_review", run_id=list(moment.run_ids))
    # The week's mail names them below "Left the college".
    gone = store.read("list_exits", ("student_id",), term=occasion.term, sem_week=occasion.week,
                      kind="withdrawn")  # fmt: skip
    rows = rows[~rows["student_id"].isin(gone["student_id"])]
    if not source.workspace.params.triage.uses_models:
        # Nobody is told to have passed against an outlook that no advisor has seen.
        rows = rows.assign(p_fail=None)
    weeks = store.read("weekly_metrics", ("student_id", "sem_week", "advisor_id"), term=moment.term)
    found: dict[str, tuple[Section, ...]] = {}
    for exam in ("midterm", "endterm"):
        own = rows[rows["exam_type"] == exam]
        later = is_reviewed_next_term(occasion.calendar, exam, moment.week)
        if own.empty or later != (moment.term != occasion.term):
            continue
        position = college.find_college_week(source.workspace.today)
        term = find_term(college, moment.term, position)
        # The reader is the advisor of the last week before the exam, even if the student moved.
        until = find_exam_week(occasion.calendar, exam) or 0
        last = weeks[weeks["sem_week"] < until].sort_values("sem_week")
        last = last.drop_duplicates("student_id", keep="last")[["student_id", "advisor_id"]]
        # As the week knew it, also where it is told anew later.
        known_by = (occasion.first_day + pd.Timedelta(days=6)).date()
        made = build_results_sections(
            occasion,
            exam,
            own.merge(last, on="student_id"),
            _read_failed_subjects(college, term, exam),
            frozenset(find_leavers(college, term, known_by)),
        )
        found |= {advisor: (*found.get(advisor, ()), *parts) for advisor, parts in made.items()}
    return found


def _read_failed_subjects(college: College, term: Term, exam: Exam) -> pd.DataFrame:
    """Return student_id, subject_id, name, score of every result that is a fail."""
    results = read_exam_results(college, term, exam)
    failed = results[results["failed"].fillna(value=False).astype(bool)]
    return _name_subjects(college, failed).sort_values(["student_id", "score", "subject_id"])


def _name_subjects(college: College, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with the `name` of their subject; its id where the college has no name."""
    # A subject that is listed twice would double the rows of the merge: its last name counts.
    names = college.read_columns("subjects", "subject_id", "subject_name").drop_duplicates(
        "subject_id", keep="last"
    )
    named = rows.merge(names, on="subject_id", how="left")
    return named.assign(name=named["subject_name"].fillna(named["subject_id"]))


def _say_missing_watchlist(occasion: Occasion) -> str:
    return occasion.say("missing_watchlist")


def _say_missing_outlook(occasion: Occasion, *, exam: Exam) -> str:
    return occasion.say("missing_outlook", exam=occasion.say(f"exam_{exam}"))


def _say_missing_review(occasion: Occasion) -> str:
    return occasion.say("missing_review")


# What a stage adds to the mail of its week, and the sentence that says that it could not.
BUILDERS: Mapping[
    str, tuple[Callable[[Source, MomentRun], Sections], Callable[[Occasion], str]]
] = {
    PRE_SEMESTER: (_build_watchlist, _say_missing_watchlist),
    PRE_MIDTERM: (
        partial(_build_outlook, exam="midterm"),
        partial(_say_missing_outlook, exam="midterm"),
    ),
    PRE_ENDTERM: (
        partial(_build_outlook, exam="endterm"),
        partial(_say_missing_outlook, exam="endterm"),
    ),
    REVIEW: (_build_review, _say_missing_review),
}
