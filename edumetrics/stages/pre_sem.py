"""Before the semester: who to watch from week 1, and which subjects were hard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.analysis.runs import Run
from edumetrics.college import health, subjects
from edumetrics.college.source import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.forecast import reasons, watchlist
from edumetrics.forecast.models import Linear
from edumetrics.forecast.subjects import LOW
from edumetrics.reports import figures
from edumetrics.reports.tables import Shown, readable
from edumetrics.stages import history, models, reports, storing
from edumetrics.stages.models import Found
from edumetrics.stages.terms import find_term, report_folder
from edumetrics.stages.training import WATCHLIST
from edumetrics.stages.workspace import Workspace, open_workspace
from edumetrics.weeks import Position

STAGE = "pre_sem"
WEEK = 1
WORTH_TELLING = 0.1


@dataclass(frozen=True)
class Start:
    """A semester about to begin: what `compute` starts from.

    Attributes:
        term: the semester ahead; `past` the latest completed one before it.
        known: what earlier semesters left behind of its students (see `stages.history.before`).
        difficulty: how many passed each subject in the latest completed term.
        found: the model in use; its `model` is None where there is none yet.
    """

    workspace: Workspace
    term: str
    past: str
    known: pd.DataFrame
    difficulty: pd.DataFrame
    found: Found
    folder: Path


@dataclass(frozen=True, repr=False)
class Watched(Shown):
    """The semester ahead and its watchlist: the rows of pre_sem_watchlist but run_id and computed_at."""

    start: Start
    rows: pd.DataFrame

    def facts(self) -> dict[str, object]:
        """See `Shown`."""
        return {
            "term": self.start.term,
            "students": len(self.rows),
            "on the watchlist": int(self.rows["on_watchlist"].sum()),
        }


def load(term: str = "", folder: str = "") -> Start:
    """Read what earlier semesters left behind, as it was known when a term began.

    Args:
        term: ISO date of its first week; the term in session when empty.
        folder: where reports go; chosen from the term when empty.

    Raises:
        SettingsError: there is no such term, or no earlier one was analysed.
    """
    workspace = open_workspace()
    with workspace.college() as college:
        position = college.position(workspace.today)
        chosen = find_term(college, term, position)
        place = Path(folder) if folder else report_folder(workspace, chosen, position, WEEK, STAGE)
        found = gather(workspace, college, chosen, position, place)
    if found is None:
        raise SettingsError(
            f"No semester before the term of {chosen.name} was analysed: run `edumetrics calibrate` first."
        )
    return found


def gather(
    workspace: Workspace, college: College, term: Term, position: Position, folder: Path
) -> Start | None:
    """Read through an open college; None where no earlier term was analysed."""
    analysed = set(workspace.store.distinct("weekly_metrics", "term"))
    past = [
        known
        for known in college.terms(position)
        if known.name < term.name and known.name in analysed
    ]
    if not past:
        return None
    return Start(
        workspace=workspace,
        term=term.name,
        past=past[-1].name,
        known=history.before(workspace, college, term, past),
        difficulty=subjects.difficulty(college, past[-1], pd.Timestamp(term.name).date()),
        found=models.in_use(workspace, WATCHLIST, term.name),
        folder=folder,
    )


def compute(start: Start) -> Watched:
    """Say who to watch: pure, changes nothing."""
    model = start.found.model if isinstance(start.found.model, Linear) else None
    known = start.known
    chance = watchlist.chance(known, start.workspace.params.scoring.pass_mark, model)
    frame = known.rename(columns={"semester": "target_semester"}).assign(
        target_term=start.term,
        risk_probability_pct=100 * chance,
        on_watchlist=chance >= LOW,
        reasons=pd.Series(_reasons(start, model), dtype="object", index=known.index),
        model_id=start.found.model_id if model is not None else watchlist.BASELINE,
    )
    # Nothing can be said of the chances where no exam result of any earlier semester is known.
    frame = frame[~np.isnan(chance)].astype({"escalation_level": "int64"})
    return Watched(
        start, frame[[name for name in TABLES["pre_sem_watchlist"].names if name in frame]]
    )


def _reasons(start: Start, model: Linear | None) -> list[list[dict[str, Any]]]:
    added = watchlist.contributions(start.known, model)
    values = {name: start.known[name].to_numpy("float64") for name in watchlist.HISTORY}
    told = {
        name: (
            column,
            np.full(len(column), np.nanmedian(column) if (~np.isnan(column)).any() else np.nan),
        )
        for name, column in values.items()
    }
    parts = {name: added[name].to_numpy() for name in watchlist.HISTORY}
    sentences = start.workspace.params.sentences
    return reasons.records(sentences, "history_", parts, told, worse_adds=True, least=WORTH_TELLING)


def write(watched: Watched, *, write: bool = True, run_id: str = "") -> int:
    """Replace the term's watchlist; returns students looked at, 0 when `write` is False."""
    if not write:
        return 0
    start = watched.start
    with storing.entered(start.workspace, STAGE, start.term, WEEK, run_id) as run:
        return save(run, watched)


