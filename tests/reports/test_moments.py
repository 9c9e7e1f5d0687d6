"""What a moment of the semester adds to the mail of its week, read as an advisor reads it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.params import AfterExam, Params
from edumetrics.reports import pre_exam, pre_semester, render, results
from edumetrics.reports.model import Prose, Report, Section, Students
from edumetrics.reports.moments import Sections, build_alone_report
from tests.reports.builder import PARAMS, change_params, make_occasion, make_record, make_rows

NAN = float("nan")
NOTHING = pd.DataFrame(columns=["student_id", "name"])


def get_lines(section: Section) -> list[tuple[str, tuple[str, ...]]]:
    """The name and the sentences of each student in a section of lines."""
    assert isinstance(section, Students)
    assert section.brief, "a student has one card a week, and that is in the list"
    return [(entry.name, entry.reasons) for entry in section.entries]


def get_note(section: Section) -> str:
    """The sentences below the heading of a section, whether or not it names students."""
    if isinstance(section, Students):
        return section.note
    assert isinstance(section, Prose)
    return " ".join(section.paragraphs)


# ------------------------------------------------------------ before the semester


def build_before(listed: tuple[str, ...] = (), **columns: list[Any]) -> Sections:
    hello = make_record("history_exam_avg_hist", "The average over the exams is 41 of 100.", 1.5)
    more = make_record("history_assn_rate_hist", "Handed in 55% of the assignments.", 0.5)
    good = make_record("history_att_rate_hist", "Attended 95% of the lectures.", -2)
    given = {
        "risk_probability_pct": [72.0, 38.0, 10.0, 20.0, 65.0],
        "on_watchlist": [True, True, False, False, True],
        "reasons": [[hello, more, good], [good], [], [], [hello]],
    }
    return pre_semester.build_pre_semester_sections(
        make_occasion(week=1), make_rows(**(given | columns)), frozenset(listed)
    )


def test_who_has_nobody_on_the_watchlist_reads_nothing_of_it() -> None:
    assert set(build_before()) == {"A1", UNASSIGNED}


def test_the_watchlist_has_one_fact_a_student_and_the_likeliest_to_fail_first() -> None:
    (section,) = build_before()["A1"]
    assert section.title == "Say hello early"
    assert get_lines(section) == [
        ("Asha Lanternwala", ("The average over the exams is 41 of 100.",)),
        ("Noor Almanara", ()),
    ]


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ((), "Two of your 3 students may be glad of an early hello, as earlier semesters suggest."),
        (("S1",), "suggest; one of them is on the list above."),
        (("S1", "S2"), "suggest; all are on the list above."),
    ],
)
def test_who_is_on_the_list_above_is_only_counted(listed: tuple[str, ...], said: str) -> None:
    (section,) = build_before(listed)["A1"]
    assert said in get_note(section)
    named = {name for name, _ in get_lines(section)} if isinstance(section, Students) else set()
    expected = {"S1": "Asha Lanternwala", "S2": "Noor Almanara"}
    assert named == {name for student, name in expected.items() if student not in listed}


def test_one_student_is_one_name() -> None:
    (section,) = build_before(("S5",))[UNASSIGNED]
    assert get_note(section).startswith(
        "One student without an advisor may be glad of an early hello, as earlier semesters"
        " suggest; the name is on the list above."
    )


# ------------------------------------------------------------ before an exam


def build_exam(
    subjects: pd.DataFrame = NOTHING, on_cards: tuple[str, ...] = (), **columns: list[Any]
) -> Sections:
    given = {
        "predicted": [38.4, 35.0, 80.0, 65.0, 50.0],
        "low": [20.0, NAN, 70.0, 55.0, NAN],
        "high": [55.6, NAN, 90.0, 75.0, NAN],
        "p_fail": [0.62, 0.41, 0.05, 0.1, 0.2],
        "at_risk": [True, True, False, False, False],
        "model_id": ["fail-1"] * 5,
    }
    return pre_exam.build_pre_exam_sections(
        make_occasion(week=7),
        "midterm",
        make_rows(**(given | columns)),
        subjects,
        frozenset(on_cards),
    )


def test_an_outlook_is_a_row_with_score_range_and_chance() -> None:
    ((section,),) = build_exam().values()
    assert isinstance(section, Students)
    assert (section.title, section.kind) == ("Who may fail the midterm", "grid")
    assert section.columns == ("Predicted", "Failing", "Subjects at risk")
    assert get_lines(section) == [
        ("Asha Lanternwala", ("38 (20-56)", "likely, 62 in 100", "")),
        ("Noor Almanara", ("35", "possible, 41 in 100", "")),
    ]


def test_who_has_a_card_has_the_outlook_there() -> None:
    (section,) = build_exam(on_cards=("S1",))["A1"]
    assert section.title == "Who else may fail the midterm"
    assert [name for name, _ in get_lines(section)] == ["Noor Almanara"]
    assert build_exam(on_cards=("S1", "S2")) == {}


def test_without_its_chance_there_is_no_outlook() -> None:
    (section,) = build_exam(p_fail=[0.62, NAN, 0.05, 0.1, 0.2])["A1"]
    assert [name for name, _ in get_lines(section)] == ["Asha Lanternwala"]
    assert build_exam(p_fail=[NAN] * 5) == {}


def test_a_chance_that_no_model_has_said_is_told_as_a_rough_one() -> None:
    ((section,),) = build_exam(model_id=["fail-1", "baseline", *["fail-1"] * 3]).values()
    assert [cells[1] for _, cells in get_lines(section)] == [
        "likely, 62 in 100",
        "possible, roughly 41 in 100",
    ]


def test_three_subjects_at_risk_are_named_and_the_others_counted() -> None:
    names = ("Algebra", "Biology", "Chemistry", "Drawing", "English")
    subjects = pd.DataFrame([("S1", name) for name in names], columns=["student_id", "name"])
    ((section,),) = build_exam(subjects).values()
    assert [cells[2] for _, cells in get_lines(section)] == [
        "Algebra, Biology, Chemistry and 2 more",
        "",
    ]


def test_an_outlook_has_no_second_urgency_and_no_second_draft() -> None:
    ((section,),) = build_exam().values()
    assert isinstance(section, Students)
    assert all((entry.urgency, entry.draft) == ("", None) for entry in section.entries)


# ------------------------------------------------------------ after its results

MARKS = pd.DataFrame(
    [("S1", "DB", "Databases", 25.0), ("S1", "ME", "Methods", 31.4), ("S5", "DB", "Databases", NAN)],
    columns=["student_id", "subject_id", "name", "score"],
)  # fmt: skip


def build_results(
    left: tuple[str, ...] = (), params: Params = PARAMS, **columns: list[Any]
) -> Sections:
    given = {
        "actual": [30.0, 44.0, 95.0, NAN, NAN],
        "p_fail": [0.7, 0.5, 0.1, 0.2, NAN],
        "failed": [True, False, False, None, True],
    }
    occasion = make_occasion("post_analysis", 8, params)
    rows = make_rows(**(given | columns))
    return results.build_results_sections(occasion, "midterm", rows, MARKS, frozenset(left))


def say_next(**of_midterm: Any) -> Params:
    return change_params("mail", after_results={"midterm": AfterExam(**of_midterm)})


def test_who_failed_is_told_by_subject_and_mark() -> None:
    (section,) = build_results()["A1"]
    assert section.title == "Results of the midterm"
    assert get_lines(section) == [
        ("Asha Lanternwala", ("30 of 100 in all; not passed: Databases (25), Methods (31).",))
    ]
    (without,) = build_results()[UNASSIGNED]
    assert get_lines(without) == [("Uma Devi", ("Not passed: Databases.",))]


def test_no_mark_that_is_not_a_pass_is_told_as_one() -> None:
    """The pass mark is 40."""
    (section,) = build_results(failed=[True] * 5, actual=[39.7, 39.4, 44.0, NAN, NAN])["A1"]
    told = [reasons[0].split(" in all")[0] for _, reasons in get_lines(section)]
    assert sorted(told) == ["39 of 100", "39 of 100", "44 of 100"]


def test_who_failed_without_marks_is_told_all_the_same() -> None:
    (section,) = build_results(failed=[True, True, False, None, None], actual=[30.0, NAN] + [NAN] * 3)["A1"]  # fmt: skip
    assert ("Noor Almanara", ("Did not pass.",)) in get_lines(section)


def test_of_whom_no_result_is_known_nothing_is_told() -> None:
    assert set(build_results()) == {"A1", UNASSIGNED}


def test_who_passed_against_the_outlook_is_counted_and_no_model_is_judged() -> None:
    (section,) = build_results()["A1"]
    assert get_note(section) == (
        "One of your 3 students did not pass. One of the two whom the outlook saw at risk passed."
    )
    assert not {"range", "predicted", "verdict"} & set(repr(section).lower().split())


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"failed": [False] * 3 + [None] * 2}, "All 3 students whose results are known passed. All two whom the outlook saw at risk passed."),
        ({"failed": [False] + [None] * 4}, "The one student whose result is known passed. The one student whom the outlook saw at risk passed."),
        ({"failed": [False] + [None] * 4, "p_fail": [NAN] * 5}, "The one student whose result is known passed."),
        ({"p_fail": [NAN] * 5}, "One of your 3 students did not pass."),
    ],
)  # fmt: skip
def test_nobody_is_never_counted_as_no(columns: dict[str, list[Any]], said: str) -> None:
    assert get_note(build_results(**columns)["A1"][0]) == said


def test_who_left_the_college_is_said_to_have_left_and_is_not_counted() -> None:
    (section,) = build_results(left=("S1",))["A1"]
    assert get_lines(section) == [("Asha Lanternwala", ("Left the college.",))]
    assert get_note(section).startswith("All 2 students whose results are known passed.")
    (only,) = build_results(left=("S5",))[UNASSIGNED]
    assert get_note(only) == "No other result is known yet."


def test_what_comes_next_for_all_is_said_once() -> None:
    params = say_next(resits={"default": date(2026, 9, 21)}, see={"default": "the subject's teacher"})  # fmt: skip
    (section,) = build_results(params=params)["A1"]
    assert get_note(section).endswith(" The resit is on 21 September; see the subject's teacher.")
    (passed,) = build_results(params=params, failed=[False] * 5)["A1"]
    assert "resit" not in get_note(passed)


def test_what_comes_next_in_a_subject_stands_at_the_subject() -> None:
    params = say_next(resits={"DB": date(2026, 9, 21)}, see={"DB": "Dr. Rao", "ME": "room 12"})
    (section,) = build_results(params=params)["A1"]
    assert get_lines(section)[0][1] == (
        "30 of 100 in all; not passed:"
        " Databases (25; resit 21 September, see Dr. Rao), Methods (31; see room 12).",
    )


def test_a_resit_of_last_semester_is_not_told() -> None:
    params = say_next(resits={"default": date(2026, 3, 20), "DB": date(2026, 3, 20)})
    (section,) = build_results(params=params)["A1"]
    assert "resit" not in get_note(section) + repr(get_lines(section))


# ------------------------------------------------------------ all of them


@pytest.mark.parametrize("build", [build_before, build_exam, build_results])
def test_no_section_names_a_student_of_another_advisor(build: Any) -> None:
    names = {"A1": ("Asha", "Noor", "Raman"), UNASSIGNED: ("Uma",)}
    for advisor, sections in build().items():
        said = repr(sections)
        for other, own in names.items():
            for name in own:
                assert other == advisor or name not in said


def build_alone(sections: tuple[Section, ...]) -> Report:
    return build_alone_report(make_occasion("post_analysis", 8), "A1", sections)


def test_a_week_without_a_list_has_a_mail_of_the_section_alone() -> None:
    report = build_alone(build_results()["A1"])
    assert (report.stage, report.week, report.classes) == ("post_analysis", 8, ("CS3B",))
    assert report.subject == "Week 8 · Results of the midterm"
    assert report.headline == "There is no list this week."
    assert [section.title for section in report.sections] == [
        "Results of the midterm",
        "How to read this",
    ]
    assert "Asha" not in report.subject + report.headline + report.lead


def test_a_mail_of_a_section_alone_can_be_rendered_in_every_way() -> None:
    report = build_alone(build_results()["A1"])
    preview = render.render_preview(report)
    for text in (render.render_page(report), preview.html, preview.text):
        said = " ".join(text.split())
        assert "Databases (25), Methods (31)" in said
        assert "There is no list this week" in said


@pytest.mark.parametrize("build", [build_before, build_exam, build_results])
def test_equal_rows_give_equal_sections(build: Any) -> None:
    assert build() == build()
