"""Building the reports of a stage from what it stored.

Pages, mail and previews show the same reports.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from edumetrics import settings
from edumetrics.analysis.week_state import WEEKLY
from edumetrics.college.terms import College, Term
from edumetrics.inputs import parts
from edumetrics.inputs.advisors import add_advisors
from edumetrics.inputs.terms import find_term
from edumetrics.reports import classes, render
from edumetrics.reports.context import Occasion, People
from edumetrics.reports.model import Report
from edumetrics.reports.pre_exam import build_pre_exam_reports
from edumetrics.reports.pre_semester import build_pre_semester_reports
from edumetrics.reports.read_week import read_week_rows
from edumetrics.reports.results import build_results_reports
from edumetrics.reports.week_rows import WeekRows
from edumetrics.reports.weekly import build_weekly_reports
from edumetrics.types import Exam
from edumetrics.workspace import Workspace

# Folder of the advisors' pages, below the folder of a stage.
PAGES = "advisors"
# From so many pages on, rendering in parallel is worth the start of other processes.
MANY = 60
AT_RISK = ["MEDIUM", "HIGH"]


@dataclass(frozen=True)
class Source:
    """Where the reports of a stage come from.

    Attributes:
        college: open, for names and addresses.
        occasion: what all reports of the stage share.
        exam: midterm or endterm; only of a review.
    """

    workspace: Workspace
    college: College
    term: Term
    occasion: Occasion
    exam: str = ""


def build_weekly(source: Source) -> list[Report]:
    """Return the reports of a week."""
    week = source.occasion.week
    stored = _read_stored(source.workspace, source.college, source.term, week)
    return build_weekly_reports(source.occasion, stored)


def create_pages_folder(folder: Path) -> Path:
    """Create the folder of a stage, with that of its pages, and return it.

    Raises:
        SettingsError: it cannot be written to.
    """
    settings.create_private_folder(folder / PAGES)
    return folder


def find_stored_term(workspace: Workspace, college: College, name: str) -> Term:
    """Return the term of that name."""
    return find_term(college, name, college.find_college_week(workspace.today))


def write_pages(workspace: Workspace, reports: list[Report], folder: Path) -> list[Path]:
    """Write the page of each report below the folder of a stage, and return their paths."""
    # Rendering needs neither database, so other processes can do it.
    if len(reports) < MANY:
        return [_write_page(report, folder) for report in reports]
    return parts.map_parts(workspace.settings, _write_page, reports, folder)


def write_class_page(workspace: Workspace, term: Term, week: int, folder: Path) -> list[Path]:
    """Write the page about classes, for the head of department; no page of an advisor."""
    with workspace.open_college() as college:
        occasion = read_occasion(workspace, college, WEEKLY, term, week)
        stored = _read_stored(workspace, college, term, week)
    weeks = workspace.store.compute_class_means(occasion.term, week, classes.MEASURES)
    page = classes.build_classes_page(
        occasion, weeks, stored.flags, stored.exits, stored.findings, stored.health
    )
    render.write_page(folder / "department.html", classes.render_classes_page(page))
    return []


def get_page_path(folder: Path, advisor: str) -> Path:
    """Return the path of an advisor's page, below the folder of a stage."""
    return folder / PAGES / f"{render.escape_file_name(advisor)}.html"


def _write_page(report: Report, folder: Path) -> Path:
    return render.write_page(get_page_path(folder, report.advisor_id), render.render_page(report))


def read_occasion(
    workspace: Workspace, college: College, stage: str, term: Term, week: int
) -> Occasion:
    """Return what all reports of a stage share: the week, its first day, parameters and people."""
    addresses = college.addresses.dropna()
    # Where the college does not offer drafts to parents, their addresses are not even read.
    parents = college.parents.dropna() if workspace.params.mail.parents else addresses.iloc[:0]
    advisors, classes = (
        college.advisors.dropna(subset="name"),
        college.classes.dropna(subset="name"),
    )
    people = People(
        names=college.names,
        emails=dict(zip(addresses["student_id"], addresses.iloc[:, 1], strict=True)),
        parents=dict(zip(parents["student_id"], parents.iloc[:, 1], strict=True)),
        advisors=dict(zip(advisors["advisor_id"], advisors["name"], strict=True)),
        classes=dict(zip(classes["class_id"], classes["name"], strict=True)),
    )
    dates = term.dates
    # Classes of one term may begin the week on different days: the most frequent day is shown.
    first_day = dates.loc[dates["week"] == week, "week_date"].mode()
    day = (
        pd.Timestamp(first_day[0])
        if len(first_day)
        else pd.Timestamp(term.name) + pd.Timedelta(weeks=week - 1)
    )
    return Occasion(stage, term.name, week, day, workspace.params, people)


