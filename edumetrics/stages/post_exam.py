"""The stage after an exam: compare predictions with results, and lists with who failed.

It also compares how groups of students fared, to audit fairness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.college import subjects
from edumetrics.college.outcomes import EVER, compute_outcomes, read_exam_results
from edumetrics.college.terms import College, Term
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.forecast import fairness, measures, scorecard
from edumetrics.inputs.terms import PREDICTION_TABLES, find_term, get_report_folder
from edumetrics.reports import department, figures, from_store, render
from edumetrics.reports.tables import show_table
from edumetrics.stages.base import Day, Due, Moment, Replay, Slices, Stage
from edumetrics.types import Exam, FactsDisplay
from edumetrics.workspace import Workspace, open_workspace

NAME = "post_analysis"
# Results of a semester that is over are asked for in so many weeks of the next, and until some are
# known.
LATE_RESULTS = 3
TASK = "review"
ExamName = Literal["", "midterm", "endterm"]
EXAMS: tuple[Exam, Exam] = ("midterm", "endterm")
# Columns of weekly_metrics that the review reads; a term has many rows, so others stay unread.
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
# Without scores a student fails with more than this share of subjects failed.
HALF = 0.5


@dataclass(frozen=True)
class Results:
    """An exam that is over: the input of `compute`.

    Attributes:
        exam: midterm or endterm.
        term: ISO date of the term's first week.
        number: the exam's semester week.
        predicted: student_id, predicted, low, high, p_fail: the last prediction of each student
            before the exam.
        outcome: student_id, score (percent, NaN where there is none), failed (bool; <NA> where it
            is not known).
        known: how many students have a result.
        difficulty: how many students passed each subject; no rows for the midterm.
        metrics: the metrics (`METRICS`) of the weeks before the exam.
        flags: the places on lists (`FLAGS`) of the weeks before the exam.
        contacts: student_id, kind, sem_week: the intervention log of the term.
        groups: student_id, group: read only to audit fairness.
        folder: where reports go.
    """

    workspace: Workspace
    exam: Exam
    term: str
    number: int
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
class Review(FactsDisplay):
    """An exam and its review.

    Attributes:
        results: the input.
        rows: the columns of exam_review except term, exam_type, run_id and computed_at.
    """

    caption: ClassVar[str] = "Review"
    results: Results
    rows: pd.DataFrame

    def list_facts(self) -> dict[str, object]:
        """Return exam, term and number of results (see `Shown`)."""
        return {
            "exam": self.results.exam,
            "term": self.results.term,
            "results known": self.results.known,
        }


def load(exam: ExamName = "", term: Day = "", known_by: Day = "", folder: str = "") -> Results:
    """Read the results of an exam, and what was predicted before it.

    Args:
        exam: midterm or endterm; the latest exam with results when empty.
        term: ISO date of the term's first week; the term of the latest exam with results when
            empty.
        known_by: ISO date: results published later do not count; all results count when empty.
        folder: where reports go; chosen from term and exam when empty.

    Raises:
        SettingsError: the exam or term does not exist, or no result is known.
    """
    workspace = open_workspace()
    if exam not in ("", *EXAMS):
        raise SettingsError(f"There is no exam {exam}: the exams are {' and '.join(EXAMS)}.")
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        # Both lists run from the latest to the earliest: the first match is the latest exam.
        asked = [find_term(college, term, position)] if term else college.list_terms(position)[::-1]
        exams = [name for name in EXAMS[::-1] if exam in ("", name)]
        day = date.fromisoformat(known_by) if known_by else EVER
        for chosen in asked:
            for name in exams:
                found = read_results(workspace, college, chosen, name, day, Path(folder))
                if found is not None:
                    place = folder or get_report_folder(
                        workspace, chosen, position, found.number, NAME
                    )
                    return replace(found, folder=Path(place))
    raise SettingsError(
        f"No result of {'any exam' if not exam else f'the {exam}'} is known yet:"
        " try again when results are published."
    )


def find_exam_week(workspace: Workspace, exam: Exam) -> int | None:
    """Return the exam's semester week.

    It is the week after the last one for a semester without an end-term week, and None for a
    midterm that the calendar does not have.
    """
    calendar = workspace.params.calendar
    if exam == "midterm":
        return calendar.midterm_week
    return calendar.endterm_week or calendar.weeks_per_semester + 1


def read_results(
    workspace: Workspace, college: College, term: Term, exam: Exam, known_by: date, folder: Path
) -> Results | None:
    """Read the same as `load` through an open college.

    None where the calendar has no such exam, no result is known by the day `known_by`, or no week
    before the exam was analysed.
    """
    week, results = (
        find_exam_week(workspace, exam),
        read_exam_results(college, term, exam, known_by),
    )
    if week is None or results.empty:
        return None
    store, there = (
        workspace.store,
        {"term": term.name, "sem_week": _list_weeks_before(workspace, week)},
    )
    metrics = store.read("weekly_metrics", METRICS, **there)
    if metrics.empty:
        return None
    # The prediction of another week may differ: only the last one before the exam is judged.
    name = f"predicted_{exam}_score"
    said = store.read(
        PREDICTION_TABLES[exam],
        ("student_id", "sem_week", name, "low", "high", "p_fail"),
        term=term.name,
    )
    last = said.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    # Groups are read here and nowhere else, so that no score or forecast can depend on them.
    people = college.read_columns("students", "student_id", "gender").dropna(subset="student_id")
    return Results(
        workspace=workspace,
        exam=exam,
        term=term.name,
        number=week,
        predicted=last.rename(columns={name: "predicted"}).drop(columns="sem_week"),
        outcome=_read_outcome(college, term, exam, results, known_by),
        known=results["student_id"].nunique(),
        difficulty=subjects.compute_difficulty(college, term, known_by)
        if exam == "endterm"
        else pd.DataFrame(),
        metrics=metrics,
        flags=store.read("weekly_flags", FLAGS, **there),
        contacts=store.read("intervention_log", ("student_id", "kind", "sem_week"), term=term.name),
        groups=people.rename(columns={"gender": "group"}).drop_duplicates("student_id"),
        folder=folder,
    )


def _list_weeks_before(workspace: Workspace, week: int) -> list[int]:
    """Return the teaching weeks before a week, latest first; a list, as `Store.read` needs it."""
    calendar = workspace.params.calendar
    return list(calendar.get_teaching_weeks_before(week, week))


def _read_outcome(
    college: College, term: Term, exam: Exam, results: pd.DataFrame, known_by: date
) -> pd.DataFrame:
    """Return student_id, score and failed of an exam.

    A student who fails the semester fails the end-term. A student fails the midterm when the mean
    score is below the pass mark or, without scores, when more than half of the subjects are failed.
    """
    if exam == "endterm":
        return compute_outcomes(college, term, known_by)[["student_id", "score", "failed"]].astype(
            {"failed": "boolean"}
        )
    groups = results.groupby("student_id")
    score, share = groups["score"].mean(), groups["failed"].mean()
    # `boolean` keeps "not known" as <NA>: a comparison with NaN would say "not failed".
    failed = (
        (score < college.params.scoring.pass_mark)
        .astype("boolean")
        .where(score.notna(), share > HALF)
    )
    return pd.DataFrame({"score": score, "failed": failed}).reset_index()


def count_known_results(
    workspace: Workspace, college: College, term: Term, exam: Exam, known_by: date
) -> int:
    """Return how many students have a result of an exam that is known by a day."""
    if find_exam_week(workspace, exam) is None:
        return 0
    return read_exam_results(college, term, exam, known_by)["student_id"].nunique()


def has_analysed_weeks(workspace: Workspace, term: str, before: int) -> bool:
    """Return whether any week of a term before the week `before` was analysed."""
    weeks = _list_weeks_before(workspace, before)
    return not workspace.store.read(
        "run_log", ("run_id",), term=term, sem_week=weeks, stage="weekly", status="done"
    ).empty


def count_reviewed_results(workspace: Workspace, exam: Exam, term: str) -> int:
    """Return how many students' results the last review of an exam saw; 0 without a review."""
    # More results than this are the batch's reason to repeat the review.
    seen = workspace.store.read(
        "model_runs", ("model_id", "rows"), model_id=format_review_id(exam, term)
    )
    return 0 if seen.empty else int(seen["rows"].iloc[0])


