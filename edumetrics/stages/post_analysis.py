"""After an exam: predictions held against results, the lists against who failed, and groups against each other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics import settings
from edumetrics.analysis.runs import Run
from edumetrics.college import subjects
from edumetrics.college.outcomes import EVER, outcomes, papers
from edumetrics.college.records import Exam
from edumetrics.college.source import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.forecast import fairness, measures, scorecard
from edumetrics.reports import department, figures, render
from edumetrics.reports.tables import Shown, readable
from edumetrics.stages import reports, storing
from edumetrics.stages.pre_exam import STORED
from edumetrics.stages.terms import find_term, report_folder
from edumetrics.stages.workspace import Workspace, open_workspace

STAGE = "post_analysis"
TASK = "review"
EXAMS: tuple[Exam, Exam] = ("midterm", "endterm")
METRICS = (
    "student_id",
    "sem_week",
    "semester",
    "class_id",
    "advisor_id",
    "p_fail",
    "risk_score",
    "overall_att_pct",
)
FLAGS = ("student_id", "sem_week", "within_capacity")
HALF = 0.5


@dataclass(frozen=True)
class Results:
    """An exam that is over: what `compute` starts from.

    Attributes:
        week: the exam's semester week.
        predicted: the last prediction of each student before the exam: predicted, low, high, p_fail.
        outcome: student_id, score (percent, NaN where there is none), failed (bool; <NA> where not known).
        known: how many students have a result.
        difficulty: how many passed each subject; no rows for the midterm.
        metrics, flags: what was stored of the weeks before the exam.
        contacts: student_id, kind: the intervention log of the term.
        groups: student_id, group: read to audit fairness, and for nothing else.
    """

    workspace: Workspace
    exam: Exam
    term: str
    week: int
    predicted: pd.DataFrame
    outcome: pd.DataFrame
    known: int
    difficulty: pd.DataFrame
    metrics: pd.DataFrame
    flags: pd.DataFrame
    contacts: pd.DataFrame
    groups: pd.DataFrame
    folder: Path


@dataclass(frozen=True, repr=False)
class Review(Shown):
    """An exam and its review: the rows of exam_review but term, exam_type, run_id and computed_at."""

    results: Results
    rows: pd.DataFrame

    def facts(self) -> dict[str, object]:
        """See `Shown`."""
        return {
            "exam": self.results.exam,
            "term": self.results.term,
            "results known": self.results.known,
        }


def load(exam: str = "", term: str = "", known_by: str = "", folder: str = "") -> Results:
    """Read an exam's results and what was said before it.

    Args:
        exam: midterm or endterm; the latest with results when empty.
        term: ISO date of the term's first week; the term of the latest exam with results when empty.
        known_by: ISO date: results published later do not count; all that there are when empty.
        folder: where reports go; chosen from term and exam when empty.

    Raises:
        SettingsError: there is no such exam or term, or no result is known.
    """
    workspace = open_workspace()
    if exam not in ("", *EXAMS):
        raise SettingsError(f"There is no exam {exam}: they are {' and '.join(EXAMS)}.")
    with workspace.college() as college:
        position = college.position(workspace.today)
        asked = [find_term(college, term, position)] if term else college.terms(position)[::-1]
        exams = [name for name in EXAMS[::-1] if exam in ("", name)]
        day = date.fromisoformat(known_by) if known_by else EVER
        for chosen in asked:
            for name in exams:
                found = gather(workspace, college, chosen, name, day, Path(folder))
                if found is not None:
                    place = folder or report_folder(workspace, chosen, position, found.week, STAGE)
                    return replace(found, folder=Path(place))
    raise SettingsError(
        f"No result of {'any exam' if not exam else f'the {exam}'} is known yet: come back later."
    )


def exam_week(workspace: Workspace, exam: Exam) -> int | None:
    """The exam's semester week; the week after the last for a semester that ends without an exam of its own.

    None where the calendar has no midterm.
    """
    calendar = workspace.params.calendar
    if exam == "midterm":
        return calendar.midterm_week
    return calendar.endterm_week or calendar.weeks_per_semester + 1


def gather(
    workspace: Workspace, college: College, term: Term, exam: Exam, known_by: date, folder: Path
) -> Results | None:
    """Read through an open college; None where there is no such exam, no result known by a day, or no analysis."""
    week, results = exam_week(workspace, exam), papers(college, term, exam, known_by)
    if week is None or results.empty:
        return None
    store, there = workspace.store, {"term": term.name, "sem_week": _before(workspace, week)}
    metrics = store.read("weekly_metrics", METRICS, **there)
    if metrics.empty:
        return None
    name = f"predicted_{exam}_score"
    said = store.read(
        STORED[exam], ("student_id", "sem_week", name, "low", "high", "p_fail"), term=term.name
    )
    last = said.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    people = college.whole("students", "student_id", "gender").dropna(subset="student_id")
    return Results(
        workspace=workspace,
        exam=exam,
        term=term.name,
        week=week,
        predicted=last.rename(columns={name: "predicted"}).drop(columns="sem_week"),
        outcome=_outcome(college, term, exam, results, known_by),
        known=results["student_id"].nunique(),
        difficulty=subjects.difficulty(college, term, known_by)
        if exam == "endterm"
        else pd.DataFrame(),
        metrics=metrics,
        flags=store.read("weekly_flags", FLAGS, **there),
        contacts=store.read("intervention_log", ("student_id", "kind", "sem_week"), term=term.name),
        groups=people.rename(columns={"gender": "group"}).drop_duplicates("student_id"),
        folder=folder,
    )


def _before(workspace: Workspace, week: int) -> list[int]:
    calendar = workspace.params.calendar
    return list(calendar.teaching_weeks_before(week, week))


def _outcome(
    college: College, term: Term, exam: Exam, results: pd.DataFrame, known_by: date
) -> pd.DataFrame:
    """Failing the end-term is failing the semester; failing the midterm, a mean below the pass mark."""
    if exam == "endterm":
        return outcomes(college, term, known_by)[["student_id", "score", "failed"]].astype(
            {"failed": "boolean"}
        )
    groups = results.groupby("student_id")
    score, share = groups["score"].mean(), groups["failed"].mean()
    failed = (
        (score < college.params.scoring.pass_mark)
        .astype("boolean")
        .where(score.notna(), share > HALF)
    )
    return pd.DataFrame({"score": score, "failed": failed}).reset_index()


def results_known(
    workspace: Workspace, college: College, term: Term, exam: Exam, known_by: date
) -> int:
    """How many students have a result known by a day."""
    if exam_week(workspace, exam) is None:
        return 0
    return papers(college, term, exam, known_by)["student_id"].nunique()


def weeks_analysed(workspace: Workspace, term: str, before: int) -> bool:
    """Whether any week of a term before one is analysed."""
    weeks = _before(workspace, before)
    return not workspace.store.read(
        "run_log", ("run_id",), term=term, sem_week=weeks, stage="weekly", status="done"
    ).empty


def results_seen(workspace: Workspace, exam: Exam, term: str) -> int:
    """How many students' results the last review saw; 0 where there was none."""
    seen = workspace.store.read("model_runs", ("model_id", "rows"), model_id=review_id(exam, term))
    return 0 if seen.empty else int(seen["rows"].iloc[0])


