"""The forecast of a term: the model in use, its evidence, and what earlier semesters tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from edumetrics.analysis.store import Classes
from edumetrics.college.outcomes import read_exam_results
from edumetrics.college.source import College, Term
from edumetrics.forecast.features import PRIOR
from edumetrics.forecast.models import Calibrated
from edumetrics.stages import models
from edumetrics.stages.training import FAIL
from edumetrics.stages.workspace import Workspace

# Before this week too little is known for a model to rank a list.
RANKS_FROM = 4
# The candidate that stands for the rules in every trial.
RULES = "rules"
EVIDENCE = ("n", "base_rate", "auc", "precision_at_capacity", "calibration_error")


@dataclass(frozen=True)
class Champion:
    """The model in use in a term.

    Attributes:
        model_id: its row in model_runs; empty if there is none.
        model: None if there is none, or it cannot be trusted.
        trained_terms: the terms it learnt from, separated by commas.
        from_week: the first week in which it ranks the lists; None if the rules rank them all.
        trouble: the data-health message about a model that cannot be trusted; else empty.
        reference: the distribution of the features in the terms it learnt from.
    """

    model_id: str = ""
    model: Calibrated | None = None
    trained_terms: str = ""
    from_week: int | None = None
    trouble: str = ""
    reference: dict[str, dict[str, Any]] = field(default_factory=dict)

    def can_rank(self, week: int) -> bool:
        """Return whether it ranks the lists of a week."""
        return self.model is not None and self.from_week is not None and week >= self.from_week


def load_champion(workspace: Workspace, term: str) -> Champion:
    """Return the model in use in a term: the latest champion trained on earlier terms only."""
    found = models.load_model(workspace, FAIL, term)
    # None, or a model that cannot be trusted: `found.model` is of this kind in all other cases.
    if not isinstance(found.model, Calibrated):
        return Champion(trouble=found.trouble)
    tried = models.read_candidates(workspace, FAIL, found.trained_terms)
    rows = {row["model"]: row["metrics"]["by_week"] for row in tried}
    won = next(row["metrics"]["by_week"] for row in tried if row["champion"])
    from_week = _find_first_win(won, rows[RULES])
    return Champion(
        found.model_id, found.model, found.trained_terms, from_week, reference=found.reference
    )


def _find_first_win(champion: list[dict[str, float]], rules: list[dict[str, float]]) -> int | None:
    """Return the first week in which a champion's precision at capacity was above the rules'.

    Args:
        champion, rules: their weekly measures, as in model_runs.

    Returns:
        A week from `RANKS_FROM` on; None if there is no such week.
    """
    # The measures are null where nobody had a place.
    there = {int(row["sem_week"]): row["precision_at_capacity"] or 0.0 for row in rules}
    won = [
        int(row["sem_week"])
        for row in champion
        if (row["precision_at_capacity"] or 0.0) > there.get(int(row["sem_week"]), 0.0)
    ]
    return min((week for week in won if week >= RANKS_FROM), default=None)


def collect_evidence(workspace: Workspace, trained_terms: str, week: int) -> pd.DataFrame:
    """Return the measures of each candidate and baseline of a contest in one week.

    Args:
        workspace: where the trials are stored.
        trained_terms: the terms of the contest, separated by commas.
        week: semester week of the tested term.

    Returns:
        One row per candidate, the best AUC first: model, in use, tested on and `EVIDENCE`. NaN if
        the week was not tried; no rows if there was no contest.
    """
    rows = []
    for row in models.read_candidates(workspace, FAIL, trained_terms):
        weeks = {int(measures["sem_week"]): measures for measures in row["metrics"]["by_week"]}
        about = {
            "model": row["model"],
            "in use": bool(row["champion"]),
            "tested on": row["tested_term"],
        }
        rows.append({**about, **weeks.get(week, {})})
    shown = ["model", "in use", "tested on", *EVIDENCE]
    return pd.DataFrame(rows, columns=shown).sort_values("auc", ascending=False, ignore_index=True)


def read_prior(
    workspace: Workspace, college: College, term: Term, week: int, classes: Classes = None
) -> pd.DataFrame:
    """Return what was known of students before the semester: student_id (unique) and `PRIOR`.

    The results of the semester before are read in the first week only. Later weeks use what was
    stored with the week before.

    Args:
        workspace: where earlier weeks are stored.
        college: where students and results are.
        term: the term.
        week: semester week.
        classes: read the stored values of these classes only; None for all.
    """
    own = ("prior_attempts", "credits", "entry_score")
    students = college.read_columns("students", "student_id", *own).dropna(subset="student_id")
    students = students.drop_duplicates("student_id", keep="last").astype(
        dict.fromkeys(own, "float64")
    )
    # Week 0 does not exist: before the first teaching week nothing is found, as intended.
    last = next(iter(workspace.params.calendar.get_teaching_weeks_before(week, 1)), 0)
    columns = ("student_id", "prior_mean", "prior_fails")
    only: dict[str, Any] = {} if classes is None else {"class_id": list(classes)}
    earlier = workspace.store.read(
        "weekly_features", columns, term=term.name, sem_week=last, **only
    )
    # Asked of the whole college: a class without a row last week must not make it read all again.
    if (
        workspace.store.find_highest("weekly_features", "sem_week", term=term.name, sem_week=last)
        is None
    ):
        earlier = _read_semester_before(college, term)
    return students.merge(earlier, on="student_id", how="left")[["student_id", *PRIOR]]


def _read_semester_before(college: College, term: Term) -> pd.DataFrame:
    # Not the analysed terms: results count although nobody ran EduMetrics in that semester.
    past = [known for known in college.list_past_terms() if known.name < term.name]
    if not past:
        return pd.DataFrame(
            {"student_id": pd.Series(dtype="str"), "prior_mean": [], "prior_fails": []}
        )
    results = read_exam_results(college, past[-1], "endterm", pd.Timestamp(term.name).date())
    groups = results.groupby("student_id")
    frame = pd.DataFrame(
        {"prior_mean": groups["score"].mean(), "prior_fails": groups["failed"].sum()}
    )
    # The sum of a nullable boolean is a nullable integer; features are plain floats.
    return frame.astype("float64").reset_index()
