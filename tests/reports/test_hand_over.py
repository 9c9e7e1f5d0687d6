"""Who is told of students without an answer: each name once, with advisor and week, and no more."""

from __future__ import annotations

import pandas as pd
import pytest

from edumetrics.reports import render
from edumetrics.reports.hand_over import build_hand_over_report
from edumetrics.reports.model import Report, Students
from tests.reports.builder import change_params, make_occasion, make_rows

TOLD = change_params("triage", hand_over_to="dean@college.example")


def build(now: list[bool], before: list[bool], week: int = 7, to: str | None = "x") -> Report | None:  # fmt: skip
    """The report on Asha, Noor, K. Raman (all of A1), S4 (of A2) and Uma (of nobody)."""
    params = TOLD if to else change_params("triage", hand_over_to=None)
    flags, last = (make_rows(hand_over=marks) for marks in (now, before))
    return build_hand_over_report(make_occasion(week=week, params=params), flags, last)


def list_entries(report: Report) -> dict[str, list[tuple[str, str]]]:
    """By section, the name and the facts of each student."""
    return {
        part.title: [(one.name, " ".join(fact.text for fact in one.facts)) for one in part.entries]
        for part in report.sections
        if isinstance(part, Students)
    }


def test_who_is_new_to_it_is_named_with_the_advisor_and_since_when() -> None:
    report = build([True, True, False, True, False], [False, True, True, False, False])
    assert report is not None
    since = "Had a place in every teaching week since week 5 (17 August)."
    assert list_entries(report) == {
        "With Dr. Farida Inkwell": [("Asha Lanternwala", since)],
        "With A2": [("S4", since)],
    }
    assert report.subject == "Week 7 · 2 students without a logged contact for 3 weeks"


def test_an_exam_week_is_no_week_in_which_anybody_waited() -> None:
    report = build([True], [False], week=9)
    assert report is not None
    # Week 8 is the midterm: weeks 6, 7 and 9. The term begins on 20 July.
    assert "since week 6 (24 August)" in render.render_preview(report).text


@pytest.mark.parametrize(
    ("now", "before", "to"),
    [([True], [True], "x"), ([False], [False], "x"), ([False], [True], "x"), ([True], [False], "")],
    ids=["told last week", "nobody", "reached since", "nobody to tell"],
)
def test_without_anybody_new_there_is_no_mail(now: list[bool], before: list[bool], to: str) -> None:
    assert build(now, before, to=to) is None


def test_a_student_without_an_advisor_is_told_too() -> None:
    report = build([False] * 4 + [True], [False] * 5)
    assert report is not None
    ((title, entries),) = list_entries(report).items()
    assert title == "With whoever looks after students without an advisor"
    assert [name for name, _ in entries] == ["Uma Devi"]


def test_it_has_no_score_no_reason_and_no_draft() -> None:
    flags = make_rows(hand_over=[True]).assign(
        risk_tier="critical", urgency_score=91.0, reasons=[[{"text": "Attended 0 of 10."}]]
    )
    last = pd.DataFrame({"student_id": [], "hand_over": []})
    report = build_hand_over_report(make_occasion(params=TOLD), flags, last)
    assert report is not None
    text = render.render_preview(report).text
    assert "Asha Lanternwala" in text
    assert "07" in text, "the roll number"
    for word in ("Urgent", "91", "Attended 0 of 10", "Write to", "mailto"):
        assert word not in text + render.render_preview(report).html
    assert "Asha" not in report.subject
