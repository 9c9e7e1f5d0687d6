"""The risk score of the rules: eight components from 0 to 1, of which absent ones are left out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields import WEEKLY_METRICS
from edumetrics.params import Scoring
from edumetrics.scoring.risk import (
    BASELINE_METRICS,
    compute_baselines,
    compute_class_effort,
    compute_components,
    compute_points,
    count_missed_work,
)
from edumetrics.scoring.roll import build_roll
from edumetrics.scoring.weekly import Peers, compute_metrics, score_week
from tests.scoring.builder import CALENDAR, SCORING, Item, facts, observed

NAN = np.nan
WEIGHTS = SCORING.risk_weights.model_dump()


def history(effort: Mapping[int, float], student: str = "asha") -> pd.DataFrame:
    """Stored weeks of a student with an effort score and nothing else."""
    rows = [(student, week, score, NAN, NAN, NAN) for week, score in effort.items()]
    frame = pd.DataFrame(rows, columns=["student_id", "sem_week", *BASELINE_METRICS])
    return frame.astype({"student_id": "str", "sem_week": "int64"})


@pytest.mark.parametrize(
    ("week", "stored", "mean"),
    [
        (6, {2: 10, 3: 20, 4: 30, 5: 60}, 30),
        # Week 1 is more than four teaching weeks ago; this week and later ones are not earlier.
        (6, {1: 90, 4: 30, 5: 50, 6: 0, 7: 0}, 40),
        (6, {3: 20, 5: 40}, 30),
        (6, {3: NAN, 4: 10, 5: 40}, 25),
        # One week alone is too little.
        (6, {5: 40}, NAN),
        (6, {4: NAN, 5: 40}, NAN),
        (6, {}, NAN),
        # Week 8 is the midterm: weeks 9, 7, 6 and 5 are before week 10.
        (10, {4: 90, 5: 10, 6: 20, 7: 30, 8: 90, 9: 40}, 25),
        (2, {1: 40}, NAN),
    ],
)
def test_a_baseline_is_the_mean_of_four_earlier_teaching_weeks(
    week: int, stored: dict[int, float], mean: float
) -> None:
    roll = build_roll(facts(week))
    found = compute_baselines(roll, history(stored), CALENDAR, SCORING)
    assert found["effort_score"] == pytest.approx([mean], nan_ok=True)
    assert np.isnan(found["weekly_att_pct"]).all()


def test_baselines_are_in_the_order_of_the_roll() -> None:
    roll = build_roll(facts(6, "chen asha bala"))
    weeks = [history({4: n, 5: n}, name) for n, name in ((7, "chen"), (1, "asha"), (9, "gone"))]
    found = compute_baselines(roll, pd.concat(weeks), CALENDAR, SCORING)
    assert found["effort_score"] == pytest.approx([1, NAN, 7], nan_ok=True)


COMPONENTS = [
    ("attendance_standing", {"risk_of_detention": 30}, {}, 0.3),
    # Marks count from 40 + 15 = 55 downwards.
    ("academic_level", {"academic_performance": 44}, {}, 0.2),
    ("academic_level", {"academic_performance": 55}, {}, 0),
    ("academic_level", {"academic_performance": 90}, {}, 0),
    ("academic_level", {"academic_performance": 0}, {}, 1),
    ("attendance_fall", {"weekly_att_pct": 60}, {"weekly_att_pct": 80}, 0.5),
    ("attendance_fall", {"weekly_att_pct": 0}, {"weekly_att_pct": 80}, 1),
    ("attendance_fall", {"weekly_att_pct": 90}, {"weekly_att_pct": 80}, 0),
    ("attendance_fall", {"weekly_att_pct": 60}, {}, NAN),
    ("attendance_fall", {}, {"weekly_att_pct": 80}, NAN),
    ("effort_fall", {"effort_score": 45}, {"effort_score": 60}, 0.5),
    ("academic_fall", {"academic_performance": 61}, {"academic_performance": 70}, 0.3),
    ("platform_silence", {"lms_active_days": 1}, {"lms_active_days": 4}, 0.75),
    ("platform_silence", {"lms_active_days": 0}, {"lms_active_days": 4}, 1),
    # A baseline below one day counts as one.
    ("platform_silence", {"lms_active_days": 0}, {"lms_active_days": 0.5}, 0.5),
    ("platform_silence", {"lms_active_days": 0}, {"lms_active_days": 0}, 0),
    # The class has an effort score of 50.
    ("effort_level", {"effort_score": 40}, {}, 0.25),
    ("effort_level", {"effort_score": 5}, {}, 1),
    ("effort_level", {"effort_score": 70}, {}, 0),
]


def compute(
    metrics: Mapping[str, float], baseline: Mapping[str, float], scoring: Scoring = SCORING
) -> dict[str, float]:
    now = pd.DataFrame([dict.fromkeys([*BASELINE_METRICS, "risk_of_detention"], NAN) | dict(metrics)])  # fmt: skip
    before = {name: np.array([baseline.get(name, NAN)]) for name in BASELINE_METRICS}
    parts = compute_components(observed(), now, before, np.array([50.0]), CALENDAR, scoring)
    return {name: float(part[0]) for name, part in parts.items()}


@pytest.mark.parametrize(("name", "metrics", "baseline", "value"), COMPONENTS)
def test_a_component_goes_from_no_concern_to_full(
    name: str, metrics: dict[str, float], baseline: dict[str, float], value: float
) -> None:
    assert compute(metrics, baseline)[name] == pytest.approx(value, nan_ok=True)


def test_without_anything_known_no_component_is_present() -> None:
    found = compute({}, {})
    assert found.keys() == WEIGHTS.keys()
    assert np.isnan(list(found.values())).all()


def test_a_college_sets_what_a_full_component_is() -> None:
    scoring = Scoring.model_validate(
        {"pass_mark": 50, "academic_margin": 0, "risk_scales": {"effort_level": 20}}
    )
    found = compute({"academic_performance": 40, "effort_score": 40}, {}, scoring)
    assert found["academic_level"] == pytest.approx(0.2)
    assert found["effort_level"] == pytest.approx(0.5)


def test_missed_work_is_of_the_last_three_teaching_weeks() -> None:
    done = {"asha": 50.0}
    items = [Item(6), Item(7, done), Item(9), Item(9, quiz=True), Item(5), Item(7, done, quiz=True)]
    missed, due = count_missed_work(observed(9, work=items), CALENDAR, SCORING)
    assert (missed[0], due[0]) == (3, 5)


def test_the_effort_of_a_class_is_its_median() -> None:
    students = {n: {"class_id": c} for n, c in zip("abcdefg", "CCCCDDE", strict=True)}
    roll = build_roll(facts(6, students, classes=dict.fromkeys("CDE", (2, "2026-01-05"))))
    found = compute_class_effort(roll, np.array([10.0, 20.0, 90.0, NAN, 40.0, 60.0, NAN]))
    assert found == pytest.approx([20, 20, 20, 20, 50, 50, NAN], nan_ok=True)


def test_points_share_out_the_score_among_the_components_present() -> None:
    parts = {name: np.array([NAN, NAN]) for name in WEIGHTS}
    parts |= {"missed_work": np.array([0.5, NAN]), "effort_fall": np.array([0.25, NAN])}
    points = compute_points(parts, SCORING)
    # Weights 15 and 10 of 25 are present: 100 · 15 · 0.5 / 25, and 100 · 10 · 0.25 / 25.
    assert points["missed_work"].tolist() == pytest.approx([30, 0])
    assert points["effort_fall"].tolist() == pytest.approx([10, 0])
    assert sum(points.values()).tolist() == pytest.approx([40, 0])  # type: ignore[union-attr]


def test_the_score_is_the_weighted_mean_of_the_components_present() -> None:
    # Missed work 1 (15) and marks of 0, so level 1 (20); effort is the class's own, so 0 (10).
    row = compute_metrics(facts(6, work=[Item(6)]), history({}), CALENDAR, SCORING).iloc[0]
    assert row["risk_score"] == pytest.approx(100 * 35 / 45)
    assert row["risk_coverage"] == pytest.approx(0.45)


def test_the_points_of_a_scored_week_sum_to_its_score() -> None:
    items = [Item(4, {"asha": 20.0}), Item(6), Item(6, {"asha": 45.0}, quiz=True)]
    of = observed(work=items, registers={"asha": "4/4 3/4 2/4 2/4 1/4 1/4"})
    scored = score_week(of, history({4: 80, 5: 90}), CALENDAR, SCORING)
    points = compute_points(scored.components, SCORING)
    total = sum(float(part[0]) for part in points.values())
    assert total == pytest.approx(scored.metrics["risk_score"].iloc[0])
    assert total > 0
    assert scored.week == 6


def test_a_week_without_anything_known_has_no_score() -> None:
    row = compute_metrics(facts(6), history({}), CALENDAR, SCORING).iloc[0]
    assert row[["risk_score", "effort_score", "p_fail"]].isna().all()
    assert row["risk_coverage"] == 0


def test_a_part_of_a_class_is_held_against_the_whole_class() -> None:
    # asha attended 40% this week, which is all that her effort score is made of.
    of = observed(1, registers={"asha": "2/5"})
    peers = Peers(np.array([0.9]), np.array([60.0]))
    scored = score_week(of, history({}), CALENDAR, SCORING, peers)
    assert scored.metrics["effort_score"].tolist() == [40]
    assert scored.components["effort_level"].tolist() == [0.5]
    assert scored.peers is peers


def test_the_metrics_are_the_columns_that_the_dictionary_names() -> None:
    frame = compute_metrics(facts(6, "bala asha"), history({}), CALENDAR, SCORING)
    assert list(frame) == WEEKLY_METRICS.computed
    assert frame["student_id"].tolist() == ["asha", "bala"]
