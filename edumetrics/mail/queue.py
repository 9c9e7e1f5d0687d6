"""Find the letters that go out now, one for each advisor and week, and which the gate holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edumetrics.analysis import delivery_log
from edumetrics.analysis.delivery_log import OUTBOX, Delivery
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.analysis.week_state import WEEKLY, WeekState
from edumetrics.college.terms import College, Term
from edumetrics.errors import Refused
from edumetrics.fields import EVERYWHERE
from edumetrics.inputs.terms import find_term
from edumetrics.reports import from_store, hand_over
from edumetrics.reports.head_mail import build_head_report
from edumetrics.reports.model import Report
from edumetrics.reports.stored_moments import Source
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace


@dataclass(frozen=True)
class Letter:
    """The report of one week for one reader.

    That is an advisor, a head of department, or who is told of students whom nobody reached.

    Attributes:
        report: what it says.
        folder: where the reports of its week are kept.
        page: the path of its page; there need not be one.
        why_held: why the gate holds it back; empty where it does not.
        everyone: whether the gate holds all mail.
        published: whether its page is published and nothing mailed: of a head without an address.
    """

    report: Report
    folder: Path
    page: Path
    why_held: str
    everyone: bool
    published: bool = False

    @property
    def answers(self) -> tuple[str, int]:
        """The term and week under which a reply is entered."""
        return self.report.term, self.report.week


def list_letters(workspace: Workspace, college: College, position: CollegeWeek) -> list[Letter]:
    """Return a letter for each advisor of the newest week, in order of advisor_id, then for others.

    The newest teaching week has lists. In an exam or vacation week after it, a stage that ran
    makes letters of its own. They are about earlier weeks, so that only a finding that holds all
    mail holds them.

    Raises:
        Refused: the newest week was not analysed, or the gate has not checked it.
        SettingsError: no term is in session.
    """
    # The store has the newest week of the analysis, which may be behind the college.
    if workspace.store.read_college_week() != position:
        raise Refused(
            "The analysis is not up to date with the college: run `edumetrics run` first."
        )
    term, calendar = find_term(college, "", position), workspace.params.calendar
    now = position.compute_week(calendar)
    week = next(iter(calendar.get_last_teaching_weeks(now, 1)), 0)
    state = workspace.read_week_state()
    judged = state.is_judged(term.name, week)
    # The findings of the gate are about the week that it judged.
    verdict = state if judged else WeekState()
    # A week that was not judged sends no list.
    weeks = [*([week] if judged else []), *([now] if now != week else [])]
    label = position.format_label(calendar)
    found = [
        letter
        for number in weeks
        for letter in _list_week(workspace, college, term, number, label, verdict)
    ]
    if not found and not judged:
        raise Refused(f"Week {week} has not been checked yet: run `edumetrics run --week {week}`.")
    return found


def _list_week(
    workspace: Workspace,
    college: College,
    term: Term,
    week: int,
    label: str,
    verdict: WeekState,
) -> Iterator[Letter]:
    """Yield the letters of one week."""
    folder = workspace.settings.reports / label / f"week-{week:02d}"
    occasion = from_store.read_occasion(workspace, college, WEEKLY, term, week)
    reports = from_store.build_week(Source(workspace, college, term, occasion))
    handed = from_store.build_hand_over(workspace, occasion)
    everyone = EVERYWHERE in (verdict.held or {})
    for report in (*reports, *([handed] if handed else [])):
        # Without a list a letter is about earlier weeks than those of the gate's findings.
        classes = report.classes if report.stage in (WEEKLY, hand_over.STAGE) else ()
        why = verdict.find_why_held(classes)
        page = from_store.get_page_path(folder, report.advisor_id)
        yield Letter(report, folder, page, why, everyone)
    for head in workspace.params.mail.heads if any(one.stage == WEEKLY for one in reports) else ():
        about = from_store.build_class_page(workspace, occasion, head.classes)
        report, page = (
            build_head_report(occasion, head, about),
            from_store.get_head_page_path(folder, head),
        )
        why = verdict.find_why_held(())
        yield Letter(report, folder, page, why, everyone, published=not head.address)


def list_past_deliveries(
    workspace: Workspace, stage: str, term: str, week: int, folder: Path
) -> list[Delivery]:
    """Return the log entries for the reports of a past week, which are not mailed.

    Args:
        workspace: the settings, the parameters and both databases.
        stage: what the week's mail would mostly be about.
        term: the week's term.
        week: the semester week.
        folder: where the reports of the week are kept.

    Returns:
        An entry for each report with a page, except those that the log has already. The recipient
        is empty where no address is known.
    """
    with workspace.open_college() as college:
        known = college.advisors[["advisor_id", "email"]].fillna("")
    addresses = {**dict(zip(known["advisor_id"], known["email"], strict=True)), UNASSIGNED: ""}
    entries = delivery_log.read_entries(workspace.store, term=term, sem_week=week)
    entered = {row["advisor_id"] for row in entries}
    found = []
    for advisor in sorted(set(addresses) - entered):
        page = from_store.get_page_path(folder, advisor)
        # There are pages only of advisors whom the week has something to tell.
        if page.exists():
            content = hashlib.sha256(page.read_bytes()).hexdigest()
            found.append(Delivery(advisor, stage, term, week, OUTBOX, addresses[advisor], content))
    return found
