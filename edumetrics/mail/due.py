"""Which reports go out now: those of the newest week, and whether the gate holds them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edumetrics.analysis import deliveries
from edumetrics.analysis.deliveries import OUTBOX, Delivery
from edumetrics.college.health import EVERYWHERE
from edumetrics.college.source import College
from edumetrics.errors import Refused
from edumetrics.reports.model import Report
from edumetrics.reports.occasion import UNASSIGNED
from edumetrics.stages import gate, post_analysis, pre_sem, reports, weekly
from edumetrics.stages.terms import find_term
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position


@dataclass(frozen=True)
class Due:
    """A stage whose reports go out now.

    Attributes:
        stage, term, week: as the ledger has them.
        folder: where its reports are kept.
        about: the semester week that they are about: of a review the exam's.
        exam: the review's; else empty.
    """

    stage: str
    term: str
    week: int
    folder: Path
    about: int
    exam: str = ""


@dataclass(frozen=True)
class Letter:
    """One report for one reader; `why_held` is empty unless the gate holds it back, `everyone` says it holds all."""

    due: Due
    report: Report
    why_held: str
    everyone: bool

    @property
    def page(self) -> Path:
        """Where its page is."""
        return reports.page_path(self.due.folder, self.report.advisor_id)


def letters(workspace: Workspace, college: College, position: Position) -> list[Letter]:
    """Every report of the newest week, in order of stage and advisor.

    Raises:
        Refused: the newest week was not analysed, or has not come to the gate.
        SettingsError: no term is in session.
    """
    term, week = _newest(workspace, college, position)
    if workspace.store.position() != position:
        raise Refused("The analysis is not where the college is: run `edumetrics run` first.")
    blocked, found = gate.blocked(workspace, term, week), []
    for due in _due(workspace, term, week, position):
        whose = find_term(college, due.term, position)
        for report in reports.of(workspace, college, due.stage, whose, due.about, due.exam):
            why = blocked.get(EVERYWHERE) or " ".join(blocked[name] for name in report.classes if name in blocked)
            found.append(Letter(due, report, why, EVERYWHERE in blocked))
    return found


def never_mailed(workspace: Workspace, stages: list[tuple[str, str, int, Path]]) -> list[Delivery]:
    """What to enter about stages (name, term, week, folder) of weeks that are over; nothing that is entered already."""
    with workspace.college() as college:
        known = college.advisors[["advisor_id", "email"]].fillna("")
    addresses = {**dict(zip(known["advisor_id"], known["email"], strict=True)), UNASSIGNED: ""}
    found = []
    for stage, term, week, folder in stages:
        entered = {
            row["advisor_id"] for row in deliveries.entered(workspace.store, stage=stage, term=term, sem_week=week)
        }
        for advisor in sorted(set(addresses) - entered):
            page = reports.page_path(folder, advisor)
            if page.exists():
                content = hashlib.sha256(page.read_bytes()).hexdigest()
                found.append(Delivery(advisor, stage, term, week, OUTBOX, addresses[advisor], content))
    return found


def _newest(workspace: Workspace, college: College, position: Position) -> tuple[str, int]:
    weeks = workspace.params.calendar.last_teaching_weeks(position.week(workspace.params.calendar), 1)
    return find_term(college, "", position).name, next(iter(weeks), 0)


def _due(workspace: Workspace, term: str, week: int, position: Position) -> Iterator[Due]:
    """The stages of the newest week that are done, and the reviews that the batch has made since it was."""
    store, label = workspace.store, position.label(workspace.params.calendar)
    done = store.read("run_log", ("run_id", "stage", "term", "sem_week", "started_at"), status="done")
    here = done[(done["term"] == term) & (done["sem_week"] == week)]
    for stage in (pre_sem.STAGE, weekly.STAGE, *reports.AHEAD):
        if (here["stage"] == stage).any():
            yield Due(stage, term, week, _folder(workspace, label, week, stage), week)
    since = here.loc[here["stage"] == weekly.STAGE, "started_at"].min()
    reviews = done[(done["stage"] == post_analysis.STAGE) & (done["started_at"] > since)]
    # A review is entered under the week in which it was made; one of calibration, under the exam's.
    reviews = reviews[reviews["sem_week"] == position.week(workspace.params.calendar)]
    for run in reviews.sort_values("started_at").to_dict("records"):
        # A review that was made again has replaced the rows of the one before.
        for exam in store.read("exam_review", ("exam_type",), run_id=run["run_id"])["exam_type"].unique():
            folder = _folder(workspace, label, run["sem_week"], post_analysis.STAGE)
            about = post_analysis.exam_week(workspace, exam) or 0
            yield Due(post_analysis.STAGE, run["term"], int(run["sem_week"]), folder, about, exam)


def _folder(workspace: Workspace, label: str, week: int, stage: str) -> Path:
    return workspace.settings.reports / label / f"week-{week:02d}" / stage