def review_id(exam: Exam, term: str) -> str:
    """The model_runs row of a review."""
    return f"{TASK}-{exam}-{term}"


def compute(results: Results) -> Review:
    """Hold every prediction against its result: pure, changes nothing."""
    roll = results.metrics.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    roll = roll[["student_id", "semester", "class_id"]]
    rows = roll.merge(results.predicted, on="student_id", how="left")
    rows = rows.merge(
        results.outcome.rename(columns={"score": "actual"}), on="student_id", how="left"
    )
    weeks = results.flags.groupby("student_id")["sem_week"].agg(["size", "min"])
    residual = rows["actual"] - rows["predicted"]
    known = residual.notna()
    verdict = np.select(
        [rows["actual"] < rows["low"], rows["actual"] > rows["high"]], ["below", "above"], "within"
    )
    rows = rows.assign(
        residual=residual,
        verdict=pd.Series(verdict, index=rows.index, dtype="object").where(known, None),
        weeks_flagged=rows["student_id"].map(weeks["size"]).fillna(0).astype("int64"),
        first_flagged_week=rows["student_id"].map(weeks["min"]).astype("float64"),
    )
    return Review(results, rows.sort_values("student_id", ignore_index=True))


def write(review: Review, *, write: bool = True, run_id: str = "", week: int = 0) -> int:
    """Replace the exam's review and its scorecard; returns students reviewed, 0 when `write` is False."""
    if not write:
        return 0
    results = review.results
    with storing.entered(
        results.workspace, STAGE, results.term, week or results.week, run_id
    ) as run:
        return save(run, review)


def save(run: Run, review: Review) -> int:
    """As `write`, for a run that has been entered into the ledger."""
    results = review.results
    card = {
        "model_id": review_id(results.exam, results.term),
        "task": TASK,
        "trained_terms": "",
        "tested_term": results.term,
        "rows": results.known,
        "features": [],
        "metrics": {
            "by_class": _records(scorecard.by_class(review.rows)),
            "lists": _records(lists_compared(review)),
            "groups": _records(fairness.audit(_audited(review))),
        },
        "champion": False,
    }
    rows = review.rows[[name for name in TABLES["exam_review"].names if name in review.rows]]
    slices: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
        "exam_review": (rows, {"term": results.term, "exam_type": results.exam}),
        "model_runs": (pd.DataFrame([card]), {"model_id": card["model_id"]}),
    }
    if len(results.difficulty):
        slices["subject_difficulty"] = (results.difficulty, {"term": results.term})
    return storing.replace(results.workspace, run, slices)


