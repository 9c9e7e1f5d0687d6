"""Where the forecast has beaten the rules it ranks the lists; how long they are, and who is sure of a place, stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from edumetrics.fields.reasons import LAST_WEEK, RULES
from edumetrics.forecast.features import build_features, build_features_alone
from edumetrics.forecast.models import compute_probability
from edumetrics.forecast.ranking import WeekForecast
from edumetrics.inputs import terms
from edumetrics.scoring.signals import rank_in_groups
from edumetrics.stages import weekly
from edumetrics.triage import by_model, flags
from edumetrics.triage.situation import Situation
from edumetrics.workspace import Workspace
from tests.unit.triage.test_flags import run_week
from tests.unit.triage.test_what_if import repeat_week_6

RULED = {*RULES, *(name + LAST_WEEK for name in RULES)}


class Drawn(NamedTuple):
    """A week of the demo college: its scores, and what its lists were drawn up from."""

    scores: weekly.WeekScores
    situation: Situation
    forecast: WeekForecast


def draw(workspace: Workspace, week: int) -> Drawn:
    with workspace.open_college() as college:
        term = terms.find_term(college, "", college.find_college_week(workspace.today))
        read = weekly.read_week(workspace, college, term, week, Path("unused"), replay=True)
    records = read.parts[0].read(read)
    scored, _, forecast = weekly.score_students(read, records)
    assert forecast is not None
    situation = weekly.make_situation(read, records, scored, forecast)
    return Drawn(weekly.compute(read), replace(situation, model=forecast), forecast)


def test_it_ranks_from_week_4_of_a_term_with_a_champion(demo: Workspace) -> None:
    lists = demo.store.read("weekly_flags", ("term", "sem_week", "ranked_by"))
    first, now = sorted(lists["term"].unique())
    assert set(lists.loc[lists["term"] == first, "ranked_by"]) == {"rules"}
    mine = lists[lists["term"] == now].groupby("sem_week")["ranked_by"].agg(set)
    assert all(how == {"rules"} for week, how in mine.items() if week < 4)
    assert mine[10] == {"model"}


@pytest.mark.parametrize("week", [5, 7, 10])
def test_a_list_is_as_long_as_the_rules_list_and_its_tiers_too(demo: Workspace, week: int) -> None:
    scores, situation, _ = draw(demo, week)
    rules = flags.apply_rules(situation)
    mine = by_model.rank_by_model(situation, rules)
    chance, lists = scores.metrics["p_fail"].to_numpy(), situation.lists
    sure = rules.ruled | (chance >= 0.6)
    for one in np.unique(lists):
        own = lists == one
        length, rules_length = int(mine.on_list[own].sum()), int(rules.on_list[own].sum())
        assert length >= rules_length
        left_over = mine.on_list & own & ~sure
        assert length == rules_length or length - rules_length <= (sure & own).sum()
        if left_over.any() and (own & ~mine.on_list).any():
            assert situation.model is not None
            order = situation.model.order
            assert order[left_over].min() >= order[own & ~mine.on_list].max(), (
                "the likeliest are on it"
            )
        for tier in (2, 3):
            assert (mine.tier[own] >= tier).sum() == (rules.tier[own] >= tier).sum()
    assert mine.on_list[sure].all()
    assert (mine.tier[rules.ruled] >= 2).all(), "a rule is at least High"
    assert rules.on_list.sum() > 10


def test_rules_first_then_the_smoothed_chance(demo: Workspace) -> None:
    now = demo.store.list_values("weekly_flags", "term")[-1]
    metrics = demo.store.read("weekly_metrics", ("student_id", "sem_week", "p_fail"), term=now)
    chance = metrics.pivot(index="student_id", columns="sem_week", values="p_fail")
    listed = demo.store.read("weekly_flags", term=now, sem_week=10)
    weeks = [5, 6, 7, 9, 10]
    order = pd.Series(np.nan, index=chance.index)
    for week in weeks:
        logit = np.log(chance[week] / (1 - chance[week]))
        order = (0.7 * logit + 0.3 * order).where(order.notna(), logit)
    expected = 100 * compute_probability(order[listed["student_id"]].to_numpy())
    np.testing.assert_allclose(listed["urgency_score"], expected, rtol=1e-9)
    listed["ruled"] = [
        any(record["code"] in RULED for record in records) for records in listed["reasons"]
    ]
    assert listed["ruled"].any()
    for _, mine in listed.groupby("advisor_id"):
        ranked = mine.sort_values("triage_rank")
        again = mine.sort_values(
            ["ruled", "urgency_score", "student_id"], ascending=[False, False, True]
        )
        assert ranked["student_id"].tolist() == again["student_id"].tolist()


def test_reasons_say_so_and_the_headings_told_raise_the_forecast(demo: Workspace) -> None:
    now = demo.store.list_values("weekly_flags", "term")[-1]
    listed = demo.store.read("weekly_flags", term=now, sem_week=10)
    chance = demo.store.read("weekly_metrics", term=now, sem_week=10).set_index("student_id")[
        "p_fail"
    ]
    headings = 0
    for row in listed.to_dict("records"):
        said = {record["code"]: record for record in row["reasons"]}
        assert said["forecast"]["value"] == pytest.approx(100 * chance[row["student_id"]])
        for code, record in said.items():
            if code.startswith("forecast_"):
                headings += 1
                worse = record["value"] > record["baseline"]
                assert (
                    worse if code == "forecast_promptness" else record["value"] < record["baseline"]
                ), record
                assert record["points"] > 0
    assert headings > 10


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


@pytest.mark.slow
def test_what_takes_a_student_off_holds_when_next_week_is_written(demo_copy: Workspace) -> None:
    """The college is changed so that next week is as the sentence says, and the list drawn up again."""
    run_week(demo_copy, 6, replay=True)
    now = demo_copy.store.list_values("weekly_metrics", "term")[-1]
    listed = demo_copy.store.read("weekly_flags", sem_week=6, term=now)
    assert set(listed["ranked_by"]) == {"model"}
    path = demo_copy.settings.home / "college.db"
    original = path.read_bytes()
    kinds = {"attends": 0, "has another week like this one": 0}
    for row in listed[listed["off_list_if"].notna()].to_dict("records"):
        words = str(row["off_list_if"])
        attends = words.startswith("attends") and " and " not in words
        if not attends and words not in kinds:
            continue
        count = words.split()[1] if attends else None
        path.write_bytes(original)
        held = 0 if count is None else None if count == "all" else int(count)
        repeat_week_6(path, row["student_id"] if attends else "nobody", held)
        after = set(run_week(demo_copy, 7, replay=True).lists.flags["student_id"])
        assert row["student_id"] not in after, words
        kinds["attends" if attends else words] += 1
    assert sum(kinds.values()) >= 3
