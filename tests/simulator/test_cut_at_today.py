"""A simulated college knows what a college would know on its last day, and nothing later."""

from __future__ import annotations

import pandas as pd
import pytest

from edumetrics.fields import RELATIONS
from tests.simulator.colleges import plan, simulate

WEEKS = (1, 5, 9, 10, 18)
HANDED_IN = {"assignment_submissions": "assignment_id", "quiz_submissions": "quiz_id"}


def get_today(weeks: int) -> pd.Timestamp:
    return pd.Timestamp(plan(weeks=weeks).today)


def join_later(name: str, weeks: int, keys: list[str]) -> pd.DataFrame:
    """Return the rows of a week with what the finished semester says of them (`_later`)."""
    return simulate(weeks=weeks)[name].merge(
        simulate(weeks=18)[name], on=keys, suffixes=("", "_later"), validate="1:1"
    )


# ------------------------------------------------------------ the seed


def test_the_same_seed_gives_the_same_rows_in_every_relation() -> None:
    first = {name: frame.copy() for name, frame in simulate().items()}
    simulate.cache_clear()
    again = simulate()
    assert list(first) == list(again)
    for name, frame in first.items():
        pd.testing.assert_frame_equal(frame, again[name])


def test_another_seed_gives_other_records_of_as_many_students() -> None:
    one, other = simulate(), simulate(4)
    assert len(one["students"]) == len(other["students"]) == 60
    for name in ("attendance", "assignment_submissions", "exam_results", "library_visits"):
        assert not one[name].equals(other[name]), name
    pd.testing.assert_frame_equal(one["subjects"], other["subjects"])


def test_a_longer_past_changes_nothing_but_who_has_left_in_it() -> None:
    keys = ["student_id", "subject_id", "semester", "week"]
    now, longer = simulate()["attendance"], simulate(semesters=2)["attendance"]
    both = now.merge(longer, on=keys, suffixes=("", "_longer"), validate="1:1")
    assert (both["present"] == both["present_longer"]).all()
    gone = set(now["student_id"]) - set(both["student_id"])
    left = simulate(semesters=2)["students"].set_index("student_id")["withdrawn_on"]
    assert (left[sorted(gone)] < pd.Timestamp("2026-01-05")).all()
    assert len(gone) == 1, "of sixty, one left in the two semesters before"


# ------------------------------------------------------------ nothing after today


@pytest.mark.parametrize("weeks", WEEKS)
def test_no_record_is_dated_after_today(weeks: int) -> None:
    late = {
        f"{name}.{column}": simulate(weeks=weeks)[name][column].max()
        for name, record in RELATIONS.items()
        if (record.feed or record.parent) and name in simulate(weeks=weeks)
        for column in {record.day, record.known} - {""}
        if column != "marked_on" and simulate(weeks=weeks)[name][column].max() > get_today(weeks)
    }
    assert late == {}


@pytest.mark.parametrize("weeks", WEEKS)
def test_registers_are_those_of_the_teaching_weeks_so_far(weeks: int) -> None:
    assert set(simulate(weeks=weeks)["attendance"]["week"]) == {
        week for week in range(1, weeks + 1) if week not in (8, 18)
    }


def test_the_counter_says_which_week_it_is() -> None:
    (row,) = simulate(weeks=5)["sim_state"].to_dict("records")
    assert (row["current_week"], row["sim_year"]) == (23, 2025)
    assert row["last_updated"] == pd.Timestamp("2026-02-08")


def test_what_will_be_set_and_scheduled_is_known_from_the_first_week() -> None:
    first, last = simulate(weeks=1), simulate(weeks=18)
    for name in ("assignment_definitions", "quiz_definitions", "exam_schedule", "subjects"):
        pd.testing.assert_frame_equal(first[name], last[name])
    assert first["assignment_definitions"]["due_week"].max() == 17


def test_midterm_results_come_nine_days_after_the_exam_week() -> None:
    assert simulate(weeks=9)["exam_results"].empty
    results = simulate(weeks=10)["exam_results"]
    # Week 8 ends on 1 March.
    assert set(results["result_date"]) == {pd.Timestamp("2026-03-10")}
    assert set(results["schedule_id"].str.split("-").str[-2]) == {"MIDTERM"}


# ------------------------------------------------------------ what becomes known later


@pytest.mark.parametrize("name", HANDED_IN)
def test_a_mark_that_comes_later_is_null_and_the_work_is_there(name: str) -> None:
    weeks = 5
    rows = join_later(name, weeks, ["student_id", HANDED_IN[name]])
    open_ = rows["marked_on_later"] > get_today(weeks)
    hidden = ["marked_on", "marks_obtained"]
    assert len(rows) == len(simulate(weeks=weeks)[name]) > 0, "every piece of work is kept"
    assert rows.loc[open_, hidden].isna().all(axis=None)
    assert rows.loc[~open_, hidden].notna().all(axis=None)
    assert (rows["marks_obtained"] == rows["marks_obtained_later"])[~open_].all()
    assert rows[RELATIONS[name].day].notna().all()


def test_an_assignment_waits_for_its_mark_and_a_quiz_does_not() -> None:
    work = join_later("assignment_submissions", 5, ["student_id", "assignment_id"])
    waiting = work["marked_on_later"] > get_today(5)
    assert 0 < waiting.sum() < len(work)
    assert work.loc[waiting, ["quality_pct", "plagiarism_pct"]].isna().all(axis=None)
    assert simulate(weeks=5)["quiz_submissions"]["score_pct"].notna().all()


def test_a_book_that_comes_back_later_is_still_out() -> None:
    frames = simulate(weeks=5)["book_borrows"]
    back = frames["return_date"].notna()
    assert (frames.loc[back, "return_date"] <= get_today(5)).all()
    assert frames.loc[~back, "return_week"].isna().all()
    assert 0 < back.sum() < len(frames)
    # No loan is longer than three weeks, so what was lent in the first is back by the fifth.
    assert frames.loc[frames["borrow_week"] == 1, "return_date"].notna().all()


def test_nobody_is_known_to_leave_later() -> None:
    found = [seed for seed in range(1, 9) if _count_leavers(seed, 18) > _count_leavers(seed, 5)]
    assert found, "in some of these colleges someone leaves after week 5"
    for seed in found:
        left = simulate(seed, weeks=5)["students"]["withdrawn_on"].dropna()
        assert (left <= get_today(5)).all()


def _count_leavers(seed: int, weeks: int) -> int:
    return int(simulate(seed, weeks=weeks)["students"]["withdrawn_on"].notna().sum())


def test_who_has_left_has_no_register_afterwards() -> None:
    checked = 0
    for seed in range(1, 9):
        frames = simulate(seed, weeks=18)
        left = frames["students"].dropna(subset="withdrawn_on").set_index("student_id")
        rows = frames["attendance"].join(left["withdrawn_on"], on="student_id", how="inner")
        assert (rows["week_date"] < rows["withdrawn_on"]).all()
        checked += len(left)
    assert checked > 0
