"""Building the reports of a week from what its stages stored.

Pages, mail and previews show the same reports.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd

from edumetrics import settings
from edumetrics.analysis import delivery_log
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.analysis.told_lists import read_lists
from edumetrics.analysis.week_state import WEEKLY
from edumetrics.analysis.written import Subject
from edumetrics.briefing.kept import Briefings, read_briefings
from edumetrics.college.terms import College, Term
from edumetrics.college.work_items import read_items
from edumetrics.inputs import parts
from edumetrics.params import Head
from edumetrics.reports import briefed, classes, frozen, render
from edumetrics.reports.classes import ClassesPage
from edumetrics.reports.context import Occasion, People
from edumetrics.reports.hand_over import build_hand_over_report
from edumetrics.reports.model import Prose, Report
from edumetrics.reports.moments import build_alone_report
from edumetrics.reports.read_classes import read_class_rows
from edumetrics.reports.read_week import read_week_rows
from edumetrics.reports.stored_moments import Source, read_moments
from edumetrics.reports.week_rows import WeekRows
from edumetrics.reports.weekly import build_weekly_reports
from edumetrics.types import WORKS
from edumetrics.workspace import Workspace

# Folder of the advisors' pages, below the folder of a week.
PAGES = "advisors"
HAND_OVER = ("student_id", "advisor_id", "class_id", "hand_over")
# From so many pages on, rendering in parallel is worth the start of other processes.
MANY = 60


def build_week(source: Source, briefings: Briefings | None = None) -> list[Report]:
    """Return the reports of a week from what is stored so far, in order of advisor_id.

    `briefings` are the paragraphs to show; None means those that are kept.

    There is one for each advisor with students on the week's roll, and with whatever the moments
    of the week add to it. In a week without a list, an advisor to whom a moment tells something
    has a report of that alone.
    """
    occasion, store = source.occasion, source.workspace.store
    stored = _read_stored(source.workspace, source.college, source.term, occasion.week)
    told = read_moments(source)
    with_list = set(stored.metrics["advisor_id"].fillna(UNASSIGNED))
    earlier = delivery_log.list_readers(store, occasion.term, occasion.week)
    moments = {
        advisor: (
            *told.sections.get(advisor, ()),
            *_build_about(
                occasion, told.missing, first=advisor in with_list and advisor not in earlier
            ),
        )
        for advisor in with_list | set(told.sections)
    }
    stored = replace(stored, mailed=frozenset(earlier))
    reports = build_weekly_reports(occasion, stored, moments) if with_list else []
    kept = briefings or _read_kept(source.workspace)
    reports = briefed.add_to_reports(occasion, stored, reports, kept)
    reports += [
        build_alone_report(replace(occasion, stage=stage), advisor, moments[advisor])
        for advisor, stage in told.stages.items()
        if advisor not in with_list
    ]
    return sorted(reports, key=lambda report: report.advisor_id)


def _build_about(occasion: Occasion, missing: tuple[str, ...], *, first: bool) -> tuple[Prose, ...]:
    """Return the section on what is missing, and on a first mail; none where there is neither."""
    replayed = occasion.week > occasion.calendar.teaching_weeks[0]
    told = (*missing, *((occasion.say("first_mail", replayed=replayed),) if first else ()))
    return (Prose(occasion.say("about_title"), told),) if told else ()


def render_week(
    workspace: Workspace, college: College, term: Term, week: int, folder: Path
) -> list[Path]:
    """Write the page of every report of a week into its folder, replacing those that stood there.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    occasion = read_occasion(workspace, college, WEEKLY, term, week)
    reports = build_week(Source(workspace, college, term, occasion))
    pages = write_pages(workspace, reports, create_pages_folder(folder))
    # A page of an earlier rendering, of someone to whom there is nothing to tell any more.
    for path in set((folder / PAGES).glob("*.html")) - set(pages):
        path.unlink()
        frozen.get_view_path(path).unlink(missing_ok=True)
    shared = college.second_advisors
    _record_pages(workspace, occasion, dict(zip(pages, reports, strict=True)), shared)
    return pages


def _record_pages(
    workspace: Workspace, occasion: Occasion, pages: dict[Path, Report], shared: pd.DataFrame
) -> None:
    """Record pages, and that each is about every student of its reader and whoever it names.

    Args:
        workspace: the settings, the parameters and the analysis database.
        occasion: the week.
        pages: the reports by the paths of their pages.
        shared: student_id and advisor_id of second advisors, whose students these are as well.
    """
    metrics = workspace.store.read(
        "weekly_metrics", ("student_id", "advisor_id"), term=occasion.term, sem_week=occasion.week
    )
    shared = shared[shared["student_id"].isin(metrics["student_id"])].dropna()
    both = pd.concat([metrics.fillna({"advisor_id": UNASSIGNED}), shared], ignore_index=True)
    own = both["student_id"].groupby(both["advisor_id"]).agg(list)
    workspace.files.set_people({
        frozen.get_subject(report): {*own.get(report.advisor_id, []),
                              *(entry.student_id for entry in report.entries)}
        for report in pages.values()
    })  # fmt: skip
    workspace.files.add({
        file: frozen.get_subject(report)
        for path, report in pages.items() for file in (path, frozen.get_view_path(path))
    }, "page")  # fmt: skip


