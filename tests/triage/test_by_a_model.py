"""Lists ranked by a forecast: a tiny one, made by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edumetrics.scoring.roll import Vector
from edumetrics.scoring.signals import Floats
from edumetrics.scoring.weekly import ScoredWeek
from edumetrics.triage.by_model import NextWeekLists, rank_by_model
from edumetrics.triage.flags import ListDecision, apply_rules, compute_urgency
from edumetrics.triage.lists import build_lists
from edumetrics.triage.situation import NextWeekForecast, Ranking, Situation
from edumetrics.triage.what_if import find_steps
from tests.triage.builder import SCORE_ALONE, by_score, draw, pick, situation, tell

TOPICS = ("marks", "work", "promptness", "attendance", "activity", "midterm", "earlier")


def compute_logit(scored: ScoredWeek) -> Floats:
    """The tiny forecast: 4 for who attends nothing this week, -4 for who attends everything."""
    return 4 - 8 * scored.metrics["weekly_att_pct"].to_numpy("float64") / 100


@dataclass(frozen=True)
class TinyNextWeek:
    """Next week by the tiny forecast, which smooths nothing."""

    logit: Floats

    @property
    def order(self) -> Floats:
        return self.logit

    def simulate_change(
        self, scored: ScoredWeek, history: pd.DataFrame, rows: Vector
    ) -> tuple[Floats, Floats]:
        logit = compute_logit(scored)
        return logit, logit


@dataclass(frozen=True)
class TinyRanking:
    """A forecast whose logits are given, and whose next week goes by attendance alone."""

    order: Floats
    drifted: bool = False
    added: dict[str, list[float]] = field(default_factory=dict)
    values: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)

    @property
    def chance(self) -> Floats:
        return np.asarray(1 / (1 + np.exp(-self.order)))

    @property
    def told(self) -> dict[str, tuple[Floats, Floats]]:
        nothing = ([np.nan] * len(self.order),) * 2
        given = {topic: self.values.get(topic, nothing) for topic in TOPICS}
        return {topic: (np.array(own), np.array(peers)) for topic, (own, peers) in given.items()}

    def explain_topics(self, rows: Vector) -> dict[str, Floats]:
        nothing = [0.0] * len(self.order)
        return {topic: np.array(self.added.get(topic, nothing))[rows] for topic in TOPICS}

    def simulate_next_week(self, scored: ScoredWeek, history: pd.DataFrame) -> NextWeekForecast:
        return TinyNextWeek(compute_logit(scored))


def tiny(*order: float, **more: Any) -> Ranking:
    return TinyRanking(np.array(order), **more)


def ranked(model: Ranking, **given: Any) -> tuple[Situation, ListDecision]:
    now = situation(**given, model=model)
    return now, rank_by_model(now, apply_rules(now))


# By the rules, a (50) is on the list at Watch and b (80) at Critical; v to z are not.
TWO = by_score({"a": {6: 50}, "b": {6: 80}}, students="abvwxyz")


def test_a_list_is_as_long_as_by_the_rules_but_of_the_likeliest() -> None:
    now, standing = ranked(tiny(-3, 0.1, 0.2, -1, -2, -2, -2), **TWO)
    assert pick(now, apply_rules(now).on_list) == "ab"
    assert pick(now, standing.on_list) == "bv"


def test_there_are_as_many_critical_and_high_as_by_the_rules() -> None:
    now, standing = ranked(tiny(-3, 0.1, 0.2, -1, -2, -2, -2), **TWO)
    assert pick(now, standing.tier == 3) == "v"
    assert pick(now, standing.tier == 2) == ""
    assert pick(now, standing.tier == 1) == "b"


def test_a_student_whose_chance_is_sure_is_listed_beyond_the_length() -> None:
    """A logit of 0.5 is a chance of 62%, and one of 0.3 a chance of 57%."""
    now, standing = ranked(tiny(-3, 0.3, 0.5, 0.6, 0.7, -2, -2), **TWO)
    assert pick(now, standing.on_list) == "vwx"
    assert pick(now, standing.tier == 3) == "x"


def test_from_which_chance_a_student_is_sure_is_a_parameter() -> None:
    half = SCORE_ALONE.model_copy(update={"sure_chance": 0.55})
    now, standing = ranked(tiny(-3, 0.3, 0.5, 0.6, 0.7, -2, -2), **{**TWO, "triage": half})
    assert pick(now, standing.on_list) == "bvwx"


def test_equal_chances_go_by_id() -> None:
    now, standing = ranked(tiny(*[-1.0] * 7), **TWO)
    assert pick(now, standing.on_list) == "ab"
    now, standing = ranked(tiny(-2, *[-1.0] * 6), **TWO)
    assert pick(now, standing.on_list) == "bv"


def test_a_ruled_student_comes_first_and_is_at_least_high() -> None:
    model = tiny(-3, 0.1, -1, -1)
    now, standing = ranked(model, students="abcd", attendance={"a": {6: 0}})
    assert pick(now, standing.on_list) == "a"
    assert standing.tier[0] == 2


def test_a_ruled_student_stands_before_who_is_likelier() -> None:
    given = {"students": "abcd", "attendance": {"a": {6: 0}}, "model": tiny(-3, 2.0, -1, -1)}
    found = draw(**given)
    assert found["triage_rank"].to_dict() == {"a": 1, "b": 2}
    assert found["risk_tier"].to_dict() == {"a": "high", "b": "watch"}


def test_each_advisor_s_list_has_its_own_length() -> None:
    people = {s: {"advisor_id": "X" if s in "abc" else "Y"} for s in "abcdefg"}
    given = by_score({"a": {6: 50}, "d": {6: 50}, "e": {6: 50}}, students=people)
    now, standing = ranked(tiny(-3, -2, -1, -3, -1, -2, -1.5), **given)
    assert pick(now, apply_rules(now).on_list) == "ade"
    assert pick(now, standing.on_list) == "ceg"


def test_the_level_goes_on_and_nobody_is_raised_by_weeks() -> None:
    last = {"b": {"escalation_level": 2}}
    _, standing = ranked(tiny(-3, 0.1, -1, -1, -2, -2, -2), **TWO, past=1, last_list=last)
    assert standing.level.tolist() == [0, 3, 1, 0, 0, 0, 0]
    assert not standing.raised.any()


def test_a_tier_rises_where_the_place_does() -> None:
    last = {"b": {"risk_tier": "watch"}, "v": {"risk_tier": "critical"}}
    _, standing = ranked(tiny(-3, 0.1, -1, -2, -2, -2, -2), **TWO, last_list=last)
    assert standing.tier.tolist() == [0, 3, 1, 0, 0, 0, 0]
    assert standing.rose.tolist() == [False, True, *[False] * 5]


def test_urgency_is_the_chance_in_percent() -> None:
    now = situation(**TWO, model=tiny(0, np.log(3), -np.log(3), -9, -9, -9, -9))
    nothing = pd.DataFrame({"class_id": []})
    assert compute_urgency(now, nothing)[:3].tolist() == pytest.approx([50, 75, 25])


def test_the_list_says_that_a_model_ranked_it() -> None:
    found = draw(**TWO, model=tiny(-3, 0.1, -1, -2, -2, -2, -2))
    assert set(found["ranked_by"]) == {"model"}


def test_findings_about_a_class_come_from_the_rules() -> None:
    given = by_score({s: {17: 50} for s in "abcd"}, week=17)
    model = tiny(*[-1.0] * 4, *[0.0] * 5)
    lists = build_lists(situation(**given, model=model))
    assert "".join(lists.flags["student_id"]) == "vwxy"
    assert lists.findings["students_affected"].tolist() == [4]


@pytest.mark.parametrize(
    ("drifted", "ending"),
    [
        (False, "about 75 failed or left in earlier semesters."),
        (
            True,
            "failed or left in earlier semesters, which were unlike this one: read it with care.",
        ),
    ],
)
def test_the_chance_is_told_with_care_where_this_term_is_different(
    drifted: bool, ending: str
) -> None:
    found = draw(**TWO, model=tiny(-3, np.log(3), -1, -2, -2, -2, -2, drifted=drifted))
    said = tell(found.loc["b", "reasons"])
    assert said["forecast_drift" if drifted else "forecast"].endswith(ending)


def told_of_b(added: float, own: float, peers: float, topic: str = "marks") -> list[dict[str, Any]]:
    """The reasons of b, whose forecast is raised by one heading."""
    everyone = [0.0, added, *[0.0] * 5]
    values = {topic: ([own] * 7, [peers] * 7)}
    model = tiny(-3, 0.1, -1, -2, -2, -2, -2, added={topic: everyone}, values=values)
    return draw(**TWO, model=model).loc["b", "reasons"]


@pytest.mark.parametrize(
    ("added", "own", "told"),
    [(0.2, 50, True), (0.19, 50, False), (0.5, 57, True), (0.5, 57.1, False), (0.5, np.nan, False)],
)
def test_a_heading_is_told_where_it_adds_and_the_number_is_clearly_worse(
    added: float, own: float, told: bool
) -> None:
    """Marks are told from 3 points below the class, which has 60."""
    said = tell(told_of_b(added, own, 60))
    assert ("forecast_marks" in said) == told


def test_a_heading_s_sentence_has_the_number_of_the_class() -> None:
    first = told_of_b(0.4, 50, 60)[0]
    assert (first["code"], first["points"]) == ("forecast_marks", 0.4)
    assert first["text"].endswith("is 50 of 100; the class's is 60.")


@pytest.mark.parametrize(("days", "told"), [(15, True), (14, False)])
def test_days_without_work_are_worse_above_the_class(days: float, told: bool) -> None:
    assert ("forecast_promptness" in tell(told_of_b(0.4, days, 10, "promptness"))) == told


def test_where_a_component_says_it_better_its_sentence_is_told_with_the_model_s_points() -> None:
    """What raises b's forecast is activity, and of that the rules know 20 of 100."""
    said = told_of_b(0.7, 20, 100, "activity")
    assert [(r["code"], r["points"]) for r in said[:2]] == [
        ("effort_level", 0.7),
        ("forecast", 0.0),
    ]
    assert said[0]["text"] == "Recorded activity is 20 of 100; the class's is 100."