def save(run: Run, watched: Watched) -> int:
    """As `write`, for a run that has been entered into the ledger."""
    start = watched.start
    slices: storing.Slices = {
        "pre_sem_watchlist": (watched.rows, {"target_term": start.term}),
        "subject_difficulty": (start.difficulty, {"term": start.past}),
        "data_health": (
            health.trouble("forecast: watchlist", start.found.trouble),
            {"run_id": run.run_id},
        ),
    }
    return storing.replace(start.workspace, run, slices)


def render_pages(watched: Watched, *, write: bool = True) -> list[Path]:
    """Write one page per advisor with students who have an earlier semester; none without `write`.

    Raises:
        SettingsError: the reports folder cannot be written to.
    """
    start = watched.start
    return (
        reports.write_pages(start.workspace, STAGE, start.term, WEEK, start.folder) if write else []
    )


def evidence(start: Start) -> Styler:
    """What the model and the baseline were worth on the last term; empty until two terms have been completed.

    Until then the chance comes from the average over earlier exams alone: averages of two semesters running correlate
    at about .67 in published studies.
    """
    rows = []
    for row in models.rivals(start.workspace, WATCHLIST, start.found.trained_terms):
        about = {
            "model": row["model"],
            "in use": bool(row["champion"]),
            "tested on": row["tested_term"],
        }
        rows.append({**about, **row["metrics"]["by_week"][0]})
    shown = {
        "n": "students",
        "base_rate": "failed",
        "auc": "AUC",
        "calibration_error": "calibration error",
    }
    shown |= {"top_fifth": "of all fails, in the top fifth"}
    table = pd.DataFrame(rows, columns=["model", "in use", "tested on", *shown]).rename(
        columns=shown
    )
    return readable(table, "evidence", digits=2)


def reliability(start: Start) -> figures.Picture | None:
    """The forecast against what happened in the term that the model was tried on; None where there is no model."""
    tried = models.rivals(start.workspace, WATCHLIST, start.found.trained_terms)
    used = [row["metrics"]["reliability"] for row in tried if row["champion"]]
    return (
        figures.reliability(pd.DataFrame(used[0]), "chance of failing, %", scale=100)
        if used
        else None
    )


def hard_subjects(start: Start, count: int = 10) -> Styler:
    """The subjects that fewest passed last time."""
    names = {
        "subject_id": "subject",
        "total_students": "students",
        "pass_rate": "passed, %",
        "difficulty_label": "label",
    }
    table = (
        start.difficulty.sort_values(["pass_rate", "subject_id"]).head(count).rename(columns=names)
    )
    return readable(table[["subject", "semester", "students", "passed, %", "label"]], "subjects")


def by_class(watched: Watched) -> Styler:
    """Each class: students with an earlier semester, how many are on the watchlist."""
    groups = watched.rows.groupby(["class_id", "target_semester"])["on_watchlist"]
    table = pd.DataFrame({"students": groups.size(), "on the watchlist": groups.sum()})
    names = {"class_id": "class", "target_semester": "semester"}
    return readable(table.reset_index().rename(columns=names), "by-class")


def likeliest(watched: Watched, count: int = 20) -> Styler:
    """The students most likely to fail the semester ahead, and the top reason."""
    rows = watched.rows.sort_values(
        ["risk_probability_pct", "student_id"], ascending=[False, True]
    ).head(count)
    why = [
        next((record["text"] for record in records if record["points"] > 0), "")
        for records in rows["reasons"]
    ]
    names = {
        "student_id": "student",
        "class_id": "class",
        "risk_probability_pct": "chance of failing, %",
    }
    return readable(rows[list(names)].rename(columns=names).assign(why=why), "likeliest")
