"""A college whose mail is to go out, and the server it goes to."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.workspace import Workspace, open_workspace
from tests.conftest import open_ready
from tests.mail.server import Inbox, serving

SECRET = "a long random secret for tests"


def set_mail(workspace: Workspace, **values: object) -> None:
    """Change mail.yml of a home."""
    path = workspace.settings.home / "params" / "mail.yml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))


def name_server(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Let the settings of the process name a mail server on this machine."""
    monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
    monkeypatch.setenv("MAIL_FROM", "edumetrics@college.example")
    monkeypatch.setenv("REPLY_TO", "early-alert@college.example")
    monkeypatch.setenv("SECRET_KEY", SECRET)


def let_send(workspace: Workspace) -> None:
    """Let a college send, quick to try again; a machine that is busy is no silent server."""
    set_mail(workspace, mode="send", attempts=3, backoff_seconds=0.01, timeout_seconds=60)


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A mail server that the settings of the process name."""
    with serving() as (inbox, port):
        name_server(monkeypatch, port)
        yield inbox


@pytest.fixture
def sending(ready: Workspace, inbox: Inbox) -> Workspace:
    """A college that sends, without pictures: they take longest, and `received` has them."""
    let_send(ready)
    set_mail(ready, pictures=False)
    return open_workspace()


@pytest.fixture(scope="module")
def received(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> list[EmailMessage]:
    """What the server received of a college's week 10, sent once for all who look at it."""
    home = tmp_path_factory.mktemp("received") / "home"
    with pytest.MonkeyPatch.context() as monkeypatch, serving() as (inbox, port):
        let_send(open_ready(judged, home, monkeypatch))
        name_server(monkeypatch, port)
        sent = CliRunner().invoke(main, ["send", "--approve"])
        assert sent.exit_code == 0, sent.output
        return inbox.messages
