"""Which places are drawn, among whom, and that the same list gives the same draw."""

from __future__ import annotations

import pandas as pd
import pytest

from edumetrics.params import Triage
from edumetrics.triage.draws import draw_places, measure_given_up
from edumetrics.triage.places import rank


def listed(*urgencies: float, **columns: object) -> pd.DataFrame:
    """One advisor's list, ranked, with a capacity of four."""
    frame = pd.DataFrame({
        "student_id": [f"s{n}" for n in range(len(urgencies))], "advisor_id": "A", "urgency_score": list(urgencies),
        "weeks_on_list": 1, "looked_after": False, "fresh": False, "first": False, "risk_tier": "high", **columns,
    })  # fmt: skip
    return rank(frame, triage())


def triage(**changes: object) -> Triage:
    return Triage.model_validate({"capacity": 4, "drawn_places": 2, "new_names": 0, **changes})


def drawn(frame: pd.DataFrame, **changes: object) -> pd.DataFrame:
    return draw_places(frame, triage(**changes), "2026-01-05", 10).set_index("student_id")


def pool(frame: pd.DataFrame) -> str:
    return " ".join(frame.index[frame["drawn"]])


def test_off_by_default() -> None:
    assert Triage().drawn_places == 0
    frame = listed(80, 70, 60, 59, 58, 57)
    assert pool(drawn(frame, drawn_places=0)) == ""
    assert drawn(frame, drawn_places=0)["within_capacity"].tolist() == [True] * 4 + [False] * 2


def test_the_last_places_are_drawn_among_those_who_are_near() -> None:
    found = drawn(listed(80, 70, 60, 59, 58, 54, 52))
    assert pool(found) == "s2 s3 s4 s5", "within six points of the last place, 59"
    assert found["within_capacity"].sum() == 4
    assert found.loc[["s0", "s1"], "within_capacity"].all(), "the first places are nobody's to draw"
    assert set(found.loc[found["drawn"], "pool"]) == {4}
    assert found.loc[found["drawn"], "seed"].nunique() == 1


def test_a_place_that_is_far_above_the_last_is_not_drawn() -> None:
    found = drawn(listed(80, 75, 70, 59, 58, 54, 53))
    assert pool(found) == "s3 s4 s5 s6"
    assert found.loc[["s0", "s1", "s2"], "within_capacity"].all()
    assert found.loc[["s3", "s4", "s5", "s6"], "within_capacity"].sum() == 1


def test_nothing_is_drawn_where_no_more_are_near_than_places() -> None:
    assert pool(drawn(listed(80, 70, 60, 59))) == ""
    assert pool(drawn(listed(80, 70, 60, 59, 40))) == ""


def test_nobody_who_is_urgent_takes_part() -> None:
    tiers = ["critical"] * 4 + ["high"] * 3
    assert pool(drawn(listed(80, 70, 61, 60, 59, 58, 57, risk_tier=tiers))) == ""


def test_a_place_kept_for_a_new_name_is_not_drawn_and_who_is_looked_after_takes_no_part() -> None:
    fresh = [False] * 5 + [True, False]
    frame = listed(80, 70, 60, 59, 58, 40, 57, fresh=fresh)
    ranked = rank(
        frame.drop(columns=["triage_rank", "within_capacity", "kept"]), triage(new_names=1)
    )
    found = draw_places(ranked, triage(new_names=1), "2026-01-05", 10).set_index("student_id")
    assert found.loc["s5", "within_capacity"]
    assert not found.loc["s5", "drawn"]
    care = [False, False, False, False, True, False]
    assert "s4" not in pool(drawn(listed(80, 70, 60, 59, 58, 57, looked_after=care)))


def test_the_same_list_gives_the_same_draw_in_any_order_and_another_week_another() -> None:
    frame = listed(80, 70, *(60 - n / 10 for n in range(20)))
    first = drawn(frame)["within_capacity"]
    shuffled = draw_places(frame.sample(frac=1, random_state=3), triage(), "2026-01-05", 10)
    assert first.sort_index().equals(
        shuffled.set_index("student_id")["within_capacity"].sort_index()
    )
    others = {
        tuple(draw_places(frame, triage(), "2026-01-05", week)["within_capacity"])
        for week in range(4, 14)
    }
    assert len(others) > 5


@pytest.mark.parametrize(("places", "lost"), [([True, False], 0.0), ([False, True], 2 / 148)])
def test_what_a_draw_gives_up(places: list[bool], lost: float) -> None:
    flags = pd.DataFrame({
        "term": "t", "sem_week": 10, "advisor_id": "A", "urgency_score": [90.0, 60.0, 58.0],
        "within_capacity": [True, *places], "drawn": [False, True, True],
    })  # fmt: skip
    assert measure_given_up(flags) == pytest.approx(lost)
