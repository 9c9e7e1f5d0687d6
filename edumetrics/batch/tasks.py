"""Plan one week: its stages in order, each with the parameters of its notebook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from edumetrics.college.terms import College, Term
from edumetrics.stages import STAGES
from edumetrics.stages.base import Moment, Progress
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace


@dataclass(frozen=True)
class Task:
    """One stage of one week that is due.

    Attributes:
        stage: its name.
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
    """Plans week after week: what the weeks planned so far will have done is in `progress`.

    A plan covers several weeks before any of them has run, so the store alone cannot answer.
    """

    workspace: Workspace
    college: College
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.progress.analysed |= set(self.workspace.store.list_values("weekly_metrics", "term"))

    def plan_week(self, term: Term | None, reached: CollegeWeek, day: date) -> Iterator[Task]:
        """Yield what is due in the week that ends on a day; `term` is None between terms."""
        calendar = self.workspace.params.calendar
        moment = Moment(self.workspace, self.college, term, reached, day, self.progress)
        label, week = reached.format_label(calendar), moment.week
        place = self.workspace.settings.reports / label / f"week-{week:02d}"
        for stage in STAGES:
            for due in stage.find_due(moment):
                yield Task(stage.name, due.term, week, place / stage.name, due.parameters)
                if stage.analyses:
                    self.progress.analysed.add(due.term)
                    self.progress.planned.add((due.term, week))
