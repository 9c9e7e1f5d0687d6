"""Where the forecast has beaten the rules it ranks the lists: by its chances, and the fitted thresholds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from edumetrics.forecast.features import build_features, build_features_alone
from edumetrics.forecast.ranking import WeekForecast
from edumetrics.inputs import terms
from edumetrics.scoring.signals import compute_probability, rank_in_groups
from edumetrics.stages import score_parts, weekly
from edumetrics.triage.situation import Situation
from edumetrics.workspace import Workspace


class Drawn(NamedTuple):
    """A week of the demo college: its scores, and what its lists were drawn up from."""

    scores: weekly.WeekScores
    situation: Situation
    forecast: WeekForecast


def draw(workspace: Workspace, week: int) -> Drawn:
    with workspace.open_college() as college:
        term = terms.find_term(college, "", college.find_college_week(workspace.today))
        read = weekly.read_week(workspace, college, term, week, Path("unused"), replay=True)
    made = score_parts.score_students(read, read.parts[0].read(read))
    assert made.forecast is not None
    situation = score_parts.make_situation(read, made)
    return Drawn(weekly.compute(read), replace(situation, model=made.forecast), made.forecast)


def test_it_ranks_from_week_4_of_a_term_with_a_champion(demo: Workspace) -> None:
    lists = demo.store.read("weekly_flags", ("term", "sem_week", "ranked_by"))
    first, now = sorted(lists["term"].unique())
    earlier = lists[lists["term"] == first]
    assert set(earlier.loc[earlier["sem_week"] >= 4, "ranked_by"]) == {"rules"}
    mine = lists[lists["term"] == now].groupby("sem_week")["ranked_by"].agg(set)
    assert all(how == {"watchlist"} for week, how in mine.items() if week < 4)
    assert mine[10] == {"model"}


def test_the_stored_urgency_is_the_smoothed_chance_and_the_deadline(demo: Workspace) -> None:
    now = demo.store.list_values("weekly_flags", "term")[-1]
    metrics = demo.store.read("weekly_metrics", term=now)
    chance = metrics.pivot(index="student_id", columns="sem_week", values="p_fail").astype(
        "float64"
    )
    order = pd.Series(np.nan, index=chance.index)
    for week in (2, 3, 4, 5, 6, 7, 9, 10):
        logit = np.log(chance[week] / (1 - chance[week]))
        order = (0.7 * logit + 0.3 * order).where(order.notna(), logit)
    mine = metrics[metrics["sem_week"] == 10].set_index("student_id")
    reachable = (mine["lectures_to_attend"] > 0) & (
        mine["lectures_to_attend"] <= mine["lectures_left"]
    )
    near = (mine["risk_of_detention"] / 100).where(reachable, 0).fillna(0)
    expected = 100 * (1 - (1 - compute_probability(order.to_numpy("float64"))) * (
        1 - 0.3 * near.reindex(order.index).to_numpy("float64")
    ))  # fmt: skip
    listed = demo.store.read("weekly_flags", term=now, sem_week=10)
    found = pd.Series(expected, index=order.index)[listed["student_id"]]
    np.testing.assert_allclose(listed["urgency_score"], found, rtol=1e-9)
    for _, own in listed.groupby("advisor_id"):
        ranked = own.sort_values("triage_rank")
        by = ["urgency_score", "weeks_on_list", "student_id"]
        again = own.sort_values(by, ascending=[False, False, True])
        assert ranked["student_id"].tolist() == again["student_id"].tolist()


def test_who_is_at_the_stored_threshold_is_listed_and_tiers_are_cut_from_urgency(
    demo: Workspace,
) -> None:
    now = demo.store.list_values("weekly_flags", "term")[-1]
    limits = demo.store.read("list_thresholds", term=now, sem_week=10, ranked_by="model").iloc[0]
    listed = demo.store.read("weekly_flags", term=now, sem_week=10)
    urgency = listed["urgency_score"]
    assert limits["soon_at"] == max(35, limits["list_at"] - 8)
    assert limits["urgent_at"] == max(60, limits["list_at"])
    tier = np.select(
        [urgency >= limits["urgent_at"], urgency >= limits["soon_at"]],
        ["critical", "high"],
        "watch",
    )
    assert listed["risk_tier"].tolist() == tier.tolist()
    by = listed["listed_by"].to_numpy()
    assert (urgency[by == "urgency"] >= limits["list_at"]).all()
    assert (urgency[by == "staying"] < limits["list_at"]).all()
    assert (urgency[by == "staying"] > limits["list_at"] - 8).all()


@pytest.mark.slow
def test_one_student_alone_is_compared_as_in_the_whole_roll(demo: Workspace) -> None:
    scores, _, forecast = draw(demo, 7)
    own, students = forecast.own, scores.metrics["student_id"]
    for row in (0, 50, 120):
        other = own.frame.copy()
        other.loc[row, ["mark", "attendance_recent", "midterm"]] = [99.0, 0.01, np.nan]
        other.loc[row, "days_idle"] = other["days_idle"].iloc[(row + 1) % len(other)]
        whole = (
            build_features(type(own)(other, own.classes), students)
            .iloc[[row]]
            .reset_index(drop=True)
        )
        one = type(own)(other.iloc[[row]].reset_index(drop=True), own.classes[[row]])
        alone = build_features_alone(one, np.array([row]), students.iloc[[row]], own)
        pd.testing.assert_frame_equal(alone, whole, rtol=1e-9)


def test_placed_counts_within_the_group() -> None:
    chance = np.random.default_rng(1)
    base, groups = chance.integers(0, 6, 200).astype(float), chance.integers(0, 4, 200)
    base[::9] = np.nan
    values, asked = chance.integers(0, 6, 50).astype(float), chance.integers(0, 4, 50)
    less, equal, count = rank_in_groups(values, asked, base, groups)
    for n, value in enumerate(values):
        mine = base[(groups == asked[n]) & ~np.isnan(base)]
        assert (less[n], equal[n], count[n]) == (
            (mine < value).sum(),
            (mine == value).sum(),
            len(mine),
        )
