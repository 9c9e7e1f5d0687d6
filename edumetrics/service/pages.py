"""What the pages of the portal show: reports as they were frozen, and stored rows as sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.analysis.week_state import find_newest_week
from edumetrics.analysis.written import Subject
from edumetrics.params import Head
from edumetrics.reports import cards, frozen
from edumetrics.reports.classes import LEAST, ClassesPage
from edumetrics.reports.context import SHAPES
from edumetrics.reports.department import DepartmentPage
from edumetrics.reports.model import EmailDraft, Report, StudentEntry, StudentTable, TableRow
from edumetrics.reports.sparklines import Panel, build_panel
from edumetrics.triage.situation import STUDENT_SAYS
from edumetrics.types import Exam
from edumetrics.workspace import Workspace

View = TypeVar("View")
COURSE = ("sem_week", "weekly_att_pct", "overall_att_pct", "academic_performance")
# So many of the last readings are shown.
READS = 20


@dataclass(frozen=True)
class StoredReport:
    """A reader's newest report; without one, `why` says in a sentence why there is none."""

    report: Report | None
    why: str = ""


@dataclass(frozen=True)
class ListWeek:
    """One week on a list, or the week of leaving it.

    Attributes:
        title: which week.
        tier, urgency, shape: as on the card; empty for who left.
        reasons: the facts that were told, or what improved and what remains.
    """

    title: str
    reasons: tuple[str, ...]
    tier: str = ""
    urgency: str = ""
    shape: str = ""


@dataclass(frozen=True)
class StudentPage:
    """One student's semester, for who advises the student.

    Attributes:
        student_id, name, about: the student; the name is the id where no report names the student.
        panel: the semester so far; None where there is nothing to draw.
        draft: the email that the report offers; None where it offers none.
        weeks: weeks on a list, the newest first.
        contacts: what was logged, the newest first; without notes.
        reads: who read about the student over this service, the newest first.
    """

    student_id: str
    name: str
    about: str
    panel: Panel | None
    draft: EmailDraft | None
    weeks: tuple[ListWeek, ...]
    contacts: tuple[str, ...]
    reads: tuple[str, ...]


def read_report(workspace: Workspace, advisor: str) -> StoredReport:
    """Return an advisor's newest report, as it was mailed.

    A report that the gate has not checked, or holds back, is not shown.
    """
    term, newest = find_newest_week(workspace.store)
    say = workspace.params.sentences.say
    path = _find_page(workspace, term, advisor)
    report = None if path is None else _read(workspace, Report, path)
    if report is None:
        return StoredReport(None, say("reports", "portal_no_report"))
    state = workspace.read_week_state()
    if workspace.files.names_hidden(frozen.get_subject(report)):
        return StoredReport(None, say("reports", "portal_unchecked", week=newest))
    if (report.term, report.week) == (term, newest):
        if not state.is_judged(term, newest):
            return StoredReport(None, say("reports", "portal_unchecked", week=newest))
        if why := state.find_why_held(report.classes):
            return StoredReport(None, say("reports", "portal_held", week=newest, why=why))
    return StoredReport(report)


def read_classes_page(workspace: Workspace, head: Head) -> ClassesPage | None:
    """Return a head's newest page; None where it was not written, or all mail is held."""
    term, week = find_newest_week(workspace.store)
    path = _find_page(workspace, term, head.reader)
    state = workspace.read_week_state()
    if path is None or not state.is_judged(term, week) or state.find_why_held(()):
        return None
    return _read(workspace, ClassesPage, path)


def read_scorecard(workspace: Workspace) -> DepartmentPage | None:
    """Return the page about the newest exam that was reviewed; None where there is none."""
    store = workspace.store
    term = store.find_highest("exam_review", "term")
    exams: tuple[Exam, ...] = ("endterm", "midterm")
    for exam in exams:
        pages = workspace.files.list_files(about=Subject(str(term), 0, f"exam:{exam}").key)
        if pages:
            return _read(workspace, DepartmentPage, pages[0])
    return None


