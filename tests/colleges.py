"""Small colleges written row by row, in the native schema."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, open_connection
from edumetrics.fields import RELATIONS
from edumetrics.inputs.facts import read_facts
from edumetrics.inputs.terms import find_term
from edumetrics.params import CollegeFile, Params, load
from edumetrics.scoring import weekly
from edumetrics.settings import PROJECT

Rows = dict[str, list[dict[str, Any]]]
HISTORY = [
    "student_id",
    "sem_week",
    "effort_score",
    "academic_performance",
    "weekly_att_pct",
    "lms_active_days",
]
# Column types as a college has them: row ids are numbers, all other ids are text.
SQL_TYPES = {"text": "TEXT", "int": "INTEGER", "float": "REAL", "bool": "INTEGER", "date": "TEXT"}


def native_params(**relations: str | None) -> Params:
    """The shipped parameters for a native college; relations named are mapped differently."""
    params = load(PROJECT / "params", "native")
    return params.model_copy(
        update={"college": CollegeFile(relations={**params.college.relations, **relations})}
    )


def write(path: Path, rows: Rows, without: tuple[str, ...] = ()) -> str:
    """Create every canonical table (but `without`) in a SQLite file, fill it, and return its URL."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        for name, table in RELATIONS.items():
            if name in without or (table.optional and name not in rows):
                continue
            given = {column for row in rows.get(name, []) for column in row}
            columns = [
                field
                for field in table.fields
                if not field.null or field.name in given or name not in ("students",)
            ]
            types = ", ".join(
                f'"{f.name}" {"INTEGER" if f.name in ("id", "borrow_id") else SQL_TYPES[f.kind]}'
                for f in columns
            )
            connection.exec_driver_sql(f"CREATE TABLE {name} ({types})")
            for row in rows.get(name, []):
                names = ", ".join(f'"{column}"' for column in row)
                marks = ", ".join("?" for _ in row)
                connection.exec_driver_sql(
                    f"INSERT INTO {name} ({names}) VALUES ({marks})", tuple(row.values())
                )
    engine.dispose()
    return f"sqlite:///{path}"


def score(url: str, week: int, params: Params | None = None) -> dict[int, pd.DataFrame]:
    """The metrics of every teaching week of the term in session up to a week, by week, indexed by student_id."""
    params = params or native_params()
    found: dict[int, pd.DataFrame] = {}
    history = pd.DataFrame(
        {name: pd.Series(dtype="object" if name == "student_id" else "float64") for name in HISTORY}
    )
    with open_connection(
        create_college_engine(url, params.calendar.time_zone), "CLIENT_DB_URL"
    ) as connection:
        college = College(connection, params)
        position = college.find_college_week(pd.Timestamp("2026-03-01").date())
        term = find_term(college, "", position)
        for number in params.calendar.get_last_teaching_weeks(week, week)[::-1]:
            facts = read_facts(college, term, number, college.students)
            metrics = weekly.compute_metrics(facts, history, params.calendar, params.scoring)
            history = pd.concat([history, metrics[HISTORY]])
            found[number] = metrics.set_index("student_id")
    return found


def same(mine: dict[int, pd.DataFrame], other: dict[int, pd.DataFrame]) -> None:
    """Two colleges have the same metrics (see `score`) in the same weeks."""
    assert mine.keys() == other.keys()
    for week, frame in mine.items():
        pd.testing.assert_frame_equal(
            frame.sort_index(), other[week].sort_index(), check_exact=False, atol=1e-9
        )


def monday(week: int) -> str:
    """First day of a week of the semester that begins on 5 January 2026."""
    return (pd.Timestamp("2026-01-05") + pd.Timedelta(weeks=week - 1)).date().isoformat()


def day(week: int, weekday: int) -> str:
    """A day of a week: 0 is Monday, 6 Sunday."""
    return (pd.Timestamp(monday(week)) + pd.Timedelta(days=weekday)).date().isoformat()


def people(*students: str, current_week: int, **extra: dict[str, Any]) -> Rows:
    """One class C in its even semester (2) with some students; `extra` gives a student more columns."""
    return {
        "classes": [{"class_id": "C", "name": "C", "odd_sem": 1, "even_sem": 2}],
        "advisors": [{"advisor_id": "ADV", "name": "Dr. Rao", "email": "rao@college.example"}],
        "students": [
            {"student_id": s, "class_id": "C", "advisor_id": "ADV", "name": s, **extra.get(s, {})}
            for s in students
        ],
        "subjects": [{"subject_id": "S", "subject_name": "S", "semester": 2}],
        "sim_state": [{"id": 1, "current_week": 18 + current_week, "sim_year": 2025}],
    }


def register(
    number: int, student: str, week: int, held: int | None, present: int | None, **other: Any
) -> dict[str, Any]:
    """A row of attendance."""
    row = {
        "id": number,
        "student_id": student,
        "class_id": "C",
        "subject_id": "S",
        "semester": 2,
        "week": week,
    }
    return {**row, "week_date": monday(week), "lectures_held": held, "present": present, **other}


def assignment(
    item: str, week: int | None, marks: float | None = 20, **other: Any
) -> dict[str, Any]:
    """A row of assignment_definitions."""
    row = {
        "assignment_id": item,
        "class_id": "C",
        "subject_id": "S",
        "semester": 2,
        "due_week": week,
        "max_marks": marks,
    }
    return {**row, **other}


def quiz(item: str, week: int, marks: float | None = 10, **other: Any) -> dict[str, Any]:
    """A row of quiz_definitions."""
    row = {
        "quiz_id": item,
        "class_id": "C",
        "subject_id": "S",
        "semester": 2,
        "scheduled_week": week,
        "max_marks": marks,
    }
    return {**row, **other}


def handed_in(
    number: int, item: str, student: str, on: str | None, marks: float | None = None, **other: Any
) -> dict[str, Any]:
    """A row of assignment_submissions."""
    row = {
        "id": number,
        "assignment_id": item,
        "student_id": student,
        "class_id": "C",
        "submission_date": on,
    }
    return {**row, "marks_obtained": marks, **other}


def attempt(
    number: int, item: str, student: str, on: str | None, score: float | None = None, **other: Any
) -> dict[str, Any]:
    """A row of quiz_submissions."""
    row = {
        "id": number,
        "quiz_id": item,
        "student_id": student,
        "class_id": "C",
        "attempted": 1,
        "attempt_date": on,
    }
    return {**row, "score_pct": score, **other}


def visit(number: int, student: str, week: int, visits: int) -> dict[str, Any]:
    """A row of library_visits."""
    row = {"id": number, "student_id": student, "class_id": "C", "semester": 2, "week": week}
    return {**row, "physical_visits": visits}
