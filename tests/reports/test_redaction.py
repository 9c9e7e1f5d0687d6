"""How much of a report a mail may say: all of it, initials, or numbers only."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.reports import render
from edumetrics.reports.galaxy import Galaxy, StudentPoint
from edumetrics.reports.model import (
    EmailDraft,
    Fact,
    NumberRow,
    Numbers,
    Prose,
    Reply,
    Report,
    Section,
    Students,
    StudentTable,
    TableRow,
)
from edumetrics.reports.redaction import apply_detail, format_initials
from tests.reports.builder import SENTENCES, make_entry, make_report

ASHA = make_entry(
    tier="critical",
    urgency="Urgent",
    shape="◆",
    reasons=("No work handed in for 12 days.",),
    facts=(Fact("Off the list:", "attends all lectures."),),
    draft=EmailDraft("asha@students.example", "Hello", "Dear Asha"),
    parent=EmailDraft("parent@home.example", "A call", "Dear parent of Asha"),
    replies=(Reply("Talked", "Talked [7-A]"),),
    code="7-A",
)
NOOR = make_entry(student_id="S2", name="Noor Almanara", roll_number="02")
NUMBERS = Numbers("In numbers", "Middle", "This week", "Last week", (NumberRow("Attendance", 79, 82, "%"),),
                  Galaxy((StudentPoint(50, 40, "", 45, 40),), (), "a picture", SENTENCES))  # fmt: skip
CLASS = Prose("About the class", ("27 of the 62 students.",))
TABLE = StudentTable("Your students", ("Can miss",), (TableRow("Asha Lanternwala", "07", ("3",)),))
WHOLE = make_report(
    Students("Start here", "Most urgent first.", (ASHA, NOOR)),
    Students("Left the list", "", (NOOR,), brief=True),
    CLASS,
    NUMBERS,
    TABLE,
)


def show(level: str, report: Report = WHOLE) -> Report:
    return apply_detail(level, report)


def find(report: Report, kind: str) -> list[Section]:
    return [section for section in report.sections if section.kind == kind]


def test_in_full_nothing_is_changed() -> None:
    assert show("full") == WHOLE


def test_initials_with_the_roll_number_stand_for_names_and_there_are_no_drafts() -> None:
    asha, noor, again = show("initials").entries
    assert (asha.name, noor.name, again.name) == ("A. L.", "N. A.", "N. A.")
    assert (asha.roll_number, asha.draft, asha.parent) == ("07", None, None)


def test_initials_keep_the_reasons_and_the_ways_to_report_back() -> None:
    asha = show("initials").entries[0]
    assert (asha.reasons, asha.facts) == (ASHA.reasons, ASHA.facts)
    assert (asha.urgency, asha.replies, asha.code) == ("Urgent", ASHA.replies, "7-A")
    assert show("initials").sections[2:] == WHOLE.sections[2:]


def test_counts_say_how_many_students_each_section_had() -> None:
    start, left, about = find(show("counts"), "prose")
    assert start == Prose("Start here", ("2 students.",))
    assert left == Prose("Left the list", ("1 student.",))
    assert about == CLASS


def test_counts_keep_numbers_without_the_picture_and_drop_the_table() -> None:
    counted = show("counts")
    (numbers,) = find(counted, "numbers")
    assert isinstance(numbers, Numbers)
    assert numbers.rows == NUMBERS.rows
    assert counted.galaxy is None
    assert find(counted, "table") == []
    assert (counted.entries, counted.replies) == ((), ())


def test_a_level_that_nobody_knows_says_least() -> None:
    assert show("everything!") == show("counts")


def test_names_in_a_line_are_initials_or_counted() -> None:
    line = Students("No record at all", "A note.", (ASHA, NOOR), brief=True, inline=True)
    report = make_report(line)
    assert "No record at all: Asha Lanternwala (07), Noor" in render.render_preview(report).text
    assert (
        "No record at all: A. L. (07), N. A. (02)."
        in render.render_preview(show("initials", report)).text
    )
    assert show("counts", report).sections == (Prose("No record at all", ("2 students.",)),)


@pytest.mark.parametrize("level", ["full", "initials", "counts"])
def test_the_heading_stays(level: str) -> None:
    shown = show(level)
    assert (shown.subject, shown.headline, shown.lead) == (WHOLE.subject, WHOLE.headline, WHOLE.lead)  # fmt: skip
    assert (shown.kicker, shown.reader) == (WHOLE.kicker, WHOLE.reader)


@pytest.mark.parametrize("level", ["initials", "counts"])
def test_no_rendering_of_a_mail_names_a_student(level: str) -> None:
    preview = render.render_preview(show(level))
    for text in (preview.html, preview.text):
        for word in ("Lanternwala", "Almanara", "asha@", "parent@", "Dear"):
            assert word not in text
        assert ("No work handed in" in text) == (level == "initials")


@pytest.mark.parametrize(
    ("name", "initials"),
    [
        ("Asha Lanternwala", "A. L."),
        ("Asha", "A."),
        ("K. Raman", "K. R."),
        ("  Élodie   van der Berg ", "É. v. d. B."),
        ("राम", "र."),
        ("", ""),
    ],
)
def test_initials_have_a_letter_for_each_word(name: str, initials: str) -> None:
    assert format_initials(name) == initials


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_initials_never_have_more_than_one_sign_of_a_word(name: str) -> None:
    assert [word[0] for word in name.split()] == [
        initial[0] for initial in format_initials(name).split()
    ]
    assert all(len(initial) == 2 for initial in format_initials(name).split())
