"""The ledger says of every run that it started, and how it ended; it and the rows always agree."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edumetrics import __version__
from edumetrics.analysis import run_log, week_state
from edumetrics.analysis.run_log import Run
from edumetrics.analysis.store import Store
from edumetrics.errors import EduMetricsError, Interrupted, Refused
from tests.analysis.rows import load_params, make_rows, open_store

TERM = "2026-01-05"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def start(store: Store, stage: str = "weekly", week: int = 3) -> Run:
    return run_log.start_run(store, load_params(), stage, TERM, week)


def read_entry(store: Store, run: Run) -> dict[str, Any]:
    (row,) = store.read("run_log", run_id=run.run_id).to_dict("records")
    return row


def test_a_run_is_in_the_ledger_before_its_work(store: Store) -> None:
    row = read_entry(store, start(store))
    assert (row["stage"], row["term"], row["sem_week"], row["status"]) == (
        "weekly",
        TERM,
        3,
        "started",
    )
    assert row["version"] == __version__
    assert row["params_sha256"] == load_params().hash_values()
    assert [
        name for name in ("finished_at", "rows_written", "error") if not pd.isna(row[name])
    ] == []


def test_every_run_has_an_id_of_its_own(store: Store) -> None:
    runs = {start(store).run_id for _ in range(3)}
    assert len(runs) == 3
    assert all(len(run_id) == 32 for run_id in runs)


def test_a_run_is_found_by_its_id(store: Store) -> None:
    run = start(store, "pre_mid", 6)
    start(store)
    assert run_log.load_run(store, run.run_id) == run
    with pytest.raises(EduMetricsError, match="The ledger has no run nothing"):
        run_log.load_run(store, "nothing")


@pytest.mark.parametrize("remark", [None, "released by --force"])
def test_a_run_that_is_done_says_how_many_rows(remark: str | None, store: Store) -> None:
    run = start(store)
    with store.start_transaction() as connection:
        run_log.mark_done(connection, run, 12, remark)
    row = read_entry(store, run)
    assert (row["status"], row["rows_written"]) == ("done", 12)
    assert row["finished_at"] >= row["started_at"]
    assert row["error"] == remark or (remark is None and pd.isna(row["error"]))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (EduMetricsError("It broke."), "failed"),
        (Interrupted("Stopped."), "failed"),
        (Refused("The data is wrong."), "refused"),
    ],
)
def test_a_run_that_failed_says_why(error: EduMetricsError, status: str, store: Store) -> None:
    run = start(store)
    run_log.mark_failed(store, run, error)
    row = read_entry(store, run)
    assert (row["status"], row["error"]) == (status, str(error))
    assert pd.isna(row["rows_written"])


def test_a_run_whose_rows_are_stored_may_still_fail(store: Store) -> None:
    run = start(store)
    with store.start_transaction() as connection:
        run_log.mark_done(connection, run, 12)
    run_log.mark_failed(store, run, EduMetricsError("No page."))
    row = read_entry(store, run)
    assert (row["status"], row["rows_written"]) == ("failed", 12)


def test_runs_that_never_ended_are_ended_and_others_stay(store: Store) -> None:
    done, killed, broken = start(store), start(store), start(store)
    with store.start_transaction() as connection:
        run_log.mark_done(connection, done, 1)
    run_log.mark_failed(store, broken, EduMetricsError("It broke."))
    assert run_log.end_stale(store) == 1
    assert run_log.end_stale(store) == 0
    row = read_entry(store, killed)
    assert (row["status"], row["error"]) == ("failed", "The run was killed.")
    assert read_entry(store, done)["status"] == "done"
    assert read_entry(store, broken)["error"] == "It broke."


def test_a_run_that_was_taken_for_dead_can_store_nothing(store: Store) -> None:
    run = start(store)
    run_log.end_stale(store)
    rows = make_rows("weekly_metrics", {"student_id": "asha", "term": TERM, "sem_week": 3})
    with (
        pytest.raises(EduMetricsError, match="nothing of it was stored"),
        store.start_transaction() as connection,
    ):
        store.replace_slice(connection, "weekly_metrics", rows, term=TERM, sem_week=3)
        run_log.mark_done(connection, run, 1)
    assert store.read("weekly_metrics").empty
    assert read_entry(store, run)["status"] == "failed"


def test_an_entry_goes_with_the_transaction_that_it_follows_from(store: Store) -> None:
    with pytest.raises(EduMetricsError, match="no more"), store.start_transaction() as connection:
        run_log.enter_run(connection, load_params(), "gate", TERM, 3)
        raise EduMetricsError("no more")
    assert store.read("run_log").empty


def test_last_findings_are_those_of_the_newest_run_that_was_done(store: Store) -> None:
    for name, ends in (("first", True), ("second", True), ("third", False)):
        run = start(store, "gate")
        finding = {"run_id": run.run_id, "check": "seen: feed", "class_id": "all", "message": name}
        other = {**finding, "check": "attendance: feed", "message": "other"}
        with store.start_transaction() as connection:
            store.replace_slice(
                connection,
                "data_health",
                make_rows("data_health", finding, other),
                run_id=run.run_id,
            )
            if ends:
                run_log.mark_done(connection, run, 2)
    assert week_state.read_last_findings(store, "gate", "seen: ") == {"seen: feed": "second"}
    assert week_state.read_last_findings(store, "weekly", "seen: ") == {}


def test_the_ledger_is_not_for_who_may_read_some_rows_only(store: Store) -> None:
    start(store)
    limited = store.limit_to("advisor_id", ["ADV1"])
    assert week_state.find_last_run(store, "weekly") is not None
    with pytest.raises(EduMetricsError, match="not for you"):
        week_state.find_last_run(limited, "weekly")
