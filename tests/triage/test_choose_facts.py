"""Which facts a card tells: one of each kind first, then the next strongest, in the order of kinds."""

from __future__ import annotations

import pytest

from edumetrics.triage.choice import choose_facts

ONCE, SAME = "out_of_reach", "academic_level"
CHANGED, WORSE, LOW = "attendance_fall", "academic_fall", "attendance_low"
UNFINISHED, AHEAD, KNOWN, ONLY = (
    "missed_work", "attendance_standing", "midterm_level", "results_only",
)  # fmt: skip


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        ([CHANGED, WORSE, LOW, UNFINISHED, AHEAD, KNOWN], [CHANGED, UNFINISHED, AHEAD]),
        ([CHANGED, WORSE, LOW, AHEAD], [CHANGED, WORSE, AHEAD]),
        ([CHANGED, WORSE, LOW], [CHANGED, WORSE, LOW]),
        ([CHANGED, WORSE, ONCE, UNFINISHED], [CHANGED, ONCE, UNFINISHED]),
        ([CHANGED, ONCE, UNFINISHED, AHEAD], [CHANGED, ONCE, UNFINISHED]),
        ([CHANGED, KNOWN], [CHANGED, KNOWN]),
        ([ONLY, KNOWN], [ONLY, KNOWN]),
        ([WORSE, UNFINISHED, SAME, KNOWN], [WORSE, UNFINISHED, KNOWN]),
        ([CHANGED, UNFINISHED, SAME, KNOWN], [CHANGED, UNFINISHED, SAME]),
        ([WORSE, SAME], [WORSE, SAME]),
        ([], []),
    ],
)
def test_each_kind_has_its_place_before_any_has_two(stored: list[str], told: list[str]) -> None:
    chosen = choose_facts([{"code": code} for code in stored], 3)
    assert [record["code"] for record in chosen] == told


def test_with_one_place_the_first_kind_is_told() -> None:
    records = [{"code": code} for code in (UNFINISHED, AHEAD, KNOWN)]
    assert choose_facts(records, 1) == [{"code": UNFINISHED}]
