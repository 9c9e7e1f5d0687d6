"""Did it help? A known effect is found within its interval as often as it should be, and regression to the mean is none."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from edumetrics.triage.effects import OUTCOMES, collect_cases, measure_effect, measure_effects
from edumetrics.workspace import Workspace
from tests.unit.triage.attendance import ATTENDANCE, CALENDAR, draw_attendance, to_metrics

DRAWS = 200


def college(
    rng: np.random.Generator, added: float, students: int = 240
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Weeks that go up and down around each student's own level; the worst of a week are listed, and some met.

    Whoever is met is chosen by how bad the week was, as advisors do: without matching, the return to the own level
    would look like an effect of the contact.
    """
    weeks = CALENDAR.teaching_weeks
    _, values = draw_attendance(rng, students)
    ids = np.array([f"s{n}" for n in range(students)])
    met: dict[int, int] = {}
    listed, contacted = [], []
    for t in range(4, len(weeks)):
        risk = 100 - values[:, t]
        worst = np.argsort(-risk)[: students // 5]
        listed += [(ids[n], weeks[t]) for n in worst]
        chance = 1 / (1 + np.exp(-(risk[worst] - np.median(risk[worst])) / 8)) * 0.4
        for n in worst[rng.random(len(worst)) < chance]:
            if n not in met:
                met[int(n)] = t
                contacted.append((ids[n], weeks[t]))
                values[n, t + 1 : t + 4] += added
    columns = ["student_id", "sem_week"]
    return (
        to_metrics(values, ids),
        pd.DataFrame(listed, columns=columns),
        pd.DataFrame(contacted, columns=columns),
    )


@pytest.mark.slow
@pytest.mark.parametrize("added", [pytest.param(0.0, marks=pytest.mark.prove), 6.0])
def test_a_known_effect_is_recovered_at_the_nominal_rate(added: float) -> None:
    found = [
        measure_effect(*college(np.random.default_rng(n), added), CALENDAR, ATTENDANCE)
        for n in range(DRAWS)
    ]
    covered = np.mean([one.low <= added <= one.high for one in found])
    # 95% of 200: a binomial lies between 91% and 99% in 99.8 of 100 cases.
    assert 0.91 <= covered <= 0.99
    assert np.mean([one.difference for one in found]) == pytest.approx(added, abs=0.5)


@pytest.mark.slow
def test_regression_to_the_mean_alone_is_no_effect() -> None:
    """Those met do get better, by more than all others who were listed; beside students like them, they do not."""
    raw, told = [], []
    for n in range(60):
        frames = college(np.random.default_rng(1000 + n), 0)
        rows = collect_cases(*frames, CALENDAR, ATTENDANCE)
        met = rows["contacted"].astype(bool)
        raw.append(rows.loc[met, "change"].mean() - rows.loc[~met, "change"].mean())
        told.append(measure_effect(*frames, CALENDAR, ATTENDANCE).difference)
    assert np.mean(raw) > 1, "the naive comparison would claim an effect"
    assert abs(np.mean(told)) < 0.5


@pytest.mark.slow
@pytest.mark.parametrize("added", [pytest.param(0.0, marks=pytest.mark.prove), 6.0])
def test_on_the_simulated_colleges_own_weeks(added: float, demo: Workspace) -> None:
    """Contacts drawn at random on the real lists, the effect added to the attendance that followed."""
    term = "2025-07-14"
    columns = ("student_id", "sem_week", "risk_score", *OUTCOMES)
    weeks = demo.store.read("weekly_metrics", columns, term=term)
    flags = demo.store.read("weekly_flags", ("student_id", "sem_week"), term=term)
    covered = []
    for n in range(DRAWS):
        rng = np.random.default_rng(n)
        drawn = (
            flags[rng.random(len(flags)) < 0.15]
            .sort_values("sem_week")
            .drop_duplicates("student_id")
        )
        later = drawn.assign(
            week=[CALENDAR.get_next_teaching_weeks(week)[:3] for week in drawn["sem_week"]]
        )
        later = (
            later.explode("week")[["student_id", "week"]]
            .rename(columns={"week": "sem_week"})
            .dropna()
        )
        changed = weeks.merge(later.assign(added=added), on=["student_id", "sem_week"], how="left")
        changed[ATTENDANCE] += changed["added"].fillna(0)
        one = measure_effect(changed, flags, drawn, CALENDAR, ATTENDANCE)
        covered.append(one.low <= added <= one.high)
    assert 0.91 <= np.mean(covered) <= 0.99


def test_small_numbers_are_refused() -> None:
    weeks, flags, contacts = college(np.random.default_rng(1), 6)
    one = measure_effect(weeks, flags, contacts.head(5), CALENDAR, ATTENDANCE)
    assert np.isnan(one.difference)
    assert one.said.startswith("Too few to tell: ")
    nothing = measure_effects(weeks, flags, contacts.iloc[:0], CALENDAR)
    assert [one.contacted for one in nothing] == [0, 0, 0]
    assert len(measure_effects(weeks.iloc[:0], flags.iloc[:0], contacts.iloc[:0], CALENDAR)) == 3


@pytest.mark.slow
def test_a_sentence_never_says_more_than_its_interval() -> None:
    kinds = set()
    for n in range(24):
        for added, students in ((0, 60), (5, 300), (-3, 300), (12, 800), (0, 2000)):
            one = measure_effect(
                *college(np.random.default_rng(n), added, students=students), CALENDAR, ATTENDANCE
            )
            if one.said.startswith("Where someone was in contact"):
                kinds.add("tells")
                assert one.low > 0 or one.high < 0
                assert ("above" in one.said) == (one.low > 0)
            elif one.said.startswith("No difference of 5 points or more in attendance"):
                kinds.add("none")
                assert -5 < one.low < 0 < one.high < 5
            elif one.said.startswith("The data cannot tell for attendance"):
                kinds.add("cannot")
                assert re.search(r"about [1-9]\d* more weeks? of as many contacts", one.said)
                assert one.low < 0 < one.high
            if n >= 4 and students == 2000:
                break
    assert kinds == {"tells", "none", "cannot"}
