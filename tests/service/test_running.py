"""The service as a process: killed, ended and started again it loses no entry and enters none twice."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.service import accounts
from edumetrics.workspace import Workspace
from tests.conftest import DEMO_STUDENTS, workspace_at
from tests.service.conftest import ADVISOR, PASSWORD, Served, prepare, serve
from tests.service.test_portal import listed
from tests.simulated import simulate


def find_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


@contextmanager
def run_service(workspace: Workspace, port: int) -> Iterator[subprocess.Popen[str]]:
    """`edumetrics serve` as a process of its own, ended at the end of the block."""
    chosen = workspace.settings
    environ = {**os.environ, **chosen.environ, "SECRET_KEY": chosen.secret_key}
    command = [sys.executable, "-m", "edumetrics", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, text=True, cwd=chosen.home
    )
    assert process.stdout is not None
    try:
        assert "EduMetrics serves at" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait(60)
        process.stdout.close()


def wait_until_up(url: str) -> None:
    """Ask until the service answers: the line that it prints comes before its socket is open."""
    transport = httpx.HTTPTransport(retries=20)
    with httpx.Client(transport=transport) as client:
        assert client.get(f"{url}/api/health", timeout=60).status_code == 200


@pytest.mark.process
@pytest.mark.slow
def test_a_service_that_is_killed_loses_no_entry_and_enters_none_twice(
    own_college: Workspace,
) -> None:
    students = listed(own_college, ADVISOR)
    before = len(own_college.store.read("intervention_log"))
    port = find_port()
    url, wanted = f"http://127.0.0.1:{port}", [f"key-{n}" for n in range(60)]
    confirmed: set[str] = set()

    def log(key: str, token: str) -> None:
        body = {"student": students[int(key[4:]) % len(students)], "kind": "called", "outcome": key}
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        try:
            answer = httpx.post(f"{url}/api/interventions/", json=body, headers=headers, timeout=60)
        except httpx.TransportError:
            return
        assert answer.status_code in (200, 201), answer.text
        confirmed.add(key)

    killed = 0
    for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGKILL, None):
        with run_service(own_college, port) as process, ThreadPoolExecutor(6) as pool:
            wait_until_up(url)
            given = {"username": "priya", "password": PASSWORD}
            token = httpx.post(f"{url}/api/token/", json=given).json()["access"]
            waiting = [pool.submit(log, key, token) for key in wanted if key not in confirmed]
            if how is not None:
                # In the middle: some have been answered, the others have not.
                for one in waiting[: len(waiting) // 3]:
                    one.result()
                process.send_signal(how)
                process.wait(60)
                killed += 1
            for one in waiting:
                one.result()
    assert killed == 3 and confirmed == set(wanted)
    rows = own_college.store.read("intervention_log").sort_values("id").iloc[before:]
    assert sorted(rows["outcome"]) == sorted(wanted)


@pytest.mark.process
def test_it_serves_in_one_command_and_ends_with_a_signal(own_college: Workspace) -> None:
    port = find_port()
    with run_service(own_college, port) as process:
        wait_until_up(f"http://127.0.0.1:{port}")
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (0, -signal.SIGTERM)


def test_a_port_that_is_taken_is_told_in_a_sentence(environment: Workspace) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = CliRunner().invoke(main, ["serve", "--port", port])
    assert result.exit_code == 2 and f"Cannot listen at 127.0.0.1:{port}" in result.stderr
    unknown = CliRunner().invoke(main, ["serve", "--host", "no.such.host.invalid"])
    assert unknown.exit_code == 2 and "choose another --host" in unknown.stderr


@pytest.fixture
def small_service(tmp_path: Path) -> Iterator[Served]:
    """A service of a college of three weeks, which is soon calibrated again."""
    small = tmp_path / "small"
    small.mkdir()
    workspace = workspace_at(small)
    simulate(workspace, DEMO_STUDENTS, 7, week=3, semesters=0)
    with serve(prepare(tmp_path / "home", small)) as served:
        yield served


@pytest.mark.slow
def test_an_operator_starts_a_calibration_and_asks_how_it_stands(small_service: Served) -> None:
    ask, store = small_service.ask, small_service.workspace.store
    for who in ("priya", "head", "ana"):
        assert ask(who, "/api/calibrate/", "POST").status_code == 403
    assert ask("ops", "/api/calibrate/").json()["status"] == "done"
    with store.require_lock():
        busy = ask("ops", "/api/calibrate/", "POST")
    assert busy.status_code == 409 and "Another run is at work" in busy.json()["detail"]
    before = newest = store.find_highest("run_log", "seq")
    started = ask("ops", "/api/calibrate/", "POST")
    assert (started.status_code, started.headers["location"]) == (202, "/api/calibrate/")
    assert ask("ops", "/api/calibrate/", "POST").status_code == 409, "it has begun"
    while newest == before or ask("ops", "/api/calibrate/").json()["status"] == "started":
        newest = store.find_highest("run_log", "seq")
    assert ask("ops", "/api/calibrate/").json() == {"status": "done", "error": None}


def test_single_sign_on_is_taken_from_the_proxy_alone(own_college: Workspace) -> None:
    chosen = replace(own_college.settings, sso_header="X-Remote-User", sso_proxy="127.0.0.1")
    with serve(replace(own_college, settings=chosen)) as served:
        named = {"X-Remote-User": "priya"}
        client = httpx.Client(base_url=served.url, follow_redirects=True, headers=named)
        assert client.get("/").url.path == "/week"
        for nobody in ({}, {"X-Remote-User": "nobody"}, {"X-Remote-User": ""}):
            assert httpx.get(f"{served.url}/sign-in", headers=nobody).status_code == 200
        accounts.disable_account(own_college.store, "arun")
        assert (
            httpx.get(f"{served.url}/sign-in", headers={"X-Remote-User": "arun"}).status_code == 200
        )
        assert httpx.get(f"{served.url}/api/flagged/", headers=named).status_code == 401
    for other in (replace(chosen, sso_proxy="10.0.0.7"), replace(chosen, sso_header="")):
        with serve(replace(own_college, settings=other)) as served:
            assert httpx.get(f"{served.url}/sign-in", headers=named).status_code == 200


def test_a_database_that_has_gone_is_told_in_a_sentence(own_college: Workspace) -> None:
    with serve(own_college) as served:
        token = {"Authorization": f"Bearer {served.get_tokens('ana')['access']}"}
        path = own_college.settings.home / "analysis.db"
        path.rename(path.with_suffix(".away"))
        path.mkdir()
        own_college.store.engine.dispose()
        for response in (
            httpx.get(f"{served.url}/api/flagged/", headers=token),
            httpx.get(f"{served.url}/api/health"),
        ):
            assert response.status_code == 503, response.text
            assert response.json()["detail"].endswith(".")


def test_without_the_extra_one_sentence_says_how_to_get_it(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "edumetrics.service", None)
    for command in (["serve"], ["account", "disable", "x"]):
        result = CliRunner().invoke(main, command)
        assert result.exit_code == 2 and "pip install 'edumetrics[serve]'" in result.stderr


@pytest.mark.slow
def test_the_core_does_not_know_the_service() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "import sys, edumetrics.cli, edumetrics.batch.pipeline; print('fastapi' in sys.modules, 'argon2' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["False", "False"]
