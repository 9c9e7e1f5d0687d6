"""What no one has thought of: it reaches the ledger, the operator and one sentence, and nothing is half-written."""

from __future__ import annotations

import hashlib
import os
import resource
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from edumetrics import boundaries, gate
from edumetrics.analysis import run_log
from edumetrics.analysis.store import Store
from edumetrics.batch import pipeline, progress
from edumetrics.cli import main
from edumetrics.database import create_writable_engine, release_space
from edumetrics.errors import EduMetricsError, Locked
from edumetrics.forecast.backtest import FAIL
from edumetrics.modelling import registry
from edumetrics.reports import from_store
from edumetrics.workspace import Workspace
from tests.mail.conftest import *  # noqa: F403 - the fixtures of a college that sends
from tests.mail.server import Inbox

PERSON = "Zzyzx Ünal"


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def last(workspace: Workspace, stage: str) -> tuple[str, str]:
    row = workspace.store.read_newest("run_log", "seq", 1, stage=stage).iloc[0]
    return str(row["status"]), str(row["error"])


class Odd(Exception):
    """An error of some library."""


@pytest.mark.slow
@pytest.mark.parametrize("where", ["stage", "gate", "mail"])
def test_an_error_of_a_library_is_a_failure_like_our_own(
    where: str, sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPERATOR_EMAIL", "operator@college.example")
    assert edumetrics("send", "--approve").exit_code == 0

    def break_off(*_: object, **__: object) -> None:
        raise Odd(f"cannot read {PERSON}")

    place, name = {
        "stage": (from_store, "render_week"),
        "gate": (gate, "check_week"),
        "mail": (from_store, "build_week"),
    }[where]
    inbox.messages.clear()
    monkeypatch.setattr(place, name, break_off)
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("Unexpected Odd. Send us ")
    kept = Path(result.stderr.partition("Send us ")[2].partition(": it has")[0])
    assert "in break_off" in kept.read_text()
    (told,) = [one for one in inbox.messages if "operator@" in str(one["To"])]
    assert told["Subject"] == "EduMetrics: failed"
    status, error = last(sending, {"stage": "weekly", "gate": "gate", "mail": "weekly"}[where])
    assert (status, error) == ("failed", "Unexpected Odd.")
    for text in (result.stderr, kept.read_text(), told.get_content(), error):
        assert PERSON not in text
    assert "started" not in set(sending.store.read("run_log")["status"])
    monkeypatch.undo()


@pytest.mark.slow
def test_one_letter_that_breaks_does_not_stop_the_others(
    sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edumetrics.mail import delivery

    real, seen = delivery.build_message, list[str]()

    def break_first(report: object, *more: object) -> object:
        seen.append(report.advisor_id)  # type: ignore[attr-defined]
        if report.advisor_id == seen[0]:  # type: ignore[attr-defined]
            raise Odd(PERSON)
        return real(report, *more)  # type: ignore[arg-type]

    # The sample that is shown before the first mail is composed in the same way.
    monkeypatch.setattr(delivery.MailRound, "describe", lambda _: iter(()))
    monkeypatch.setattr(delivery, "build_message", break_first)
    result = edumetrics("send", "--approve")
    assert result.exit_code == 1
    assert f"{seen[0]}: Unexpected Odd." in result.stderr
    assert len(inbox.messages) == len(set(seen)) - 1 > 0
    assert PERSON not in result.stderr


def test_set_aside_lets_our_own_errors_pass_but_those_of_one() -> None:
    told: list[str] = []

    def fail(error: Exception) -> None:
        raise error

    assert boundaries.set_aside(lambda: 7, told.append) == 7
    assert boundaries.set_aside(lambda: fail(Odd(PERSON)), told.append) is None
    assert boundaries.set_aside(lambda: fail(Locked("x")), told.append, (Locked,)) is None
    with pytest.raises(EduMetricsError):
        boundaries.set_aside(lambda: fail(EduMetricsError("all")), told.append, (Locked,))
    assert told == ["Unexpected Odd.", "x"]


def run_apart(
    workspace: Workspace, *args: str, bytes_per_file: int = 0, **environ: str
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, whose files may have so many bytes."""

    def limit() -> None:
        if bytes_per_file:
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_per_file, bytes_per_file))

    settings = workspace.settings
    return subprocess.run(
        [sys.executable, "-m", "edumetrics", *args],
        env={
            **os.environ,
            "EDUMETRICS_HOME": str(settings.home),
            "CLIENT_DB_URL": settings.client_db_url,
            "DEFAULT_DB_URL": settings.default_db_url,
            **environ,
        },
        capture_output=True, text=True, check=False, preexec_fn=limit,
    )  # fmt: skip


@pytest.mark.slow
def test_a_disk_that_is_full_is_one_sentence(environment: Workspace, tmp_path: Path) -> None:
    student = str(environment.store.read("weekly_flags")["student_id"].iloc[0])
    done = run_apart(
        environment, "subject", student, "--export", str(tmp_path / "out"), bytes_per_file=2000
    )
    assert done.returncode in (1, 2), done.stderr
    assert "Traceback" not in done.stderr
    assert "Unexpected" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists(), "nothing is half-written"
    assert not list(tmp_path.glob(".export-*"))


@pytest.mark.slow
def test_a_terminal_that_knows_ascii_only(environment: Workspace) -> None:
    with create_writable_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("UPDATE students SET name = 'Ünal Ş'")
    done = run_apart(
        environment, "show", "flagged", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0",
        PYTHONIOENCODING="ascii",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_damaged_analysis_is_blamed_as_itself(environment: Workspace) -> None:
    file = environment.settings.home / "analysis.db"
    environment.store.engine.dispose()
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size // 4)
        damaged.write(b"\xaa" * (file.stat().st_size // 2))
    said = [edumetrics(*one) for one in (("status",), ("show", "flagged"), ("run", "--week", "10"))]
    failed = [result for result in said if result.exit_code]
    assert failed
    for result in failed:
        assert "analysis database" in result.stderr
        assert "mapping" not in result.stderr
        assert "Unexpected" not in result.stderr


def test_a_file_that_is_no_database(environment: Workspace) -> None:
    environment.store.engine.dispose()
    (environment.settings.home / "analysis.db").write_bytes(b"no database at all" * 100)
    result = edumetrics("status")
    assert result.exit_code == 2
    assert "The file of the analysis database is damaged" in result.stderr


def test_a_lock_that_the_server_ended_stops_the_round(postgres_url: object) -> None:
    store = Store(postgres_url())  # type: ignore[operator]
    with store.require_lock():
        store.confirm_lock()
        with sa.create_engine(store.engine.url).begin() as other:
            other.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            )
        with pytest.raises(EduMetricsError, match="ended the session that holds the lock"):
            store.confirm_lock()
        with Store(str(store.engine.url.render_as_string(hide_password=False))).require_lock():
            pass


@pytest.mark.slow
def test_maintenance_does_not_wait_behind_a_reader(postgres_url: object) -> None:
    url = postgres_url()  # type: ignore[operator]
    store = Store(url)
    store.migrate()
    with create_writable_engine(url).connect() as idle:
        idle.exec_driver_sql("SELECT count(*) FROM run_log")
        with pytest.raises(EduMetricsError, match="repeat the command"):
            release_space(store.engine)
    release_space(store.engine)


def test_rows_that_are_no_json_are_set_aside_and_told(sending: Workspace, inbox: Inbox) -> None:
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    row = flags[flags["within_capacity"]].iloc[0]
    with sending.store.start_transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE weekly_flags SET reasons = '[1]' WHERE sem_week = 10 AND student_id = ?",
            (row["student_id"],),
        )
    result = edumetrics("send", "--approve")
    assert result.exit_code == 0, result.stderr
    assert "sent" in result.output
    workspace = Workspace(sending.settings, sending.params, Store(sending.settings.default_db_url))
    assert (
        len(workspace.store.read("weekly_flags", sem_week=10, term="2026-01-05")) == len(flags) - 1
    )
    assert workspace.store.set_aside == {"weekly_flags": 1}


@pytest.mark.parametrize(("content", "mode", "says"), [
    (b"SECRET_KEY=x\n", 0o644, "chmod 600"),
    (b"SECRET_KEY=x\n", 0o666, "chmod 600"),
    ("MAIL_FROM=jörg\n".encode("latin-1"), 0o600, "is not in UTF-8"),
])  # fmt: skip
def test_an_env_file_that_cannot_be_used(
    content: bytes, mode: int, says: str, environment: Workspace
) -> None:
    path = environment.settings.home / ".env"
    path.write_bytes(content)
    path.chmod(mode)
    result = edumetrics("status")
    assert result.exit_code == 2
    assert says in result.stderr
    path.chmod(0o600)


@pytest.mark.parametrize("weeks", [0, 61, 30_000_000])
def test_weeks_that_no_semester_has(weeks: int, sending: Workspace) -> None:
    path = sending.settings.home / "params" / "calendar.yml"
    path.write_text(
        path.read_text().replace("weeks_per_semester: 18", f"weeks_per_semester: {weeks}")
    )
    result = edumetrics("status")
    assert result.exit_code == 2
    assert "weeks_per_semester" in result.stderr


def test_workers_that_are_no_number(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in ("²", "-1", "many"):
        monkeypatch.setenv("EDUMETRICS_WORKERS", text)
        result = edumetrics("status")
        assert (result.exit_code, result.stderr.startswith("EDUMETRICS_WORKERS")) == (2, True)


def test_a_roll_that_is_being_reloaded(environment: Workspace) -> None:
    with create_writable_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("DELETE FROM students")
    before = environment.store.read("weekly_metrics")
    result = edumetrics("run", "--week", "10")
    assert result.exit_code in (2, 3), result.output
    assert "Unexpected" not in result.stderr
    assert len(environment.store.read("weekly_metrics")) == len(before)


@pytest.mark.slow
def test_what_is_overdue_is_told(environment: Workspace) -> None:
    assert edumetrics("run").exit_code == 0
    assert edumetrics("status", "--check").output == "Nothing is overdue.\n"
    broken = run_log.start_run(environment.store, environment.params, "mail", "2026-01-05", 10)
    assert "was broken off" in edumetrics("status", "--check").stderr
    with environment.store.start_transaction() as connection:
        run_log.mark_done(connection, broken, 0)
    with create_writable_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("UPDATE sim_state SET current_week = current_week + 1")
    result = edumetrics("status", "--check")
    assert result.exit_code == 1
    assert result.stderr.startswith("Week 11 of 2025-even is not computed")


@pytest.mark.slow
def test_a_notebook_by_hand_has_its_week_judged_again(sending: Workspace, inbox: Inbox) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    inbox.messages.clear()
    from edumetrics.stages import BY_NAME

    stage = BY_NAME["weekly"]
    done = stage.compute(stage.load(week=10))
    stage.write(done)
    assert bool(sending.store.read_newest("run_log", "seq", 1)["by_hand"].iloc[0])
    assert sending.read_week_state().check_due
    result = edumetrics("send", "--again")
    assert (result.exit_code, inbox.messages) == (3, [])
    assert "has not been checked yet" in result.stderr
    outcome = pipeline.run(sending, progress.skip_line)
    assert outcome.verdict is not None, "the batch judges it"
    assert edumetrics("send", "--again").exit_code == 0
    assert inbox.messages


def test_a_review_by_hand_stays_in_the_week_whose_mail_told_it(environment: Workspace) -> None:
    from edumetrics.stages import post_exam

    store = environment.store
    told = store.read("exam_review", exam_type="midterm")["run_id"].iloc[-1]
    with store.start_transaction() as connection:
        connection.exec_driver_sql(f"UPDATE run_log SET sem_week = 10 WHERE run_id = '{told}'")
    review = post_exam.compute(post_exam.load("midterm"))
    assert (review.results.number, review.results.folder.name) == (10, "week-10")
    assert review.results.exam_week == 8
    post_exam.STAGE.write(review)
    assert store.read_newest("run_log", "seq", 1)["sem_week"].tolist() == [10]


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"{", b"[]", b'{"features": [], "model": {}}', b'{"model": 1}', b""]
)
def test_a_stored_model_that_is_none_is_left_out(content: bytes, environment: Workspace) -> None:
    """Somebody who can write the table has named another file, and its fingerprint."""
    (environment.settings.home / "planted").write_bytes(content)
    (environment.settings.home / registry.FOLDER / "planted").write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    for artefact in ("/etc/passwd", "../planted", "models/planted"):
        with environment.store.start_transaction() as connection:
            connection.exec_driver_sql(
                "UPDATE model_runs SET artefact = ?, artefact_sha256 = ? WHERE champion",
                (artefact, sha256),
            )
        found = registry.load_model(environment, FAIL, "2026-01-05")
        assert found.model is None
        assert found.trouble.startswith("The stored model ")
        assert "/" not in found.trouble


@pytest.mark.slow
def test_a_clock_that_was_ahead_holds_and_mails_what_it_should(
    sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run two days ahead of time, then the right time again, and a week that must be held."""
    assert edumetrics("send", "--approve").exit_code == 0
    real = run_log.get_utc_now
    with monkeypatch.context() as ahead:
        ahead.setattr(run_log, "get_utc_now", lambda: real() + timedelta(days=2))
        assert edumetrics("run", "--week", "10").exit_code == 0
    inbox.messages.clear()
    with create_writable_engine(sending.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("DELETE FROM attendance WHERE week = 10 AND semester % 2 = 0")
    assert edumetrics("run", "--week", "10").exit_code == 3
    assert "all mail" in edumetrics("status").output
    edumetrics("send", "--again")
    assert inbox.messages == []
