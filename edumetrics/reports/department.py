"""Build the page for the head of department after an exam: classes side by side, no names."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pandas as pd

from edumetrics.forecast.scorecard import ALL
from edumetrics.reports.figures import Picture
from edumetrics.reports.render import get_environment
from edumetrics.types import Row


@dataclass(frozen=True)
class ClassRow:
    """One class, or all classes; numbers are rounded, and None where there is nothing to count.

    Attributes:
        name: the class_id, or a phrase for all classes.
        students, failed: counts.
        error: the mean absolute error of the predicted scores, in points.
        in_range: the share of scores within the predicted range, in percent.
        listed: the share of those who failed who had been on a list before, in percent.
        false_alarms: listed students who passed, for each listed student who failed; one decimal.
    """

    name: str
    students: int
    failed: int
    error: int | None
    in_range: int | None
    listed: int | None
    false_alarms: str | None


@dataclass(frozen=True)
class ListRow:
    """One way to choose students to reach, with its worth in percent; None where not known.

    Attributes:
        name: the way of choosing.
        precision: of 100 chosen students, how many failed.
        recall: of 100 students who failed, how many it chose.
    """

    name: str
    precision: int | None
    recall: int | None


@dataclass(frozen=True)
class DepartmentPage:
    """One exam of one term, for the head of department.

    Attributes:
        exam, term: the exam in words, and the first day of the term as people write it.
        headline, summary: the result in one line, and sentences on predictions and lists.
        classes, lists: the rows of two tables; the first class row is all classes.
        errors: a kind of error, the number of students, and how many someone was in contact with.
        groups: a group, its students, and two shares as texts: ever on a list; failed unlisted.
        fairness: sentences.
        picture, picture_alt: a PNG in base64 and its text; empty where there was no forecast.
    """

    exam: str
    term: str
    headline: str
    summary: tuple[str, ...]
    classes: tuple[ClassRow, ...]
    lists: tuple[ListRow, ...]
    errors: tuple[tuple[str, int, int], ...]
    groups: tuple[tuple[str, int, str, str], ...]
    fairness: tuple[str, ...]
    picture: str
    picture_alt: str


@dataclass(frozen=True)
class ReviewTables:
    """The results of an exam's review.

    Attributes:
        classes, lists, errors: tables of `forecast.scorecard`.
        lead_time: the median number of weeks from the first listing to the exam; NaN for none.
        groups, fairness: the table and the sentences of `forecast.fairness`.
    """

    classes: pd.DataFrame
    lists: pd.DataFrame
    lead_time: float
    errors: pd.DataFrame
    groups: pd.DataFrame
    fairness: list[str]


def build_department_page(
    exam: str, term: str, found: ReviewTables, picture: Picture | None
) -> DepartmentPage:
    """Return the view model of an exam's review.

    Args:
        exam: its name in words.
        term: its first day as people write it.
        found: the results of the review.
        picture: forecast against outcome; None where there was no forecast.
    """
    whole = found.classes[found.classes["class_id"] == ALL].iloc[0]
    return DepartmentPage(
        exam=exam,
        term=term,
        # Where no score is known, the headline counts all students.
        headline=f"After the {exam}: {whole['failed']} of {whole['results'] or whole['students']}"
        " students failed",
        summary=tuple(_build_summary(whole, found.lead_time)),
        classes=tuple(_build_class_row(row) for row in found.classes.to_dict("records")),
        lists=tuple(
            ListRow(row["list"], _round_share(row["precision"]), _round_share(row["recall"]))
            for row in found.lists.to_dict("records")
        ),
        errors=tuple(
            (row["kind"], int(row["students"]), int(row["contacted"]))
            for row in found.errors.to_dict("records")
        ),
        groups=tuple(_build_group_row(row) for row in found.groups.to_dict("records")),
        fairness=tuple(found.fairness),
        # The page fetches nothing, so it carries the picture itself.
        picture="" if picture is None else base64.b64encode(picture.render_png()).decode(),
        picture_alt="" if picture is None else picture.alt,
    )


def _build_summary(whole: pd.Series, lead_time: float) -> list[str]:
    """Return sentences on predictions and lists; a sentence without its number is left out."""
    told = []
    if pd.notna(whole["mae"]):
        told.append(
            f"Predicted scores were {whole['mae']:.0f} points off on average;"
            f" {100 * whole['in_range']:.0f}% of the scores fell within the predicted range,"
            " which is meant to hold four times in five."
        )
    if pd.notna(whole["listed"]):
        # The lead time is a median, so it holds for half of the students.
        ahead = (
            f", half of them at least {lead_time:.0f} weeks before the exam"
            if pd.notna(lead_time)
            else ""
        )
        told.append(
            f"Of those who failed, {100 * whole['listed']:.0f}% had been on an advisor's list"
            f" before{ahead}."
        )
    if pd.notna(whole["false_alarms"]):
        told.append(
            f"For each student listed who failed, {whole['false_alarms']:.1f} listed passed."
            " Some of them passed because someone spoke with them: a list cannot tell which."
        )
    return told


def _build_class_row(row: Row) -> ClassRow:
    """Return the row of one class, or of all classes."""
    # `round` raises an error for NaN, so every number that may be null is checked first.
    alarms = float(row["false_alarms"])
    return ClassRow(
        name="All classes" if row["class_id"] == ALL else str(row["class_id"]),
        students=int(row["students"]),
        failed=int(row["failed"]),
        error=None if pd.isna(row["mae"]) else round(row["mae"]),
        in_range=_round_share(row["in_range"]),
        listed=_round_share(row["listed"]),
        false_alarms=None if pd.isna(alarms) else f"{alarms:.1f}",
    )


def _build_group_row(row: Row) -> tuple[str, int, str, str]:
    """Return a group, its number of students, and its two shares as texts."""
    return (
        str(row["group"]),
        int(row["students"]),
        _format_interval(row, "flag_rate"),
        _format_interval(row, "miss_rate"),
    )


def _format_interval(row: Row, name: str) -> str:
    """Return a share with its 95% interval as text, in percent."""
    # The columns of an interval are the name of the share with these endings.
    value, low, high = (_round_share(float(row[name + end])) for end in ("", "_low", "_high"))
    return "too few to tell" if value is None else f"{value}% ({low} to {high})"


def _round_share(share: float) -> int | None:
    """Return a share in whole percent; None where it is null."""
    return None if pd.isna(share) else round(100 * share)


def render_department_page(page: DepartmentPage) -> str:
    """Return the page as self-contained HTML."""
    return get_environment().get_template("department.html.j2").render(page=page)
