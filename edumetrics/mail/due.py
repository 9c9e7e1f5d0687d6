"""Which reports go out now: those of the newest week, and whether the gate holds them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edumetrics.analysis import deliveries
from edumetrics.analysis.deliveries import OUTBOX, Delivery
from edumetrics.analysis.store import UNASSIGNED
from edumetrics.college.health import EVERYWHERE
from edumetrics.college.source import College
from edumetrics.errors import Refused
from edumetrics.reports.model import Report
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
    """One report for one reader.

    Attributes:
        why_held: empty unless the gate holds it back; `everyone`: whether it holds all mail.
        answers: term and week on which a reply to it is entered: the newest.
    """

    due: Due
    report: Report
    why_held: str
    everyone: bool
    answers: tuple[str, int]

    @property
    def page(self) -> Path:
        """Where its page is."""
        return reports.page_path(self.due.folder, self.report.advisor_id)


def letters(workspace: Workspace, college: College, position: Position) -> list[Letter]:
    """Every report of the newest week, in order of stage and advisor.

    A review is about earlier weeks: what is wrong with a class's newest records does not hold it.

    Raises:
        Refused: the newest week was not analysed, or has not come to the gate.
        SettingsError: no term is in session.
    """
    if workspace.store.position() != position:
        raise Refused("The analysis is not where the college is: run `edumetrics run` first.")
    term, week = _newest(workspace, college, position)
    judged = gate.judged(workspace, term, week)
    of_week = _of_week(workspace, term, week, position) if judged else ()
    due, found = [*of_week, *_reviews(workspace, term, position)], []
    if not due and not judged:
        raise Refused(
            f"Week {week} has not come to the gate: `edumetrics run --week {week}` brings it there."
        )
    blocked = gate.blocked(workspace) if judged else {}
    for one in due:
        whose = find_term(college, one.term, position)
        for report in reports.of(workspace, college, one.stage, whose, one.about, one.exam):
            classes = report.classes if one.stage != post_analysis.STAGE else ()
            why = blocked.get(EVERYWHERE) or " ".join(
                blocked[name] for name in classes if name in blocked
            )
            found.append(Letter(one, report, why, EVERYWHERE in blocked, (term, week)))
    return found


def never_mailed(workspace: Workspace, stages: list[tuple[str, str, int, Path]]) -> list[Delivery]:
    """What to enter about stages (name, term, week, folder) of weeks that are over; nothing that is entered already."""
    with workspace.college() as college:
        known = college.advisors[["advisor_id", "email"]].fillna("")
    addresses = {**dict(zip(known["advisor_id"], known["email"], strict=True)), UNASSIGNED: ""}
    found = []
    for stage, term, week, folder in stages:
        entered = {
            row["advisor_id"]
            for row in deliveries.entered(workspace.store, stage=stage, term=term, sem_week=week)
        }
        for advisor in sorted(set(addresses) - entered):
            page = reports.page_path(folder, advisor)
            if page.exists():
                content = hashlib.sha256(page.read_bytes()).hexdigest()
                found.append(
                    Delivery(advisor, stage, term, week, OUTBOX, addresses[advisor], content)
                )
    return found


def _newest(workspace: Workspace, college: College, position: Position) -> tuple[str, int]:
    weeks = workspace.params.calendar.last_teaching_weeks(
        position.week(workspace.params.calendar), 1
    )
    return find_term(college, "", position).name, next(iter(weeks), 0)


def _of_week(workspace: Workspace, term: str, week: int, position: Position) -> Iterator[Due]:
    """The stages of the newest week that are done."""
    done = workspace.store.read("run_log", ("stage",), status="done", term=term, sem_week=week)[
        "stage"
    ]
    for stage in (pre_sem.STAGE, weekly.STAGE, *reports.AHEAD):
        if (done == stage).any():
            yield Due(stage, term, week, _folder(workspace, position, week, stage), week)


def _reviews(workspace: Workspace, term: str, position: Position) -> Iterator[Due]:
    """The reviews that the batch has made at this position: since the newest week of this term was first scored."""
    store, week = workspace.store, position.week(workspace.params.calendar)
    scored = store.read(
        "run_log", ("started_at", "sem_week"), stage=weekly.STAGE, status="done", term=term
    )
    since = scored.loc[scored["sem_week"] == scored["sem_week"].max(), "started_at"].min()
    made = store.read(
        "run_log",
        ("run_id", "term", "started_at"),
        stage=post_analysis.STAGE,
        status="done",
        sem_week=week,
    )
    for run in made[made["started_at"] > since].sort_values("started_at").to_dict("records"):
        # A review that was made again has replaced the rows of the one before.
        for exam in store.read("exam_review", ("exam_type",), run_id=run["run_id"])[
            "exam_type"
        ].unique():
            folder = _folder(workspace, position, week, post_analysis.STAGE)
            about = post_analysis.exam_week(workspace, exam) or 0
            yield Due(post_analysis.STAGE, run["term"], week, folder, about, exam)


def _folder(workspace: Workspace, position: Position, week: int, stage: str) -> Path:
    label = position.label(workspace.params.calendar)
    return workspace.settings.reports / label / f"week-{week:02d}" / stage
