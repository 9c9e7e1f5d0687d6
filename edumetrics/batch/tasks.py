"""Plan one week: its stages in order, each with the parameters of its notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from edumetrics.college.terms import College, Term
from edumetrics.stages import post_exam, pre_exam, pre_semester, weekly
from edumetrics.types import Exam
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

# In the order of a week: exam predictions read the features that the weekly stage has stored.
STAGES = (pre_semester.STAGE, weekly.STAGE, *pre_exam.STAGES.values(), post_exam.STAGE)
# End-term results may be published after the next semester has begun. They are looked for until
# some are known, and in any case in this many weeks of the next semester.
LATE_RESULTS = 3


@dataclass(frozen=True)
class Task:
    """One stage of one week that is due.

    Attributes:
        stage: a name in `STAGES`.
        term: the first day of the term that the stage is about, as an ISO date.
        week: the semester week in which the stage runs.
        folder: where its reports go.
        more: parameters of the notebook that only this stage has.
    """

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
        """The parameters of its notebook, except run_id, which the ledger gives."""
        return {"term": self.term, "folder": str(self.folder), "write": True, **self.more}


@dataclass
class Planner:
    """Plans week after week, and remembers what the weeks planned so far will have done.

    A plan covers several weeks before any of them has run, so the store alone cannot answer.

    Attributes:
        workspace: the settings, the parameters and both databases.
        college: the college, open.
        again: whether a review that has seen every known result is planned once more.
        analysed: the terms that are analysed, or will be by the plan.
        seen: by exam and term, how many results a review has seen, or will have.
        planned: the term and week of each weekly stage planned so far.
    """

    workspace: Workspace
    college: College
    again: bool = False
    analysed: set[str] = field(default_factory=set)
    seen: dict[tuple[Exam, str], int] = field(default_factory=dict)
    planned: set[tuple[str, int]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.analysed |= set(self.workspace.store.list_values("weekly_metrics", "term"))

    def plan_week(self, term: Term | None, reached: CollegeWeek, day: date) -> Iterator[Task]:
        """Yield the tasks of one week, in order.

        Args:
            term: the term of the week; None where none was in session.
            reached: the position of the week.
            day: the last day of the week.
        """
        calendar = self.workspace.params.calendar
        week = reached.compute_week(calendar)
        place = (
            self.workspace.settings.reports / reached.format_label(calendar) / f"week-{week:02d}"
        )
        if term is not None and week in calendar.teaching_weeks:
            # A watchlist is computed from an earlier term: without one there is nothing to watch.
            if week == calendar.teaching_weeks[0] and any(
                name < term.name for name in self.analysed
            ):
                yield Task(pre_semester.STAGE, term.name, week, place / pre_semester.STAGE)
            yield Task(weekly.STAGE, term.name, week, place / weekly.STAGE, {"week": week})
            for exam, stage in pre_exam.STAGES.items():
                if pre_exam.is_due(self.college, exam, week):
                    yield Task(stage, term.name, week, place / stage, {"week": week})
            self.analysed.add(term.name)
            self.planned.add((term.name, week))
        # Reviews are not tied to teaching weeks: results are published in exam and vacation weeks.
        for reviewed, exam in self._find_due_reviews(term, reached, day):
            yield Task(
                post_exam.STAGE,
                reviewed,
                week,
                place / post_exam.STAGE,
                {"exam": exam, "known_by": day.isoformat()},
            )

    def _find_due_reviews(
        self, term: Term | None, reached: CollegeWeek, day: date
    ) -> Iterator[tuple[str, Exam]]:
        """Yield the term and exam of each review that has not seen every result known by a day."""
        for exam_term, exam in self._list_exams(term, reached):
            if not self._has_earlier_week(exam_term, exam):
                continue
            known = post_exam.count_known_results(
                self.workspace, self.college, exam_term, exam, day
            )
            key = (exam, exam_term.name)
            before = self.seen.get(
                key, post_exam.count_reviewed_results(self.workspace, exam, exam_term.name)
            )
            if known > before or (self.again and known):
                self.seen[key] = known
                yield exam_term.name, exam

    def _has_earlier_week(self, term: Term, exam: Exam) -> bool:
        """Return whether a week before the exam is analysed, or will be when its review is due."""
        # A review compares results with earlier lists: without such a week there is none.
        week = post_exam.find_exam_week(self.workspace, exam) or 0
        planned = any(name == term.name and number < week for name, number in self.planned)
        return planned or bool(post_exam.has_analysed_weeks(self.workspace, term.name, week))

    def _list_exams(self, term: Term | None, reached: CollegeWeek) -> Iterator[tuple[Term, Exam]]:
        """Yield the exams that may have new results: the last term's end-term, and this term's."""
        if term is None:
            return
        # ISO dates in order are terms in order.
        earlier = max((name for name in self.analysed if name < term.name), default=None)
        if earlier is not None:
            key: tuple[Exam, str] = ("endterm", earlier)
            seen = self.seen.get(key, post_exam.count_reviewed_results(self.workspace, *key))
            # This reads the college's whole history: only while results may still come.
            if not seen or reached.compute_week(self.workspace.params.calendar) <= LATE_RESULTS:
                past = [
                    known for known in self.college.list_terms(reached) if known.name == earlier
                ]
                yield from ((known, "endterm") for known in past)
        for exam in post_exam.EXAMS:
            if term.name in self.analysed:
                yield term, exam
