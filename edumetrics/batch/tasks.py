"""What is due in one week: stages in order, each with the parameters of its notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from edumetrics.college.records import Exam
from edumetrics.college.source import College, Term
from edumetrics.stages import post_analysis, pre_exam, pre_sem, weekly
from edumetrics.stages.workspace import Workspace
from edumetrics.weeks import Position

STAGES = (pre_sem.STAGE, weekly.STAGE, *pre_exam.STAGES.values(), post_analysis.STAGE)
# Results of a semester that is over are asked for in so many weeks of the next, and until some are known.
LATE_RESULTS = 3


@dataclass(frozen=True)
class Task:
    """One stage of one week, due; `more` are parameters that only this stage has."""

    stage: str
    term: str
    week: int
    folder: Path
    more: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        exam = f" of the {self.more['exam']}" if "exam" in self.more else ""
        return f"{self.stage}{exam}, week {self.week} of the term of {self.term}"

    @property
    def parameters(self) -> dict[str, Any]:
        """What its notebook is told, beside the ledger's entry."""
        return {"term": self.term, "folder": str(self.folder), "write": True, **self.more}


@dataclass
class Planner:
    """Plans week after week, and remembers what the weeks planned so far will have done.

    Attributes:
        again: whether weeks that are done are planned once more.
        analysed: terms that are analysed, or will be.
        seen: by exam and term, how many results a review has seen, or will have.
        planned: the weeks, by term, of the weekly stages planned so far.
    """

    workspace: Workspace
    college: College
    again: bool = False
    analysed: set[str] = field(default_factory=set)
    seen: dict[tuple[Exam, str], int] = field(default_factory=dict)
    planned: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.analysed |= set(self.workspace.store.distinct("weekly_metrics", "term"))

    def tasks(self, term: Term | None, reached: Position, day: date) -> Iterator[Task]:
        """What is due in the week of a term that ends on a day."""
        calendar = self.workspace.params.calendar
        week = reached.week(calendar)
        place = self.workspace.settings.reports / reached.label(calendar) / f"week-{week:02d}"
        if term is not None and week in calendar.teaching_weeks:
            if week == calendar.teaching_weeks[0] and any(
                name < term.name for name in self.analysed
            ):
                yield Task(pre_sem.STAGE, term.name, week, place / pre_sem.STAGE)
            yield Task(weekly.STAGE, term.name, week, place / weekly.STAGE, {"week": week})
            for exam, stage in pre_exam.STAGES.items():
                if pre_exam.due(self.college, exam, week):
                    yield Task(stage, term.name, week, place / stage, {"week": week})
            self.analysed.add(term.name)
            self.planned.add((term.name, week))
        for reviewed, exam in self._reviews(term, reached, day):
            yield Task(
                post_analysis.STAGE,
                reviewed,
                week,
                place / post_analysis.STAGE,
                {"exam": exam, "known_by": day.isoformat()},
            )

    def _reviews(
        self, term: Term | None, reached: Position, day: date
    ) -> Iterator[tuple[str, Exam]]:
        """The exams of which a review has not seen every result known by a day."""
        for exam_term, exam in self._exams(term, reached):
            if not self._analysed_before(exam_term, exam):
                continue
            known = post_analysis.results_known(self.workspace, self.college, exam_term, exam, day)
            key = (exam, exam_term.name)
            before = self.seen.get(
                key, post_analysis.results_seen(self.workspace, exam, exam_term.name)
            )
            if known > before or (self.again and known):
                self.seen[key] = known
                yield exam_term.name, exam

    def _analysed_before(self, term: Term, exam: Exam) -> bool:
        """Whether any week before the exam is analysed, or will be when its review is due."""
        week = post_analysis.exam_week(self.workspace, exam) or 0
        planned = any(name == term.name and number < week for name, number in self.planned)
        return planned or bool(post_analysis.weeks_analysed(self.workspace, term.name, week))

    def _exams(self, term: Term | None, reached: Position) -> Iterator[tuple[Term, Exam]]:
        if term is None:
            return
        earlier = max((name for name in self.analysed if name < term.name), default=None)
        if earlier is not None:
            key: tuple[Exam, str] = ("endterm", earlier)
            seen = self.seen.get(key, post_analysis.results_seen(self.workspace, *key))
            # The whole history is read for it: only while results may still come.
            if not seen or reached.week(self.workspace.params.calendar) <= LATE_RESULTS:
                past = [known for known in self.college.terms(reached) if known.name == earlier]
                yield from ((known, "endterm") for known in past)
        for exam in post_analysis.EXAMS:
            if term.name in self.analysed:
                yield term, exam