def _records(table: pd.DataFrame) -> list[dict[str, object]]:
    return [
        {str(k): None if pd.isna(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]


# ------------------------------------------------------------ what the notebook shows


def by_class(review: Review) -> Styler:
    """Class by class and for all: results, fails, how far predictions were off, and who had been on a list in time."""
    names = {
        "class_id": "class",
        "mae": "prediction off by",
        "in_range": "within the range",
        "below": "below it",
        "listed": "failed, had been listed",
        "false_alarms": "listed who passed, for each who failed",
    }
    return readable(scorecard.by_class(review.rows).rename(columns=names), "by-class", digits=2)


def lists_compared(review: Review) -> pd.DataFrame:
    """The lists as they were sent, beside what one number alone would have chosen for the same places."""
    results, params = review.results, review.results.workspace.params
    first = params.calendar.grace_weeks
    weeks = results.metrics[results.metrics["sem_week"] > first]
    flags = results.flags[results.flags["sem_week"] > first]
    return scorecard.lists_compared(weeks, flags, _failed(review), params.triage, params.forecast)


def _failed(review: Review) -> pd.DataFrame:
    known = review.results.outcome.dropna(subset="failed")
    return known[["student_id", "failed"]].astype({"failed": bool})


def lead_time(review: Review) -> float:
    """Median weeks from the first place on a list to the exam, of those who failed; NaN where nobody was listed."""
    return scorecard.lead_time(review.results.flags, _failed(review), review.results.week)


def lists_shown(review: Review) -> Styler:
    """`lists_compared`, to look at."""
    return readable(lists_compared(review), "lists", digits=2)


def errors(review: Review) -> Styler:
    """Kinds of errors to look into, and what the log says of each."""
    return readable(_errors(review).rename(columns=lambda name: name.replace("_", " ")), "errors")


def _errors(review: Review) -> pd.DataFrame:
    return scorecard.errors(review.rows, review.results.flags, review.results.contacts)


def reliability(review: Review) -> figures.Picture | None:
    """The chance of failing as predicted against who failed; None where nothing was predicted."""
    rows = review.rows.dropna(subset=["p_fail", "failed"])
    if rows.empty:
        return None
    table = measures.reliability(
        rows["p_fail"].to_numpy("float64"), rows["failed"].to_numpy("float64")
    )
    return figures.reliability(table, "chance of failing, %", scale=100)


def _audited(review: Review) -> pd.DataFrame:
    rows = review.rows.merge(review.results.groups, on="student_id", how="left").dropna(
        subset="failed"
    )
    return rows.assign(
        flagged=rows["weeks_flagged"] > 0, p=rows["p_fail"], failed=rows["failed"].astype(bool)
    )


def fairness_table(review: Review) -> Styler:
    """How groups fared, with intervals; see `forecast.fairness.audit`."""
    table = fairness.audit(_audited(review)).rename(columns=lambda name: name.replace("_", " "))
    return readable(table, "groups", digits=2)


def fairness_said(review: Review) -> Styler:
    """What can, and what cannot, be said of differences between groups."""
    return readable(pd.DataFrame({"what can be said": _said(review)}), "said")


def _said(review: Review) -> list[str]:
    areas = fairness.abroca_of(_audited(review)).dropna().to_dict("records")
    curves = [
        f"ABROCA, the area between the ROC curves of {row['first']} and {row['second']}, is {row['abroca']:.2f}."
        for row in areas
    ]
    return [*fairness.verdicts(fairness.audit(_audited(review))), *curves]


def render_pages(review: Review, *, write: bool = True) -> list[Path]:
    """Write one page per advisor and one for the head of department, last; none without `write`.

    Raises:
        SettingsError: the reports folder cannot be written to.
    """
    if not write:
        return []
    results = review.results
    found = department.Reviewed(
        classes=scorecard.by_class(review.rows),
        lists=lists_compared(review),
        lead_time=lead_time(review),
        errors=_errors(review),
        groups=fairness.audit(_audited(review)),
        fairness=_said(review),
    )
    page = department.department_page(
        reports.EXAMS[results.exam], _day(results.term), found, reliability(review)
    )
    folder = settings.private_folder(results.folder)
    own = reports.write_pages(
        results.workspace, STAGE, results.term, results.week, folder, results.exam
    )
    head = folder / f"department-{results.exam}.html"
    return [*own, render.write_page(head, department.department_html(page))]


def _day(term: str) -> str:
    day = pd.Timestamp(term)
    return f"{day.day} {day:%B %Y}"
