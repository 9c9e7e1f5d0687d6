"""What a place did, where lots decided who had one: found at the nominal rate, with confounded contacts too."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from edumetrics.params import Triage
from edumetrics.triage.drawn_effects import CONTACT, PLACE, DrawnTerm, collect_drawn, measure_draws
from edumetrics.triage.draws import draw_places, measure_given_up
from edumetrics.triage.effects import Effect, measure_effect
from edumetrics.triage.places import rank
from tests.unit.triage.attendance import ATTENDANCE, CALENDAR, draw_attendance, to_metrics

TRIAGE = Triage(drawn_places=2, new_names=0)
ADVISORS = 10


def simulate(seed: int, added: float, students: int = 600, follow_up: float = 0.7, confounded: bool = False
             ) -> tuple[DrawnTerm, pd.DataFrame]:  # fmt: skip
    """A semester of student-weeks: the worst of each advisor are listed, the last two places are drawn, and some met.

    A contact adds to the attendance of the next three teaching weeks. Where it is confounded, advisors meet those
    who would recover anyway.
    """
    rng, weeks = np.random.default_rng(seed), CALENDAR.teaching_weeks
    own, values = draw_attendance(rng, students)
    ids = np.array([f"s{n:03d}" for n in range(students)])
    advisor = np.array([f"a{n % ADVISORS}" for n in range(students)])
    care = np.zeros((students, len(weeks) + 3), dtype=bool)
    lists, met = [], []
    for t in range(4, len(weeks)):
        urgency = 100 - values[:, t]
        worst = [
            n
            for one in range(ADVISORS)
            for n in sorted(range(one, students, ADVISORS), key=lambda n: -urgency[n])[:12]
        ]
        frame = pd.DataFrame({
            "student_id": ids[worst], "advisor_id": advisor[worst], "urgency_score": urgency[worst],
            "weeks_on_list": 1, "looked_after": care[worst, t], "fresh": False, "first": False, "risk_tier": "high",
        })  # fmt: skip
        week = draw_places(rank(frame, TRIAGE), TRIAGE, str(seed), weeks[t]).assign(
            sem_week=weeks[t]
        )
        lists.append(week)
        for name in week.loc[week["within_capacity"], "student_id"]:
            n = int(name[1:])
            chance = follow_up
            if confounded:
                # Who would come back to their own level anyway is called far more often.
                chance = np.clip(follow_up + 0.04 * (own[n] - values[n, t]) - 0.6, 0, 1)
            if rng.random() < chance:
                met.append((name, weeks[t]))
                values[n, t + 1 : t + 4] += (
                    added * ~care[n, t + 1 : t + 4][: values.shape[1] - t - 1]
                )
                care[n, t + 1 : t + 4] = True
    flags = pd.concat(lists, ignore_index=True).assign(term=str(seed))
    draws = flags[flags["drawn"]].rename(columns={"within_capacity": "place"})
    draws = draws.assign(pool_id=draws["seed"])[["student_id", "sem_week", "pool_id", "place"]]
    contacts = pd.DataFrame(met, columns=["student_id", "sem_week"])
    places = flags.loc[flags["within_capacity"], ["student_id", "sem_week"]]
    return DrawnTerm(to_metrics(values, ids), draws, places, contacts, CALENDAR), flags


def find(terms: list[DrawnTerm], what: str) -> Effect:
    return next(
        one for one in measure_draws(terms) if (one.what, one.outcome) == (what, "attendance")
    )


def check(seeds: int, added: float, bias: float, rate: tuple[float, float]) -> None:
    found = [
        find([simulate(2 * n, added)[0], simulate(2 * n + 1, added)[0]], CONTACT)
        for n in range(seeds)
    ]
    covered = np.mean([one.low <= added <= one.high for one in found])
    assert rate[0] <= covered <= rate[1], covered
    assert np.mean([one.difference for one in found]) == pytest.approx(added, abs=bias)
    if added:
        assert np.mean([one.low > 0 for one in found]) >= 0.8, (
            "power within two semesters of 600 students"
        )


@pytest.mark.prove
def test_an_effect_is_found() -> None:
    # Power is a share of seeds: so many are needed to tell 80% from less.
    check(40, 6.0, 2.0, (0.75, 1.0))


@pytest.mark.prove
@pytest.mark.parametrize("added", [0.0, 6.0])
def test_an_effect_is_found_at_the_nominal_rate_over_two_hundred_seeds(added: float) -> None:
    check(200, added, 0.3, (0.93, 0.97))


@pytest.mark.prove
def test_where_advisors_call_who_would_recover_the_draw_does_not_err_and_the_match_does() -> None:
    drawn, matched = [], []
    for n in range(12):
        terms = [simulate(500 + 2 * n + k, 0, confounded=True) for k in range(2)]
        drawn.append(find([term for term, _ in terms], PLACE))
        for term, flags in terms:
            listed = flags[["student_id", "sem_week"]]
            matched.append(
                measure_effect(term.weeks, listed, term.contacts, CALENDAR, ATTENDANCE).difference
            )
    assert np.mean(matched) > 1.5, "the matched comparison claims an effect"
    # Of twelve intervals at 95% nine or more hold 0 in all but one case of two thousand.
    assert np.mean([one.low <= 0 <= one.high for one in drawn]) >= 0.75
    assert np.mean([one.low > 0 for one in drawn]) <= 0.25


@pytest.mark.slow
def test_less_than_three_in_a_hundred_of_the_urgency_is_given_up() -> None:
    given_up = [measure_given_up(simulate(n, 0)[1]) for n in range(3)]
    assert max(given_up) <= 0.03
    assert min(given_up) > 0


def test_few_draws_tell_nothing_and_say_so() -> None:
    term, _ = simulate(1, 6, students=60)
    few = DrawnTerm(term.weeks, term.draws.head(8), term.places, term.contacts, CALENDAR)
    assert find([few], PLACE).said.startswith("Too few to tell")
    nobody = DrawnTerm(term.weeks, term.draws, term.places, term.contacts.iloc[:0], CALENDAR)
    assert (
        "nothing can be told" in find([nobody], CONTACT).said
        or "Too few" in find([nobody], CONTACT).said
    )
    assert collect_drawn(
        DrawnTerm(term.weeks, term.draws.iloc[:0], term.places, term.contacts, CALENDAR), ATTENDANCE
    ).empty
