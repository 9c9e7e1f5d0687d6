"""Build the page for the head of department after an exam: classes side by side, no names."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial

import pandas as pd

from edumetrics.forecast.fairness import SMALLEST
from edumetrics.forecast.scorecard import ALL
from edumetrics.reports.figures import Picture
from edumetrics.reports.render import render_template
from edumetrics.sentences import Sentences
from edumetrics.types import Exam, Row


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
        footnotes: one for each pair of groups that has a curve each.
        picture, picture_alt: a PNG in base64 and its text; empty where there was no forecast.
        sentences: the catalogue, for the words of the page itself.
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
    footnotes: tuple[str, ...]
    picture: str
    picture_alt: str
    sentences: Sentences


@dataclass(frozen=True)
class ReviewTables:
    """The results of an exam's review.

    Attributes:
        classes, lists, errors: tables of `forecast.scorecard`.
        small: how many classes are not in it, because they have fewer than `SMALLEST` students.
        lead_time: the median number of weeks from the first listing to the exam; NaN for none.
        groups, fairness: the table and the sentences of `forecast.fairness`.
        curves: the table of `forecast.fairness.measure_abroca`.
    """

    classes: pd.DataFrame
    small: int
    lists: pd.DataFrame
    lead_time: float
    errors: pd.DataFrame
    groups: pd.DataFrame
    fairness: list[str]
    curves: pd.DataFrame


def build_department_page(
    sentences: Sentences, exam: Exam, term: str, found: ReviewTables, picture: Picture | None
) -> DepartmentPage:
    """Return the view model of an exam's review.

    Args:
        sentences: the catalogue.
        exam: midterm or endterm.
        term: its first day as people write it.
        found: the results of the review.
        picture: forecast against outcome; None where there was no forecast.
    """
    whole = found.classes[found.classes["class_id"] == ALL].iloc[0]
    say = partial(sentences.say, "reports")
    name = say(f"exam_{exam}")
    return DepartmentPage(
        exam=name,
        term=term,
        # Where no score is known, the headline counts all students.
        headline=say(
            "exam_headline",
            exam=name,
            failed=whole["failed"],
            students=whole["results"] or whole["students"],
        ),
        summary=(
            *_build_summary(sentences, whole, found.lead_time),
            *([say("classes_small", count=found.small, least=SMALLEST)] if found.small else []),
        ),
        classes=tuple(_build_class_row(sentences, row) for row in found.classes.to_dict("records")),
        lists=tuple(
            ListRow(row["list"], _round_share(row["precision"]), _round_share(row["recall"]))
            for row in found.lists.to_dict("records")
        ),
        errors=tuple(
            (row["kind"], int(row["students"]), int(row["contacted"]))
            for row in found.errors.to_dict("records")
        ),
        groups=tuple(_build_group_row(sentences, row) for row in found.groups.to_dict("records")),
        fairness=tuple(found.fairness),
        footnotes=tuple(
            say("exam_curves", first=row["first"], second=row["second"], area=row["abroca"])
            for row in found.curves.dropna().to_dict("records")
        ),
        # The page fetches nothing, so it carries the picture itself.
        picture="" if picture is None else base64.b64encode(picture.render_png()).decode(),
        picture_alt="" if picture is None else picture.alt,
        sentences=sentences,
    )


def _build_summary(sentences: Sentences, whole: pd.Series, lead_time: float) -> list[str]:
    """Return sentences on predictions and lists; a sentence without its number is left out."""
    say, told = partial(sentences.say, "reports"), []
    if pd.notna(whole["mae"]):
        share = 100 * whole["in_range"]
        told.append(say("exam_predictions", points=whole["mae"], share=share))
    if pd.notna(whole["listed"]):
        # The lead time is a median, so it holds for half of the students.
        weeks = lead_time if pd.notna(lead_time) else None
        told.append(say("exam_listed", share=100 * whole["listed"], weeks=weeks))
    if pd.notna(whole["false_alarms"]):
        told.append(say("exam_alarms", alarms=whole["false_alarms"]))
    return told


def _build_class_row(sentences: Sentences, row: Row) -> ClassRow:
    # `round` raises an error for NaN, so every number that may be null is checked first.
    alarms, whole = float(row["false_alarms"]), row["class_id"] == ALL
    return ClassRow(
        name=sentences.say("reports", "exam_all_classes") if whole else str(row["class_id"]),
        students=int(row["students"]),
        failed=int(row["failed"]),
        error=None if pd.isna(row["mae"]) else round(row["mae"]),
        in_range=_round_share(row["in_range"]),
        listed=_round_share(row["listed"]),
        false_alarms=None if pd.isna(alarms) else f"{alarms:.1f}",
    )


def _build_group_row(sentences: Sentences, row: Row) -> tuple[str, int, str, str]:
    """Return a group, its number of students, and its two shares as texts."""
    return (
        str(row["group"]),
        int(row["students"]),
        _format_interval(sentences, row, "flag_rate"),
        _format_interval(sentences, row, "miss_rate"),
    )


def _format_interval(sentences: Sentences, row: Row, name: str) -> str:
    """Return a share with its 95% interval as text, in percent."""
    # The columns of an interval are the name of the share with these endings.
    value, low, high = (_round_share(float(row[name + end])) for end in ("", "_low", "_high"))
    if value is None:
        return sentences.say("reports", "exam_too_few")
    return sentences.say("reports", "exam_interval", value=value, low=low, high=high)


def _round_share(share: float) -> int | None:
    """Return a share in whole percent; None where it is null."""
    return None if pd.isna(share) else round(100 * share)


def render_department_page(page: DepartmentPage) -> str:
    """Return the page as self-contained HTML."""
    return render_template("department.html.j2", page.sentences, page=page)
