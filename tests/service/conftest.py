"""A real server on loopback, on a copy of the demo college whose week 10 was judged and mailed."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from edumetrics.params import Head
from edumetrics.service import accounts
from edumetrics.service.app import configure_server, create_app
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace, open_workspace
from tests.built_once import build_once
from tests.conftest import workspace_at

SECRET = "a secret of twenty letters"
PASSWORD = "a password of some length"
ADVISOR, COLLEAGUE = "ADV22001", "ADV23001"
HEADED = "CS-2022-A"
# An account of each role, and a second advisor: username, role, person.
ACCOUNTS = (
    ("priya", "advisor", ADVISOR), ("arun", "advisor", COLLEAGUE), ("head", "head", HEADED),
    ("dean", "head", "all"), ("ana", "analyst", ""), ("ops", "operator", ""),
)  # fmt: skip


class Server(uvicorn.Server):
    """A server that says when it takes requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@dataclass(eq=False)
class Served:
    """A running service."""

    workspace: Workspace
    url: str
    tokens: dict[str, dict[str, str]] = field(default_factory=dict)

    def get_tokens(self, username: str) -> dict[str, str]:
        if username not in self.tokens:
            given = {"username": username, "password": PASSWORD}
            response = httpx.post(f"{self.url}/api/token/", json=given)
            assert response.status_code == 200, response.text
            self.tokens[username] = response.json()
        return self.tokens[username]

    def ask(self, username: str, path: str, method: str = "GET", **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.get_tokens(username)['access']}"}
        headers |= more.pop("headers", {})
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **more)

    def sign_in(self, username: str) -> httpx.Client:
        """A browser's session with the portal, without a browser."""
        client = httpx.Client(base_url=self.url, follow_redirects=True, timeout=60)
        given = {"username": username, "password": PASSWORD}
        assert client.post("/sign-in", data=given).status_code == 200
        return client


@contextlib.contextmanager
def serve(workspace: Workspace) -> Iterator[Served]:
    """Serve a workspace on a port of loopback while it is needed."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = Server(configure_server(create_app(workspace), "127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        assert server.ready.wait(60)
        yield Served(workspace, f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        thread.join(60)


def prepare(home: Path, judged: Path) -> Workspace:
    """A copy of the judged college in a folder, with accounts and a head."""
    shutil.copytree(judged, home, dirs_exist_ok=True)
    shutil.copytree(PROJECT / "params", home / "params", dirs_exist_ok=True)
    opened = open_prepared(home)
    for username, role, person in ACCOUNTS:
        accounts.add_account(opened.store, opened.params, username, role, person, PASSWORD)
    return opened


def open_prepared(home: Path) -> Workspace:
    """The workspace of such a copy."""
    settings = replace(workspace_at(home).settings, secret_key=SECRET)
    opened = open_workspace(settings)
    mail = opened.params.mail.model_copy(update={"heads": (Head(classes=(HEADED,)),)})
    return replace(opened, params=opened.params.model_copy(update={"mail": mail}))


@pytest.fixture(scope="session")
def with_accounts(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The judged college with its accounts, whose passwords take long to hash. Copy it."""

    def build(home: Path) -> None:
        prepare(home, judged)

    return build_once(tmp_path_factory, "with_accounts", build)


@pytest.fixture(scope="session")
def service(with_accounts: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service to read from. Read from it; do not change it."""
    home = tmp_path_factory.mktemp("service") / "home"
    with serve(open_prepared(Path(shutil.copytree(with_accounts, home)))) as served:
        yield served


@pytest.fixture
def own_service(own_college: Workspace) -> Iterator[Served]:
    """A service of a test's own, to change."""
    with serve(own_college) as served:
        yield served


@pytest.fixture
def own_college(with_accounts: Path, tmp_path: Path) -> Workspace:
    """A workspace with accounts, of a test's own, without a server."""
    return open_prepared(Path(shutil.copytree(with_accounts, tmp_path / "home")))
