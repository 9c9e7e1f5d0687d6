"""The stage before a semester: the students to watch from week 1, and the hard subjects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.college import health, subjects
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.fields.chances import BASELINE, LOW
from edumetrics.forecast import reasons, watchlist
from edumetrics.forecast.contest import WATCHLIST
from edumetrics.forecast.in_use import ModelInUse
from edumetrics.forecast.models import Linear
from edumetrics.inputs import previous_terms
from edumetrics.inputs.terms import find_term, get_report_folder
from edumetrics.modelling import registry
from edumetrics.reports import figures
from edumetrics.reports.tables import show_table
from edumetrics.stages.base import Day, Due, Moment, Replay, Slices, Stage
from edumetrics.types import FactsDisplay
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace, open_workspace

NAME = "pre_sem"
# The stage has no week of its own: it is entered and filed under the first week.
WEEK = 1
# Smallest part of the log-odds of failing that is worth a reason.
WORTH_TELLING = 0.1


@dataclass(frozen=True)
class SemesterStart:
    """A semester that is about to begin: the input of `compute`.

    Attributes:
        term: ISO date of the first week of the semester ahead.
        past: ISO date of the first week of the latest analysed term before it.
        known: the records of its students from earlier semesters (see
            `inputs.previous_terms.read_student_history`).
        difficulty: how many students passed each subject in the term `past`.
        found: the model in use; its `model` is None where there is none yet.
        folder: where the stage's reports go.
    """

    workspace: Workspace
    term: str
    past: str
    known: pd.DataFrame
    difficulty: pd.DataFrame
    found: ModelInUse
    folder: Path

    @property
    def number(self) -> int:
        """The semester week: the first."""
        return WEEK


@dataclass(frozen=True, repr=False)
class Watchlist(FactsDisplay):
    """The semester ahead and its watchlist.

    Attributes:
        start: the input.
        rows: the columns of pre_sem_watchlist except run_id and computed_at.
    """

    caption: ClassVar[str] = "Watched"
    start: SemesterStart
    rows: pd.DataFrame

    def list_facts(self) -> dict[str, object]:
        """Return the term and how many students are on its watchlist (see `Shown`)."""
        return {
            "term": self.start.term,
            "students": len(self.rows),
            "on the watchlist": int(self.rows["on_watchlist"].sum()),
        }


def load(term: Day = "", folder: str = "") -> SemesterStart:
    """Read the records of earlier semesters as they were known when a term began.

    Args:
        term: ISO date of the term's first week; the term in session when empty.
        folder: where reports go; chosen from the term when empty.

    Raises:
        SettingsError: the term does not exist, or no earlier term was analysed.
    """
    workspace = open_workspace()
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        chosen = find_term(college, term, position)
        place = folder or get_report_folder(workspace, chosen, position, WEEK)
        found = read_start(workspace, college, chosen, position, Path(place))
    if found is None:
        raise SettingsError(
            f"No semester before the term of {chosen.name} was analysed:"
            " run `edumetrics calibrate` first."
        )
    return found


def read_start(
    workspace: Workspace, college: College, term: Term, position: CollegeWeek, folder: Path
) -> SemesterStart | None:
    """Read the same as `load` through an open college; None where no earlier term was analysed."""
    # A term that the college has but nobody analysed has no weekly metrics to learn from.
    analysed = set(workspace.store.list_values("weekly_metrics", "term"))
    terms = college.list_terms(position)
    past = [known for known in terms if known.name < term.name and known.name in analysed]
    if not past:
        return None
    return SemesterStart(
        workspace=workspace,
        term=term.name,
        past=past[-1].name,
        known=previous_terms.read_student_history(workspace, college, term, past),
        # Only results known when the term began count, so that a replay says the same.
        difficulty=subjects.compute_difficulty(college, past[-1], pd.Timestamp(term.name).date()),
        found=registry.load_model(workspace, WATCHLIST, term.name),
        folder=folder,
    )


def compute(start: SemesterStart) -> Watchlist:
    """Compute the watchlist; change nothing.

    A student is on it when the chance of failing is at least `forecast.subjects.LOW`.
    """
    # The kept model may be of another kind, or missing: the baseline then stands in for it.
    model = start.found.model if isinstance(start.found.model, Linear) else None
    known = start.known
    chance = watchlist.predict_chance(known, start.workspace.params.scoring.pass_mark, model)
    frame = known.rename(columns={"semester": "target_semester"}).assign(
        target_term=start.term,
        risk_probability_pct=100 * chance,
        on_watchlist=chance >= LOW,
        reasons=pd.Series(_collect_reasons(start, model), dtype="object", index=known.index),
        model_id=start.found.model_id if model is not None else BASELINE,
    )
    # The chance is NaN where no exam result of an earlier semester is known at all.
    frame = frame[~np.isnan(chance)].astype({"escalation_level": "int64"})
    stored = [name for name in TABLES["pre_sem_watchlist"].names if name in frame]
    return Watchlist(start, frame[stored])


def _collect_reasons(start: SemesterStart, model: Linear | None) -> list[list[dict[str, Any]]]:
    """Return the reasons of every student: what adds most to the chance of failing."""
    added = watchlist.compute_contributions(start.known, model)
    values = {name: start.known[name].to_numpy("float64") for name in watchlist.HISTORY}
    # Values are compared with the median of the semester. nanmedian warns about a column of NaN.
    told = {
        name: (
            column,
            np.full(len(column), np.nanmedian(column) if (~np.isnan(column)).any() else np.nan),
        )
        for name, column in values.items()
    }
    parts = {name: added[name].to_numpy() for name in watchlist.HISTORY}
    sentences = start.workspace.params.sentences
    return reasons.build_records(
        sentences, "history_", parts, told, worse_adds=True, least=WORTH_TELLING
    )


def list_slices(watched: Watchlist, run_id: str) -> Slices:
    """Return what a watchlist writes."""
    start = watched.start
    warning = health.make_warning("forecast: watchlist", start.found.trouble)
    # The watchlist comes first, because `base.replace_slices` returns the rows of the first slice.
    return {
        "pre_sem_watchlist": (watched.rows, {"target_term": start.term}),
        # Difficulty belongs to the term in which it was observed, not to the semester ahead.
        "subject_difficulty": (start.difficulty, {"term": start.past}),
        "data_health": (warning, {"run_id": run_id}),
    }


def find_due(moment: Moment) -> Iterator[Due]:
    """Yield the first teaching week of a term, where an earlier term is analysed."""
    calendar, term = moment.workspace.params.calendar, moment.term
    if term is None or moment.week != calendar.teaching_weeks[0]:
        return
    # Without an earlier term there is no history to make a watchlist from.
    if any(name < term.name for name in moment.progress.analysed):
        yield Due(term.name, {})


def replay(replay: Replay) -> Iterator[SemesterStart]:
    """Yield the start of a term, where an earlier term was analysed."""
    start = read_start(replay.workspace, replay.college, replay.term, replay.position, Path())
    if start is not None:
        yield start


STAGE = Stage(
    name=NAME,
    when="before the semester",
    load=load,
    compute=compute,
    get_input=lambda watched: watched.start,
    list_slices=list_slices,
    find_due=find_due,
    replay=replay,
)


def compare_models(start: SemesterStart) -> Styler:
    """Return how well the model and the baseline predicted the last term.

    The table is empty until two terms are completed. Until then the chance comes from the average
    over earlier exams alone: the averages of two successive semesters correlate at about .67 in
    published studies.
    """
    rows = []
    for row in registry.read_candidates(start.workspace, WATCHLIST, start.found.trained_terms):
        about = {
            "model": row["model"],
            "in use": bool(row["champion"]),
            "tested on": row["tested_term"],
        }
        # A watchlist is made once a term, so there is one week of measures.
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
    return show_table(table, "evidence", digits=2)


def plot_reliability(start: SemesterStart) -> figures.Picture | None:
    """Return a figure of forecast against outcome in the term that the model was tested on.

    None where there is no model.
    """
    tried = registry.read_candidates(start.workspace, WATCHLIST, start.found.trained_terms)
    used = [row["metrics"]["reliability"] for row in tried if row["champion"]]
    if not used:
        return None
    sentences = start.workspace.params.sentences
    return figures.draw_reliability(
        sentences, pd.DataFrame(used[0]), "axis_forecast_failing", scale=100
    )


def build_subject_table(start: SemesterStart, count: int = 10) -> Styler:
    """Return the `count` subjects with the lowest pass rates of the last term."""
    names = {"subject_id": "subject", "total_students": "students", "pass_rate": "passed, %",
             "difficulty_label": "label"}  # fmt: skip
    table = start.difficulty.sort_values(["pass_rate", "subject_id"]).rename(columns=names)
    shown = ["subject", "semester", "students", "passed, %", "label"]
    return show_table(table.head(count)[shown], "subjects")


def build_class_table(watched: Watchlist) -> Styler:
    """Return by class how many students have an earlier semester, and how many are on the list."""
    groups = watched.rows.groupby(["class_id", "target_semester"])["on_watchlist"]
    table = pd.DataFrame({"students": groups.size(), "on the watchlist": groups.sum()})
    names = {"class_id": "class", "target_semester": "semester"}
    return show_table(table.reset_index().rename(columns=names), "by-class")


def build_risk_table(watched: Watchlist, count: int = 20) -> Styler:
    """Return the `count` students most likely to fail the semester ahead, with the top reason."""
    # The id decides between equal chances, so that the table is the same in every run.
    rows = watched.rows.sort_values(
        ["risk_probability_pct", "student_id"], ascending=[False, True]
    ).head(count)
    # Points above 0 add to the chance of failing; the others speak for the student.
    why = [
        next((record["text"] for record in records if record["points"] > 0), "")
        for records in rows["reasons"]
    ]
    names = {
        "student_id": "student",
        "class_id": "class",
        "risk_probability_pct": "chance of failing, %",
    }
    return show_table(rows[list(names)].rename(columns=names).assign(why=why), "likeliest")
