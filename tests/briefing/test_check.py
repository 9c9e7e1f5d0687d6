"""What a model writes is shown only where it is made of forms that are true of the record."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from edumetrics.briefing.check import Unfit, fill_sentences, read_answer
from edumetrics.briefing.facts import BriefingRecord, make_fact
from edumetrics.params.briefing import Briefing
from tests.briefing.records import ON, SENTENCES, make_record

CARD = make_record("attendance_fall", "missed_work", "academic_level")
GOOD = (
    "Worth asking about: attended {r1.value}, and not in: {r2.names}.",
    "The average mark is {r3.value}, below {r3.baseline}, which is worth asking about.",
)


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
        "Worth asking about: attended 5 of 16 lectures this week,"
        " and not in: Methods assignments 3 and 4."
        " The average mark is 41 of 100, below the class's 62, which is worth asking about."
    )


@pytest.mark.parametrize(
    "sentence",
    [
        "Attended {r1.value}.",
        "The student attended {r1.value}; the average mark is {r3.value}, against {r3.baseline}.",
        "To begin with: attendance was {r1.value}, worth a word.",
        "Not handed in: {r2.names}.",
    ],
)
def test_what_the_forms_allow_is_shown(sentence: str) -> None:
    assert judge(sentence) == "shown"


@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("digit", "Attended 4 lectures, {r1.value}."),
        ("digit", "Attended ٤ lectures, {r1.value}."),
        ("word", "Attended four lectures, {r1.value}."),
        ("word", "Priya attended {r1.value}."),
        ("word", "Attended {r1.value} because of a job."),
        ("word", "The student is depressed, attended {r1.value}."),
        ("word", "Attended {r1.value}, and will recover."),
        ("word", "Asistió a {r1.value}."),
        ("word", "Attended <b>{r1.value}</b>."),
        ("form", "Attended\n{r1.value}."),
        ("form", "Attended  {r1.value}."),
        ("form", "attended {r1.value}."),
        ("form", "Attended {r1.value}"),
        ("form", "Attended {r1.value}. Attended."),
        ("form", "Attended {r1.value}, and."),
        ("reference", "Attendance was."),
        ("reference", "Attended {r9.value}."),
        ("reference", "Attended {r1.points}."),
        ("digit", "Attended {r01.value}."),
        ("reference", "Attended {r1.baseline}."),
        ("form", "Attended {r1.value}{r1.value}."),
        ("form", "Attended {r2.names}."),
        ("form", "The student {r2.names}."),
        ("form", "{r2.names} in."),
        ("word", "Attendance rose to {r1.value}."),
        ("word", "The average mark fell to {r3.value}."),
        ("word", "The average mark is {r3.value}, above {r3.baseline}."),
        ("form", "The average mark is {r3.baseline}, below {r3.value}."),
    ],
)
def test_what_no_form_allows_is_refused(verdict: str, sentence: str) -> None:
    assert judge(sentence) == verdict


def test_one_false_sentence_refuses_the_whole_answer() -> None:
    assert judge(*GOOD, "Attendance rose to {r1.value}.") != "shown"


def test_a_fact_that_is_told_twice_would_seem_to_be_two() -> None:
    assert judge("Attended {r1.value}.", "Attendance was {r1.value}.") == "repeated"
    assert judge("Attended {r1.value}, and attendance was {r1.value}.") == "repeated"


@pytest.mark.parametrize(
    "text",
    ["", "Attended.", "[]", '{"sentences": []}', '{"sentences": "x"}', '{"sentences": [1]}',
     '{"sentences": [""]}', '{"sentences": ["Attended {r1.value}."], "note": "x"}',
     '{"sentences": ["Attended {r1.val', "[" * 100_000],
)  # fmt: skip
def test_an_answer_in_another_form_is_refused(text: str) -> None:
    with pytest.raises(Unfit, match="malformed"):
        read_answer(text, CARD, ON)


def test_a_long_answer_is_refused() -> None:
    short = ON.model_copy(update={"most_words": ON.most_words.model_copy(update={"week": 20})})
    week = BriefingRecord("week", CARD.facts)
    assert read_answer(answer(*GOOD), CARD, short)
    with pytest.raises(Unfit, match="too long"):
        read_answer(answer(*GOOD), week, short)


def test_numbers_that_read_alike_have_no_direction() -> None:
    record = make_record("academic_level", value=61.6, baseline=62.4)
    assert judge("The average mark is {r1.value}, below {r1.baseline}.", record=record) == "word"
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
    assert judge(said.replace("up", "down"), record=week) == "word"


@pytest.mark.parametrize(
    "form",
    ["attended", "attended {baseline}", "attended {value} and {value}", "attended (a|{value}",
     "attended 5 of {value}", "attended {value}.*"],
)  # fmt: skip
def test_a_form_that_could_say_anything_is_refused_when_parameters_load(form: str) -> None:
    facts = {**ON.model_dump()["facts"], "lectures_week": {"any": [form]}}
    with pytest.raises(ValidationError):
        Briefing.model_validate({**ON.model_dump(), "facts": facts})
