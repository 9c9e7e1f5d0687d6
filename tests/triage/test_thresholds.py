"""The list threshold: what it lists in a term replayed, and what it never depends on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st

from edumetrics.params import Calendar, Triage
from edumetrics.triage.thresholds import fit_thresholds, replay_urgencies, select_listed

CALENDAR = Calendar()
WEEKS = [week for week in CALENDAR.teaching_weeks if week >= 4]


def make_term(seed: int, students: int = 200) -> pd.DataFrame:
    """Urgencies of a term that drift like a college's: some students come late or leave."""
    chance = np.random.default_rng(seed)
    level = chance.beta(1.5, 4, students) * 100
    rows = []
    for n, week in enumerate(WEEKS):
        level = np.clip(level + chance.normal(0, 6, students), 0, 100)
        here = chance.random(students) < 0.97
        rows.append(pd.DataFrame({"student_id": np.arange(students)[here], "sem_week": week,
                                  "urgency": level[here] + n}))  # fmt: skip
    return pd.concat(rows, ignore_index=True)


def count_listed(term: pd.DataFrame, cuts: dict[int, float], margin: float = 8) -> int:
    """Places from week 5 on, student by student: entering at the threshold, staying above it − 8."""
    total = 0
    for _, mine in term.sort_values("sem_week").groupby("student_id"):
        urgency = dict(zip(mine["sem_week"], mine["urgency"], strict=True))
        on = False
        for week in WEEKS:
            value = urgency.get(week, -1000.0)
            on = value >= cuts[week] or (on and value > cuts[week] - margin)
            total += on and week >= 5
    return total


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("share", [0.1, 0.15, 0.3])
def test_the_share_asked_for_is_listed_to_within_one_student_a_week(
    seed: int, share: float
) -> None:
    term = make_term(seed)
    cuts = fit_thresholds(term, CALENDAR, Triage(list_share=share))
    asked = share * (term["sem_week"] >= 5).sum()
    # One more in one week can stay for some: so many at most are missing.
    assert asked - len(WEEKS) <= count_listed(term, cuts) <= asked


def test_the_share_can_be_given_besides_the_parameters() -> None:
    term = make_term(4)
    assert fit_thresholds(term, CALENDAR, Triage(), 0.3) == (
        fit_thresholds(term, CALENDAR, Triage(list_share=0.3))
    )


def test_weeks_before_5_use_that_of_week_5_and_weeks_without_rows_the_nearest() -> None:
    term = make_term(5)
    cuts = fit_thresholds(term[term["sem_week"] <= 15], CALENDAR, Triage())
    assert list(cuts) == WEEKS
    assert cuts[4] == cuts[5]
    assert cuts[16] == cuts[17] == cuts[15]


def test_without_any_week_there_is_nothing_to_fit_on() -> None:
    term = make_term(6)
    assert fit_thresholds(term.iloc[:0], CALENDAR, Triage()) == {}
    assert fit_thresholds(term[term["sem_week"] == 4], CALENDAR, Triage()) == {}


def test_each_week_is_cut_off_at_the_same_share_of_the_weeks_around_it() -> None:
    """Urgencies 0 to 99 in every week, each week 10 higher: so are the thresholds in the middle."""
    rows = [(s, week, s + 10.0 * n) for s in range(100) for n, week in enumerate(WEEKS)]
    term = pd.DataFrame(rows, columns=["student_id", "sem_week", "urgency"])
    cuts = pd.Series(fit_thresholds(term, CALENDAR, Triage()))
    inner = cuts.loc[[week for week in WEEKS if 6 <= week <= 16]]
    assert np.diff(inner).tolist() == pytest.approx([10] * (len(inner) - 1))


def test_who_is_listed_week_by_week_by_hand() -> None:
    """At 50, staying above 42; whoever is gone for a week must come in again."""
    wide = pd.DataFrame(
        {4: [50, 49, 50, 50], 5: [43, 49, 42, np.nan], 6: [43, 50, 49, 49]}, index=list("abcd")
    )
    found = select_listed(wide, dict.fromkeys((4, 5, 6), 50.0), 8)
    assert {s: found.columns[found.loc[s]].tolist() for s in "abcd"} == {
        "a": [4, 5, 6], "b": [6], "c": [4], "d": [4]
    }  # fmt: skip


