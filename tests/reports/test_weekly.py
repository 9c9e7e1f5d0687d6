"""What the weekly mail says, section by section, to one advisor."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd
import pytest

from edumetrics.params import Calendar
from edumetrics.reports import render
from edumetrics.reports.model import Numbers, Prose, Report, Section, Students, StudentTable
from edumetrics.reports.weekly import build_held_report, build_weekly_reports
from tests.reports.builder import (
    NOBODY,
    PARAMS,
    SENTENCES,
    change_params,
    count_words,
    make_contacts,
    make_exits,
    make_flags,
    make_health,
    make_occasion,
    make_record,
    make_week,
)
from tests.reports.full_week import make_full_report, without_outlook

FACT = make_record("attendance_fall", "Attended 4 of 10 lectures.")


def build(
    week: int = 7, moments: dict[str, tuple[Section, ...]] | None = None, **changes: Any
) -> Report:
    """The report of A1, who advises Asha, Noor and K. Raman."""
    return build_weekly_reports(make_occasion(week=week), make_week(**changes), moments)[0]


def find(report: Report, title: str) -> Section:
    return next(section for section in report.sections if section.title == title)


def list_titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def list_names(section: Section) -> list[str]:
    assert isinstance(section, Students)
    return [entry.name for entry in section.entries]


# ------------------------------------------------------------ the heading


def test_the_subject_counts_the_cards_and_the_new_among_them_and_names_a_near_exam() -> None:
    assert make_full_report().subject == ("Week 7 · 8 of 62 students · 2 new · midterm in one week")
    # Noor is new, but has no card.
    assert build().subject == "Week 7 · 1 of 3 students · midterm in one week"
    assert build(week=4).subject == "Week 4 · 1 of 3 students", "the midterm is four weeks away"


def test_the_preheader_says_what_changed_and_not_who_is_new() -> None:
    assert make_full_report().preheader == (
        "Since last week: one back on the list, four no longer on it, one more urgent,"
        " attendance 50% → 50%."
    )


def test_before_any_attendance_is_known_the_preheader_does_not_tell_it() -> None:
    week = make_week()
    unknown = week.metrics.assign(weekly_att_pct=None).astype({"weekly_att_pct": "float64"})
    assert build(metrics=unknown).preheader == ""


def test_last_weeks_conversations_are_told_in_plain_numbers() -> None:
    flags = make_week().flags
    contacts = make_contacts(
        ("S1", 6, "talked", None, "2026-09-01"),
        ("S3", 6, "called", None, "2026-09-01"),
        ("S2", 6, "no answer", None, "2026-09-01"),
        ("S2", 5, "talked", None, "2026-08-25"),
        ("S4", 6, "talked", None, "2026-09-01"),
    )
    last = make_week().last.assign(weekly_att_pct=[50.0, 60.0, 80.0, 70.0, None])
    places = flags[["student_id", "advisor_id"]].assign(within_capacity=True)
    report = build(contacts=contacts, last=last, last_flags=places)
    # In the order of the register: K. Raman of CS3A, then Asha; S4 has another advisor.
    assert report.lead == (
        "The midterm is in week 8, from 7 September. After the list of week 6 you talked to 2;"
        " attendance in week 6 and in week 7: 80% → 90%, 50% → 40%."
    )
    silent = build(contacts=contacts[contacts["student_id"] == "S1"], last_flags=places)
    assert silent.lead.endswith("One of the last list's cards has no entry from you yet.")


def test_without_cards_and_contacts_nothing_is_said_of_conversations() -> None:
    assert build().lead == "The midterm is in week 8, from 7 September."


def test_after_an_exam_the_last_list_is_named_by_its_week() -> None:
    contacts = make_contacts(("S1", 7, "talked", None, "2026-09-08"))
    assert "After the list of week 7 you talked to 1; attendance in week 7 and in week 9" in (
        build(week=9, contacts=contacts).lead
    )


def test_the_first_weeks_say_that_little_is_known() -> None:
    assert build(week=2).lead.startswith("It is week 2: little is known yet")


# ------------------------------------------------------------ the order of the sections


def test_the_sections_stand_in_the_order_in_which_they_are_read() -> None:
    added = {"A1": (Prose("Before the midterm", ("A line.",)),)}
    report = build(
        moments=added,
        findings=pd.DataFrame({"class_id": ["CS3B"], "text": ["A finding."]}),
        exits=make_exits(["left"], improved=[[FACT]]),
    )
    assert list_titles(report) == [
        "About the whole class", "Start here", "Next, if you have time", "Before the midterm",
        "Left the list", "The class in numbers", "Your students", "How fresh the data is",
        "How to read this",
    ]  # fmt: skip


def test_a_finding_of_another_class_is_not_told() -> None:
    findings = pd.DataFrame({"class_id": ["EE1"], "text": ["A finding."]})
    assert "About the whole class" not in list_titles(build(findings=findings))


def test_an_advisor_with_nobody_on_the_list_gets_a_mail_that_says_so() -> None:
    report = build(flags=make_week().flags.iloc[:0])
    assert report.headline == "Nobody is on your list this week."
    assert report.subject.startswith("Week 7 · none of 3 students")
    assert report.entries == ()


def test_everyone_has_a_report_and_those_without_an_advisor_have_one_together() -> None:
    readers = [report.reader for report in build_weekly_reports(make_occasion(), make_week())]
    assert readers == [
        "Dr. Farida Inkwell",
        "A2",
        "whoever looks after students without an advisor",
    ]


def test_a_held_report_names_nobody() -> None:
    held = build_held_report(make_full_report(), "The registers are missing.")
    assert held.preheader == ""
    (closing,) = held.sections
    assert "decides nothing" in closing.paragraphs[0]
    assert "The registers are missing." in held.lead
    assert "Asha" not in render.render_page(held)


# ------------------------------------------------------------ who is where


def test_the_second_advisor_reads_a_line_under_shared_with_you() -> None:
    shared = pd.DataFrame({"student_id": ["S1"], "advisor_id": ["A2"]})
    other = build_weekly_reports(make_occasion(), make_week(shared=shared))[1]
    section = find(other, "Shared with you")
    assert isinstance(section, Students)
    (line,) = section.entries
    assert (line.name, line.urgency) == ("Asha Lanternwala", "Urgent")
    assert line.reasons == ("Attended 4 of 10 lectures, 5 of 10 last week.",)
    assert line.facts[0].text == "Dr. Farida Inkwell."
    assert "Shared with you" not in list_titles(build())


def test_what_is_told_of_a_class_holds_the_mail_of_who_shares_its_students() -> None:
    shared = pd.DataFrame({"student_id": ["S1"], "advisor_id": ["A2"]})
    alone = build_weekly_reports(make_occasion(), make_week())[1]
    both = build_weekly_reports(make_occasion(), make_week(shared=shared))[1]
    first = build_weekly_reports(make_occasion(), make_week())[0]
    assert set(both.classes) - set(alone.classes) <= set(first.classes)
    assert set(both.classes) & set(first.classes)


def test_a_second_advisor_without_students_of_their_own_has_a_report() -> None:
    shared = pd.DataFrame({"student_id": ["S1"], "advisor_id": ["A9"]})
    *_, report = build_weekly_reports(make_occasion(), make_week(shared=shared))
    assert report.advisor_id == "A9"
    assert report.headline == "One student shared with you is on a list."
    assert [entry.name for entry in report.entries] == ["Asha Lanternwala"]


def test_talks_of_others_are_not_the_reader_s() -> None:
    talked = make_contacts(
        ("S1", 6, "talked", None, "2026-08-25"), ("S2", 6, "talked", None, "2026-08-25")
    ).assign(logged_by=["A1", "A2"])
    assert (
        "After the list of week 6 you talked to 1; attendance in week 6 and in week 7:"
        in build(contacts=talked).lead
    )
    assert "Others talked to 1 more." in build(contacts=talked).lead
    talked["logged_by"] = "A2"
    assert "After the list of week 6 others talked to 2 of your students." in (
        build(contacts=talked).lead
    )


def test_only_who_improved_has_left_and_of_the_others_is_told_what_remains() -> None:
    remains = [make_record("midterm_level", text) for text in ("One.", "Two.", "Three.")]
    improved = make_record("missed_work", "All is in.")
    report = build(
        exits=make_exits(
            ["left", "no longer listed", "withdrawn"],
            improved=[[improved, FACT], [], []],
            remaining=[[], remains, []],
        )
    )
    left, unlisted, gone = (
        find(report, title) for title in ("Left the list", "No longer listed", "Left the college")
    )
    assert isinstance(left, Students)
    assert isinstance(unlisted, Students)
    assert [entry.reasons for entry in left.entries] == [("All is in.",)]
    assert [entry.reasons for entry in unlisted.entries] == [("One.", "Two.")]
    assert list_names(gone) == ["K. Raman"]
    assert gone.kind == "names"


def make_silent(*rows: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["student_id", "sem_week"])


@pytest.mark.parametrize(
    ("silent", "told"),
    [
        # The same names as last week are not told again.
        ((("S1", 6), ("S1", 7)), []),
        ((("S1", 6), ("S1", 7), ("S2", 7)), ["Asha Lanternwala", "Noor Almanara"]),
        ((("S1", 6), ("S2", 6), ("S2", 7)), ["Noor Almanara"]),
        ((("S1", 6),), []),
        ((("S4", 7),), []),
    ],
)
def test_who_has_no_record_is_named_when_the_names_change(
    silent: tuple[tuple[str, int], ...], told: list[str]
) -> None:
    report = build(silent=make_silent(*silent))
    named = [s for s in report.sections if s.title == "No record at all this semester"]
    assert [name for section in named for name in sorted(list_names(section))] == told


def test_who_has_no_record_is_named_in_the_first_week() -> None:
    assert "No record at all this semester" in list_titles(build(1, silent=make_silent(("S1", 1))))


def test_out_of_reach_is_told_once_and_only_of_those_who_are_on_no_list() -> None:
    title = "75% attendance went out of reach this week, and not on your list"
    now = make_week().metrics
    # Asha (listed) and K. Raman: 110 of 108 and 101 of 100 to attend; last week in reach.
    lost = now.assign(lectures_to_attend=[110.0, 88.0, 101.0, 60.0, None])
    before = make_week().last.assign(lectures_to_attend=[40.0, 40.0, 40.0, 40.0, None])
    assert list_names(find(build(metrics=lost, last=before), title)) == ["K. Raman"]
    assert title not in list_titles(build(metrics=lost, last=lost.drop(columns="class_id")))


@pytest.mark.parametrize(
    ("kind", "title"), [("no longer listed", "No longer listed"), ("left", "Left the list")]
)
def test_who_is_not_listed_any_more_is_told_in_one_place_what_went_out_of_reach(
    kind: str, title: str
) -> None:
    lost = make_week().metrics.assign(lectures_to_attend=[40.0, 40.0, 101.0, 60.0, None])
    before = make_week().last.assign(lectures_to_attend=40.0)
    told = make_record("out_of_reach", "75% attendance went out of reach this week.")
    gone = make_exits([kind] * 3, improved=[[FACT]] * 3, remaining=[[told]] * 3)
    gone = gone[gone["student_id"] == "S3"]
    report = build(metrics=lost, last=before, exits=gone)
    section = find(report, title)
    assert isinstance(section, Students)
    assert [entry.reasons[-1] for entry in section.entries] == [told["text"]]
    assert not [title for title in list_titles(report) if "went out of reach" in title]
    silent = build(metrics=lost, last=before, exits=gone.assign(remaining=[[FACT]]))
    assert [title for title in list_titles(silent) if "went out of reach" in title]


def test_what_follows_below_the_rule_is_said_where_the_college_says_it() -> None:
    means = "Below it nobody sits the end-term exam."
    said = change_params("sentences", reports={**SENTENCES.reports, "rule_means": means})
    for params, told in ((PARAMS, False), (said, True)):
        [report, *_] = build_weekly_reports(make_occasion(params=params), make_week())
        assert (means in str(find(report, "How to read this"))) is told


# ------------------------------------------------------------ numbers, freshness, order


def test_the_numbers_are_means_of_the_same_students_in_both_weeks() -> None:
    numbers = find(build(), "The class in numbers")
    assert isinstance(numbers, Numbers)
    assert numbers.about == "Mean of your students"
    # Asha, Noor, K. Raman: activity 20, 50, 70, and 10 more last week; work 50, 100, 100.
    assert [(row.label, row.now, row.before, row.unit) for row in numbers.rows] == [
        ("Recorded activity", 47, 57, ""),
        ("Academic performance", 55, 55, ""),
        ("Attendance", 63, 63, "%"),
        ("Share of due work handed in", 83, 83, "%"),
    ]


def test_the_table_marks_who_is_on_the_list() -> None:
    table = find(build(), "Your students")
    assert isinstance(table, StudentTable)
    assert [(row.name, row.urgency) for row in table.rows] == [
        ("K. Raman", ""), ("Noor Almanara", "Keep in view"), ("Asha Lanternwala", "Urgent"),
    ]  # fmt: skip


def read_freshness(**changes: Any) -> tuple[str, ...]:
    section = find(build(**changes), "How fresh the data is")
    assert isinstance(section, Prose)
    return section.paragraphs


def test_freshness_is_told_by_the_newest_day_of_each_kind() -> None:
    health = make_health(
        ("attendance: feed", "all", 0, "Attendance: recorded up to 2026-09-06 (week 7)."),
        ("library_visits: feed", "all", 0, "Library visits: recorded up to 2026-09-06 (week 7)."),
        ("marks: feed", "all", 0, "Marks: recorded up to 2026-08-28."),
        ("book_borrows: feed", "all", 0, "Library loans: nothing recorded."),
        ("attendance: duplicate", "CS3B", 2, "Two rows came twice."),
        ("attendance: duplicate", "EE1", 2, "Of another class."),
    )
    assert read_freshness(health=health)[0] == (
        "To 6 September: registers and library visits. To 28 August: marks."
        " Nothing recorded lately: library loans; left out of this week's scores for everyone,"
        " and not counted as zero. Two rows came twice."
    )
    assert read_freshness()[0] == "Nothing is known about how fresh the data is."


@pytest.mark.parametrize(
    ("ranked_by", "precision", "said"),
    [
        ("model", 61.2, "Ranked by a forecast: of every 100 students that it put first last semester, 61 failed or left."),
        ("model", None, "Ranked by a forecast."),
        ("watchlist", None, "Ranked by what happened this week, then by results of earlier semesters."),
        ("rules", 61.2, "Ranked by rules, from attendance, open work, marks and activity; that is no chance of failing."),
    ],
)  # fmt: skip
def test_a_mail_says_what_its_order_goes_by(
    ranked_by: str, precision: float | None, said: str
) -> None:
    flags = make_week().flags.assign(ranked_by=ranked_by)
    assert read_freshness(flags=flags, precision=precision)[-1] == said
    assert len(read_freshness(flags=flags.iloc[:0])) == 1, "no list, no order"


# ------------------------------------------------------------ a whole mail


@pytest.fixture(scope="module", params=["with an outlook", "without"])
def full(request: pytest.FixtureRequest) -> Report:
    if request.param == "without":
        return make_full_report(outlook=without_outlook())
    return make_full_report()


def list_cards(report: Report) -> Students:
    section = find(report, "Start here")
    assert isinstance(section, Students)
    return section


def list_sentences(report: Report) -> list[str]:
    return [
        text
        for entry in list_cards(report).entries
        for text in (*entry.reasons, *(f"{fact.label} {fact.text}" for fact in entry.facts))
    ]


def test_a_card_and_all_cards_keep_to_their_words(full: Report) -> None:
    section = list_cards(full)
    words = [count_words(entry) for entry in section.entries]
    assert len(words) == 8
    assert max(words) <= 60
    # A prediction takes more words than the line that it stands for.
    assert sum(words) / 8 <= (51 if "predicted" in str(section) else 50)
    assert sum(words) + len(f"{section.title} {section.note}".split()) <= 450
    assert len(section.note.split()) <= 20


def test_no_card_has_fewer_facts_for_want_of_room(full: Report) -> None:
    assert [len(entry.reasons) for entry in list_cards(full).entries] == [3] * 8


def test_no_sentence_stands_on_more_than_a_quarter_of_the_cards(full: Report) -> None:
    assert max(Counter(list_sentences(full)).values()) <= 2


def test_the_cards_say_different_things(full: Report) -> None:
    masked = {re.sub(r"\d+", "#", sentence) for sentence in list_sentences(full)}
    assert len(masked) >= 16


def test_a_student_has_one_word_of_urgency_in_a_report(full: Report) -> None:
    words: dict[str, set[str]] = {}
    for entry in full.entries:
        words.setdefault(entry.name + entry.roll_number, set()).add(entry.urgency)
    table = find(full, "Your students")
    assert isinstance(table, StudentTable)
    for row in table.rows:
        roll = row.about.split(" · ")[0]
        if row.name + roll in words and row.urgency:
            words[row.name + roll].add(row.urgency)
    assert len(words) == 20
    # Who is looked after has no word in the list, but keeps the one of the table.
    assert all(len(found - {""}) <= 1 for found in words.values())


def test_the_html_of_sixty_students_stays_below_the_size_that_is_clipped(full: Report) -> None:
    html = render.render_mail_html(
        full, render.MailContext("a@b.example", "https://x.example", "C")
    )
    assert len(html.encode()) < 80 * 1024


def test_the_preheader_is_hidden_in_html_and_the_first_line_of_plain_text(full: Report) -> None:
    mail = render.MailContext()
    assert f"display:none;max-height:0;overflow:hidden;color:#1F2A33;background-color:#F5F3EE\">{full.preheader}<" in (
        render.render_mail_html(full, mail)
    )  # fmt: skip
    assert render.render_mail_text(full, mail).startswith("Since last week: one back on the list")


def test_students_are_numbered_alike_in_the_lists_and_in_the_picture(full: Report) -> None:
    galaxy = full.galaxy
    assert galaxy is not None
    listed = {entry.number: entry.name for entry in full.entries if entry.number}
    assert sorted(listed) == list(range(1, 14))
    assert {star.number: star.name for star in galaxy.listed} == listed


def test_a_sheet_to_print_has_no_urgency_no_forecast_and_room_for_notes() -> None:
    page = render.render_page(make_full_report())
    sheets = page.split('<article class="sheet">')[1:]
    assert len(sheets) == 13
    for sheet in sheets:
        words = re.sub(r"<[^>]*>", " ", sheet.split("</article>")[0])
        assert "Riverbend College · Computer Science, year 3, section B · Week 7 of 18" in words
        assert "Notes" in words
        assert not re.search(r"Urgent|Soon|Keep in view|predicted|in 100|weeks\b.*list", words)


def test_a_college_without_exams_and_rule_has_its_mail_all_the_same() -> None:
    params = change_params(
        "calendar", midterm_week=None, endterm_week=None, attendance_rule_pct=None
    )
    assert isinstance(params.calendar, Calendar)
    report = build_weekly_reports(make_occasion(params=params), make_week())[0]
    assert report.subject == "Week 7 · 1 of 3 students"
    assert report.lead == ""


def test_a_list_of_which_all_are_in_care_says_so() -> None:
    flags = make_flags([[FACT]], within_capacity=[False], looked_after=[True])
    report = build(flags=flags, shared=NOBODY)
    assert report.headline == "Everyone on your list is being looked after."
    assert "Start here" not in list_titles(report)
