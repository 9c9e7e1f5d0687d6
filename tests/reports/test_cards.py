"""What a card says: facts by kind, a step, the last contact with plain numbers, and a letter without scores."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from edumetrics.errors import SettingsError
from edumetrics.params import Calendar, load
from edumetrics.reports import cards, draft_email
from edumetrics.reports.draft_email import LetterContext
from edumetrics.reports.model import StudentEntry
from edumetrics.reports.weekly import build_weekly_reports
from edumetrics.settings import PROJECT
from tests.reports.builder import (
    OUTLOOK,
    count_words,
    make_contacts,
    make_flags,
    make_occasion,
    make_record,
    make_week,
)

CALENDAR = Calendar()
LETTER = load(PROJECT / "params", "native").letter
FELL = make_record("attendance_fall", "Attended 4 of 10 lectures.")
OPEN = make_record("missed_work", "Not in: Methods assignment 3.")
ONCE = make_record("out_of_reach", "75% attendance went out of reach this week: attended 40 of 80.")
AHEAD = make_record("attendance_standing", "Can miss 3 of 108 lectures left.")
KNOWN = make_record("midterm_level", "Midterm 30 of 100.")
RULE = make_record("low_attendance", "Attended 1 of 10 lectures.")
WATCHED = make_record("watchlist", "Earlier results suggested keeping in touch.")
EARLIER = make_record(
    "earlier_level", "Average of the semester before 41 of 100; the class's was 60."
)


def list_entries(flags: pd.DataFrame, week: int = 7, **changes: Any) -> tuple[StudentEntry, ...]:
    """The students on the list of A1."""
    rows = make_week(flags=flags, **changes)
    return build_weekly_reports(make_occasion(week=week), rows)[0].entries


def make_card(*reasons: dict[str, Any], week: int = 7, **columns: Any) -> StudentEntry:
    """Asha's card; a column is her value of weekly_flags."""
    frames = {name: columns.pop(name) for name in ("contacts", "outlook") if name in columns}
    flags = make_flags([list(reasons)], **{name: [value] for name, value in columns.items()})
    return list_entries(flags, week, **frames)[0]


def make_outlook(
    p_fail: float = 0.71, subjects: str = "Databases, Methods", model: str = "fail-1"
) -> pd.DataFrame:
    names = subjects.replace(" (2 items left)", "")
    row = ("S1", 38.4, 29.0, 47.0, p_fail, subjects, names, model)
    return pd.DataFrame([row], columns=list(OUTLOOK))


# ------------------------------------------------------------ facts


def test_a_card_tells_three_facts_in_the_order_of_their_kinds() -> None:
    card = make_card(FELL, OPEN, AHEAD, KNOWN)
    assert card.reasons == (FELL["text"], OPEN["text"], AHEAD["text"])


def test_what_is_known_from_before_fills_a_place_that_is_left() -> None:
    assert make_card(FELL, KNOWN).reasons == (FELL["text"], KNOWN["text"])


def test_a_line_of_one_fact_tells_what_is_told_only_once() -> None:
    flags = make_flags([[FELL], [FELL, ONCE, OPEN]], within_capacity=[True, False])
    card, line = list_entries(flags)
    assert (card.reasons, line.reasons) == ((FELL["text"],), (ONCE["text"],))


def test_a_line_without_information_is_left_out() -> None:
    assert make_card(FELL).facts == ()


def test_a_long_fact_is_told_like_a_short_one() -> None:
    long = make_record("missed_work", "Not in: " + "a very long name of work, " * 20)
    assert make_card(FELL, long, AHEAD).reasons == (FELL["text"], long["text"], AHEAD["text"])


def test_the_step_that_helps_most_is_told_as_it_is_stored() -> None:
    card = make_card(FELL, best_step={"text": "Handing in Methods assignment 3 would help most."})
    assert [fact.text for fact in card.facts] == [
        "Handing in Methods assignment 3 would help most."
    ]


@pytest.mark.parametrize(
    ("status", "weeks", "waiting", "since"),
    [
        ("new", 1, False, "new"),
        ("continuing", 4, False, "4 weeks"),
        ("escalated", 2, False, "2 weeks"),
        ("returned", 3, False, "back, 3 weeks"),
        ("continuing", 1, False, "1 week"),
        ("continuing", 5, True, "5 weeks · no contact logged lately"),
    ],
)
def test_a_card_says_new_or_how_many_weeks_in_all(
    status: str, weeks: int, waiting: bool, since: str
) -> None:
    card = make_card(FELL, status=status, weeks_on_list=weeks, hand_over=waiting)
    assert card.since == since


