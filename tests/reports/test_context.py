"""The words that all reports share, and how a report names its readers and its students."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.errors import SettingsError
from edumetrics.params import Calendar, Offer
from edumetrics.reports import context
from tests.reports.builder import (
    PARAMS,
    PEOPLE,
    STUDENTS,
    change_params,
    make_occasion,
    make_record,
)

NULLS = (None, float("nan"), np.nan, pd.NA, pd.NaT)
ASHA = {"student_id": "S1", "name": "Asha Lanternwala", "roll_number": "07", "class_id": "CS3B"}
MISSED = make_record("low_attendance", "Text.", 9, value=5, baseline=16)


@pytest.mark.parametrize(
    ("advisor", "reader"),
    [
        ("A1", "Dr. Farida Inkwell"),
        ("A2", "A2"),
        (UNASSIGNED, "whoever looks after students without an advisor"),
    ],
)
def test_a_reader_has_a_name_or_an_id_or_a_phrase(advisor: str, reader: str) -> None:
    assert make_occasion().get_reader(advisor) == reader


@pytest.mark.parametrize(
    ("week", "dates"),
    [
        (1, "Week 1 of 18 · 20 to 26 July 2026"),
        (2, "Week 2 of 18 · 27 July to 2 August 2026"),
        (7, "Week 7 of 18 · 31 August to 6 September 2026"),
        (8, "Week 8 of 18 · 7 to 13 September 2026"),
    ],
)
def test_the_dates_of_a_week_name_a_second_month_only_where_there_is_one(
    week: int, dates: str
) -> None:
    assert make_occasion(week=week).format_kicker(pd.Series(["CS3B"]))[0] == dates


def test_a_week_over_the_new_year_has_the_year_in_which_it_ends() -> None:
    week = make_occasion(week=24, params=change_params("calendar", weeks_per_semester=30))
    assert week.format_kicker(pd.Series(["CS3B"]))[0] == (
        "Week 24 of 30 · 28 December to 3 January 2027"
    )


@pytest.mark.parametrize(
    ("classes", "line"),
    [
        ([], ""),
        ([None, None], ""),
        (["CS3B", "CS3B", None], "CS 3 B"),
        (["EE1", "CS3B", "AA"], "AA, CS 3 B, EE1"),
        (["D", "C", "B", "A"], "4 classes"),
    ],
)
def test_up_to_three_classes_are_named_in_order_and_more_are_counted(
    classes: list[str | None], line: str
) -> None:
    assert make_occasion().format_kicker(pd.Series(classes, dtype="object"))[1] == line


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "One of your 62 students"),
        (10, "Ten of your 62 students"),
        (11, "11 of your 62 students"),
    ],
)
def test_numbers_up_to_ten_are_words(count: int, said: str) -> None:
    assert make_occasion().describe_count("A1", count, 62) == said


@pytest.mark.parametrize(
    ("week", "said"),
    [
        (7, "The midterm is in week 8, from 7 September."),
        (6, "The midterm is in week 8, from 7 September."),
        (8, "The end-term exam is in week 18, from 16 November."),
        (18, ""),
    ],
)
def test_the_next_exam_is_told_with_its_date(week: int, said: str) -> None:
    assert make_occasion(week=week).describe_next_exam() == said


def test_every_student_belongs_to_one_advisor_and_those_without_one_stay_together() -> None:
    rows = STUDENTS[["student_id", "advisor_id"]].iloc[::-1]
    groups = [
        (advisor, group["student_id"].tolist())
        for advisor, group in make_occasion().group_by_advisor(rows)
    ]
    assert groups == [("A1", ["S3", "S2", "S1"]), ("A2", ["S4"]), (UNASSIGNED, ["S5"])]


def test_a_student_whom_the_college_does_not_name_is_still_in_the_group() -> None:
    rows = pd.DataFrame({"student_id": ["S1", "S99"], "advisor_id": ["A1", "A1"]})
    ((_, group),) = make_occasion().group_by_advisor(rows)
    names = [context.get_display_name(row) for row in group.to_dict("records")]
    assert names == ["Asha Lanternwala", "S99"]


@pytest.mark.parametrize(
    ("tier", "urgency", "shape"),
    [
        ("critical", "Urgent", "◆"),
        ("high", "Soon", "▲"),
        ("watch", "Keep in view", "●"),
        ("", "", ""),
        ("other", "", ""),
    ],
)
def test_a_tier_is_a_word_and_a_shape(tier: str, urgency: str, shape: str) -> None:
    entry = make_occasion().build_entry(ASHA, tier)
    assert (entry.urgency, entry.shape) == (urgency, shape)


def test_an_entry_has_what_the_college_has_on_one_line() -> None:
    row = {**ASHA, "name": " Asha\r\nBcc: all@x.example  ", "roll_number": " 0\t7 "}
    entry = make_occasion().build_entry(row, since="new", reasons=("A reason.",))
    assert entry.name == "Asha Bcc: all@x.example"
    assert entry.roll_number == "0 7"
    assert (entry.since, entry.reasons, entry.facts) == ("new", ("A reason.",), ())


@pytest.mark.parametrize("null", NULLS)
def test_a_student_without_name_and_roll_number_has_the_id_for_a_name(null: object) -> None:
    row = {**ASHA, "name": null, "roll_number": null}
    entry = make_occasion().build_entry(row)
    assert (entry.name, entry.roll_number) == ("S1", "")
    table = context.build_table_row(row, "33%", "")
    assert (table.name, table.about, table.cells) == ("S1", "CS3B", ("33%", ""))


def test_a_table_row_has_roll_number_and_class_below_the_name() -> None:
    row = context.build_table_row(ASHA)
    assert (row.name, row.about, row.cells) == ("Asha Lanternwala", "07 · CS3B", ())


# ------------------------------------------------------------ drafts


def test_drafts_go_to_the_student_and_to_a_parent_who_may_be_written_to() -> None:
    drafts = make_occasion().write_drafts(ASHA, "A1", [MISSED])
    assert drafts["draft"].to == "asha@students.example"
    assert drafts["parent"].to == "parent@home.example"
    assert drafts["draft"].body.endswith("Warm wishes,\nDr. Farida Inkwell")


@pytest.mark.parametrize(
    ("student", "written"), [("S1", True), ("S2", True), ("S3", False), ("S4", False)]
)
def test_there_is_no_draft_without_an_address_that_can_be_used(student: str, written: bool) -> None:
    drafts = make_occasion().write_drafts({**ASHA, "student_id": student}, "A1", [])
    assert (drafts["draft"] is not None) == written
    assert (drafts["parent"] is not None) == (student == "S1")


def test_an_advisor_without_a_name_does_not_sign_with_an_id() -> None:
    draft = make_occasion().write_drafts(ASHA, "A2", [])["draft"]
    assert draft.body.endswith("Warm wishes,")
    assert "A2" not in draft.body


@pytest.mark.parametrize(
    ("week", "exam"),
    [(1, "midterm"), (7, "midterm"), (8, "endterm"), (17, "endterm"), (18, "")],
)
def test_the_next_exam_is_the_one_still_ahead(week: int, exam: str) -> None:
    assert context.find_next_exam(week, PARAMS.calendar) == exam


@pytest.mark.parametrize(
    ("week", "said"),
    [
        (4, ""),
        (5, "The midterm is in the week of 7 September."),
        (7, "The midterm is in the week of 7 September."),
        (8, ""),
        (14, ""),
        (15, "The end-term exam is in the week of 16 November."),
        (17, "The end-term exam is in the week of 16 November."),
        (18, ""),
    ],
)
def test_a_draft_names_an_exam_of_the_next_three_weeks(week: int, said: str) -> None:
    body = make_occasion(week=week).write_drafts(ASHA, "A1")["draft"].body
    assert (said in body) if said else ("in the week of" not in body)


@pytest.mark.parametrize(
    ("midterm", "endterm", "exam"), [(None, 18, "endterm"), (8, None, "midterm"), (None, None, "")]
)  # fmt: skip
def test_a_college_without_an_exam_week_looks_ahead_to_no_such_exam(
    midterm: int | None, endterm: int | None, exam: str
) -> None:
    calendar = Calendar(midterm_week=midterm, endterm_week=endterm)
    assert context.find_next_exam(3, calendar) == exam


def test_a_draft_tells_a_fact_of_the_stored_reasons() -> None:
    assert "You missed 11 of the 16 lectures" in (
        make_occasion().write_drafts(ASHA, "A1", [MISSED])["draft"].body
    )


def test_a_draft_offers_times_of_the_week_after_the_reports() -> None:
    offers = {"default": Offer(times=("tuesday 14:00",)), "A2": None}
    occasion = make_occasion(week=7, params=change_params("mail", offers=offers))
    # Week 7 ends on 6 September, a Sunday.
    offered = occasion.write_drafts(ASHA, "A1")["draft"].body
    assert "I am free on Tuesday 8 September at 14:00" in offered
    assert "Which day would suit you?" in occasion.write_drafts(ASHA, "A2")["draft"].body


def test_who_is_away_signs_no_draft_and_offers_no_time() -> None:
    params = change_params("mail", offers={"A1": Offer(times=("tuesday 14:00",))})
    away = make_occasion(params=params, people=replace(PEOPLE, away=frozenset({"A1"})))
    body = away.write_drafts(ASHA, "A1")["draft"].body
    assert "14:00" not in body and "Dr. Farida Inkwell" not in body
    there = make_occasion(params=params).write_drafts(ASHA, "A1")["draft"].body
    assert "14:00" in there and there.endswith("Dr. Farida Inkwell")


@pytest.mark.parametrize("name", [*NULLS, "", "S1"])
def test_a_draft_never_greets_with_an_id(name: object) -> None:
    drafts = make_occasion().write_drafts({**ASHA, "name": name}, "A1")
    assert drafts["draft"].body.startswith("Hello,")
    assert drafts["parent"].body.startswith("Dear parent,")


def test_a_letter_of_the_colleges_own_still_has_topics_and_open_work() -> None:
    letter = "Subject: x\n\n{{ topics | join }} {{ open_work }}"
    items = [
        {"kind": kind, "name": f"Methods {kind} {n}", "due": "2026-08-24", "open": n > 1}
        for kind, n in (("assignment", 1), ("assignment", 2), ("assignment", 3), ("quiz", 1))
    ]
    record = {**make_record("missed_work", "Text.", 9), "items": items}
    occasion = make_occasion(params=PARAMS.model_copy(update={"letter": letter}))
    assert occasion.write_drafts(ASHA, "A1", [record])["draft"].body == "work 2"


def test_a_letter_that_cannot_be_used_stops_a_report_with_the_name_of_its_file() -> None:
    params = PARAMS.model_copy(update={"letter": "no subject"})
    with pytest.raises(SettingsError, match=r"letter\.txt\.j2 must begin with a line `Subject:"):
        make_occasion(params=params).write_drafts(ASHA, "A1", [])


# ------------------------------------------------------------ texts and numbers


@pytest.mark.parametrize("null", NULLS)
def test_what_is_not_known_is_empty(null: object) -> None:
    assert context.normalize_text(null) == ""
    assert context.format_cell(null, "%") == ""
    assert context.round_value(null) is None
    assert not context.is_known(null)


@pytest.mark.parametrize(
    ("value", "unit", "cell"),
    [(0, "", "0"), (33.4, "%", "33%"), (66.6, "", "67"), (np.float64(100), "%", "100%"), (0.5, "", "0"), (1.5, "", "2")],
)  # fmt: skip
def test_a_cell_is_a_whole_number_with_its_unit(value: float, unit: str, cell: str) -> None:
    assert context.format_cell(value, unit) == cell
    assert f"{context.round_value(value)}{unit}" == cell
    assert context.is_known(value)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-09-01", "1 September"),
        (pd.Timestamp("2026-12-31 23:59"), "31 December"),
        (np.datetime64("2026-02-28"), "28 February"),
    ],
)
def test_a_day_has_no_leading_zero_and_no_year(moment: object, day: str) -> None:
    assert make_occasion().format_day(moment) == day


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_a_text_is_always_one_line_with_single_blanks(text: str) -> None:
    line = context.normalize_text(text)
    assert len(line.splitlines()) <= 1
    assert "  " not in line
    assert line == line.strip() == context.normalize_text(line)
    assert line.replace(" ", "") == "".join(text.split())
