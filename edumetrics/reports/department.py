"""The page for the head of department: classes side by side after an exam, no student named."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pandas as pd

from edumetrics.forecast.scorecard import ALL
from edumetrics.reports.figures import Picture
from edumetrics.reports.render import environment
from edumetrics.triage.situation import Row


@dataclass(frozen=True)
class ClassRow:
    """One class, or all; numbers as they are read, None where there is nothing to tell."""

    name: str
    students: int
    failed: int
    error: int | None
    in_range: int | None
    listed: int | None
    false_alarms: str | None


@dataclass(frozen=True)
class ListRow:
    """One way to choose whom to reach: of 100 chosen how many failed, and of 100 who failed how many it chose."""

    name: str
    precision: int | None
    recall: int | None


@dataclass(frozen=True)
class DepartmentPage:
    """One exam of one term, for the head of department."""

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
class Reviewed:
    """What an exam's review found; tables as `forecast.scorecard` and `forecast.fairness` give them."""

    classes: pd.DataFrame
    lists: pd.DataFrame
    lead_time: float
    errors: pd.DataFrame
    groups: pd.DataFrame
    fairness: list[str]


def department_page(
    exam: str, term: str, found: Reviewed, picture: Picture | None
) -> DepartmentPage:
    """The view model of an exam's review.

    Args:
        exam: its name in words.
        term: its first day as people write it.
        found: the review.
        picture: forecast against outcome; None where there was no forecast.
    """
    whole = found.classes[found.classes["class_id"] == ALL].iloc[0]
    return DepartmentPage(
        exam=exam,
        term=term,
        headline=f"After the {exam}: {whole['failed']} of {whole['results'] or whole['students']} students failed",
        summary=tuple(_summary(whole, found.lead_time)),
        classes=tuple(_class(row) for row in found.classes.to_dict("records")),
        lists=tuple(
            ListRow(row["list"], _pct(row["precision"]), _pct(row["recall"]))
            for row in found.lists.to_dict("records")
        ),
        errors=tuple(
            (row["kind"], int(row["students"]), int(row["contacted"]))
            for row in found.errors.to_dict("records")
        ),
        groups=tuple(_group(row) for row in found.groups.to_dict("records")),
        fairness=tuple(found.fairness),
        picture="" if picture is None else base64.b64encode(picture.png()).decode(),
        picture_alt="" if picture is None else picture.alt,
    )


def _summary(whole: pd.Series, lead_time: float) -> list[str]:
    told = []
    if pd.notna(whole["mae"]):
        told.append(
            f"Predicted scores were {whole['mae']:.0f} points off on average; {100 * whole['in_range']:.0f}% of the"
            " scores fell within the predicted range, which is meant to hold four times in five."
        )
    if pd.notna(whole["listed"]):
        ahead = (
            f", half of them at least {lead_time:.0f} weeks before the exam"
            if pd.notna(lead_time)
            else ""
        )
        told.append(
            f"Of those who failed, {100 * whole['listed']:.0f}% had been on an advisor's list before{ahead}."
        )
    if pd.notna(whole["false_alarms"]):
        told.append(
            f"For each student listed who failed, {whole['false_alarms']:.1f} listed passed. Some of them"
            " passed because someone spoke with them: a list cannot tell which."
        )
    return told


def _class(row: Row) -> ClassRow:
    alarms = float(row["false_alarms"])
    return ClassRow(
        name="All classes" if row["class_id"] == ALL else str(row["class_id"]),
        students=int(row["students"]),
        failed=int(row["failed"]),
        error=None if pd.isna(row["mae"]) else round(row["mae"]),
        in_range=_pct(row["in_range"]),
        listed=_pct(row["listed"]),
        false_alarms=None if pd.isna(alarms) else f"{alarms:.1f}",
    )


def _group(row: Row) -> tuple[str, int, str, str]:
    return (
        str(row["group"]),
        int(row["students"]),
        _interval(row, "flag_rate"),
        _interval(row, "miss_rate"),
    )


def _interval(row: Row, name: str) -> str:
    value, low, high = (_pct(float(row[name + end])) for end in ("", "_low", "_high"))
    return "too few to tell" if value is None else f"{value}% ({low} to {high})"


def _pct(share: float) -> int | None:
    return None if pd.isna(share) else round(100 * share)


def department_html(page: DepartmentPage) -> str:
    """The page as self-contained HTML."""
    return environment().get_template("department.html.j2").render(page=page)
