"""Building the reports of a stage from what it stored.

Pages, mail and previews show the same reports.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from edumetrics import settings
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.inputs import parts
from edumetrics.inputs.advisors import add_advisors
from edumetrics.inputs.terms import find_last_teaching_week, find_term
from edumetrics.reports import classes, moments, render
from edumetrics.reports.context import Occasion, People
from edumetrics.reports.model import Report
from edumetrics.reports.render import Preview
from edumetrics.reports.weekly import WeekRows, build_weekly_reports
from edumetrics.workspace import Workspace, open_workspace

# How a report names each exam.
EXAMS = {"midterm": "midterm", "endterm": "end-term exam"}
# By stage before an exam: the exam, and the table that holds its predictions.
AHEAD = {"pre_mid": ("midterm", "pre_mid_term"), "pre_end": ("endterm", "pre_end_term")}
# Only the columns that a report uses; notes that people wrote in the log are not read.
CONTACTS = ("student_id", "sem_week", "kind", "until", "logged_at")
COURSES = (
    "week_lectures_held",
    "week_lectures_attended",
    "weekly_att_pct",
    "effort_score",
    "academic_performance",
)
# Folder of the advisors' pages, below the folder of a stage.
PAGES = "advisors"
# From so many pages on, rendering in parallel is worth the start of other processes.
MANY = 60
AT_RISK = ["MEDIUM", "HIGH"]


def build_reports(
    workspace: Workspace, college: College, stage: str, term: Term, week: int, exam: str = ""
) -> list[Report]:
    """Return the reports of a stage, one per advisor with any content, in order of advisor_id.

    Args:
        workspace: settings, parameters and databases.
        college: the college's database, open, for names and addresses.
        stage: pre_sem, weekly, pre_mid, pre_end or post_analysis.
        term: the term.
        week: the semester week; for `post_analysis` the exam's.
        exam: midterm or endterm; only for `post_analysis`.
    """
    occasion = _read_occasion(workspace, college, stage, term, week)
    if stage == "weekly":
        return build_weekly_reports(occasion, _read_stored(workspace, term, week))
    if stage == "pre_sem":
        return _build_pre_semester(occasion, workspace, college, term)
    return (
        _build_pre_exam(occasion, workspace, college)
        if stage in AHEAD
        else _build_after_exam(occasion, workspace, exam)
    )


def write_pages(
    workspace: Workspace, stage: str, term: str, week: int, folder: Path, exam: str = ""
) -> list[Path]:
    """Write the pages of a stage below a folder, and return the paths of the advisors' pages.

    There is one page per advisor. The weekly stage also writes `department.html` for the head of
    department, whose path is not returned.

    Args:
        workspace: settings, parameters and databases.
        stage: as in `build_reports`.
        term: ISO date of the term's first week.
        week: as in `build_reports`.
        folder: the folder of the stage.
        exam: as in `build_reports`.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    settings.create_private_folder(folder / PAGES)
    with workspace.open_college() as college:
        chosen = find_term(college, term, college.find_college_week(workspace.today))
        if stage == "weekly":
            # Both kinds of weekly pages need what was stored: it is read once for them.
            occasion, stored = (
                _read_occasion(workspace, college, stage, chosen, week),
                _read_stored(workspace, chosen, week),
            )
            made = build_weekly_reports(occasion, stored)
            render.write_page(
                folder / "department.html", _render_class_page(workspace, occasion, stored)
            )
        else:
            made = build_reports(workspace, college, stage, chosen, week, exam)
    # The reports are complete now: rendering needs neither database, so other processes can do it.
    if len(made) < MANY:
        return [_write_page(report, folder) for report in made]
    return parts.map_parts(workspace.settings, _write_page, made, folder)


def get_page_path(folder: Path, advisor: str) -> Path:
    """Return the path of an advisor's page, below the folder of a stage."""
    return folder / PAGES / f"{render.escape_file_name(advisor)}.html"


def _render_class_page(workspace: Workspace, occasion: Occasion, stored: WeekRows) -> str:
    """Return the page about classes, for the head of department, as HTML."""
    weeks = workspace.store.compute_class_means(occasion.term, occasion.week, classes.MEASURES)
    page = classes.build_classes_page(
        occasion, weeks, stored.flags, stored.exits, stored.findings, stored.health
    )
    return classes.render_classes_page(page)


def _write_page(report: Report, folder: Path) -> Path:
    """Write the page of a report, and return its path."""
    return render.write_page(get_page_path(folder, report.advisor_id), render.render_page(report))