@pytest.mark.parametrize(
    ("kinds", "mark"),
    [
        (["talked", "no answer"], "no answer so far"),
        (["no answer", "talked"], "no contact logged lately"),
    ],
)
def test_who_was_tried_without_an_answer_is_not_said_to_have_no_contact(
    kinds: list[str], mark: str
) -> None:
    days = ("2026-08-20", "2026-08-27")
    rows = [
        ("S1", week, kind, None, day) for week, kind, day in zip((4, 5), kinds, days, strict=True)
    ]
    card = make_card(FELL, hand_over=True, contacts=make_contacts(*rows))
    assert card.since == f"new · {mark}"


@pytest.mark.parametrize(
    ("kinds", "thanked"), [(["talked"], True), (["talked", "no answer"], False), ([], False)]
)
def test_the_letter_remembers_a_talk_where_it_was_the_last_contact(
    kinds: list[str], thanked: bool
) -> None:
    rows = [("S1", 4 + n, kind, None, f"2026-08-2{n}") for n, kind in enumerate(kinds)]
    draft = make_card(FELL, contacts=make_contacts(*rows)).draft
    assert draft is not None
    paragraph = draft.body.split("\n\n")[1]
    assert paragraph.startswith("Thank you for the talk on 20 August. ") is thanked


def test_a_place_that_was_kept_is_marked_and_counted() -> None:
    # By urgency the second of three would have the second place: it was kept for the third.
    flags = make_flags([[FELL]] * 3, within_capacity=[True, False, True])
    report = build_weekly_reports(make_occasion(), make_week(flags=flags))[0]
    assert [entry.since for entry in report.entries] == ["new", "new · kept place", "new"]
    assert "One place is kept for new or returning names." in str(report.sections[0])


def test_who_is_looked_after_takes_no_place_from_anyone() -> None:
    flags = make_flags(
        [[FELL]] * 3, within_capacity=[False, True, True], looked_after=[True, False, False]
    )
    report = build_weekly_reports(make_occasion(), make_week(flags=flags))[0]
    assert "kept" not in str(report.sections[0])


def test_who_comes_next_has_one_line_with_the_first_fact() -> None:
    line = make_card(FELL, OPEN, AHEAD, within_capacity=False)
    assert (line.reasons, line.facts, line.draft) == ((FELL["text"],), (), None)


# ------------------------------------------------------------ the first weeks


def test_in_the_first_weeks_the_news_that_listed_a_student_comes_first() -> None:
    card = make_card(FELL, RULE, OPEN, week=2, rules=[{"code": "low_attendance", "since_week": 2}])
    assert card.reasons == (RULE["text"], FELL["text"], OPEN["text"])
    later = make_card(FELL, RULE, OPEN, week=4, rules=[{"code": "low_attendance", "since_week": 4}])
    assert later.reasons[0] == FELL["text"]


def test_in_the_first_weeks_the_watchlist_is_the_first_line_with_its_number() -> None:
    card = make_card(FELL, OPEN, WATCHED, EARLIER, week=2)
    assert card.reasons == (
        "Keep in touch: average of the semester before 41 of 100; the class's was 60.",
        FELL["text"],
        OPEN["text"],
    )
    assert make_card(FELL, WATCHED, week=2).reasons == (WATCHED["text"], FELL["text"])


# ------------------------------------------------------------ before an exam


def test_before_an_exam_the_prediction_is_what_lies_ahead() -> None:
    card = make_card(FELL, OPEN, AHEAD, KNOWN, outlook=make_outlook())
    assert card.reasons == (
        FELL["text"],
        OPEN["text"],
        "Midterm predicted 38 (29-47); failing likely, 71 in 100: Databases, Methods.",
    )


@pytest.mark.parametrize(
    ("p_fail", "said"),
    [(0.60, "likely, 60"), (0.59, "possible, 59"), (0.35, "possible, 35")],
)
def test_a_chance_is_told_in_words_with_its_number_once(p_fail: float, said: str) -> None:
    card = make_card(FELL, outlook=make_outlook(p_fail, ""))
    assert card.reasons[-1].endswith(f"; failing {said} in 100.")
    assert sum("in 100" in text for text in card.reasons) == 1


