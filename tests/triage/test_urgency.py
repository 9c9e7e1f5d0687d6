"""Urgency, worked out by hand: by the rules, by a model, in the first weeks; and its tiers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from edumetrics.params import Calendar, Triage
from edumetrics.triage.lists import build_lists
from edumetrics.triage.situation import build_thresholds
from edumetrics.triage.urgency import (
    classify,
    compute_model_urgency,
    compute_urgency,
    smooth_weeks,
)
from tests.triage.builder import SCORE_ALONE, by_score, decide, situation
from tests.triage.model import rank_by


def urgency(risks: dict[int, int], **more: Any) -> float:
    """The urgency of a, who has these risk scores by week, with all of them remembered."""
    week = max(risks)
    given = {"week": week, "past": len(range(min(risks), week))} | more
    return float(compute_urgency(situation(**by_score({"a": risks}, **given)))[0])


def test_by_the_rules_it_is_the_risk_score_smoothed() -> None:
    """Week 5 is .7·70 + .3·50 = 64, and week 6 is .7·60 + .3·64."""
    assert urgency({4: 50}) == pytest.approx(50)
    assert urgency({4: 50, 5: 70}) == pytest.approx(64)
    assert urgency({4: 50, 5: 70, 6: 60}) == pytest.approx(61.2)


def test_weeks_of_grace_are_not_in_the_smoothing() -> None:
    assert urgency({3: 90, 4: 50}) == pytest.approx(50)
    assert urgency({2: 90, 3: 90, 4: 50, 5: 70}) == pytest.approx(64)


def test_the_week_before_an_exam_counts_for_the_one_after_it() -> None:
    """From week 4 on: 50, 50, 50, 50; then .7·70 + .3·50."""
    assert urgency({4: 50, 5: 50, 6: 50, 7: 50, 9: 70}) == pytest.approx(64)


def test_every_week_after_grace_is_in_the_smoothing_however_long_ago() -> None:
    """100 in week 4, then 0: in week 9 what is left of it is 100 · .3^4, or .81, and not 0."""
    assert urgency({4: 100, 5: 0, 6: 0, 7: 0, 9: 0}) == pytest.approx(0.81)


def test_without_a_score_for_weeks_the_last_one_counts() -> None:
    """No lecture was held in weeks 5, 6, 7 and 9, more weeks than a baseline has: .7·40 + .3·90."""
    none = dict.fromkeys((5, 6, 7, 9), (0, 0))
    attended = {"a": {4: (10, 100), **none, 10: (60, 100)}}
    given = by_score({"a": {10: 40}}, attendance=attended, week=10, past=7)
    assert compute_urgency(situation(**given))[0] == pytest.approx(55)


def test_a_missing_score_is_not_urgent_whatever_was_before() -> None:
    given = by_score({"a": {5: 80}}, attendance={"a": {5: (20, 100), 6: (0, 0)}}, past=1)
    assert compute_urgency(situation(**given)).tolist() == [0, 0, 0]


def test_a_week_without_a_value_keeps_the_one_before() -> None:
    history = pd.DataFrame(
        {"student_id": ["a", "a", "b"], "sem_week": [4, 6, 5], "risk_score": [50.0, 70.0, 20.0]}
    )
    found = smooth_weeks(history, "risk_score", pd.Index(["b", "a", "c"]), 0.3)
    np.testing.assert_allclose(found, [20, 64, np.nan])


METRICS = pd.DataFrame(
    {
        "risk_of_detention": [80.0, 80.0, 80.0, np.nan, 80.0, 0.0],
        "lectures_to_attend": [10.0, 0.0, 41.0, 10.0, np.nan, 10.0],
        "lectures_left": [40.0] * 6,
    }
)


def test_a_deadline_adds_to_a_chance_while_something_can_be_done_about_it() -> None:
    """100 · (1 − .5 · (1 − .3 · .8)) is 62; met for sure, out of reach and unknown add nothing."""
    found = compute_model_urgency(np.full(6, 0.5), METRICS, 0.3)
    assert found.tolist() == pytest.approx([62, 50, 50, 50, 50, 50])


def test_with_all_lectures_needed_the_rule_can_still_be_met() -> None:
    needed = METRICS.assign(lectures_to_attend=40.0)
    assert compute_model_urgency(np.zeros(6), needed, 0.3)[0] == pytest.approx(24)


def test_how_much_a_deadline_adds_is_a_parameter() -> None:
    found = compute_model_urgency(np.full(6, 0.5), METRICS, 0.0)
    assert found.tolist() == pytest.approx([50] * 6)


def test_a_model_s_smoothed_chance_is_the_urgency_in_percent() -> None:
    given = by_score({"a": {6: 90}}, model=rank_by(0.75, 0.5, 0.25))
    now = situation(**given, calendar=Calendar(attendance_rule_pct=None))
    assert now.ranked_by == "model"
    assert compute_urgency(now).tolist() == pytest.approx([75, 50, 25])


def test_in_the_first_weeks_it_is_the_watchlist_s_risk_where_there_is_one() -> None:
    given = by_score({"a": {2: 90}, "b": {2: 10}}, week=2, watchlist={"b": 70})
    now = situation(**given)
    assert now.ranked_by == "watchlist"
    assert compute_urgency(now)[:3].tolist() == pytest.approx([90, 70, 0])


def test_a_risk_counts_as_urgency_whether_or_not_it_is_high_enough_for_the_watchlist() -> None:
    given = by_score({"a": {2: 90}, "b": {2: 10}}, week=2, watchlist={"b": 70}, not_on_it={"a": 20})
    now, decision = decide(**given)
    assert decision.urgency[:3].tolist() == pytest.approx([20, 70, 0])
    assert list(now.students[decision.on_list]) == ["b"]


def test_after_the_first_weeks_the_watchlist_s_risk_is_forgotten() -> None:
    given = by_score({"a": {4: 10}}, week=4, watchlist={"a": 70})
    assert compute_urgency(situation(**given))[0] == pytest.approx(10)


@pytest.mark.parametrize(
    ("list_at", "soon", "urgent", "staying"),
    [(45, 37, 60, 37), (30, 35, 60, 22), (43, 35, 60, 35), (70, 62, 70, 62), (60, 52, 60, 52)],
)
def test_the_words_keep_their_meaning_unless_fewer_are_listed(
    list_at: float, soon: float, urgent: float, staying: float
) -> None:
    limits = build_thresholds(list_at, Triage())
    assert (limits.soon_at, limits.urgent_at, limits.staying_at) == (soon, urgent, staying)


@pytest.mark.parametrize(
    ("urgency", "tier"), [(0, 1), (34.9, 1), (35, 2), (59.9, 2), (60, 3), (100, 3)]
)
def test_a_tier_begins_at_its_threshold(urgency: float, tier: int) -> None:
    limits = build_thresholds(30, Triage())
    assert classify(np.array([float(urgency)]), limits).tolist() == [tier]


@examples(
    st.lists(st.floats(0, 100), min_size=1), st.floats(1, 100), st.floats(0, 40), st.floats(0, 100)
)
def test_a_higher_urgency_never_has_a_lower_tier(
    urgencies: list[float], list_at: float, margin: float, soon: float
) -> None:
    triage = Triage(staying_margin=margin, soon=max(soon, 0.1), urgent=max(soon, 0.1))
    limits = build_thresholds(list_at, triage)
    ordered = np.sort(np.array(urgencies))
    assert (np.diff(classify(ordered, limits)) >= 0).all()


def test_a_rule_changes_neither_tier_nor_order() -> None:
    """a attended 2 of 10 after 10 of 10; b's score is higher, and no rule holds."""
    given: dict[str, Any] = {
        "students": "abwxyz", "attendance": {"a": {6: 2}, "b": {6: 4}}, "list_at": 20,
        "due": (6,), "marks": {"b": {6: 0}},
    }  # fmt: skip
    now, decision = decide(**given)
    assert decision.listed_by[:2].tolist() == ["rule", "urgency"]
    plain = situation(**given, triage=SCORE_ALONE)
    np.testing.assert_allclose(decision.urgency, compute_urgency(plain))
    assert decision.urgency[1] > decision.urgency[0] > 0
    flags = build_lists(now).flags
    assert flags["triage_rank"].tolist() == [2, 1]
    assert 60 > decision.urgency[1] >= 35 > decision.urgency[0]
    assert flags["risk_tier"].tolist() == ["watch", "high"]