def render_preview(
    advisor: str, week: int = 0, *, stage: str = "weekly", term: str = ""
) -> Preview:
    """Return the mail that an advisor would receive, which JupyterLab shows inline.

    Nothing is sent or stored. Reply links are left out, because notebooks have no access to the key
    that signs them.

    Args:
        advisor: the advisor_id.
        week: the semester week; the last complete teaching week when 0.
        stage: the report: weekly, pre_sem, pre_mid or pre_end.
        term: ISO date of the term's first week; the term in session when empty.

    Raises:
        SettingsError: the term, week, stage or report does not exist.
    """
    workspace = open_workspace()
    if stage not in ("weekly", "pre_sem", *AHEAD):
        raise SettingsError(
            f"There is no preview of {stage}: the stages are weekly, pre_sem, pre_mid and pre_end."
        )
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        chosen = find_term(college, term, position)
        number = week or find_last_teaching_week(
            workspace.params, position if chosen.current else None, chosen
        )
        found = {
            report.advisor_id: report
            for report in build_reports(workspace, college, stage, chosen, number)
        }
    if not found:
        raise SettingsError(
            f"The stage {stage} has stored nothing for week {number}: run it first."
        )
    if advisor not in found:
        raise SettingsError(
            f"There is no {stage} report for {advisor} in week {number}:"
            f" choose one of {', '.join(found)}."
        )
    return render.render_preview(found[advisor])


def _read_occasion(
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


def _read_stored(workspace: Workspace, term: Term, week: int) -> WeekRows:
    """Read what the weekly stage stored of a week, as far as its reports show it."""
    store = workspace.store
    there: dict[str, Any] = {"term": term.name, "sem_week": week}
    last = next(iter(workspace.params.calendar.get_teaching_weeks_before(week, 1)), 0)
    # Findings are kept for every run: those of the newest finished run belong to the stored rows.
    newest = store.read_newest("run_log", "started_at", 1, stage="weekly", status="done", **there)
    measures = (
        "student_id",
        "effort_score",
        "academic_performance",
        "weekly_att_pct",
        "submission_pct",
    )
    return WeekRows(
        metrics=store.read("weekly_metrics", **there),
        last=store.read("weekly_metrics", measures, term=term.name, sem_week=last),
        flags=store.read("weekly_flags", **there),
        exits=store.read("list_exits", **there),
        findings=store.read("class_findings", **there),
        courses=store.read_listed_metrics(term.name, week, COURSES),
        contacts=store.read("intervention_log", CONTACTS, term=term.name),
        health=store.read("data_health", run_id=newest["run_id"].iloc[0] if len(newest) else ""),
    )


def _build_pre_semester(
    occasion: Occasion, workspace: Workspace, college: College, term: Term
) -> list[Report]:
    """Return the reports before a semester."""
    rows = workspace.store.read("pre_sem_watchlist", target_term=term.name)
    # The watchlist has no advisors: those stored for its week count where there are any.
    whose = add_advisors(college, workspace.store, term, occasion.week, replay=True)[
        ["student_id", "advisor_id"]
    ]
    return moments.build_pre_semester_reports(occasion, rows.merge(whose, on="student_id"))


def _build_pre_exam(occasion: Occasion, workspace: Workspace, college: College) -> list[Report]:
    """Return the reports before an exam."""
    exam, table = AHEAD[occasion.stage]
    store = workspace.store
    there: dict[str, Any] = {"term": occasion.term, "sem_week": occasion.week}
    rows = store.read(table, **there).rename(columns={f"predicted_{exam}_score": "predicted"})
    # Reports show both exams alike: "may fail" is whatever an end-term's outlook does not pass.
    if "outlook" in rows:
        rows = rows.assign(at_risk=rows["outlook"] != "pass")
    rows = rows.merge(
        store.read("weekly_metrics", ("student_id", "advisor_id"), **there), on="student_id"
    )
    # A subject that is listed twice would double the rows of the merge: its last name counts.
    names = college.read_columns("subjects", "subject_id", "subject_name").drop_duplicates(
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
    return moments.build_pre_exam_reports(occasion, EXAMS[exam], rows, subjects, listed)


def _build_after_exam(occasion: Occasion, workspace: Workspace, exam: str) -> list[Report]:
    """Return the reports after an exam."""
    store = workspace.store
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
    return moments.build_results_reports(occasion, EXAMS[exam], rows.merge(last, on="student_id"))
