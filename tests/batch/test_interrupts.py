"""However a run is ended, it ends once, in one sentence, and leaves the process as it was."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from edumetrics.batch.interrupts import SIGNALS, handle_interrupts
from edumetrics.database import create_college_engine, create_writable_engine
from edumetrics.errors import INTERRUPTED, EduMetricsError, Interrupted


def list_handlers() -> list[object]:
    return [signal.getsignal(number) for number in SIGNALS]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_every_signal_ends_a_run_in_the_same_sentence(number: signal.Signals) -> None:
    with pytest.raises(Interrupted) as ended, handle_interrupts():
        signal.raise_signal(number)
    assert str(ended.value) == INTERRUPTED
    assert ended.value.exit_status == 1
    assert ended.value.__suppress_context__, "nobody is shown a traceback of two errors"


def test_the_former_handlers_are_back_however_a_run_ends() -> None:
    before = list_handlers()
    with handle_interrupts():
        assert not set(map(str, list_handlers())) & set(map(str, before))
    assert list_handlers() == before
    with pytest.raises(Interrupted), handle_interrupts():
        signal.raise_signal(signal.SIGTERM)
    assert list_handlers() == before
    with pytest.raises(EduMetricsError), handle_interrupts():
        raise EduMetricsError("It broke.")
    assert list_handlers() == before


def test_a_second_signal_does_not_disturb_the_cleanup_of_the_first() -> None:
    steps = []
    with pytest.raises(Interrupted), handle_interrupts():
        try:
            signal.raise_signal(signal.SIGINT)
            steps.append("went on")
        finally:
            for number in SIGNALS:
                signal.raise_signal(number)
            steps.append("cleaned up")
    assert steps == ["cleaned up"]


@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_a_statement_that_waits_is_ended(
    server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """The drivers wait in C, where Python cannot answer; a college's table that is locked is such a wait."""
    if server == "sqlite":
        url = f"sqlite:///{tmp_path / 'x.db'}"
        wait = (
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        )
    else:
        url, wait = request.getfixturevalue("postgres_url")(), "SELECT pg_sleep(60)"
    engine = create_writable_engine(url)
    began = time.monotonic()
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(Interrupted), handle_interrupts(), engine.connect() as connection:
        connection.exec_driver_sql(wait)
    assert time.monotonic() - began < 5
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_a_file_that_someone_else_writes_is_waited_for_and_no_signal(tmp_path: Path) -> None:
    path = tmp_path / "college.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        engine, began = create_college_engine(f"sqlite:///{path}"), time.monotonic()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        with pytest.raises(Interrupted), handle_interrupts(), engine.connect() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM t")
        assert time.monotonic() - began < 5
        other.execute("COMMIT")
        with engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 0


def test_another_error_is_not_an_interrupt() -> None:
    with pytest.raises(EduMetricsError) as failed, handle_interrupts():
        raise EduMetricsError("It broke.")
    assert type(failed.value) is EduMetricsError


def test_ctrl_c_from_a_library_is_an_interrupt_as_well() -> None:
    with pytest.raises(Interrupted, match="run again to continue"), handle_interrupts():
        raise KeyboardInterrupt


def test_a_thread_that_may_not_set_handlers_runs_without_them() -> None:
    found: list[list[object]] = []

    def work() -> None:
        with handle_interrupts():
            found.append(list_handlers())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [list_handlers()]
