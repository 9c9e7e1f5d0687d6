"""The email that an advisor may send: what it is about, to whom, and in whose words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.errors import SettingsError
from edumetrics.reports.draft_email import (
    LetterContext,
    find_topics,
    pick_first_name,
    write_draft,
)
from edumetrics.reports.model import EmailDraft
from tests.reports.builder import PARAMS

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
    ("name", "first"),
    [
        ("Asha Lanternwala", "Asha"),
        ("Asha", "Asha"),
        ("  Asha  Rao", "Asha"),
        ("Li Wei", "Li"),
        ("K. Raman", "K. Raman"),
        ("K Raman", "K Raman"),
        ("Dr. Asha Rao", "Dr. Asha Rao"),
        ("Raman, Kavya", "Raman, Kavya"),
        ("", ""),
    ],
)
def test_a_letter_addresses_by_the_first_name_or_by_all_of_it(name: str, first: str) -> None:
    assert pick_first_name(name) == first


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


def test_the_shipped_letter_without_topics_word_for_word() -> None:
    assert write() == EmailDraft(
        TO,
        "A short hello",
        "Dear Asha,\n\n"
        "I wanted to ask how you are, and how the semester is going for you.\n\n"
        "Could we meet for fifteen minutes in the next days? Tell me what time suits you."
        " If something else would help more, tell me that instead.\n\n"
        "Warm wishes,\nDr. Farida Inkwell",
    )


def test_a_letter_to_a_parent_tells_nothing_about_the_student() -> None:
    topics = ("attendance", "work", "marks", "activity")
    told = replace(ASHA, topics=topics, open_work=3, exam="midterm")
    assert write(about=told, to_parent=True) == write(about=ASHA, to_parent=True)
    assert write(to_parent=True).subject == "A short call?"


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("attendance", "I have missed you in some of the lectures"),
        ("work", "Some pieces of work are still open"),
        ("marks", "Some of the coursework looks heavy going"),
    ],
)
def test_each_topic_has_its_own_sentence(topic: str, words: str) -> None:
    assert words in write(about=replace(ASHA, topics=(topic,))).body
    assert words not in write().body


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
    ],
)
def test_a_letter_that_cannot_be_used_is_refused_in_one_sentence(letter: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        write(letter)
    assert why in str(refused.value)
    assert str(refused.value).startswith("letter.txt.j2 ")
    assert str(refused.value).endswith("correct it, or restore it from the project.")


words = st.text(st.characters(categories=["L"]), min_size=2, max_size=9)


@settings(max_examples=50, deadline=None)
@given(st.lists(words, min_size=1, max_size=4), st.booleans())
def test_only_the_first_name_is_in_the_salutation(parts: list[str], to_parent: bool) -> None:
    draft = write(about=replace(ASHA, name=" ".join(parts)), to_parent=to_parent)
    dear = "Dear parent of" if to_parent else "Dear"
    assert draft.body.split("\n\n")[0] == f"{dear} {parts[0]},"
    assert "\r" not in draft.body
    assert len(draft.subject.splitlines()) == 1