def test_a_chance_that_reassures_is_no_reason_and_not_told() -> None:
    assert make_card(FELL, outlook=make_outlook(0.34, "")).reasons[-1] == (
        "Midterm predicted 38 (29-47)."
    )


def test_a_chance_is_never_the_first_line() -> None:
    card = make_card(KNOWN, AHEAD, outlook=make_outlook())
    assert "in 100" not in card.reasons[0]
    assert "in 100" in card.reasons[-1]


def test_another_deadline_stands_beside_the_prediction_only_where_a_place_is_left() -> None:
    news = make_record("deadline", "75% attendance is close to out of reach.")
    card = make_card(FELL, news, KNOWN, outlook=make_outlook())
    assert card.reasons[:2] == (FELL["text"], news["text"])
    assert "in 100" in card.reasons[2]
    full = make_card(FELL, OPEN, news, KNOWN, outlook=make_outlook())
    assert news["text"] not in full.reasons


def test_a_chance_that_no_model_has_said_is_told_as_a_rough_one() -> None:
    card = make_card(FELL, outlook=make_outlook(0.4, "", model="baseline"))
    assert card.reasons[-1].endswith("; failing possible, roughly 40 in 100.")


def test_a_card_with_too_many_words_keeps_the_names_of_the_work_longest_and_no_fact_less() -> None:
    twenty = "word " * 20
    fell, work = (
        make_record(code, f"{code} {twenty}", short=f"{code} in short.")
        for code in ("attendance_fall", "missed_work")
    )
    assert make_card(fell, work, week=4).reasons == (fell["text"], work["text"])
    assert make_card(fell, work, AHEAD, best_step={"text": "word " * 5}).reasons == (
        "attendance_fall in short.",
        work["text"],
        AHEAD["text"],
    )


def test_a_card_that_is_too_long_all_the_same_loses_its_last_fact_but_no_prediction() -> None:
    fell, work = (make_record(code, "word " * 20) for code in ("attendance_fall", "missed_work"))
    late = make_record("deadline", "word " * 15)
    told = make_card(fell, work, late, best_step={"text": "word " * 10})
    assert told.reasons == (fell["text"], work["text"])
    assert count_words(told) <= cards.MOST_WORDS
    foretold = make_card(
        fell, work, best_step={"text": "word " * 10}, outlook=make_outlook()
    ).reasons
    assert foretold[0] == fell["text"]
    assert foretold[-1] == "Midterm predicted 38 (29-47); failing likely, 71 in 100."
    assert len(foretold) == 2


@pytest.mark.parametrize(
    ("words", "ends"),
    [
        (30, ": Databases (2 items left), Methods."),
        (41, ": Databases, Methods."),
        (44, "71 in 100."),
    ],
)
def test_what_is_predicted_loses_first_what_is_to_come_and_then_the_subjects(
    words: int, ends: str
) -> None:
    outlook = make_outlook(subjects="Databases (2 items left), Methods")
    fell = make_record("attendance_fall", "word " * words)
    told = make_card(fell, outlook=outlook)
    assert told.reasons[-1].endswith(ends)
    assert count_words(told) <= cards.MOST_WORDS


def test_a_student_without_a_prediction_keeps_what_lies_ahead() -> None:
    other = make_outlook().assign(student_id="S9")
    assert make_card(FELL, AHEAD, outlook=other).reasons == (FELL["text"], AHEAD["text"])


def test_what_is_printed_for_a_student_has_no_prediction() -> None:
    card = make_card(FELL, OPEN, AHEAD, outlook=make_outlook(), best_step={"text": "A step."})
    assert card.handout == (FELL["text"], OPEN["text"], AHEAD["text"], "A step.")


# ------------------------------------------------------------ contacts


def course(**attended: int) -> pd.DataFrame:
    rows = [("S1", int(week[1:]), 10, count) for week, count in attended.items()]
    return pd.DataFrame(
        rows, columns=["student_id", "sem_week", "week_lectures_held", "week_lectures_attended"]
    )


