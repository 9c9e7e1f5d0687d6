"""The stage after an exam: compare predictions with results, and lists with who failed.

It also compares how groups of students fared, to audit fairness.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from edumetrics.college.exams import EVER
from edumetrics.college.terms import Term
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.forecast import fairness, scorecard
from edumetrics.inputs.terms import find_exam_week, find_term, get_report_folder
from edumetrics.stages.base import Day, Due, Moment, Replay, Slices, Stage
from edumetrics.stages.exam_results import (
    Results,
    count_known_results,
    has_analysed_weeks,
    read_results,
)
from edumetrics.stages.review_tables import (
    Review,
    collect_audit_rows,
    compare_lists,
    write_head_page,
)
from edumetrics.types import EXAMS, Exam
from edumetrics.workspace import Workspace, open_workspace

NAME = "post_analysis"
# Results of a semester that is over are asked for in so many weeks of the next, and until some are
# known.
LATE_RESULTS = 3
TASK = "review"
ExamName = Literal["", "midterm", "endterm"]


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
                if found is None:
                    continue
                week = _find_review_week(workspace, found)
                place = folder or get_report_folder(workspace, chosen, position, week)
                return replace(found, number=week, folder=Path(place))
    raise SettingsError(
        f"No result of {'any exam' if not exam else f'the {exam}'} is known yet:"
        " try again when results are published."
    )


def _find_review_week(workspace: Workspace, results: Results) -> int:
    """Return the week whose mail told the review before; the exam's where none did."""
    there = {"term": results.term, "exam_type": results.exam}
    made_by = workspace.store.read("exam_review", ("run_id",), **there)["run_id"].unique()
    runs = workspace.store.read("run_log", ("sem_week",), run_id=list(made_by))
    return results.number if runs.empty else int(runs["sem_week"].max())


def compute(results: Results) -> Review:
    """Compare every prediction with its result; change nothing."""
    # A student counts for the class of the last week before the exam.
    roll = results.metrics.sort_values("sem_week").drop_duplicates("student_id", keep="last")
    roll = roll[["student_id", "semester", "class_id"]]
    rows = roll.merge(results.predicted, on="student_id", how="left")
    outcome = results.outcome.rename(columns={"score": "actual"})
    rows = rows.merge(outcome, on="student_id", how="left")
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
            "groups": _convert_records(fairness.measure_groups(collect_audit_rows(review))),
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
    week = find_exam_week(moment.workspace.params.calendar, exam) or 0
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
    write_head_page=write_head_page,
    get_exam=lambda review: review.results.exam,
)
