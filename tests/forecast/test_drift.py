"""Drift: the stability index by hand, and when it is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields import FEATURES
from edumetrics.forecast.drift import (
    LEAST,
    WATCHED,
    compute_reference,
    compute_stability,
    describe_drift,
)


def rows(count: int = 1000, week: int = 4, **columns: object) -> pd.DataFrame:
    """Rows in which every feature runs evenly from 0 to 1."""
    even = np.arange(count) / count
    return pd.DataFrame(dict.fromkeys(FEATURES, even) | columns).assign(sem_week=week)


REFERENCE = compute_reference(rows())


def index(name: str, now: pd.DataFrame) -> float:
    return float(compute_stability(REFERENCE, now, 4)[name])


def test_what_describes_the_date_or_is_a_rank_is_not_watched() -> None:
    assert not {"work_due", "semester_gone", "later_half"} & set(WATCHED)
    assert not [name for name in WATCHED if name.endswith("_rank")]
    assert {"mark", "attendance", "midterm"} <= set(WATCHED)


def test_a_reference_has_deciles_and_a_bin_for_missing_values() -> None:
    mark = REFERENCE["4"]["mark"]
    assert len(mark["edges"]) == 9
    assert mark["shares"] == pytest.approx([0.1] * 10 + [0.0])
    assert mark["rows"] == 1000


def test_equal_values_make_fewer_bins() -> None:
    reference = compute_reference(rows(mark=np.repeat([0.0, 1.0], 500)))
    mark = reference["4"]["mark"]
    assert mark["edges"] == sorted(set(mark["edges"]))
    assert len(mark["edges"]) < 9
    assert sum(mark["shares"]) == pytest.approx(1)


def test_a_feature_without_any_value_is_left_out() -> None:
    assert "midterm" not in compute_reference(rows(midterm=np.nan))["4"]


def test_weeks_are_described_apart() -> None:
    both = pd.concat([rows(week=4), rows(200, week=5)])
    reference = compute_reference(both)
    assert (reference["4"]["mark"]["rows"], reference["5"]["mark"]["rows"]) == (1000, 200)
    assert compute_stability(reference, rows(week=9), 9).empty


def test_the_same_students_have_not_drifted() -> None:
    assert (compute_stability(REFERENCE, rows(), 4) == 0).all()


def test_the_index_is_the_sum_over_bins_less_what_chance_explains() -> None:
    """All values are in the last bin, which had a tenth; the others had a tenth each."""
    moved = rows(mark=2.0)
    expected = (1 - 0.1) * np.log(1 / 0.1) + 9 * (LEAST - 0.1) * np.log(LEAST / 0.1)
    assert index("mark", moved) == pytest.approx(expected - 2 * 11 * (1 / 1000 + 1 / 1000))


def test_values_that_are_missing_now_are_a_shift() -> None:
    assert index("mark", rows(mark=np.nan)) > 0.25
    assert index("attendance", rows(mark=np.nan)) == 0


def test_a_few_students_do_not_drift_by_chance() -> None:
    """All are in the lower half: of five that may be chance, of five hundred it is not."""
    five = rows(5, mark=np.arange(5) / 10)
    many = rows(500, mark=np.arange(500) / 1000)
    assert index("mark", five) == 0
    assert index("mark", many) > 1


def test_the_strongest_shift_comes_first() -> None:
    found = compute_stability(REFERENCE, rows(late=2.0, mark=np.arange(1000) / 1500), 4)
    assert found.index[:2].tolist() == ["late", "mark"]
    assert found.is_monotonic_decreasing


@pytest.mark.parametrize(("shifted", "said"), [(2, False), (3, True)])
def test_three_features_must_shift_before_anything_is_said(shifted: int, said: bool) -> None:
    values = [0.9, 0.5, 0.26][:shifted] + [0.25] * (4 - shifted)
    text = describe_drift(
        pd.Series(values, index=["late", "mark", "attendance", "midterm"][: len(values)])
    )
    assert bool(text) == said
    if said:
        assert text.startswith("3 of the 4 things the forecast goes by")
        assert FEATURES["late"].meaning in text
