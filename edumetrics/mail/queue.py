"""Find the reports that go out now: those of the newest week, and whether the gate holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edumetrics.analysis import delivery_log
from edumetrics.analysis.delivery_log import OUTBOX, Delivery
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.analysis.week_state import list_new_reviews
from edumetrics.college.terms import College
from edumetrics.errors import Refused
from edumetrics.fields import EVERYWHERE
from edumetrics.inputs.terms import find_term
from edumetrics.reports import from_store
from edumetrics.reports.model import Report
from edumetrics.stages import BY_NAME, STAGES, post_exam
from edumetrics.stages.exam_results import find_exam_week
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace


@dataclass(frozen=True)
class DueStage:
    """A stage whose reports go out now.

    Attributes:
        stage, term, week: as the ledger has them.
        folder: where its reports are kept.
        about: the semester week that the reports are about; for a review, the week of the exam.
        exam: the exam of a review, midterm or endterm; empty for every other stage.
    """

    stage: str
    term: str
    week: int
    folder: Path
    about: int
    exam: str = ""


@dataclass(frozen=True)
class Letter:
    """One report for one reader.

    Attributes:
        due: the stage that it belongs to.
        report: what it says.
        why_held: why the gate holds it back; empty where it does not.
        everyone: whether the gate holds all mail.
        answers: the term and week under which a reply is entered: the newest week.
    """

    due: DueStage
    report: Report
    why_held: str
    everyone: bool
    answers: tuple[str, int]

    @property
    def page(self) -> Path:
        """The path of its page."""
        return from_store.get_page_path(self.due.folder, self.report.advisor_id)


def list_letters(workspace: Workspace, college: College, position: CollegeWeek) -> list[Letter]:
    """Return every report of the newest week, in order of stage and advisor.

    A review is about earlier weeks. A finding about a class's newest records therefore does not
    hold it; only a finding that holds all mail does.

    Raises:
        Refused: the newest week was not analysed, or the gate has not checked it.
        SettingsError: no term is in session.
    """
    # The store has the newest week of the analysis, which may be behind the college.
    if workspace.store.read_college_week() != position:
        raise Refused(
            "The analysis is not up to date with the college: run `edumetrics run` first."
        )
    term, week = _find_newest_week(workspace, college, position)
    state = workspace.read_week_state()
    judged = state.is_judged(term, week)
    of_week = _list_stages(workspace, term, week, position) if judged else ()
    due, found = [*of_week, *_list_reviews(workspace, term, position)], []
    # Reviews may go out without a verdict on the newest week.
    if not due and not judged:
        raise Refused(f"Week {week} has not been checked yet: run `edumetrics run --week {week}`.")
    blocked = (state.held or {}) if judged else {}
    for one in due:
        whose = find_term(college, one.term, position)
        stage = BY_NAME[one.stage]
        for report in stage.build_reports(workspace, college, whose, one.about, one.exam):
            classes = report.classes if stage.when != "after an exam" else ()
            why = blocked.get(EVERYWHERE) or " ".join(
                blocked[name] for name in classes if name in blocked
            )
            found.append(Letter(one, report, why, EVERYWHERE in blocked, (term, week)))
    return found


def list_past_deliveries(
    workspace: Workspace, stages: list[tuple[str, str, int, Path]]
) -> list[Delivery]:
    """Return the log entries for the reports of past weeks, which are not mailed.

    Args:
        workspace: the settings, the parameters and both databases.
        stages: name, term, semester week and folder of each stage of such a week.

    Returns:
        An entry for each report with a page, except those that the log has already. The recipient
        is empty where no address is known.
    """
    with workspace.open_college() as college:
        known = college.advisors[["advisor_id", "email"]].fillna("")
    addresses = {**dict(zip(known["advisor_id"], known["email"], strict=True)), UNASSIGNED: ""}
    found = []
    for stage, term, week, folder in stages:
        entries = delivery_log.read_entries(workspace.store, stage=stage, term=term, sem_week=week)
        entered = {row["advisor_id"] for row in entries}
        for advisor in sorted(set(addresses) - entered):
            page = from_store.get_page_path(folder, advisor)
            # A stage writes pages only for advisors whom it has something to tell.
            if page.exists():
                content = hashlib.sha256(page.read_bytes()).hexdigest()
                found.append(
                    Delivery(advisor, stage, term, week, OUTBOX, addresses[advisor], content)
                )
    return found


def _find_newest_week(
    workspace: Workspace, college: College, position: CollegeWeek
) -> tuple[str, int]:
    """Return the term in session and its newest teaching week; week 0 before the first."""
    calendar = workspace.params.calendar
    weeks = calendar.get_last_teaching_weeks(position.compute_week(calendar), 1)
    return find_term(college, "", position).name, next(iter(weeks), 0)


def _list_stages(
    workspace: Workspace, term: str, week: int, position: CollegeWeek
) -> Iterator[DueStage]:
    """Yield the stages of the newest week that are done."""
    there = {"term": term, "sem_week": week}
    done = set(workspace.store.read("run_log", ("stage",), status="done", **there)["stage"])
    for stage in STAGES:
        if stage.when != "after an exam" and stage.name in done:
            folder = _get_folder(workspace, position, week, stage.name)
            yield DueStage(stage.name, term, week, folder, week)


def _list_reviews(workspace: Workspace, term: str, position: CollegeWeek) -> Iterator[DueStage]:
    """Yield the reviews made since the newest week of this term was first scored.

    These are the reviews of the batch at this position.
    """
    store, week = workspace.store, position.compute_week(workspace.params.calendar)
    for run in list_new_reviews(store, term, week):
        # A review that was made again has replaced the rows of the earlier run, which then yields
        # nothing.
        rows = store.read("exam_review", ("exam_type",), run_id=run["run_id"])
        for exam in rows["exam_type"].unique():
            folder = _get_folder(workspace, position, week, post_exam.NAME)
            about = find_exam_week(workspace, exam) or 0
            yield DueStage(post_exam.NAME, run["term"], week, folder, about, exam)


def _get_folder(workspace: Workspace, position: CollegeWeek, week: int, stage: str) -> Path:
    """Return the folder of a stage's reports in a week of the present slot."""
    label = position.format_label(workspace.params.calendar)
    return workspace.settings.reports / label / f"week-{week:02d}" / stage
