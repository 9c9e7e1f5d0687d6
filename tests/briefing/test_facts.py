"""A model is told kinds of facts and words: no value, no name, nothing about anyone."""

from __future__ import annotations

import pytest

from edumetrics.briefing.facts import make_fact
from edumetrics.briefing.prompt import compute_prompt_hash, write_prompt
from edumetrics.fields.briefed import FACT_KINDS, KIND_OF_REASON
from edumetrics.fields.reasons import REASONS as RECORDS
from tests.briefing.records import ON, REASONS, make_record


def test_every_reason_of_a_kind_is_told_as_it() -> None:
    told = {code for code in REASONS if make_record(code).facts}
    assert told == set(REASONS)
    kinds = {KIND_OF_REASON[code].name for code in REASONS}
    assert kinds == {kind.name for kind in FACT_KINDS.values() if kind.about == "card"}


@pytest.mark.parametrize("code", ["similarity", "watchlist", "results_only", "no_activity"])
def test_what_is_not_for_a_model_to_tell_is_left_out(code: str) -> None:
    assert not RECORDS[code].fact


def test_records_of_the_same_kinds_have_the_same_prompt_whatever_their_values() -> None:
    one = make_record("attendance_fall", "missed_work")
    other = make_record("attendance_fall", "missed_work", value=0, baseline=9)
    assert write_prompt(one, ON) == write_prompt(other, ON)


def test_another_direction_is_another_prompt() -> None:
    one, other = (make_record("academic_level", value=v, baseline=62) for v in (41, 80))
    assert write_prompt(one, ON) != write_prompt(other, ON)


def test_no_value_is_in_a_prompt() -> None:
    record = make_record("missed_work", names="CANARY 4711", value=4711)
    prompt = write_prompt(record, ON)
    assert "4711" not in prompt
    assert "CANARY" not in prompt


def test_another_model_or_another_way_to_ask_is_another_question() -> None:
    prompt = write_prompt(make_record("no_work"), ON)
    changes = ({"model": "other"}, {"provider": "openai"}, {"prompt": "Write differently."})
    asked = {compute_prompt_hash(prompt, ON.model_copy(update=change)) for change in changes}
    assert len(asked | {compute_prompt_hash(prompt, ON)}) == 4


def test_a_fact_without_its_numbers_is_none() -> None:
    assert make_fact("week_new", value=None) is None
    assert make_fact("week_marks", value=61, baseline=None) is None
