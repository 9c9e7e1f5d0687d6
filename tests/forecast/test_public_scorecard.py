"""What a stranger may read: nobody can be found in it, not even by taking one number from another."""

from __future__ import annotations

import pandas as pd
import pytest

from edumetrics.forecast.public_scorecard import (
    is_large,
    publish_calibration,
    publish_shares,
    round_to_tens,
)


def group(failed: int, passed: int, weeks: int = 1, first: int = 0) -> pd.DataFrame:
    """Students of a group, each with some weeks."""
    students = [(f"s{first + n}", n < failed) for n in range(failed + passed)]
    return pd.DataFrame(students * weeks, columns=["student_id", "failed"])


def shares(
    wholes: tuple[tuple[str, ...], ...] = (), **groups: pd.DataFrame
) -> dict[str, int | None]:
    return {one.name: one.share for one in publish_shares(groups, wholes)}


@pytest.mark.parametrize(
    ("failed", "passed", "said"),
    [(10, 10, 50), (9, 100, None), (100, 9, None), (0, 100, None), (30, 10, 75)],
)
def test_ten_must_have_failed_and_ten_not(failed: int, passed: int, said: int | None) -> None:
    assert shares(a=group(failed, passed)) == {"a": said}


def test_many_weeks_of_few_students_are_few_students() -> None:
    assert shares(a=group(5, 50, weeks=10)) == {"a": None}


def test_where_one_of_a_whole_is_hidden_the_smallest_other_is_too() -> None:
    groups = {"a": group(5, 50), "b": group(20, 20), "c": group(40, 300)}
    assert shares((("a", "b", "c"),), **groups) == {"a": None, "b": None, "c": 12}
    assert shares(**groups) == {"a": None, "b": 50, "c": 12}, "where they are no whole"
    two = {"a": group(5, 50), "b": group(3, 20), "c": group(40, 300)}
    assert shares((("a", "b", "c"),), **two) == {"a": None, "b": None, "c": 12}, (
        "two hide each other"
    )


def test_one_student_more_does_not_show_in_the_counts() -> None:
    (one,), (other,) = (publish_shares({"a": group(50, 100 + n)}, ()) for n in (0, 1))
    assert (one.students, other.students) == (150, 150)
    assert round_to_tens(154) == 150


def test_steps_of_a_forecast_are_put_together_until_they_are_large() -> None:
    rows = pd.DataFrame({
        "student_id": [f"s{n}" for n in range(200)],
        "p_fail": [n / 200 for n in range(200)],
        "failed": [n % 3 == 0 for n in range(200)],
    })  # fmt: skip
    found = publish_calibration(rows)
    assert len(found) >= 3
    assert [said for said, _, _ in found] == sorted(said for said, _, _ in found)
    assert sum(students for _, _, students in found) == pytest.approx(200, abs=15)
    assert publish_calibration(rows.assign(failed=False)) == ()
    assert is_large(rows["failed"])
    assert not is_large(rows["failed"].head(12))