def _read_stored(workspace: Workspace, college: College, term: Term, week: int) -> WeekRows:
    """Read what the weekly stage stored of a week, as far as its reports show it."""
    return read_week_rows(workspace, term.name, week, read_subject_names(college))


def read_subject_names(college: College) -> dict[str, str]:
    """Return the name of each subject by subject_id; a subject without a name is left out."""
    # Of a subject that is listed twice the last name counts.
    known = college.read_columns("subjects", "subject_id", "subject_name").dropna()
    return dict(zip(known["subject_id"], known["subject_name"], strict=True))


def build_pre_semester(source: Source) -> list[Report]:
    """Return the reports before a semester."""
    workspace, term, occasion = source.workspace, source.term, source.occasion
    rows = workspace.store.read("pre_sem_watchlist", target_term=term.name)
    # The watchlist has no advisors: those stored for its week count where there are any.
    whose = add_advisors(source.college, workspace.store, term, occasion.week, replay=True)[
        ["student_id", "advisor_id"]
    ]
    return build_pre_semester_reports(occasion, rows.merge(whose, on="student_id"))


def build_pre_exam(source: Source, *, exam: Exam, table: str) -> list[Report]:
    """Return the reports before an exam; `table` holds its predictions."""
    store, occasion = source.workspace.store, source.occasion
    there: dict[str, Any] = {"term": occasion.term, "sem_week": occasion.week}
    rows = store.read(table, **there).rename(columns={f"predicted_{exam}_score": "predicted"})
    # Reports show both exams alike: "may fail" is whatever an end-term's outlook does not pass.
    if "outlook" in rows:
        rows = rows.assign(at_risk=rows["outlook"] != "pass")
    rows = rows.merge(
        store.read("weekly_metrics", ("student_id", "advisor_id"), **there), on="student_id"
    )
    # A subject that is listed twice would double the rows of the merge: its last name counts.
    names = source.college.read_columns("subjects", "subject_id", "subject_name").drop_duplicates(
        "subject_id", keep="last"
    )
    said = store.read(
        "risk_of_failing_prediction",
        ("student_id", "subject_id", "p_fail"),
        risk_label=AT_RISK,
        **there,
    )
    # A stable sort keeps the order of the table between equal chances.
    subjects = said.sort_values("p_fail", ascending=False, kind="stable").merge(
        names, on="subject_id", how="left"
    )
    # Names may be missing where the college has no table of subjects: the id then stands in.
    subjects = subjects.assign(name=subjects["subject_name"].fillna(subjects["subject_id"]))
    listed = frozenset(store.read("weekly_flags", ("student_id",), **there)["student_id"])
    name = occasion.say(f"exam_{exam}")
    return build_pre_exam_reports(occasion, name, rows, subjects, listed)


def build_after_exam(source: Source) -> list[Report]:
    """Return the reports after an exam."""
    store, occasion, exam = source.workspace.store, source.occasion, source.exam
    rows = store.read("exam_review", term=occasion.term, exam_type=exam)
    weeks = store.read(
        "weekly_metrics", ("student_id", "sem_week", "advisor_id"), term=occasion.term
    )
    # The reader is the advisor of the last week before the exam, even if the student moved later.
    last = (
        weeks[weeks["sem_week"] < occasion.week]
        .sort_values("sem_week")
        .drop_duplicates("student_id", keep="last")
    )
    name = occasion.say(f"exam_{exam}")
    return build_results_reports(occasion, name, rows.merge(last, on="student_id"))
