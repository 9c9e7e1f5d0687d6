"""Of ten thousand lies none is shown; of what an honest model writes nearly all is."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from edumetrics.briefing.check import Unfit, read_answer
from edumetrics.briefing.facts import BriefingRecord, make_fact
from edumetrics.briefing.prompt import write_prompt
from tests.briefing.models import LIES, write_lie, write_well
from tests.briefing.records import ON, REASONS, make_record

TRIED = 10_000


def draw_record(chance: random.Random) -> BriefingRecord:
    """A card's record with one to three facts, or one of an advisor's week."""
    if chance.random() < 0.2:
        facts = (
            make_fact("week_start", value=chance.randrange(1, 9), size=60),
            make_fact(
                "week_attendance", value=chance.randrange(100), baseline=chance.randrange(100)
            ),
            make_fact("topic_work", value=chance.randrange(1, 9)),
        )
        return BriefingRecord("week", tuple(filter(None, facts)))
    return make_record(*chance.sample(sorted(REASONS), chance.randrange(1, 4)))


def judge(answer: str, record: BriefingRecord) -> str:
    try:
        read_answer(answer, record, ON)
    except Unfit as unfit:
        return unfit.verdict
    return "shown"


def test_an_honest_model_is_shown() -> None:
    chance, seen = random.Random(1), Counter[str]()
    for _ in range(1000):
        record = draw_record(chance)
        seen[judge(write_well(write_prompt(record, ON), chance), record)] += 1
    assert seen["shown"] >= 950, seen


@pytest.mark.parametrize("kind", LIES)
def test_no_lie_is_shown(kind: str, record_property: pytest.FixtureRequest) -> None:
    chance, seen = random.Random(kind), Counter[str]()
    for _ in range(-(-TRIED // len(LIES))):
        record = draw_record(chance)
        answer = write_lie(kind, write_prompt(record, ON), chance)
        verdict = judge(answer, record)
        assert verdict != "shown", answer
        seen[verdict] += 1
    record_property(kind, dict(seen))  # type: ignore[operator]