def _find_page(workspace: Workspace, term: str, reader: str) -> Path | None:
    """Return the path of the newest page that was written for a reader in a term; None for none.

    Pages of weeks after the analysis are left of what was rolled back: they are none.
    """
    position = workspace.store.read_college_week()
    calendar = workspace.params.calendar
    now = position.compute_week(calendar) if position else calendar.weeks_per_semester
    weeks = range(1, now + 1)
    about = [Subject(term, week, reader).key for week in weeks]
    rows = workspace.store.read("written_files", ("path", "sem_week"), kind="page", about=about)
    if rows.empty:
        return None
    return workspace.settings.home / str(rows.sort_values("sem_week")["path"].iloc[-1])


def _read(workspace: Workspace, kind: type[View], path: Path) -> View | None:
    # A page and its view model are recorded alike: either path gives the other.
    page, sentences = path.with_suffix(".html"), workspace.params.sentences
    return frozen.read_view(workspace.files, kind, page, sentences)


def build_student_page(workspace: Workspace, limited: Store, student: str) -> StudentPage:
    """Return the page of one student.

    Args:
        workspace: the settings, the parameters and the analysis database.
        limited: the rows that the reader may read; the student must be among them.
        student: student_id.
    """
    store, sentences = workspace.store, workspace.params.sentences
    term, week = find_newest_week(store)
    metrics = limited.read("weekly_metrics", term=term, student_id=student)
    advisors = metrics.sort_values("sem_week")["advisor_id"].dropna()
    stored = read_report(workspace, str(advisors.iloc[-1])) if len(advisors) else StoredReport(None)
    name, about = find_name(stored.report, student)
    entries = stored.report.entries if stored.report else ()
    entry = next((one for one in entries if one.student_id == student), None)
    # A card's panel has the class beside it; for others it is drawn from what is stored.
    panel = entry.panel if entry and entry.panel else build_panel(
        sentences, metrics[list(COURSE)], week, workspace.params.calendar
    )  # fmt: skip
    return StudentPage(
        student_id=student,
        name=name,
        about=about,
        panel=panel,
        draft=entry.draft if entry else None,
        weeks=_list_weeks(workspace, limited, term, student),
        contacts=_list_contacts(workspace, term, student),
        reads=_list_reads(workspace, student),
    )


def find_name(report: Report | None, student: str) -> tuple[str, str]:
    """Return the name of a student as a report has it, and the line below; else the id."""
    if report is None:
        return student, ""
    rows: list[StudentEntry | TableRow] = [*report.entries]
    rows += [row for s in report.sections if isinstance(s, StudentTable) for row in s.rows]
    for row in rows:
        if row.student_id == student:
            about = row.about if isinstance(row, TableRow) else row.roll_number
            return row.name, about
    return student, ""


def _list_weeks(
    workspace: Workspace, limited: Store, term: str, student: str
) -> tuple[ListWeek, ...]:
    say = workspace.params.sentences.say
    found: dict[int, ListWeek] = {}
    flags = limited.read("weekly_flags", term=term, student_id=student)
    for row in flags.to_dict("records"):
        week, tier = int(row["sem_week"]), str(row["risk_tier"])
        # By kind, the strongest first: of what is said twice about one thing, the first.
        topics = {one.get("topic", ""): str(one["text"]) for one in reversed(row["reasons"])}
        reasons = tuple(reversed(topics.values()))
        title = say("reports", "portal_list_week", week=week)
        found[week] = ListWeek(title, reasons, tier, say("reports", f"tier_{tier}"), SHAPES[tier])
    for row in limited.read("list_exits", term=term, student_id=student).to_dict("records"):
        week = int(row["sem_week"])
        told = tuple(str(one["text"]) for one in (*row["improved"], *row["remaining"]))
        found[week] = ListWeek(say("reports", "portal_list_left", week=week), told)
    return tuple(found[week] for week in sorted(found, reverse=True))


