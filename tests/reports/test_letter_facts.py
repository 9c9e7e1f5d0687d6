"""The one fact that a letter tells: which it is, and how it is said."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.fields.reasons import LETTER_FACTS, REASONS
from edumetrics.reports.letter_facts import NOTHING, LetterFact, choose_fact, name_work
from edumetrics.sentences import Sentences
from tests.reports.builder import SENTENCES, make_occasion, make_record

ASHA = {"student_id": "S1", "name": "Asha Lanternwala"}
GENERAL = "I wanted to ask how you are, and how the semester is going for you."


def tell(code: str, value: float | None = None, baseline: float | None = None) -> dict[str, Any]:
    return {**make_record(code, "as the card says it", 3), "value": value, "baseline": baseline}


def miss(*items: tuple[str, str, bool]) -> dict[str, Any]:
    """Work that is not in: kind, name, and whether it is still open."""
    work = [
        {"kind": kind, "name": name, "due": "2026-08-24", "open": still_open}
        for kind, name, still_open in items
    ]
    return {**tell("missed_work", len(work), 9), "items": work}


def open_work(*names: str) -> dict[str, Any]:
    return miss(*(("assignment", name, True) for name in names))


def write(*records: dict[str, Any], week: int = 12) -> str:
    draft = make_occasion(week=week).write_drafts(ASHA, "A1", records)["draft"]
    assert draft is not None
    return draft.body.split("\n\n")[1]


QUIZ = miss(("quiz", "Methods quiz 2", False))
CLOSED = miss(("assignment", "Methods assignment 1", False))
SAID = [
    (open_work("Methods assignment 3"), "Methods assignment 3 is still open."),
    (
        open_work("Methods assignment 3", "Methods assignment 4"),
        "Methods assignments 3 and 4 are still open.",
    ),
    (
        open_work("Methods assignment 3", "Networks assignment 1", "Methods assignment 4"),
        "Methods assignments 3 and 4 and Networks assignment 1 are still open.",
    ),
    (
        open_work("A assignment 1", "A assignment 2", "B assignment 1", "C assignment 1", "D assignment 7"),
        "A assignments 1 and 2 and B assignment 1, and 2 more are still open.",
    ),
    (
        miss(("quiz", "Methods quiz 2", False), ("assignment", "Methods assignment 4", True),
             ("assignment", "Methods assignment 1", False)),
        "Methods assignment 4 is still open.",
    ),
    (tell("low_attendance", 5, 16), "You missed 11 of the 16 lectures of last week"),
    (tell("attendance_fall", 0, 16), "You missed all 16 lectures of last week"),
    (tell("attendance_low", 0, 1), "You missed the one lecture of last week"),
    (tell("attendance_low", 0.5, 1), "You missed 0.5 of the 1 lecture of last week"),
    (tell("attendance_low", 2.5, 6), "You missed 3.5 of the 6 lectures of last week"),
    (CLOSED, "Methods assignment 1 is not in."),
    (tell("nothing_handed_in", 1), "Last week one piece of work was due, and it is not in."),
    (tell("nothing_handed_in", 3), "Last week 3 pieces of work were due, and none of them is in."),
    (
        tell("no_work", 16, 2),
        "Nothing of yours has come in for 16 days, and 2 pieces of work were due in that time.",
    ),
    (
        tell("missed_work_counts", 3, 7),
        "Of the 7 pieces of work that were due in the last few weeks, 3 are not in.",
    ),
    (QUIZ, "There is no attempt from you at Methods quiz 2."),
    (tell("academic_fall", 45.4, 61), "Your marks of the last few weeks come to 45 of 100"),
    (tell("academic_level", 38, 55), "Your marks of the last few weeks come to 38 of 100"),
    (tell("midterm_level", 34, 52), "Your midterm result is 34 of 100."),
    (
        {**tell("midterm_level", 34), "names": "end-term exam"},
        "Your end-term exam result is 34 of 100.",
    ),
    (tell("platform_silence", 0, 3.5), "You were on the learning platform on no day of last week."),
    (tell("platform_silence", 1, 3.5), "You were on the learning platform on one day of last week."),
    (tell("no_activity"), "Nothing of yours is on record for last week"),
    (tell("out_of_reach", 0, 90), "You were in none of the 90 lectures of this semester so far."),
    (tell("out_of_reach", 0.5, 20), "You were in 0.5 of the 20 lectures of this semester so far."),
    (tell("attendance_out_of_reach", 40, 90), "You were in 40 of the 90 lectures"),
    (tell("deadline", 14, 108), "Of the 108 lectures that are left, you can miss 14"),
    (tell("attendance_standing", 0, 20), "Of the 20 lectures that are left, you can miss none"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "said"), SAID)
def test_a_letter_tells_what_the_student_knows(record: dict[str, Any], said: str) -> None:
    assert write(record).startswith(said)


@pytest.mark.parametrize("record", [record for record, _ in SAID])
def test_a_letter_has_no_tier_no_comparison_and_no_blame(record: dict[str, Any]) -> None:
    draft = make_occasion(week=12).write_drafts(ASHA, "A1", [record])["draft"]
    said = f"{draft.subject} {draft.body}"
    assert not re.search(
        r"%|risk|score|\blist|flag|fail|warn|must|tier|urgent|absent|missed you|class|others|should",
        said,
        flags=re.IGNORECASE,
    )
    assert "as the card says it" not in said
    assert "None" not in said


def test_letters_about_different_facts_are_different() -> None:
    facts = [choose_fact(SENTENCES, [record]) for record, _ in SAID]
    bodies = [write(record) for record, _ in SAID]
    assert len(set(facts)) == len(SAID)
    assert len(set(bodies)) == len(SAID)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [tell("effort_fall", 20, 60)],
        [tell("effort_level", 20, 60)],
        [tell("watchlist"), tell("history_exam_avg_hist", 41, 60)],
        [tell("similarity", 70, 50)],
        # Numbers that are missing, and attendance that fell in the week before only.
        [tell("low_attendance", None, 16)],
        [tell("midterm_level", float("nan"))],
        [tell("attendance_fall", 4, 4)],
        [tell("missed_work", 2, 5)],
        # A week that was stored under other rules.
        [tell("open_work", 2), tell("off_list_earlier", 1)],
    ],
)
def test_without_a_fact_that_the_student_knows_a_letter_asks(records: list[dict[str, Any]]) -> None:
    assert choose_fact(SENTENCES, records) == NOTHING
    assert write(*records) == GENERAL


def test_a_letter_tells_what_can_still_be_done_before_what_was_missed() -> None:
    records = [tell("midterm_level", 34, 50), QUIZ, tell("low_attendance", 2, 16)]
    assert write(*records).startswith("You missed 14 of the 16 lectures")
    assert write(*records[:2]).startswith("There is no attempt from you at Methods quiz 2.")
    assert write(*records, open_work("Networks assignment 1")).startswith("Networks assignment 1")


def test_a_letter_tells_one_fact_only() -> None:
    body = write(open_work("Networks assignment 1"), tell("low_attendance", 2, 16), QUIZ)
    assert "lectures" not in body
    assert "quiz" not in body


def test_work_is_counted_once_however_often_it_is_stored() -> None:
    twice = open_work("Methods assignment 3", "Methods assignment 3")
    assert choose_fact(SENTENCES, [twice]) == LetterFact("open_work", "Methods assignment 3", 1)


@pytest.mark.parametrize(
    ("kind", "items", "said"),
    [
        ("quiz", ["Methods quiz 2", "Methods quiz 5"], "Methods quizzes 2 and 5"),
        ("assignment", ["Maths 2 assignment 3", "Maths 2 assignment 4"], "Maths 2 assignments 3 and 4"),
        ("assignment", ["Essay on joins", "Methods assignment 1"], "Essay on joins and Methods assignment 1"),
        ("assignment", ["Methods: 1984, a review"], "Methods: 1984, a review"),
        ("assignment", ["Lab 7"], "Lab 7"),
    ],
)  # fmt: skip
def test_numbers_of_one_subject_stand_together_and_titles_stand_whole(
    kind: str, items: list[str], said: str
) -> None:
    assert name_work(SENTENCES, kind, items) == said


def test_work_is_named_in_the_words_of_the_college() -> None:
    words = {
        "assignment": "{{ count | plural('Aufgabe', 'Aufgaben') }} {{ numbers }}",
        "subject": "{{ items }} in {{ subject }}",
    }
    german = Sentences.model_validate(
        {**SENTENCES.model_dump(), "and_": "und", "items": {**SENTENCES.items, **words}}
    )
    items = ["Aufgabe 3 in Methoden", "Aufgabe 4 in Methoden"]
    assert name_work(german, "assignment", items) == "Aufgaben 3 und 4 in Methoden"


def test_facts_are_told_from_reasons_that_exist() -> None:
    assert {code for told in LETTER_FACTS for code in told.codes} <= REASONS.keys()


small = st.integers(0, 3)
numbered = st.builds(
    tell,
    st.sampled_from(["low_attendance", "no_work", "midterm_level", "platform_silence", "deadline"]),
    small,
    st.integers(4, 5),
)
named = st.lists(st.sampled_from(["Methods assignment 1", "Methods assignment 2", "An essay"])).map(
    lambda names: open_work(*names)
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(numbered | named, max_size=2), min_size=8, max_size=8))
def test_of_a_list_of_eight_the_letters_are_the_same_where_the_facts_are(
    students: list[list[dict[str, Any]]],
) -> None:
    facts = [choose_fact(SENTENCES, records) for records in students]
    bodies = [write(*records) for records in students]
    assert len(set(bodies)) == len(set(facts)) == len(set(zip(facts, bodies, strict=True)))