def test_attendance_since_the_last_contact_by_hand() -> None:
    contacts = make_contacts(
        ("S1", 3, "talked", None, "2026-08-10"), ("S1", 6, "no answer", None, "2026-09-10")
    )
    attended = course(w1=9, w2=9, w3=8, w4=6, w5=6, w6=4, w7=7, w9=8)
    found = cards.find_last_contacts(contacts, attended, 9, CALENDAR)["S1"]
    assert (found["kind"], found["sem_week"]) == ("no answer", 6)
    assert found["weeks"] == (7, 9), "week 8 is the midterm"
    assert found["since"] == 100 * (7 + 8) / 20
    earlier = cards.find_last_contacts(contacts, attended, 6, CALENDAR)["S1"]
    assert earlier["kind"] == "talked", "an entry for week 6 is not known when its list is made"
    assert cards.find_last_contacts(contacts.iloc[:0], attended, 9, CALENDAR) == {}


@pytest.mark.parametrize(
    ("kind", "answers", "label", "text"),
    [
        ("no answer", 5, "No answer", "on 2 September; weeks 6-7: 60%."),
        ("emailed", 6, "Emailed", "on 2 September; week 7: 60%."),
    ],
)
def test_a_card_has_the_last_contact_by_date_with_what_followed(
    kind: str, answers: int, label: str, text: str
) -> None:
    contacts = make_contacts(("S1", answers, kind, None, "2026-09-02"))
    (fact,) = make_card(FELL, contacts=contacts).facts
    assert (fact.label, fact.text) == (label, text)


def test_a_contact_after_the_list_is_not_on_it() -> None:
    contacts = make_contacts(("S1", 7, "talked", None, "2026-09-08"))
    assert make_card(FELL, contacts=contacts).facts == ()


@pytest.mark.parametrize(
    ("until", "back"),
    [(None, "Back in view after week 9."), ("2026-09-28", "Back in view after 28 September.")],
)
def test_being_looked_after_says_until_when(until: str | None, back: str) -> None:
    contacts = make_contacts(("S1", 6, "talked", until, "2026-09-02"))
    line = make_card(FELL, OPEN, within_capacity=False, looked_after=True, contacts=contacts)
    assert line.reasons == (FELL["text"],)
    assert [fact.text for fact in line.facts] == ["on 2 September; week 7: 60%.", back]
    assert (line.urgency, line.since) == ("", "")


def test_care_goes_by_the_contact_that_began_it_and_not_by_a_later_call() -> None:
    contacts = make_contacts(
        ("S1", 5, "talked", None, "2026-08-26"), ("S1", 6, "no answer", None, "2026-09-02")
    )
    line = make_card(FELL, within_capacity=False, looked_after=True, contacts=contacts)
    assert line.facts[0].label == "Talked"


# ------------------------------------------------------------ the letter


@pytest.mark.parametrize(
    "topics", [(), ("attendance",), ("work", "marks"), ("attendance", "activity"), ("marks",)]
)
@pytest.mark.parametrize("to_parent", [True, False])
def test_a_letter_is_kind_and_without_scores(topics: tuple[str, ...], to_parent: bool) -> None:
    made = draft_email.write_draft(
        LETTER,
        "a@b.example",
        LetterContext("Asha Rao", "Dr. E", topics, 2, "midterm"),
        to_parent=to_parent,
    )
    assert made is not None
    assert not re.search(
        r"\d|%|risk|score|list|flag|fail|warn|must|tier|urgent|fell|absent", made.body, flags=re.I
    )
    assert "Asha" in made.body
    assert made.body.endswith("Warm wishes,\nDr. E")
    assert made.subject
    assert "  " not in made.body
    assert ("parent" in made.body) == to_parent


def test_a_letter_is_the_colleges_own() -> None:
    made = draft_email.write_draft(
        "Subject: Hola\n\nHola {{ first_name }}:\n\nun\nsaludo\n\nE",
        "a@b.example",
        LetterContext("Ana B", "E", (), 0, ""),
    )
    assert made is not None
    assert (made.subject, made.body) == ("Hola", "Hola Ana:\n\nun saludo\n\nE")
    assert draft_email.write_draft(LETTER, "", LetterContext("Ana B", "E", (), 0, "")) is None


@pytest.mark.parametrize("template", ["Hello", "Subject: x", "Subject: x\n\n{{ risk_score }}", "Subject: x\n\n{% if %}",
                                      "Subject: x\n\n{{ ''.__class__.__mro__ }}"])  # fmt: skip
def test_a_letter_that_cannot_be_used_is_told_in_a_sentence(template: str) -> None:
    with pytest.raises(SettingsError, match=r"letter\.txt\.j2"):
        draft_email.write_draft(template, "a@b.example", LetterContext("Ana B", "E", (), 0, ""))
