"""Show an exam's review: the tables of its notebook, and the page for the head of department."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from pandas.io.formats.style import Styler

from edumetrics.analysis.written import Subject
from edumetrics.forecast import fairness, list_shares, measures, scorecard
from edumetrics.reports import department, figures, frozen, render
from edumetrics.reports.tables import show_table
from edumetrics.stages.exam_results import Results
from edumetrics.types import FactsDisplay

# The columns of exam_review that a forecast made.
FORECAST = ("predicted", "low", "high", "residual", "verdict", "p_fail")


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
    table = scorecard.measure_classes(review.rows).rename(columns=names)
    return show_table(table, "by-class", digits=2)


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


def measure_shares(review: Review) -> pd.DataFrame:
    """Return the shares that failed or left by tier and place (`list_shares`), after grace."""
    results, params = review.results, review.results.workspace.params
    first = params.calendar.grace_weeks
    return list_shares.measure_list_shares(
        results.metrics[results.metrics["sem_week"] > first],
        results.flags[results.flags["sem_week"] > first],
        _select_outcomes(review),
        params.triage,
        params.forecast,
    )


def build_shares_table(review: Review) -> Styler:
    """Return the shares that failed or left by tier and place, week by week, to look at."""
    return show_table(measure_shares(review), "shares", digits=2)


def build_reach_text(review: Review) -> Styler:
    """Return who was ever listed, and where the order of the words was not borne out."""
    results = review.results
    reach = list_shares.measure_reach(results.metrics, results.flags, _select_outcomes(review))
    by_model = results.metrics["p_fail"].notna().any()
    said = [
        list_shares.describe_reach(reach),
        *list_shares.find_broken_order(measure_shares(review), by_model=bool(by_model)),
    ]
    return show_table(pd.DataFrame({"what can be said": said}), "reach")


def _select_outcomes(review: Review) -> pd.DataFrame:
    """Return student_id and failed (bool) of the students whose outcome is known."""
    known = review.results.outcome.dropna(subset="failed")
    return known[["student_id", "failed"]].astype({"failed": bool})


def measure_lead_time(review: Review) -> float:
    """Return the median number of weeks from the first listing to the exam, of those who failed.

    NaN where none of them was listed.
    """
    return scorecard.compute_lead_time(
        review.results.flags, _select_outcomes(review), review.results.exam_week
    )


def build_lists_table(review: Review) -> Styler:
    """Return `compare_lists` as a table to look at."""
    return show_table(compare_lists(review), "lists", digits=2)


def build_error_table(review: Review) -> Styler:
    """Return the kinds of errors to look into, and what the intervention log says of each."""
    return show_table(_collect_errors(review).rename(columns=_format_name), "errors")


def _collect_errors(review: Review) -> pd.DataFrame:
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


def collect_audit_rows(review: Review) -> pd.DataFrame:
    """Return the review's rows with group, flagged and p, of students whose outcome is known."""
    rows = review.rows.merge(review.results.groups, on="student_id", how="left")
    rows = rows.dropna(subset="failed")
    return rows.assign(
        flagged=rows["weeks_flagged"] > 0, p=rows["p_fail"], failed=rows["failed"].astype(bool)
    )


def build_fairness_table(review: Review) -> Styler:
    """Return how groups fared, with intervals; see `forecast.fairness.measure_groups`."""
    table = fairness.measure_groups(collect_audit_rows(review))
    return show_table(table.rename(columns=_format_name), "groups", digits=2)


def _format_name(column: str) -> str:
    return column.replace("_", " ")


def build_fairness_text(review: Review) -> Styler:
    """Return what the data show, and do not show, about differences between groups."""
    audited = collect_audit_rows(review)
    curves = [
        f"ABROCA, the area between the ROC curves of {row['first']} and {row['second']},"
        f" is {row['abroca']:.2f}."
        for row in fairness.measure_abroca(audited).dropna().to_dict("records")
    ]
    said = [*fairness.describe_differences(fairness.measure_groups(audited)), *curves]
    return show_table(pd.DataFrame({"what can be said": said}), "said")


def write_head_page(review: Review, folder: Path) -> list[Path]:
    """Write the review for the head of department into a folder; return its path."""
    results, lists = review.results, compare_lists(review)
    if not results.workspace.params.triage.uses_models:
        # The analyst's run report keeps the forecast; a page has it only where lists may use it.
        review = replace(review, rows=review.rows.assign(**dict.fromkeys(FORECAST, np.nan)))
        lists = lists[lists["list"] != "forecast"]
    # A small class would be about someone, also as the difference of all classes and the others.
    sizes = review.rows.groupby("class_id")["student_id"].transform("size")
    shown = review.rows[sizes >= fairness.SMALLEST]
    audited = collect_audit_rows(review)
    groups = fairness.measure_groups(audited)
    found = department.ReviewTables(
        classes=scorecard.measure_classes(shown),
        small=review.rows.loc[sizes < fairness.SMALLEST, "class_id"].nunique(),
        lists=lists,
        lead_time=measure_lead_time(review),
        errors=_collect_errors(review),
        groups=groups,
        fairness=fairness.describe_differences(groups),
        curves=fairness.measure_abroca(audited),
    )
    sentences, first = results.workspace.params.sentences, pd.Timestamp(results.term)
    day = f"{sentences.format_day(first)} {first.year}"
    page = department.build_department_page(
        sentences, results.exam, day, found, plot_reliability(review)
    )
    # Both exams of a term can be reviewed into one folder, so the name holds the exam.
    head = folder / f"department-{results.exam}.html"
    about = Subject(results.term, 0, f"exam:{results.exam}")
    render.write_page(head, department.render_department_page(page))
    # It names no student.
    files = dict.fromkeys((head, frozen.write_view(head, page)), about)
    results.workspace.files.add(files, "page")
    return [head]