def test_what_only_the_rules_see_is_told_after_what_the_model_goes_by() -> None:
    said = told_of_b(0.4, 50, 60)
    assert [r["code"] for r in said[:3]] == ["forecast_marks", "effort_level", "forecast"]
    assert said[1]["points"] == 0


def test_a_step_takes_a_student_off_a_model_s_list_too() -> None:
    """b attended 2 of 10. With 7 the score is below 40: then the list has no place."""
    given = by_score({"a": {6: 0}, "b": {6: 80}}, attendance={"b": {6: 2}}, students="abwxyz")
    now, standing = ranked(tiny(-4, 2.4, -4, -4, -4, -4), **given)
    assert pick(now, standing.on_list) == "b"
    assert find_steps(now, standing, np.array([1])) == ["attends 7 lectures in week 7"]


def make_next(order: list[float], **more: Any) -> NextWeekLists:
    size = len(order)
    return NextWeekLists(**{
        "lists": np.zeros(size, dtype=np.int64), "by_rules": np.arange(size) < 2,
        "ruled": np.zeros(size, dtype=bool), "order": np.array(order), **more,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("now_by_rules", "order", "off"),
    [
        (True, 2.5, False),  # second of a list of two
        (True, 1.5, True),  # third
        (False, 2.5, True),  # the list has one place less
        (False, 3.5, False),  # first even so
        (True, 2.0, False),  # an equal order is not before
    ],
)
def test_who_is_off_next_week_s_list_is_counted_with_the_student_s_new_place(
    now_by_rules: bool, order: float, off: bool
) -> None:
    """The others stand at 3, 2 and 1; a stands at 4 before the change, and on the rules' list."""
    ahead = make_next([4.0, 3.0, 2.0, 1.0])
    found = ahead.find_off_list(
        np.array([0]), np.array([now_by_rules]), np.array([False]), np.array([order])
    )
    assert found.tolist() == [off]


def test_a_ruled_student_stays_and_stands_before_the_others() -> None:
    ruled = np.array([False, False, True, False])
    ahead = make_next([4.0, 3.0, -5.0, 1.0], ruled=ruled)
    stays = ahead.find_off_list(np.array([2]), np.array([True]), np.array([True]), np.array([-9.0]))
    assert stays.tolist() == [False]
    second = ahead.find_off_list(
        np.array([0]), np.array([True]), np.array([False]), np.array([2.9])
    )
    assert second.tolist() == [True], "the ruled student and the one at 3 take both places"


def test_other_lists_do_not_count() -> None:
    ahead = make_next([4.0, 3.0, 2.0, 1.0], lists=np.array([0, 1, 1, 1]))
    found = ahead.find_off_list(
        np.array([0]), np.array([True]), np.array([False]), np.array([-9.0])
    )
    assert found.tolist() == [False], "alone on a list of one"
