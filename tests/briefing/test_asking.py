"""A provider that is slow, down or talks nonsense delays nothing and breaks nothing."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edumetrics.batch.kernels import remove_secrets
from edumetrics.briefing.asking import DOWN, Asking
from edumetrics.briefing.facts import BriefingRecord
from edumetrics.briefing.kept import Briefings, read_briefings
from edumetrics.briefing.prompt import compute_prompt_hash, write_prompt
from edumetrics.briefing.provider import make_asker
from edumetrics.errors import SettingsError
from edumetrics.params.briefing import Briefing
from edumetrics.settings import Settings
from tests.analysis.rows import open_store
from tests.briefing.models import write_well
from tests.briefing.records import ON, REASONS, SENTENCES, make_record
from tests.briefing.server import ModelServer, serve_model

BOTH = pytest.mark.parametrize("provider", ["anthropic", "openai"])
KEYS = Settings(Path(), "native", "", "", anthropic_api_key="k1", openai_api_key="k2")


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serve_model(ModelServer(lambda prompt: write_well(prompt, random.Random(1)))) as serving:
        yield serving


def change(server: ModelServer | None, provider: str, **more: object) -> Briefing:
    url = server.url if server else "http://127.0.0.1:9"
    given = {"provider": provider, "base_url": url, "timeout_seconds": 1, **more}
    return ON.model_copy(update=given)


def question(record: BriefingRecord, params: Briefing) -> str:
    return compute_prompt_hash(write_prompt(record, params), params)


def ask(params: Briefing, *records: BriefingRecord, store: object = None) -> Asking:
    asking = Asking(make_asker(params, KEYS), params, store)  # type: ignore[arg-type]
    asking.ask_all({question(one, params): one for one in records})
    return asking


@BOTH
def test_an_answer_is_kept_and_told(server: ModelServer, provider: str, tmp_path: Path) -> None:
    params, record, store = change(server, provider), make_record("no_work"), open_store(tmp_path)
    asking = ask(params, record, store=store)
    assert (asking.verdicts, asking.tokens) == ({"shown": 1}, 100)
    assert "16 days" in read_briefings(store, params, SENTENCES).tell(record)
    row = store.read("briefings").iloc[0]
    assert (row["verdict"], row["about"], row["tokens"]) == ("shown", "card", 100)
    assert "16" not in str(row["sentences"])
    key = {"anthropic": "k1", "openai": "k2"}[provider]
    assert len(server.requests) == 1
    assert key in server.requests[0]


def test_it_asks_from_a_notebook_whose_kernel_has_a_loop_of_its_own(server: ModelServer) -> None:
    async def run_cell() -> Asking:
        return ask(change(server, "anthropic"), make_record("no_work"))

    # In a thread of its own: a browser of other tests may have left a loop in this one.
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(asyncio.run, run_cell()).result().verdicts == {"shown": 1}


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(
    "trouble",
    [
        "429",
        "500",
        "529",
        "broken off",
        "no json",
        "other json",
        "empty",
        "truncated",
        "slow",
        "trickle",
    ],
)
def test_trouble_that_passes_is_waited_for(
    server: ModelServer, provider: str, trouble: str
) -> None:
    server.troubles = [trouble]
    # Only who does not answer is given up: a busy machine may take a while over the answer.
    patience = 3 if trouble in {"slow", "trickle"} else 60
    params = change(server, provider, retries=1, timeout_seconds=patience)
    asking = ask(params, make_record("no_work"))
    assert asking.verdicts == {"shown": 1}
    assert len(server.requests) == 2


@BOTH
@pytest.mark.parametrize("trouble", ["400", "401"])
def test_what_is_refused_as_such_is_not_asked_again(
    server: ModelServer, provider: str, trouble: str
) -> None:
    server.troubles, server.lasting = [trouble], True
    assert ask(change(server, provider), make_record("no_work")).verdicts == {"no answer": 1}
    assert len(server.requests) == 1


@BOTH
def test_nothing_is_waited_for_beyond_the_budget(server: ModelServer, provider: str) -> None:
    server.troubles, server.lasting = ["slow"], True
    params = change(server, provider, timeout_seconds=20, budget_seconds=0.5)
    began = time.monotonic()
    asking = ask(params, *map(make_record, REASONS))
    assert time.monotonic() - began < 5
    assert not asking.verdicts


@BOTH
def test_a_provider_that_is_down_is_given_up(provider: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        params = change(None, provider, base_url=url, retries=0, at_once=1)
        asking = ask(params, *map(make_record, REASONS))
    assert asking.verdicts == {"no answer": DOWN}


def test_tokens_are_a_budget_too(server: ModelServer) -> None:
    params = change(server, "openai", budget_tokens=250, at_once=1)
    assert ask(params, *map(make_record, REASONS)).verdicts.total() == 3


@BOTH
def test_what_cannot_be_shown_is_stored_as_a_verdict_alone(
    server: ModelServer, provider: str, tmp_path: Path
) -> None:
    server.write = lambda _: '{"sentences": ["Priya failed, {r1.value}."]}'
    params, record, store = change(server, provider), make_record("no_work"), open_store(tmp_path)
    assert ask(params, record, store=store).verdicts == {"word": 1}
    kept = read_briefings(store, params, SENTENCES)
    assert (kept.tell(record), kept.wanted) == ("", {}), "refused, and not asked again"
    assert "Priya" not in str(store.read("briefings").to_dict())


def test_what_got_no_answer_is_asked_again_by_the_next_run(
    server: ModelServer, tmp_path: Path
) -> None:
    server.troubles = ["400"]
    params, record, store = change(server, "openai"), make_record("no_work"), open_store(tmp_path)
    ask(params, record, store=store)
    again = read_briefings(store, params, SENTENCES)
    again.tell(record)
    assert list(again.wanted.values()) == [record]
    ask(params, record, store=store)
    assert read_briefings(store, params, SENTENCES).tell(record)


def test_a_key_that_is_missing_is_one_sentence() -> None:
    nobody = Settings(Path(), "native", "", "")
    with pytest.raises(SettingsError, match="ANTHROPIC_API_KEY is not set"):
        make_asker(ON, nobody)


def test_briefings_are_off_unless_a_college_turns_them_on() -> None:
    off = Briefings(ON.model_copy(update={"enabled": False}), SENTENCES, {})
    assert off.tell(make_record("no_work")) == ""
    assert off.wanted == {}


def test_no_notebook_gets_the_key_of_a_provider() -> None:
    given = {"ANTHROPIC_API_KEY": "k1", "OPENAI_API_KEY": "k2", "HOME": "/"}
    assert remove_secrets(given) == {"HOME": "/"}
