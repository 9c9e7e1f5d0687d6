"""What a model writes is shown only where every word and number of it is in the record."""

from __future__ import annotations

import json

import pytest

from edumetrics.briefing.check import Unfit, fill_sentences, read_answer
from edumetrics.briefing.facts import BriefingRecord, make_fact
from tests.briefing.records import ON, SENTENCES, make_record

CARD = make_record("attendance_fall", "missed_work", "academic_level")
GOOD = ("Attendance fell to {r1.value}.", "Worth asking about: {r2.names} not in.")


def answer(*sentences: str) -> str:
    return json.dumps({"sentences": sentences})


def judge(*sentences: str, record: BriefingRecord = CARD) -> str:
    try:
        read_answer(answer(*sentences), record, ON)
    except Unfit as unfit:
        return unfit.verdict
    return "shown"


def test_sentences_are_filled_with_the_values_of_the_record() -> None:
    assert fill_sentences(read_answer(answer(*GOOD), CARD, ON), CARD, SENTENCES) == (
        "Attendance fell to 5 of 16 lectures this week. "
        "Worth asking about: Methods assignments 3 and 4 not in."
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "The student attended {r1.value}.",
        "This week the student was at {r1.value}, down.",
        "{r2.names}: still missing.".replace("still ", ""),
        "The average mark is {r3.value}, below {r3.baseline}.",
        "The average mark stands at {r3.value}, against {r3.baseline}.",
    ],
)
def test_what_a_good_colleague_writes_is_shown(sentence: str) -> None:
    assert judge(sentence) == "shown"


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("digit", "Attended 4 lectures, {r1.value}."),
        ("digit", "Attended ٤ lectures, {r1.value}."),
        ("word", "Attended four lectures, {r1.value}."),
        ("word", "Attended nearly all of {r1.value}."),
        ("name", "Priya attended {r1.value}.".replace("Priya attended", "Attended by Priya")),
        ("word", "Attendance fell to {r1.value} because of a job."),
        ("word", "The student is depressed, attended {r1.value}."),
        ("word", "Attendance fell to {r1.value}, and will recover."),
        ("word", "La asistencia fell to {r1.value}."),
        ("mark-up", "Attendance fell to <b>{r1.value}</b>."),
        ("mark-up", "Attendance fell to {r1.value} [here](http)."),
        ("mark-up", "Attendance fell to\n{r1.value}."),
        ("mark-up", "Attendance fell to {r1.points}{}."),
        ("reference", "Attendance fell."),
        ("reference", "Attendance fell to {r9.value}."),
        ("reference", "Attendance fell to {r1.points}."),
        ("reference", "Attendance fell to {r1.baseline}."),
        ("reference", "Attendance fell to {r1.value}, {r1.value}."),
        ("reference", "Attended {r1.value}, the average mark {r3.value}."),
        ("word", "The average mark fell to {r1.value}."),
        ("word", "Attended {r2.names}."),
        ("needs", "The student has {r2.names}."),
        ("word", "{r2.names} handed in."),
        ("direction", "Attendance rose to {r1.value}."),
        ("direction", "The average mark is {r3.value}, above {r3.baseline}."),
        ("direction", "More work not in: {r2.names}."),
        ("place", "The average mark is {r3.baseline}, below {r3.value}."),
        ("place", "The average mark fell from {r3.value}."),
        ("sentence", "attended {r1.value}."),
        ("sentence", "Attended {r1.value}"),
        ("sentence", "Attended {r1.value}. and a word."),
    ],
)  # fmt: skip
def test_what_the_record_does_not_have_is_refused(verdict: str, sentence: str) -> None:
    assert judge(sentence) == verdict


def test_one_false_sentence_refuses_the_whole_answer() -> None:
    assert judge(*GOOD, "Attendance rose to {r1.value}.") != "shown"


def test_a_reference_that_is_told_twice_would_seem_to_be_two() -> None:
    assert judge("Attended {r1.value}.", "Attendance fell to {r1.value}.") == "reference"


@pytest.mark.parametrize(
    "text",
    ["", "Attendance fell.", "[]", '{"sentences": []}', '{"sentences": "x"}', '{"sentences": [1]}',
     '{"sentences": [""]}', '{"sentences": ["Attended {r1.value}."], "note": "x"}',
     '{"sentences": ["Attended {r1.val', "[" * 100_000],
)  # fmt: skip
def test_an_answer_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match="malformed"):
        read_answer(text, CARD, ON)


def test_a_long_answer_is_refused() -> None:
    long = "Attended {r1.value}" + ", and a word about the student" * 12 + "."
    assert judge(long) == "too long"
    week = BriefingRecord("week", CARD.facts)
    half = "Attended {r1.value}" + ", and a word about the student" * 7 + "."
    assert judge(half) == "shown"
    assert judge(half, record=week) == "too long", "a mail has room for forty words"


def test_numbers_that_read_alike_have_no_direction() -> None:
    record = make_record("academic_level", value=61.6, baseline=62.4)
    assert judge("The average mark is {r1.value}, below {r1.baseline}.", record=record) == (
        "direction"
    )
    assert judge("The average mark is {r1.value}, against {r1.baseline}.", record=record) == "shown"


def test_a_rise_is_told_as_one() -> None:
    fact = make_fact("week_attendance", value=64, baseline=61)
    assert fact is not None
    week = BriefingRecord("week", (fact,))
    said = "Mean attendance is {r1.value}, up from {r1.baseline}."
    assert judge(said, record=week) == "shown"
    assert fill_sentences((said,), week, SENTENCES) == (
        "Mean attendance is 64%, up from 61% last week."
    )
    assert judge("Mean attendance is {r1.value}, down from {r1.baseline}.", record=week) == (
        "direction"
    )
