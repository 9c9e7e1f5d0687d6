"""The forecast of a term: the model in use, what it was worth, and what was known before the semester."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from edumetrics.analysis.store import Classes
from edumetrics.college.outcomes import papers
from edumetrics.college.source import College, Term
from edumetrics.forecast.features import PRIOR
from edumetrics.forecast.models import Calibrated
from edumetrics.stages import models
from edumetrics.stages.training import FAIL
from edumetrics.stages.workspace import Workspace

# Before this week too little is known for a model to rank a list.
RANKS_FROM = 4
RULES = "rules"
EVIDENCE = ("n", "base_rate", "auc", "precision_at_capacity", "calibration_error")


@dataclass(frozen=True)
class Champion:
    """The model in use in a term.

    Attributes:
        model_id: empty where there is none.
        model: None where there is none, or it cannot be trusted.
        trained_terms: what it learnt from.
        from_week: the first week in which it ranks the lists; None where the rules do.
        trouble: what to say about a model that cannot be trusted; empty where there is nothing to say.
        reference: what the features looked like in the terms it learnt from.
    """

    model_id: str = ""
    model: Calibrated | None = None
    trained_terms: str = ""
    from_week: int | None = None
    trouble: str = ""
    reference: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ranks(self, week: int) -> bool:
        """Whether it ranks the lists of a week."""
        return self.model is not None and self.from_week is not None and week >= self.from_week


def champion(workspace: Workspace, term: str) -> Champion:
    """The model in use in a term: the latest champion trained on earlier terms only."""
    found = models.in_use(workspace, FAIL, term)
    if not isinstance(found.model, Calibrated):
        return Champion(trouble=found.trouble)
    tried = models.rivals(workspace, FAIL, found.trained_terms)
    rows = {row["model"]: row["metrics"]["by_week"] for row in tried}
    won = next(row["metrics"]["by_week"] for row in tried if row["champion"])
    from_week = _wins_from(won, rows[RULES])
    return Champion(
        found.model_id, found.model, found.trained_terms, from_week, reference=found.reference
    )


def _wins_from(champion: list[dict[str, float]], rules: list[dict[str, float]]) -> int | None:
    """The first week, from `RANKS_FROM` on, in which a champion's precision at capacity was above the rules'."""
    there = {int(row["sem_week"]): row["precision_at_capacity"] or 0.0 for row in rules}
    won = [
        int(row["sem_week"])
        for row in champion
        if (row["precision_at_capacity"] or 0.0) > there.get(int(row["sem_week"]), 0.0)
    ]
    return min((week for week in won if week >= RANKS_FROM), default=None)


def evidence(workspace: Workspace, trained_terms: str, week: int) -> pd.DataFrame:
    """One row per candidate and baseline of a contest: what each was worth in one week of the tested term."""
    rows = []
    for row in models.rivals(workspace, FAIL, trained_terms):
        weeks = {int(measures["sem_week"]): measures for measures in row["metrics"]["by_week"]}
        about = {
            "model": row["model"],
            "in use": bool(row["champion"]),
            "tested on": row["tested_term"],
        }
        rows.append({**about, **weeks.get(week, {})})
    shown = ["model", "in use", "tested on", *EVIDENCE]
    return pd.DataFrame(rows, columns=shown).sort_values("auc", ascending=False, ignore_index=True)


def prior(
    workspace: Workspace, college: College, term: Term, week: int, classes: Classes = None
) -> pd.DataFrame:
    """What was known of students before the semester: student_id (unique) and `PRIOR`.

    The semester before is read in the first week only; later weeks take what that week stored.
    """
    own = ("prior_attempts", "credits", "entry_score")
    students = college.whole("students", "student_id", *own).dropna(subset="student_id")
    students = students.drop_duplicates("student_id", keep="last").astype(
        dict.fromkeys(own, "float64")
    )
    last = next(iter(workspace.params.calendar.teaching_weeks_before(week, 1)), 0)
    columns = ("student_id", "prior_mean", "prior_fails")
    only: dict[str, Any] = {} if classes is None else {"class_id": list(classes)}
    earlier = workspace.store.read(
        "weekly_features", columns, term=term.name, sem_week=last, **only
    )
    if (
        workspace.store.highest("weekly_features", "sem_week", term=term.name, sem_week=last)
        is None
    ):
        earlier = _semester_before(college, term)
    return students.merge(earlier, on="student_id", how="left")[["student_id", *PRIOR]]


def _semester_before(college: College, term: Term) -> pd.DataFrame:
    past = [known for known in college.past_terms() if known.name < term.name]
    if not past:
        return pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "prior_mean": [], "prior_fails": []}
        )
    results = papers(college, past[-1], "endterm", pd.Timestamp(term.name).date())
    groups = results.groupby("student_id")
    frame = pd.DataFrame(
        {"prior_mean": groups["score"].mean(), "prior_fails": groups["failed"].sum()}
    )
    return frame.astype("float64").reset_index()