def format_review_id(exam: Exam, term: str) -> str:
    """Return the model_id of a review's row in model_runs."""
    # `Store.forget_after` deletes reviews by the same pattern.
    return f"{TASK}-{exam}-{term}"


def compute(results: Results) -> Review:
    """Compare every prediction with its result; change nothing."""
    # A student counts for the class of the last week before the exam.
    roll = results.metrics.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    roll = roll[["student_id", "semester", "class_id"]]
    rows = roll.merge(results.predicted, on="student_id", how="left")
    rows = rows.merge(
        results.outcome.rename(columns={"score": "actual"}), on="student_id", how="left"
    )
    weeks = results.flags.groupby("student_id")["sem_week"].agg(["size", "min"])
    residual = rows["actual"] - rows["predicted"]
    known = residual.notna()
    # Comparisons with NaN fall through to "within": `where` below makes those verdicts null.
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


def _convert_records(table: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table as records for a JSON column."""
    # JSON has no NaN: a missing value is stored as null.
    return [
        {str(k): None if pd.isna(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]


def list_slices(review: Review, run_id: str) -> Slices:
    """Return what a review writes."""
    results = review.results
    # A review is stored like a trial of a model: one table then holds everything tested on a term.
    card = {
        "model_id": format_review_id(results.exam, results.term),
        "task": TASK,
        "trained_terms": "",
        "tested_term": results.term,
        "rows": results.known,
        "features": [],
        "metrics": {
            "by_class": _convert_records(scorecard.measure_classes(review.rows)),
            "lists": _convert_records(compare_lists(review)),
            "groups": _convert_records(fairness.measure_groups(_collect_audit_rows(review))),
        },
        "champion": False,
    }
    rows = review.rows[[name for name in TABLES["exam_review"].names if name in review.rows]]
    slices: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
        "exam_review": (rows, {"term": results.term, "exam_type": results.exam}),
        "model_runs": (pd.DataFrame([card]), {"model_id": card["model_id"]}),
    }
    # A midterm has no difficulty of its own: an empty slice would delete the end-term's.
    if len(results.difficulty):
        slices["subject_difficulty"] = (results.difficulty, {"term": results.term})
    return slices


# ------------------------------------------------------------ what the notebook shows


def build_class_table(review: Review) -> Styler:
    """Return results, fails, prediction errors, and who was listed in time: by class and in all."""
    names = {
        "class_id": "class",
        "mae": "prediction off by",
        "in_range": "within the range",
        "below": "below it",
        "listed": "failed, had been listed",
        "false_alarms": "listed who passed, for each who failed",
    }
    return show_table(
        scorecard.measure_classes(review.rows).rename(columns=names), "by-class", digits=2
    )


def compare_lists(review: Review) -> pd.DataFrame:
    """Return the lists as sent, beside what one number alone would have chosen for the places."""
    results, params = review.results, review.results.workspace.params
    # In grace weeks lists follow the rules alone, so a comparison would say nothing about them.
    first = params.calendar.grace_weeks
    weeks = results.metrics[results.metrics["sem_week"] > first]
    flags = results.flags[results.flags["sem_week"] > first]
    return scorecard.compare_lists(
        weeks, flags, _select_outcomes(review), params.triage, params.forecast
    )


def _select_outcomes(review: Review) -> pd.DataFrame:
    """Return student_id and failed (bool) of the students whose outcome is known."""
    known = review.results.outcome.dropna(subset="failed")
    return known[["student_id", "failed"]].astype({"failed": bool})


def measure_lead_time(review: Review) -> float:
    """Return the median number of weeks from the first listing to the exam, of those who failed.

    NaN where none of them was listed.
    """
    return scorecard.compute_lead_time(
        review.results.flags, _select_outcomes(review), review.results.number
    )


def build_lists_table(review: Review) -> Styler:
    """Return `compare_lists` as a table to look at."""
    return show_table(compare_lists(review), "lists", digits=2)


def build_error_table(review: Review) -> Styler:
    """Return the kinds of errors to look into, and what the intervention log says of each."""
    return show_table(
        _collect_errors(review).rename(columns=lambda name: name.replace("_", " ")), "errors"
    )


def _collect_errors(review: Review) -> pd.DataFrame:
    """Return the kinds of errors; see `forecast.scorecard.count_errors`."""
    return scorecard.count_errors(review.rows, review.results.flags, review.results.contacts)


def plot_reliability(review: Review) -> figures.Picture | None:
    """Return a figure of predicted chances of failing against who failed; None without any."""
    rows = review.rows.dropna(subset=["p_fail", "failed"])
    if rows.empty:
        return None
    table = measures.compute_reliability(
        rows["p_fail"].to_numpy("float64"), rows["failed"].to_numpy("float64")
    )
    sentences = review.results.workspace.params.sentences
    return figures.draw_reliability(sentences, table, "axis_forecast_failing", scale=100)


def _collect_audit_rows(review: Review) -> pd.DataFrame:
    """Return the review's rows with group, flagged and p, of students whose outcome is known."""
    rows = review.rows.merge(review.results.groups, on="student_id", how="left").dropna(
        subset="failed"
    )
    return rows.assign(
        flagged=rows["weeks_flagged"] > 0, p=rows["p_fail"], failed=rows["failed"].astype(bool)
    )


def build_fairness_table(review: Review) -> Styler:
    """Return how groups fared, with intervals; see `forecast.fairness.measure_groups`."""
    table = fairness.measure_groups(_collect_audit_rows(review)).rename(
        columns=lambda name: name.replace("_", " ")
    )
    return show_table(table, "groups", digits=2)


def build_fairness_text(review: Review) -> Styler:
    """Return what the data show, and do not show, about differences between groups."""
    return show_table(pd.DataFrame({"what can be said": _describe_fairness(review)}), "said")


def _describe_fairness(review: Review) -> list[str]:
    """Return the sentences about fairness: a verdict for each measure, then the ROC curves."""
    areas = fairness.measure_abroca(_collect_audit_rows(review)).dropna().to_dict("records")
    curves = [
        f"ABROCA, the area between the ROC curves of {row['first']} and {row['second']},"
        f" is {row['abroca']:.2f}."
        for row in areas
    ]
    return [
        *fairness.describe_differences(fairness.measure_groups(_collect_audit_rows(review))),
        *curves,
    ]


def _format_day(term: str) -> str:
    """Return the first day of a term in words, such as 5 January 2026."""
    day = pd.Timestamp(term)
    # strftime pads the day with a zero, and its flag against that is not portable.
    return f"{day.day} {day:%B %Y}"


def write_head_page(review: Review, folder: Path) -> list[Path]:
    """Write the review for the head of department into a folder; return its path."""
    results = review.results
    found = department.ReviewTables(
        classes=scorecard.measure_classes(review.rows),
        lists=compare_lists(review),
        lead_time=measure_lead_time(review),
        errors=_collect_errors(review),
        groups=fairness.measure_groups(_collect_audit_rows(review)),
        fairness=_describe_fairness(review),
    )
    page = department.build_department_page(
        results.workspace.params.sentences,
        results.exam,
        _format_day(results.term),
        found,
        plot_reliability(review),
    )
    # Both exams of a term can be reviewed into one folder, so the name holds the exam.
    head = folder / f"department-{results.exam}.html"
    return [render.write_page(head, department.render_department_page(page))]


def find_due(moment: Moment) -> Iterator[Due]:
    """Yield the exams of which a review has not seen every result known by the day."""
    progress = moment.progress
    for term, exam in _list_exams(moment):
        if not _has_earlier_week(moment, term, exam):
            continue
        known = count_known_results(moment.workspace, moment.college, term, exam, moment.day)
        key = (exam, term.name)
        before = progress.seen.get(key, count_reviewed_results(moment.workspace, exam, term.name))
        if known > before or (progress.again and known):
            progress.seen[key] = known
            yield Due(term.name, {"exam": exam, "known_by": moment.day.isoformat()})


def _has_earlier_week(moment: Moment, term: Term, exam: Exam) -> bool:
    """Return whether a week before the exam is analysed, or will be when its review is due."""
    week = find_exam_week(moment.workspace, exam) or 0
    planned = any(name == term.name and number < week for name, number in moment.progress.planned)
    return planned or has_analysed_weeks(moment.workspace, term.name, week)


def _list_exams(moment: Moment) -> Iterator[tuple[Term, Exam]]:
    """Yield the exams that may be reviewed: the end-term of the term before, and the own ones."""
    term, analysed, week = moment.term, moment.progress.analysed, moment.week
    if term is None:
        return
    earlier = max((name for name in analysed if name < term.name), default=None)
    if earlier is not None:
        key: tuple[Exam, str] = ("endterm", earlier)
        seen = moment.progress.seen.get(key, count_reviewed_results(moment.workspace, *key))
        # The college's whole history is read for it: only while results may still come.
        if not seen or week <= LATE_RESULTS:
            past = moment.college.list_terms(moment.position)
            yield from ((known, "endterm") for known in past if known.name == earlier)
    if term.name in analysed:
        yield from ((term, exam) for exam in EXAMS)


def replay(replay: Replay) -> Iterator[Results]:
    """Yield a term's exams, as far as results are known by the end of the last complete week."""
    week = replay.position.compute_week(replay.workspace.params.calendar)
    ends = replay.term.list_week_ends(week)["week_end"]
    # All results of a past term are known; those of the current term only up to now.
    known_by = ends.max().date() if replay.term.current and len(ends) else EVER
    for exam in EXAMS:
        found = read_results(replay.workspace, replay.college, replay.term, exam, known_by, Path())
        if found is not None:
            yield found


STAGE = Stage(
    name=NAME,
    when="after an exam",
    load=load,
    compute=compute,
    get_input=lambda review: review.results,
    list_slices=list_slices,
    find_due=find_due,
    replay=replay,
    build=from_store.build_after_exam,
    write_head_page=write_head_page,
    get_exam=lambda review: review.results.exam,
)
