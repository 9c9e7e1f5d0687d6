"""A run with a model on loopback: what is shown where, and that nothing about anyone is sent."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
import yaml
from click.testing import CliRunner, Result

from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.workspace import Workspace
from tests.briefing.models import write_well
from tests.briefing.server import ModelServer, serve_model

BY = "Written by a language model from the facts below."


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with serve_model(ModelServer(lambda prompt: write_well(prompt, random.Random(prompt)))) as it:
        yield it


@pytest.fixture
def briefed(ready: Workspace, model: ModelServer) -> Workspace:
    """A college that has briefings, with marks of people planted where a college has them."""
    turn_on(ready, model)
    with create_writable_engine(ready.settings.client_db_url).begin() as connection:
        for statement in (
            "UPDATE students SET name = 'Canary ' || student_id, email = 'canary' || student_id || '@x.example'",
            "UPDATE advisors SET name = 'Canary Advisor ' || advisor_id",
        ):
            connection.exec_driver_sql(statement)
    first = ready.store.read("weekly_flags", ("student_id",), sem_week=9)["student_id"].iloc[0]
    assert (
        edumetrics("log", first, "--kind", "talked", "--notes", "canary in a note").exit_code == 0
    )
    return ready


def turn_on(workspace: Workspace, server: ModelServer, **values: object) -> None:
    path = workspace.settings.home / "params" / "briefing.yml"
    said = {"enabled": True, "provider": "openai", "model": "scripted", "base_url": server.url,
            "retries": 0, **values}  # fmt: skip
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **said}))


def pages(workspace: Workspace) -> dict[str, str]:
    found = sorted(workspace.settings.reports.glob("*/week-10/advisors/*.html"))
    return {path.stem: path.read_text() for path in found}


def mails(workspace: Workspace) -> dict[str, str]:
    from email import message_from_bytes
    from email.policy import default

    found = sorted(workspace.settings.reports.glob("*/week-10/outbox/*.eml"))
    read = {path.stem: message_from_bytes(path.read_bytes(), policy=default) for path in found}
    return {
        name: str(part.get_content())
        for name, message in read.items()
        if (part := message.get_body(("plain",))) is not None  # type: ignore[attr-defined]
    }


@pytest.mark.slow
def test_paragraphs_are_shown_and_nothing_about_anyone_is_sent(
    briefed: Workspace, model: ModelServer
) -> None:
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 0, result.output
    assert re.search(r"Briefings: \d+ shown; \d+ tokens\.", result.output), result.output
    told = pages(briefed)
    # A paragraph of the week, and one on most cards.
    assert all(text.count(BY) > 1 for text in told.values())
    assert all(text.split("Start here")[0].count("In short") for text in told.values())
    assert all(
        "In short" in text.title() or BY in " ".join(text.split())
        for text in mails(briefed).values()
    )
    assert all(" ".join(text.split()).count(BY) == 1 for text in mails(briefed).values())
    head = next(briefed.settings.reports.glob("*/week-10/department.html")).read_text()
    assert head.count(BY) == 1
    students = briefed.store.read("weekly_metrics", ("student_id",))["student_id"].unique()
    sent = "\n".join(model.requests)
    assert model.requests
    assert "canary" not in sent.lower()
    assert not [student for student in students if student in sent]
    asked = len(model.requests)
    assert edumetrics("run", "--week", "10").exit_code == 0
    assert len(model.requests) == asked, "what was answered before is not asked again"


@pytest.mark.slow
def test_the_same_question_whoever_it_is_about(briefed: Workspace, model: ModelServer) -> None:
    edumetrics("run", "--week", "10")
    asked = sorted({request.split(" ", 1)[1].split("}", 1)[1] for request in model.requests})
    with create_writable_engine(briefed.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE students SET name = 'Somebody Else', gender = 'X', roll_number = 'R9'"
        )
    with briefed.store.start_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM briefings")
    model.requests.clear()
    edumetrics("run", "--week", "10")
    again = sorted({request.split(" ", 1)[1].split("}", 1)[1] for request in model.requests})
    assert asked == again


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    ["lies", *(pytest.param(one, marks=pytest.mark.prove) for one in ("500", "no json"))],
)
def test_without_an_answer_that_holds_the_reports_are_those_without_the_extra(
    ready: Workspace, model: ModelServer, trouble: str
) -> None:
    assert edumetrics("run", "--week", "10").exit_code == 0
    before, sent = pages(ready), mails(ready)
    model.write = lambda _: '{"sentences": ["Priya will fail because of a job."]}'
    model.troubles, model.lasting = ([] if trouble == "lies" else [trouble]), True
    turn_on(ready, model)
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 0
    assert model.requests
    assert pages(ready) == before
    assert mails(ready) == sent
    assert BY not in "".join(before.values())


@pytest.mark.slow
def test_a_key_that_is_missing_delays_nothing(ready: Workspace, model: ModelServer) -> None:
    turn_on(ready, model, provider="anthropic", base_url=None)
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 0
    assert "No briefings: ANTHROPIC_API_KEY is not set" in result.output
    assert mails(ready)


def test_a_model_is_tried_on_stored_lists(ready: Workspace, model: ModelServer) -> None:
    assert "Briefings are off" in edumetrics("evaluate-briefings").output
    turn_on(ready, model)
    result = edumetrics("evaluate-briefings", "--most", "20", "--format", "csv")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == ["verdict,answers,share", "shown,20,1.0"]
    assert ready.store.read("briefings").empty, "nothing is kept"


def test_an_enabled_briefing_without_its_words_is_one_sentence(
    ready: Workspace, model: ModelServer
) -> None:
    turn_on(ready, model, model="")
    result = edumetrics("run")
    assert result.exit_code == 2
    assert "name the model that writes" in result.output