def _list_contacts(workspace: Workspace, term: str, student: str) -> tuple[str, ...]:
    """Return what was logged about a student, in words; notes never reach a page."""
    sentences, lines = workspace.params.sentences, []
    rows = workspace.store.read("intervention_log", term=term, student_id=student)
    for row in rows.sort_values("id", ascending=False).to_dict("records"):
        day = format_moment(workspace, row["logged_at"])
        kind = name_kind(workspace, str(row["kind"]), row["outcome"])
        week = int(row["sem_week"])
        parts = [sentences.say("reports", "portal_contact", kind=kind, day=day, week=week)]
        if pd.notna(row["logged_by"]):
            parts.append(sentences.say("reports", "portal_by", who=row["logged_by"]))
        if pd.notna(row["referral"]):
            parts.append(sentences.say("reports", "portal_referred", office=row["referral"]))
        # What a student says is told as its kind.
        if pd.notna(row["outcome"]) and row["kind"] != STUDENT_SAYS:
            parts.append(str(row["outcome"]))
        if pd.notna(row["helpful"]):
            parts.append(sentences.say("reports", "portal_helped", helpful=bool(row["helpful"])))
        if pd.notna(row["until"]):
            until = sentences.format_day(pd.Timestamp(row["until"]))
            parts.append(sentences.say("reports", "portal_until", day=until))
        lines.append(" · ".join(parts))
    return tuple(lines)


def _list_reads(workspace: Workspace, student: str) -> tuple[str, ...]:
    """Return who read about a student on which day, once a day each, the newest first."""
    rows = workspace.store.read_newest("access_log", "id", 10 * READS, student_id=student)
    lines = (
        workspace.params.sentences.say(
            "reports", "portal_read", who=row["username"],
            day=format_moment(workspace, row["read_at"]),
        )
        for row in rows.to_dict("records")
    )  # fmt: skip
    return tuple(dict.fromkeys(lines))[:READS]


def count_contacts(workspace: Workspace, classes: tuple[str, ...]) -> tuple[int, dict[str, int]]:
    """Return the newest week, and how many students of each class were contacted since its list.

    A class of fewer than `LEAST` students has no count: it would be about someone.

    Args:
        workspace: the settings, the parameters and the analysis database.
        classes: the classes; every one where there is none.
    """
    store = workspace.store
    term, week = find_newest_week(store)
    where: dict[str, Any] = {"term": term, "sem_week": week}
    chosen = {"class_id": list(classes)} if classes else {}
    rows = store.read("weekly_metrics", ("student_id", "class_id"), **where, **chosen)
    log = store.read("intervention_log", ("student_id", "kind"), **where)
    logged = set(log.loc[log["kind"] != STUDENT_SAYS, "student_id"])
    sizes = rows["class_id"].value_counts()
    reached = rows.loc[rows["student_id"].isin(logged), "class_id"].value_counts().sort_index()
    return week, {str(name): int(n) for name, n in reached.items() if sizes[str(name)] >= LEAST}


def list_advisors(workspace: Workspace) -> list[tuple[str, str, int]]:
    """Return each advisor_id of the newest week, the name (else the id), and how many students."""
    term, week = find_newest_week(workspace.store)
    rows = workspace.store.read("weekly_metrics", ("advisor_id",), term=term, sem_week=week)
    counts = rows["advisor_id"].dropna().value_counts().sort_index()
    found = []
    for advisor, count in counts.items():
        page = _find_page(workspace, term, str(advisor))
        name = frozen.read_text(page, "reader") if page else ""
        found.append((str(advisor), name or str(advisor), int(count)))
    return found


def list_answers(workspace: Workspace, report: Report) -> dict[str, str]:
    """Return by student_id the newest contact that was logged for a report's week, in words."""
    rows = workspace.store.read("intervention_log", term=report.term, sem_week=report.week)
    rows = rows.sort_values("id")
    return {
        str(row["student_id"]): workspace.params.sentences.say(
            "reports", "portal_answered",
            kind=name_kind(workspace, str(row["kind"]), row["outcome"]),
            day=format_moment(workspace, row["logged_at"]),
        )
        for row in rows.to_dict("records")
    }  # fmt: skip


def name_kind(workspace: Workspace, kind: str, outcome: object = "") -> str:
    """Return the word for a kind of contact, as readers see it."""
    return workspace.params.sentences.say("reports", cards.name_kind(kind, outcome))


def format_moment(workspace: Workspace, moment: datetime) -> str:
    """Return the day of a moment that is stored in UTC, as people at the college count days."""
    zone: ZoneInfo = workspace.params.calendar.zone
    day: date = pd.Timestamp(moment).tz_localize("UTC").tz_convert(zone).date()
    return workspace.params.sentences.format_day(day)
