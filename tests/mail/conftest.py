"""A college whose mail is to go out, and the server it goes to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from edumetrics.workspace import Workspace, open_workspace
from tests.mail.server import Inbox, serving

SECRET = "a long random secret for tests"


def set_mail(workspace: Workspace, **values: object) -> None:
    """Change mail.yml of a home."""
    path = workspace.settings.home / "params" / "mail.yml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), **values}))


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A mail server that the settings of the process name."""
    with serving() as (inbox, port):
        monkeypatch.setenv("SMTP_URL", f"smtp://127.0.0.1:{port}")
        monkeypatch.setenv("MAIL_FROM", "edumetrics@college.example")
        monkeypatch.setenv("REPLY_TO", "early-alert@college.example")
        monkeypatch.setenv("SECRET_KEY", SECRET)
        yield inbox


@pytest.fixture
def sending(ready: Workspace, inbox: Inbox) -> Workspace:
    """A college that sends, quick to try again; a machine that is busy is no silent server."""
    set_mail(ready, mode="send", attempts=3, backoff_seconds=0.01, timeout_seconds=60)
    return open_workspace()
