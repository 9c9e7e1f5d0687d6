"""The fairness audit by hand: rates, intervals, and what is said and what is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.forecast.fairness import describe_differences, measure_abroca, measure_groups


def group(
    name: str | None, size: int, *, flagged: int, failed: int, p: float = 0.5
) -> pd.DataFrame:
    """A group in which the first so many were on a list, and the first so many failed."""
    n = np.arange(size)
    return pd.DataFrame({"group": name, "flagged": n < flagged, "failed": n < failed, "p": p})


def measure(*groups: pd.DataFrame) -> pd.DataFrame:
    return measure_groups(pd.concat(groups, ignore_index=True)).set_index("group")


def test_rates_are_those_of_each_group() -> None:
    table = measure(
        group("F", 20, flagged=5, failed=10), group("M", 10, flagged=5, failed=4, p=0.3)
    )
    assert table["students"].tolist() == [20, 10]
    assert table["failed"].tolist() == [10, 4]
    assert table["flag_rate"].tolist() == [0.25, 0.5]
    assert table["miss_rate"].tolist() == [0.5, 0]
    assert table["calibration"].tolist() == pytest.approx([0, -0.1])


def test_intervals_are_wilson_s() -> None:
    """For 5 of 10 the centre is 0.5, and half the width is z·√(0.025 + z²/400) / (1 + z²/10)."""
    table = measure(group("F", 10, flagged=5, failed=5), group("M", 10, flagged=5, failed=5))
    z = 1.959964
    half = z * np.sqrt(0.025 + z**2 / 400) / (1 + z**2 / 10)
    assert table.loc["F", "flag_rate_low"] == pytest.approx(0.5 - half, abs=1e-6)
    assert table.loc["F", "flag_rate_high"] == pytest.approx(0.5 + half, abs=1e-6)


@pytest.mark.parametrize(("size", "reported"), [(10, ["F", "M"]), (9, [])])
def test_a_group_of_fewer_than_ten_is_not_reported(size: int, reported: list[str]) -> None:
    table = measure(group("F", 20, flagged=5, failed=5), group("M", size, flagged=5, failed=5))
    assert table.index.tolist() == reported


def test_students_without_a_group_are_counted_nowhere() -> None:
    table = measure(
        group("F", 10, flagged=5, failed=5), group("M", 10, flagged=5, failed=5),
        group(None, 50, flagged=50, failed=0),
    )  # fmt: skip
    assert table["students"].to_dict() == {"F": 10, "M": 10}


def test_where_nobody_of_a_group_failed_its_miss_rate_is_unknown() -> None:
    table = measure(group("F", 10, flagged=5, failed=0), group("M", 10, flagged=5, failed=5))
    assert table.loc["F", ["miss_rate", "miss_rate_low", "miss_rate_high"]].isna().all()
    assert table.loc["M", "miss_rate"] == 0


def test_without_a_forecast_there_is_no_calibration_but_rates() -> None:
    table = measure(
        group("F", 10, flagged=5, failed=5, p=np.nan), group("M", 10, flagged=5, failed=5)
    )
    assert np.isnan(table.loc["F", "calibration"])
    assert table.loc["F", "flag_rate"] == 0.5


def say(*groups: pd.DataFrame) -> list[str]:
    return describe_differences(measure(*groups).reset_index())


def test_a_difference_that_chance_does_not_explain_names_both_groups() -> None:
    said = say(group("F", 50, flagged=45, failed=25), group("M", 50, flagged=5, failed=25))
    assert said[0] == (
        "In the share ever on a list, F and M differ by 80 points, more than chance explains."
    )


def test_a_difference_that_may_be_chance_names_nobody() -> None:
    said = say(group("F", 20, flagged=10, failed=10), group("M", 20, flagged=8, failed=10))
    assert said[0] == (
        "In the share ever on a list, groups differ by 10 points at most, which may be chance:"
        " the data cannot tell."
    )


def test_one_point_is_singular() -> None:
    said = say(group("F", 100, flagged=50, failed=9), group("M", 100, flagged=49, failed=9))
    assert "differ by 1 point at most" in said[0]


def test_a_clear_difference_is_told_before_a_larger_one_that_may_be_chance() -> None:
    said = say(
        group("big one", 400, flagged=200, failed=9), group("big two", 400, flagged=120, failed=9),
        group("small", 10, flagged=6, failed=9),
    )  # fmt: skip
    assert said[0].startswith(
        "In the share ever on a list, big one and big two differ by 20 points"
    )


def test_where_too_few_failed_groups_are_not_compared_by_misses() -> None:
    said = say(group("F", 10, flagged=5, failed=0), group("M", 10, flagged=5, failed=5))
    assert said[1] == (
        "For the share of those who failed who were never on a list there are too few students"
        " to compare groups."
    )


def test_without_two_groups_one_sentence_says_so() -> None:
    assert say(group("F", 30, flagged=5, failed=5)) == [
        "No two groups of at least 10 students: nothing can be said of differences between groups."
    ]


def test_the_area_between_curves_is_told_for_each_pair_of_groups() -> None:
    sure = group("F", 10, flagged=0, failed=5).assign(p=[0.9] * 5 + [0.1] * 5)
    blind, small = group("M", 10, flagged=0, failed=5), group("X", 9, flagged=0, failed=5)
    none = group("N", 10, flagged=0, failed=0)
    table = measure_abroca(pd.concat([sure, blind, small, none], ignore_index=True))
    assert table[["first", "second"]].to_numpy().tolist() == [["F", "M"], ["F", "N"], ["M", "N"]]
    assert table["abroca"][0] == pytest.approx(0.5, abs=0.002)
    assert table["abroca"][1:].isna().all()
