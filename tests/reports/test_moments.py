"""The reports before the semester, before an exam and after its results, read as an advisor reads them."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.reports import pre_exam, pre_semester, render, results
from edumetrics.reports.model import Fact, Numbers, Prose, Report, Section, Students, StudentTable
from tests.reports.builder import change_params, make_occasion, make_record, make_rows

NAN = float("nan")
NOTHING = pd.DataFrame(columns=["student_id", "name"])
BELOW = make_record("academic_level", "The average mark is 38 of 100.", -6)
ABOVE = make_record("effort_level", "Recorded activity is 80 of 100.", 4)


def find(report: Report, title: str) -> Any:
    (section,) = [one for one in report.sections if one.title == title]
    return section


def list_titles(report: Report) -> list[str]:
    return [section.title for section in report.sections]


def read_numbers(section: Section) -> list[tuple[str, int | None, int | None, str]]:
    assert isinstance(section, Numbers)
    return [(row.label, row.now, row.before, row.unit) for row in section.rows]


# ------------------------------------------------------------ before the semester


def build_before(capacity: int = 8, **columns: list[Any]) -> list[Report]:
    hello = make_record("history_exam_avg_hist", "The average over the exams is 41 of 100.", 1.5)
    good = make_record("history_att_rate_hist", "Attended 95% of the lectures.", -2)
    given = {
        "risk_probability_pct": [72.0, 38.0, 10.0, 20.0, 65.0],
        "on_watchlist": [True, True, False, False, True],
        "exam_avg_hist": [41.4, 50.0, 80.0, 70.0, None],
        "att_rate_hist": [60.0, 95.0, 90.0, None, None],
        "assn_rate_hist": [55.0, 70.0, 100.0, 80.0, None],
        "escalation_level": [4.0, 0.0, 0.0, None, None],
        "reasons": [[hello, good], [good], [], [], [hello] * 5],
    }
    occasion = make_occasion("pre_sem", 1, change_params("triage", capacity=capacity))
    return pre_semester.build_pre_semester_reports(occasion, make_rows(**(given | columns)))


def test_each_advisor_has_a_report_before_the_semester() -> None:
    reports = build_before()
    assert [report.advisor_id for report in reports] == ["A1", "A2", UNASSIGNED]
    assert [report.reader for report in reports] == [
        "Dr. Farida Inkwell",
        "A2",
        "whoever looks after students without an advisor",
    ]
    assert [report.classes for report in reports] == [("CS3A", "CS3B"), ("CS3B",), ("CS3B",)]


def test_headlines_before_the_semester_count_who_may_be_glad_of_a_hello() -> None:
    mine, none, without = build_before()
    assert mine.headline == "Two of your 3 students may be glad of an early hello."
    assert none.headline == "Nobody stands out before the semester begins."
    assert without.headline == "One student without an advisor may be glad of an early hello."
    assert [report.subject for report in (mine, none, without)] == [
        "Before the semester · 2 of 3 students",
        "Before the semester · 0 of 1 students",
        "Before the semester · 1 of 1 students",
    ]


def test_the_likeliest_to_fail_come_first_and_a_good_past_is_no_reason() -> None:
    asha, noor = find(build_before()[0], "Say hello first").entries
    assert (asha.name, asha.urgency) == ("Asha Lanternwala", "Soon")
    assert asha.reasons == ("The average over the exams is 41 of 100.",)
    assert (noor.name, noor.urgency, noor.reasons) == ("Noor Almanara", "Keep in view", ())


def test_there_are_never_more_than_three_reasons() -> None:
    (uma,) = find(build_before()[2], "Say hello first").entries
    assert len(uma.reasons) == 3


def test_a_letter_before_the_semester_names_no_topic() -> None:
    asha = find(build_before()[0], "Say hello first").entries[0]
    assert "I wanted to ask how you are" in asha.draft.body
    assert "coursework" not in asha.draft.body


def test_who_comes_after_the_capacity_has_a_line() -> None:
    report = build_before(capacity=1)[0]
    assert [entry.student_id for entry in find(report, "Say hello first").entries] == ["S1"]
    later = find(report, "Next, if you have time")
    assert ([entry.student_id for entry in later.entries], later.brief) == (["S2"], True)
    assert "Next, if you have time" not in list_titles(build_before(capacity=2)[0])


def test_a_capacity_of_ones_own_counts_first() -> None:
    params = change_params("triage", capacity=1, capacities={"A1": 2})
    rows = make_rows(
        risk_probability_pct=[72.0, 38.0], on_watchlist=[True, True], exam_avg_hist=[1.0, 2.0],
        att_rate_hist=[1.0, 2.0], assn_rate_hist=[1.0, 2.0], escalation_level=[0, 0], reasons=[[], []],
    )  # fmt: skip
    (report,) = pre_semester.build_pre_semester_reports(make_occasion("pre_sem", 1, params), rows)
    assert len(find(report, "Say hello first").entries) == 2


def test_earlier_semesters_are_compared_by_their_middle() -> None:
    assert read_numbers(find(build_before()[0], "In numbers")) == [
        ("Average over exams", 50, 60, ""),
        ("Attendance", 90, 90, "%"),
        ("Assignments handed in", 70, 75, "%"),
    ]


def test_the_table_is_in_the_order_of_a_register() -> None:
    table = find(build_before()[0], "Your students")
    assert isinstance(table, StudentTable)
    assert [(row.name, row.about, row.cells) for row in table.rows] == [
        ("K. Raman", "05 · CS3A", ("80", "90%", "100%", "0")),
        ("Noor Almanara", "02 · CS3B", ("50", "95%", "70%", "0")),
        ("Asha Lanternwala", "07 · CS3B", ("41", "60%", "55%", "4")),
    ]
    assert table.columns[3] == "Weeks on a list last semester"


# ------------------------------------------------------------ before an exam


def build_exam(
    exam: str = "midterm",
    subjects: pd.DataFrame = NOTHING,
    listed: tuple[str, ...] = (),
    **columns: list[Any],
) -> list[Report]:
    given = {
        "predicted": [38.4, 35.0, 80.0, 65.0, 50.0],
        "low": [20.0, 25.0, 70.0, 55.0, NAN],
        "high": [55.6, 45.0, 90.0, 75.0, NAN],
        "p_fail": [0.62, 0.41, 0.05, 0.1, 0.2],
        "at_risk": [True, True, False, False, False],
        "reasons": [[BELOW] * 4, [ABOVE, BELOW], [], [], []],
    }
    return pre_exam.build_pre_exam_reports(
        make_occasion("pre_mid", 7),
        exam,
        make_rows(**(given | columns)),
        subjects,
        frozenset(listed),
    )


@pytest.mark.parametrize("exam", ["midterm", "end-term exam"])
def test_headlines_before_an_exam(exam: str) -> None:
    mine, none, _ = build_exam(exam)
    assert mine.headline == f"Two of your 3 students may need help before the {exam}."
    assert mine.subject == f"Before the {exam} · 2 of 3 students · week 7"
    assert none.headline == f"Everyone is on course to pass the {exam}, as things stand."
    assert f"Before the {exam}" in list_titles(mine)
    assert f"Before the {exam}" not in list_titles(none)


def test_an_entry_before_an_exam_has_the_prediction_its_range_and_the_chance() -> None:
    asha, noor = find(build_exam(listed=("S1",))[0], "Before the midterm").entries
    assert asha.facts == (
        Fact("Predicted:", "38 of 100; the range is 20 to 56."),
        Fact("Chance of failing:", "62 in 100."),
    )
    assert (asha.urgency, asha.since) == ("Soon", "on this week's list")
    assert (noor.urgency, noor.since) == ("Keep in view", "")


def test_only_what_lowers_the_prediction_is_a_reason_and_there_are_two_at_most() -> None:
    asha, noor = find(build_exam()[0], "Before the midterm").entries
    assert asha.reasons == (BELOW["text"], BELOW["text"])
    assert noor.reasons == (BELOW["text"],)


def test_without_a_forecast_the_lowest_prediction_comes_first_and_no_chance_is_told() -> None:
    report = build_exam(p_fail=[NAN] * 5)[0]
    section = find(report, "Before the midterm")
    assert section.note.startswith("The lowest prediction first. ")
    assert [entry.student_id for entry in section.entries] == ["S2", "S1"]
    assert [fact.label for entry in section.entries for fact in entry.facts] == ["Predicted:"] * 2
    assert report.lead.startswith("There is no forecast yet, because no such exam has been seen")
    assert "in 100" not in render.render_page(report)


def test_with_a_forecast_the_likeliest_to_fail_comes_first() -> None:
    report = build_exam()[0]
    section = find(report, "Before the midterm")
    assert section.note.startswith("The likeliest to fail first. ")
    assert [entry.student_id for entry in section.entries] == ["S1", "S2"]
    assert report.lead == (
        "The midterm is predicted from the weeks so far."
        " The range is meant to hold four times in five."
    )


def test_three_subjects_are_named_and_the_others_counted() -> None:
    subjects = pd.DataFrame(
        [("S1", name) for name in ("Algebra", "Biology", "Chemistry", "Drawing", "English")]
        + [("S3", "Algebra")],
        columns=["student_id", "name"],
    )
    report = build_exam(subjects=subjects)[0]
    asha, noor = find(report, "Before the midterm").entries
    said = "Algebra, Biology, Chemistry and 2 more"
    assert asha.facts[-1] == Fact("Subjects at risk:", f"{said}.")
    assert len(noor.facts) == 2
    cells = {row.name: row.cells[-1] for row in find(report, "Your students").rows}
    assert cells == {"Asha Lanternwala": said, "Noor Almanara": "", "K. Raman": "Algebra"}


def test_the_share_who_may_fail_is_compared_with_all_students() -> None:
    assert read_numbers(find(build_exam()[0], "In numbers")) == [
        ("Predicted score", 38, 50, ""),
        ("May fail", 67, 40, "%"),
    ]


def test_what_is_not_predicted_is_empty_in_the_table() -> None:
    without = build_exam()[2]
    (row,) = find(without, "Your students").rows
    assert (row.name, row.cells) == ("Uma Devi", ("50", "", "20 in 100", ""))


# ------------------------------------------------------------ after its results


def build_results(**columns: list[Any]) -> list[Report]:
    given = {
        "actual": [30.0, 44.0, 95.0, NAN, 20.0],
        "predicted": [38.4, 60.0, 80.0, 65.0, NAN],
        "low": [20.0, 50.0, 70.0, 55.0, NAN],
        "high": [55.6, 70.0, 90.0, 75.0, NAN],
        "verdict": ["within", "below", "above", None, None],
        "failed": [True, False, False, None, True],
        "weeks_flagged": [3, 0, 0, 0, 0],
        "first_flagged_week": [4.0, NAN, NAN, NAN, NAN],
    }
    return results.build_results_reports(
        make_occasion("post_analysis", 8), "midterm", make_rows(**(given | columns))
    )


def test_headlines_after_an_exam() -> None:
    mine, unknown, without = build_results()
    assert mine.headline == "After the midterm: one of your 3 students did not pass."
    assert mine.subject == "After the midterm · 1 of 3 students did not pass"
    assert unknown.headline.endswith(" passed, as far as results are known.")
    assert without.headline == "After the midterm: one student without an advisor did not pass."


def test_where_everyone_passed_the_known_results_are_counted() -> None:
    report = build_results(failed=[False, False, None, None, None])[0]
    assert report.headline == (
        "After the midterm: two of your 3 students passed, as far as results are known."
    )
    assert "Who to talk to about what comes next" not in list_titles(report)


def test_who_did_not_pass_is_told_with_prediction_and_weeks_on_the_list() -> None:
    (asha,) = find(build_results()[0], "Who to talk to about what comes next").entries
    assert asha.facts == (
        Fact("Score:", "30 of 100."),
        Fact("Predicted:", "38; the range was 20 to 56."),
        Fact("On your list:", "in three weeks, first in week 4."),
    )
    assert (asha.urgency, asha.reasons) == ("", ())


def test_who_was_never_predicted_nor_listed_is_told_so() -> None:
    (uma,) = find(build_results()[2], "Who to talk to about what comes next").entries
    assert uma.facts == (
        Fact("Score:", "20 of 100."),
        Fact("On your list:", "not before the exam."),
    )


def test_one_week_on_the_list_is_singular() -> None:
    report = build_results(weeks_flagged=[1, 0, 0, 0, 0])[0]
    (asha,) = find(report, "Who to talk to about what comes next").entries
    assert asha.facts[-1].text == "in one week, first in week 4."


def test_the_letter_tells_the_result_that_the_student_knows() -> None:
    (asha,) = find(build_results()[0], "Who to talk to about what comes next").entries
    assert "Your midterm result is 30 of 100." in asha.draft.body


def test_who_passed_outside_the_range_has_a_line_of_its_own() -> None:
    report = build_results()[0]
    below, above = (find(report, f"{word} the predicted range, and passed") for word in ("Below", "Above"))  # fmt: skip
    for section, name, reason in (
        (below, "Noor Almanara", "Score 44 of 100; the predicted range was 50 to 70."),
        (above, "K. Raman", "Score 95 of 100; the predicted range was 70 to 90."),
    ):
        assert isinstance(section, Students)
        (entry,) = section.entries
        assert (entry.name, entry.reasons, section.brief) == (name, (reason,), True)


def test_who_failed_below_the_range_is_told_once() -> None:
    report = build_results(verdict=["below", "within", "within", None, None])[0]
    assert [entry.student_id for entry in report.entries] == ["S1"]


@pytest.mark.parametrize(
    ("columns", "lead"),
    [
        (
            {},
            "One of them had been on your list before the exam."
            " 1 of 3 scores fell within the predicted range; four in five are meant to.",
        ),
        ({"failed": [False] * 5, "verdict": [None] * 5}, "Nothing had been predicted for this exam."),
    ],
)  # fmt: skip
def test_the_lead_says_how_far_lists_and_predictions_held(
    columns: dict[str, list[Any]], lead: str
) -> None:
    assert build_results(**columns)[0].lead == lead


def test_the_table_after_an_exam_has_each_result_beside_its_range() -> None:
    rows = {row.name: row.cells for report in build_results() for row in find(report, "Your students").rows}  # fmt: skip
    assert rows == {
        "K. Raman": ("95", "80", "70 to 90", "above", "0"),
        "Noor Almanara": ("44", "60", "50 to 70", "below", "0"),
        "Asha Lanternwala": ("30", "38", "20 to 56", "within", "3"),
        "S4": ("", "65", "55 to 75", "", "0"),
        "Uma Devi": ("20", "", "", "", "0"),
    }


# ------------------------------------------------------------ all of them


@pytest.mark.parametrize("build", [build_before, build_exam, build_results])
def test_no_report_names_a_student_of_another_advisor(build: Any) -> None:
    names = {"A1": ("Asha", "Noor", "Raman"), "A2": ("S4",), UNASSIGNED: ("Uma",)}
    for report in build():
        texts = render.render_page(report) + str(render.render_preview(report))
        for advisor, own in names.items():
            for name in own:
                assert (name in texts) == (advisor == report.advisor_id), name
        assert not any(name in report.subject for own in names.values() for name in own)


@pytest.mark.parametrize("build", [build_before, build_exam, build_results])
def test_every_report_ends_with_how_to_read_it(build: Any) -> None:
    for report in build():
        last = report.sections[-1]
        assert isinstance(last, Prose)
        assert last.title == "How to read this"
        assert "decides nothing" in last.paragraphs[0]
        assert report.kicker[0].startswith(f"Week {report.week} of 18 · ")


@pytest.mark.parametrize("build", [build_before, build_exam, build_results])
def test_equal_rows_give_equal_reports(build: Any) -> None:
    assert build() == build()
