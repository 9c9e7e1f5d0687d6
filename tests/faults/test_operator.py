"""The operator's one line, through a real mail server of this machine."""

from __future__ import annotations

import email
import shutil
import socket
from collections.abc import Iterator
from email.message import Message
from email.policy import default

import pytest
from aiosmtpd.controller import Controller
from click.testing import CliRunner, Result

from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace


class Kept:
    """Keeps what it receives, or refuses it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.answer = "250 OK"

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802 - the library's
        if self.answer.startswith("250"):
            self.messages.append(email.message_from_bytes(envelope.content, policy=default))  # type: ignore[attr-defined]
        return self.answer


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kept]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = Kept()
    controller = Controller(kept, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
    monkeypatch.setenv("OPERATOR_EMAIL", "operator@college.example")
    yield kept
    controller.stop()


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def spoil(workspace: Workspace) -> None:
    with create_writable_engine(workspace.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "DELETE FROM library_visits WHERE week = 10 AND semester % 2 = 0"
        )


def test_a_run_that_cannot_begin_is_told(environment: Workspace, inbox: Kept) -> None:
    params = environment.settings.home / "params"
    shutil.copytree(PROJECT / "params", params)
    (params / "triage.yml").write_text("capacities: 3\n")
    for command in (["run"], ["status", "--check"]):
        assert edumetrics(*command).exit_code == 2
        assert "capacities" in inbox.messages.pop().get_content()  # type: ignore[attr-defined]
    assert edumetrics("run", "--dry-run").exit_code == 2
    assert not inbox.messages


@pytest.mark.slow
def test_one_line_per_run_and_none_for_nothing(environment: Workspace, inbox: Kept) -> None:
    assert edumetrics("run").exit_code == 0
    assert edumetrics("run").exit_code == 0, "nothing is left to do"
    spoil(environment)
    assert edumetrics("run", "--week", "10").exit_code == 3
    done, refused = inbox.messages
    assert (done["Subject"], refused["Subject"]) == ("EduMetrics: done", "EduMetrics: refused")
    assert (done["To"], done["Auto-Submitted"]) == ("operator@college.example", "auto-generated")
    body = refused.get_content().strip()  # type: ignore[attr-defined]
    assert len(body.splitlines()) == 1
    assert "all mail is held: Library visits: 0 rows in week 10" in body


@pytest.mark.parametrize("trouble", ["refused", "nobody there", "no such scheme"])
def test_a_mail_that_cannot_be_sent_changes_nothing(
    trouble: str, environment: Workspace, inbox: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.answer = "550 5.7.1 operator@college.example is unknown"
    if trouble != "refused":
        monkeypatch.setenv(
            "SMTP_URL", "smtp://127.0.0.1:1" if trouble == "nobody there" else "http://u:hunter2@x"
        )
    with environment.store.start_transaction() as connection:
        environment.store.set_college_week(connection, None)
    result = edumetrics("run", "--week", "9", "--stage", "pre_mid")
    assert result.exit_code == 0
    assert result.stderr.startswith("The operator was not told: ")
    assert len(result.stderr.splitlines()) == 1
    assert "hunter2" not in result.stderr


@pytest.mark.slow
def test_without_a_server_the_line_is_in_the_outbox(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_EMAIL", "operator@college.example")
    assert edumetrics("run", "--week", "9", "--stage", "pre_mid").exit_code == 0
    (path,) = (environment.settings.home / "outbox").glob("*.eml")
    assert "EduMetrics: done" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