TERM = st.lists(st.lists(st.floats(0, 100), min_size=4, max_size=4), min_size=1, max_size=12).map(
    lambda rows: pd.DataFrame(rows, columns=[4, 5, 6, 7])
)
CUTS = st.lists(st.floats(0, 100), min_size=4, max_size=4).map(
    lambda cuts: dict(zip((4, 5, 6, 7), cuts, strict=True))
)


@examples(TERM, CUTS, st.floats(0, 20), st.floats(0, 30))
def test_raising_every_urgency_takes_nobody_off(
    wide: pd.DataFrame, cuts: dict[int, float], margin: float, more: float
) -> None:
    before, after = select_listed(wide, cuts, margin), select_listed(wide + more, cuts, margin)
    assert (after | ~before).all(axis=None)


@examples(TERM, CUTS, st.floats(0, 20), st.randoms())
def test_the_order_of_students_changes_nothing(
    wide: pd.DataFrame, cuts: dict[int, float], margin: float, chance: Any
) -> None:
    order = list(wide.index)
    chance.shuffle(order)
    found = select_listed(wide.loc[order], cuts, margin)
    pd.testing.assert_frame_equal(found.sort_index(), select_listed(wide, cuts, margin))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@examples(st.integers(0, 1000), st.randoms())
def test_the_order_of_rows_changes_no_threshold(seed: int, chance: Any) -> None:
    term = make_term(seed, students=30)
    order = list(term.index)
    chance.shuffle(order)
    assert fit_thresholds(term.loc[order], CALENDAR, Triage()) == (
        fit_thresholds(term, CALENDAR, Triage())
    )


# ------------------------------------------------------------ the urgencies of a term replayed


def make_metrics(values: dict[int, float], column: str = "risk_score", **more: Any) -> pd.DataFrame:
    return pd.DataFrame({"student_id": "a", "sem_week": list(values), column: list(values.values()),
                         **more})  # fmt: skip


def replay(metrics: pd.DataFrame, *, by_model: bool) -> dict[int, float]:
    found = replay_urgencies(metrics, CALENDAR, Triage(), 0.3, by_model=by_model)
    return dict(zip(found["sem_week"], found["urgency"], strict=True))


def test_scores_are_smoothed_from_week_5_on_as_lists_are() -> None:
    """.7·70 + .3·50 = 64; .7·60 + .3·64 = 61.2; grace weeks do not count."""
    found = replay(make_metrics({3: 90, 4: 50, 5: 70, 6: 60}), by_model=False)
    assert found == pytest.approx({4: 50, 5: 64, 6: 61.2})


def test_a_missing_score_is_not_urgent_and_a_week_without_a_row_is_skipped() -> None:
    found = replay(make_metrics({4: 50, 5: np.nan, 7: 70}), by_model=False)
    assert found == pytest.approx({4: 50, 5: 0, 7: 64})


def test_chances_are_smoothed_as_logits_from_the_first_forecast_on_and_know_the_deadline() -> None:
    """In week 3 the logit is log 3, in week 4 .7·0 + .3·log 3; the deadline is .5 near."""
    metrics = make_metrics(
        {2: np.nan, 3: 0.75, 4: 0.5}, "p_fail", risk_score=0.0,
        risk_of_detention=50.0, lectures_to_attend=10.0, lectures_left=40.0,
    )  # fmt: skip
    stays = 1 / (1 + 3**0.3)
    assert replay(metrics, by_model=True) == pytest.approx({4: 100 * (1 - stays * 0.85)})


def test_where_a_model_ranks_weeks_without_a_chance_are_left_out() -> None:
    metrics = make_metrics(
        {4: np.nan, 5: 0.5}, "p_fail", risk_score=0.0,
        risk_of_detention=np.nan, lectures_to_attend=np.nan, lectures_left=np.nan,
    )  # fmt: skip
    assert replay(metrics, by_model=True) == pytest.approx({5: 50})


def test_a_term_without_rows_has_no_urgencies() -> None:
    assert replay(make_metrics({}), by_model=False) == {}
