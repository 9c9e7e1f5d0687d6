"""`triage.yml`: what it holds, what replaced the keys of the rule before, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from edumetrics.params import Triage
from edumetrics.params.triage import REPLACED
from edumetrics.settings import PROJECT

OLD = {
    "watch": 45, "high": 60, "critical": 75, "raise_at_level": 3, "reason_points": 1,
    "sure_chance": 0.6,
}  # fmt: skip


def refuse(**given: Any) -> str:
    with pytest.raises(ValidationError) as error:
        Triage(**given)
    return str(error.value.errors()[0]["msg"])


def test_the_shipped_file_holds_every_value_as_the_contract_has_it() -> None:
    shipped = yaml.safe_load((PROJECT / "params" / "triage.yml").read_text())
    assert Triage(**shipped) == Triage()
    assert set(shipped) == set(Triage.model_fields)
    triage = Triage()
    assert (triage.list_share, triage.list_at, triage.staying_margin) == (0.15, 45, 8)
    assert (triage.urgent, triage.soon, triage.detention_weight) == (60, 35, 0.3)
    assert (triage.capacity, triage.new_names, triage.hand_over_after) == (8, 2, 3)
    assert (triage.looked_after_weeks, triage.wrong_flag_weeks, triage.late_days) == (2, 4, 21)
    assert (triage.class_share_pct, triage.rule_share_pct, triage.reading_error) == (40, 20, 5)
    assert triage.ranking == "model"
    assert not triage.rules.similarity.enabled


@pytest.mark.parametrize("key", OLD)
def test_a_key_of_the_rule_before_is_refused_with_what_replaced_it(key: str) -> None:
    said = refuse(**{key: OLD[key]})
    assert f"`{key}` is now {REPLACED[key]}" in said
    assert [other for other in OLD if f"`{other}` is now" in said] == [key]


def test_all_old_keys_are_named_in_one_sentence() -> None:
    said = refuse(**OLD, rules={"out_of_reach": {"enabled": True}}, capacity=5)
    assert "\n" not in said
    assert all(f"`{key}` is now" in said for key in (*OLD, "rules.out_of_reach"))
    assert "capacity" not in said
    assert "`rules.deadline`" in said


@pytest.mark.parametrize(
    "given",
    [
        {"soon": 61, "urgent": 60},
        {"list_share": 0},
        {"list_share": 1},
        {"list_at": 101},
        {"ranking": "both"},
        {"staying_margin": -1},
        {"detention_weight": 1.1},
        {"capacity": 0},
        {"new_names": -1},
        {"hand_over_after": 0},
        {"rules": {"deadline": {"at_least": 90}}},
        {"rules": {"low_attendance": {"usual_pct": 101}}},
        {"rules": {"no_work": {"open_items": 2}}},
        {"unknown": 1},
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(given: dict[str, Any]) -> None:
    assert refuse(**given)


def test_a_capacity_is_the_advisor_s_own_or_that_of_who_reads_the_list() -> None:
    triage = Triage(capacity=8, capacities={"A": 3}, unassigned_to="A")
    assert [triage.get_capacity(name) for name in ("A", "B", "")] == [3, 8, 3]
    assert Triage(capacity=8, capacities={"A": 3}).get_capacity("") == 8
