"""Two simulated colleges, copies of which are damaged."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import pandas as pd
import pytest

from edumetrics.college import checks, health
from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, create_writable_engine, open_connection
from edumetrics.inputs.terms import find_term
from edumetrics.params import Calendar, Params
from edumetrics.simulator import generate, write
from tests.built_once import build_once
from tests.colleges import native_params, score
from tests.foreign import native

WEEK = 7
SIZES = {"base": (60, 1), "two": (120, 3)}
# Indexes that the simulator's tables have, and those of old systems have not.
INDEXES = ("ux_attendance", "ux_assignment_submissions", "ux_quiz_submissions")
ENGINES = (
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.slow),
    pytest.param("mariadb", marks=pytest.mark.slow),
)
# Everyone is enrolled in what there are registers of.
ENROLMENTS = (
    'CREATE TABLE enrolments (student_id TEXT, subject_id TEXT, semester INT, "from" TEXT, "to" TEXT)',
    "INSERT INTO enrolments SELECT student_id, subject_id, semester, NULL, NULL FROM attendance"
    " GROUP BY student_id, subject_id, semester",
)  # fmt: skip


class Seen(NamedTuple):
    """What is made of a college at the end of its week 7."""

    metrics: pd.DataFrame
    findings: pd.DataFrame

    def of(self, column: str, student: str = "S24000001") -> float:
        """A metric of a student."""
        return float(self.metrics.loc[student, column])

    def find(self, *words: str) -> list[str]:
        """The sentences of the findings that have all of some words."""
        texts = self.findings["check"] + " " + self.findings["message"]
        return [text for text in texts if all(word in text for word in words)]

    @property
    def stops(self) -> list[str]:
        return list(self.findings.loc[self.findings["status"] == "block", "message"])


class Damage(Protocol):
    """Damages a copy of a college, and looks at it."""

    def __call__(
        self,
        *statements: str,
        college: str = "base",
        engine: str = "sqlite",
        params: Params | None = None,
    ) -> Seen: ...


@pytest.fixture(scope="session")
def colleges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of both colleges, at week 7 of their first recorded semester."""

    def build(folder: Path) -> None:
        for name, (students, seed) in SIZES.items():
            plan = generate.plan_demo(students, seed, Calendar(), weeks=WEEK)
            url = f"sqlite:///{folder / name}.db"
            write.write_simulation(create_writable_engine(url), plan, quiet=True)

    return build_once(tmp_path_factory, "trouble", build)


@pytest.fixture
def damage(colleges: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Damage:
    """A function that damages a copy of a college by SQL, and returns what is made of it."""

    def look(
        *statements: str,
        college: str = "base",
        engine: str = "sqlite",
        params: Params | None = None,
    ) -> Seen:
        path = Path(shutil.copy(colleges / f"{college}.db", tmp_path / f"{college}.db"))
        connection = sqlite3.connect(path)
        for index in INDEXES:
            connection.execute(f"DROP INDEX IF EXISTS {index}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()
        url = f"sqlite:///{path}"
        if engine != "sqlite":
            there: Callable[[], str] = request.getfixturevalue(
                {"postgresql": "postgres_url", "mariadb": "mysql_url"}[engine]
            )
            copied = there()
            native.put(copied, native.read_as_text(url))
            url = copied
        return see(url, params)

    return look


def without_key(table: str) -> tuple[str, ...]:
    """A table without a key of its own, as a sheet has it."""
    return (
        f"ALTER TABLE {table} RENAME TO had",
        f"CREATE TABLE {table} AS SELECT * FROM had",
        "DROP TABLE had",
    )


def see(url: str, params: Params | None = None, week: int = WEEK) -> Seen:
    """What is made of a college at the end of a week."""
    params = params or native_params()
    metrics = score(url, week, params)[week]
    engine = create_college_engine(url, params.calendar.time_zone)
    with open_connection(engine, "CLIENT_DB_URL") as connection:
        college = College(connection, params)
        term = find_term(college, "", college.find_college_week(pd.Timestamp("2026-03-01").date()))
        found = [
            checks.check_mapping(college, term, WEEK),
            health.check_health(college, term, WEEK),
        ]
    engine.dispose()
    return Seen(metrics, pd.concat(found, ignore_index=True))