def create_pages_folder(folder: Path) -> Path:
    """Create the folder of a week, with that of its pages, and return it.

    Raises:
        SettingsError: it cannot be written to.
    """
    settings.create_private_folder(folder / PAGES)
    return folder


def write_pages(workspace: Workspace, reports: list[Report], folder: Path) -> list[Path]:
    """Write the page of each report below the folder of a week, and return their paths."""
    # Rendering needs neither database, so other processes can do it.
    if len(reports) < MANY:
        return [_write_page(report, folder) for report in reports]
    return parts.map_parts(workspace.settings, _write_page, reports, folder)


def build_hand_over(workspace: Workspace, occasion: Occasion) -> Report | None:
    """Return the report of a week for `hand_over_to`; None where there is nobody new to tell."""
    last = next(iter(occasion.calendar.get_teaching_weeks_before(occasion.week, 1)), 0)
    now, before = (
        read_lists(workspace.store, occasion.params, occasion.term, week, HAND_OVER)
        for week in (occasion.week, last)
    )
    return build_hand_over_report(occasion, now, before)


def build_class_page(
    workspace: Workspace,
    occasion: Occasion,
    only: tuple[str, ...] = (),
    briefings: Briefings | None = None,
) -> ClassesPage:
    """Return the page about classes of a week; about some of them only where they are named."""
    rows = read_class_rows(workspace, occasion.term, occasion.week, only)
    return classes.build_classes_page(occasion, rows, briefings or _read_kept(workspace))


def collect_briefings(
    workspace: Workspace, college: College, term: Term, week: int, briefings: Briefings
) -> None:
    """Find out which paragraphs the reports of a week would show: `briefings.wanted` has them."""
    occasion = read_occasion(workspace, college, WEEKLY, term, week)
    build_week(Source(workspace, college, term, occasion), briefings)
    for head in (Head(), *(head for head in workspace.params.mail.heads if head.classes)):
        build_class_page(workspace, occasion, head.classes, briefings)


def _read_kept(workspace: Workspace) -> Briefings:
    return read_briefings(workspace.store, workspace.params.briefing, workspace.params.sentences)


def write_class_page(workspace: Workspace, term: Term, week: int, folder: Path) -> list[Path]:
    """Write the page about classes for each head of department; no page of an advisor."""
    with workspace.open_college() as college:
        occasion = read_occasion(workspace, college, WEEKLY, term, week)
        # The page about all classes is written whoever heads some of them.
        for head in (Head(), *(head for head in workspace.params.mail.heads if head.classes)):
            page = build_class_page(workspace, occasion, head.classes)
            path = get_head_page_path(folder, head)
            settings.create_private_folder(path.parent)
            render.write_page(path, classes.render_classes_page(page))
            # It names no student.
            about = Subject(occasion.term, week, head.reader)
            workspace.files.add(dict.fromkeys((path, frozen.write_view(path, page)), about), "page")
    return []


def get_head_page_path(folder: Path, head: Head) -> Path:
    """Return the path of a head's page, below the folder of a week."""
    if not head.classes:
        return folder / "department.html"
    return folder / "heads" / f"{render.escape_file_name(head.reader)}.html"


def get_page_path(folder: Path, advisor: str) -> Path:
    """Return the path of an advisor's page, below the folder of a week."""
    return folder / PAGES / f"{render.escape_file_name(advisor)}.html"


def _write_page(report: Report, folder: Path) -> Path:
    path = get_page_path(folder, report.advisor_id)
    frozen.write_view(path, report)
    return render.write_page(path, render.render_page(report))


def read_occasion(
    workspace: Workspace, college: College, stage: str, term: Term, week: int
) -> Occasion:
    """Return what all reports of a week share: the week, its first day, parameters and people."""
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
        away=frozenset(workspace.params.mail.find_deputies(workspace.today)),
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
    return read_week_rows(
        workspace, term.name, week, read_subject_names(college), college.second_advisors,
        _count_items_to_come(college, term, week),
    )  # fmt: skip


def _count_items_to_come(college: College, term: Term, week: int) -> dict[tuple[str, str], int]:
    """Return how many assignments and quizzes are due after a week, by class_id and subject_id."""
    items = pd.concat([read_items(college, term, work) for work in WORKS])
    later = items[items["due_week"] > week]
    return dict(Counter(zip(later["class_id"], later["subject_id"], strict=True)))


def read_subject_names(college: College) -> dict[str, str]:
    """Return the name of each subject by subject_id; a subject without a name is left out."""
    # Of a subject that is listed twice the last name counts.
    known = college.read_columns("subjects", "subject_id", "subject_name").dropna()
    return dict(zip(known["subject_id"], known["subject_name"], strict=True))
