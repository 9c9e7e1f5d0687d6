"""The email that an advisor may send: what it is about, to whom, and in whose words."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.errors import SettingsError
from edumetrics.params import Offer
from edumetrics.reports.draft_email import (
    LetterContext,
    OfferedTime,
    date_times,
    find_topics,
    write_draft,
)
from edumetrics.reports.first_name import pick_first_name
from edumetrics.reports.letter_facts import LetterFact
from edumetrics.reports.model import EmailDraft
from tests.reports.builder import PARAMS, SENTENCES

TO = "asha@students.example"
ASHA = LetterContext("Asha Lanternwala", "Dr. Farida Inkwell", (), 0, "")
SHORT = "Subject: Hello\n\n"


def write(letter: str = PARAMS.letter, about: LetterContext = ASHA, **more: bool) -> EmailDraft:
    draft = write_draft(letter, TO, about, **more)
    assert draft is not None
    return draft


@pytest.mark.parametrize(
    ("codes", "topics"),
    [
        ([], ()),
        (["watchlist", "open_work", "similarity"], ()),
        (["effort_fall", "platform_silence", "effort_level"], ("activity",)),
        (["low_attendance", "attendance_fall", "no_work"], ("attendance", "work")),
        (["similarity", "academic_level", "no_work", "low_attendance"], ("marks", "work")),
    ],
)
def test_a_letter_has_the_two_strongest_topics(codes: list[str], topics: tuple[str, ...]) -> None:
    assert find_topics(codes) == topics


@pytest.mark.parametrize(
    "address",
    [
        "",
        "asha",
        "@students.example",
        "asha@",
        "asha@x@y.example",
        "a@x.example, b@y.example",
        "a@x.example;b@y.example",
        "Asha <a@x.example>",
        "a b@x.example",
        "a@x.example\nBcc: b@y.example",
        " a@x.example",
        '"a"@x.example',
    ],
)
def test_there_is_no_draft_to_what_is_not_one_address(address: str) -> None:
    assert write_draft(PARAMS.letter, address, ASHA) is None


def test_the_shipped_letter_without_a_fact_word_for_word() -> None:
    assert write() == EmailDraft(
        TO,
        "Fifteen minutes this week?",
        "Dear Asha,\n\n"
        "I wanted to ask how you are, and how the semester is going for you.\n\n"
        "Could we talk for fifteen minutes? Which day would suit you?\n\n"
        "If something else would help more (a call, more time, someone to study with),"
        " tell me that instead.\n\n"
        "Warm wishes,\nDr. Farida Inkwell",
    )


def test_the_shipped_letter_with_all_that_it_can_have_word_for_word() -> None:
    told = replace(
        ASHA,
        exam="midterm",
        exam_day="7 September",
        fact=LetterFact("open_work", "Methods assignments 3 and 4", 2),
        times=(
            OfferedTime(1, "1 September", "14:00"),
            OfferedTime(3, "3 September", "9:30"),
        ),
    )
    assert write(about=told).body == (
        "Dear Asha,\n\n"
        "Methods assignments 3 and 4 are still open. I would like to hear what is in the way;"
        " if you are not sure whether they still count, ask me.\n\n"
        "The midterm is in the week of 7 September. Could we talk for fifteen minutes?"
        " I am free on Tuesday 1 September at 14:00 or on Thursday 3 September at 9:30;"
        " would one of these suit you?\n\n"
        "If something else would help more (a call, more time, someone to study with),"
        " tell me that instead.\n\n"
        "Warm wishes,\nDr. Farida Inkwell"
    )


def test_without_a_name_a_letter_greets_without_one() -> None:
    nameless = replace(ASHA, name="")
    assert write(about=nameless).body.startswith("Hello,\n\n")
    parent = write(about=nameless, to_parent=True).body
    assert parent.startswith("Dear parent,\n\nI am your child's advisor at the college.")
    assert parent.count("your child") == 2


def test_a_letter_may_offer_one_time_or_a_place_to_choose_one() -> None:
    one = replace(ASHA, times=(OfferedTime(4, "4 September", "08:15"),))
    assert "I am free on Friday 4 September at 08:15; would that suit you?" in write(about=one).body
    booked = replace(ASHA, booking="https://book.college.example/a1")
    assert "Choose a time that suits you: https://book.college.example/a1" in (
        write(about=booked).body
    )
    assert "Which day" not in write(about=one).body + write(about=booked).body


@pytest.mark.parametrize(
    ("first_day", "days"),
    [
        ("2026-08-31", [(1, "1 September", "14:00"), (3, "3 September", "9:30")]),
        # The week of this college begins on a Wednesday, so Thursday comes first.
        ("2026-09-02", [(3, "3 September", "9:30"), (1, "8 September", "14:00")]),
        ("2026-12-28", [(1, "29 December", "14:00"), (3, "31 December", "9:30")]),
    ],
)
def test_times_of_every_week_get_the_days_of_one_week_in_their_order(
    first_day: str, days: list[tuple[int, str, str]]
) -> None:
    offer = Offer(times=("thursday 9:30", "tuesday 14:00"))
    dated = date_times(SENTENCES, offer, pd.Timestamp(first_day))
    assert dated == tuple(OfferedTime(*day) for day in days)


def test_two_times_of_one_day_are_in_the_order_of_the_clock() -> None:
    offer = Offer(times=("monday 14:00", "monday 9:30"))
    dated = date_times(SENTENCES, offer, pd.Timestamp("2026-08-31"))
    assert [time.hour for time in dated] == ["9:30", "14:00"]


def test_a_letter_to_a_parent_tells_nothing_about_the_student() -> None:
    topics = ("attendance", "work", "marks", "activity")
    fact = LetterFact("open_work", "Methods assignment 3", 1)
    told = replace(ASHA, topics=topics, open_work=3, exam="midterm", fact=fact)
    assert write(about=told, to_parent=True) == write(about=ASHA, to_parent=True)
    assert write(to_parent=True).subject == "A short call?"


def test_a_letter_of_a_college_from_before_facts_still_works() -> None:
    old = (
        "{% if 'work' in topics and open_work == 1 %}One piece of work is still open."
        "{% elif 'work' in topics %}{{ open_work }} pieces are open.{% endif %}\n\n"
        "Could we meet{{ ', before the ' + exam if exam }}?\n\n{{ first_name }} {{ name }}"
    )
    about = replace(ASHA, topics=("work", "marks"), open_work=1, exam="midterm")
    assert write(SHORT + old, about).body == (
        "One piece of work is still open. Could we meet, before the midterm?\n\n"
        "Asha Asha Lanternwala"
    )


def test_lines_of_a_paragraph_are_joined_and_only_the_signature_keeps_its_lines() -> None:
    letter = (
        "\n\nSubject:   Hola  \n\n  uno\n  dos\n\n\n\ntres\n\nSaludos,\n{{ advisor }}\nRoom 4\n\n"
    )
    draft = write(letter)
    assert draft.subject == "Hola"
    assert draft.body == "uno dos\n\ntres\n\nSaludos,\nDr. Farida Inkwell\nRoom 4"


def test_a_letter_is_plain_text_and_names_are_no_templates() -> None:
    about = replace(ASHA, name="{{7*7}} <b>O'Brien</b>", advisor="R&D")
    assert write(SHORT + "{{ name }}\n\n{{ advisor }}", about).body == (
        "{{7*7}} <b>O'Brien</b>\n\nR&D"
    )


@pytest.mark.parametrize(
    ("letter", "why"),
    [
        ("Hello\n\nyou", "must begin with a line"),
        ("Subject: only\n  \n", "must begin with a line"),
        ("", "must begin with a line"),
        (SHORT + "{{ risk_score }}", "risk_score"),
        (SHORT + "{{ name", "cannot be used"),
        (SHORT + "{{ open_work + name }}", "cannot be used"),
        (SHORT + "{{ topics[5] }}", "cannot be used"),
        (SHORT + "{{ name.__class__.__mro__ }}", "cannot be used"),
        (SHORT + "{% include 'other' %}", "cannot be used"),
        (SHORT + "{{ 1 / open_work }}", "(division by zero)"),
        (SHORT + "{{ 10.0 ** 999 }}", "cannot be used"),
        (SHORT + "{{ range(9999999) }}", "cannot be used"),
        (SHORT + "{{ 'x' * 10 ** 15 }}", "(MemoryError)"),
        (SHORT + "{{ '{}'.format() }}", "cannot be used"),
        (SHORT + "{{ '{who}'.format() }}", "cannot be used"),
        (SHORT + "{{ '%q' % open_work }}", "cannot be used"),
        (SHORT + "{{ name | round('up', 'down') }}", "cannot be used"),
        (SHORT + "{{ name | no_such_filter }}", "no_such_filter"),
        (SHORT + "{{ dict(a=1, a=2) }}", "cannot be used"),
        (SHORT + "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "cannot be used"),
        (SHORT + "{{ fact.score }}", "score"),
    ],
)
def test_a_letter_that_cannot_be_used_is_refused_in_one_sentence(letter: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        write(letter)
    assert why in str(refused.value)
    assert str(refused.value).startswith("letter.txt.j2 ")
    assert str(refused.value).endswith("correct it, or restore it from the project.")


@pytest.mark.parametrize(
    "expression", ["{'a': 1}[name]", "{'a': 1}[advisor]", "first_name.split('')[name]"]
)
def test_the_refusal_of_a_letter_names_nobody(expression: str) -> None:
    with pytest.raises(SettingsError) as refused:
        write(SHORT + "{{ " + expression + " }}")
    assert not {"Asha", "Lanternwala", "Farida"} & set(re.findall(r"\w+", str(refused.value)))
    assert refused.value.__suppress_context__


words = st.text(st.characters(categories=["L"]), min_size=2, max_size=9)


@settings(max_examples=50, deadline=None)
@given(st.lists(words, min_size=1, max_size=4), st.booleans())
def test_the_salutation_has_the_name_that_was_picked(parts: list[str], to_parent: bool) -> None:
    name = " ".join(parts)
    draft = write(about=replace(ASHA, name=name), to_parent=to_parent)
    dear = "Dear parent of" if to_parent else "Dear"
    assert draft.body.split("\n\n")[0] == f"{dear} {pick_first_name(name)},"
    assert "\r" not in draft.body
    assert len(draft.subject.splitlines()) == 1
