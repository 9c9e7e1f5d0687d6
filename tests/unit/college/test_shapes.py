"""Colleges as they are in real life, each in a few rows: what a mapping makes of them, and what the scores say."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edumetrics.batch import backfill, progress
from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, open_connection
from edumetrics.params import Calendar, Params
from tests.colleges import (
    Rows,
    assignment,
    day,
    handed_in,
    monday,
    native_params,
    people,
    register,
    score,
    write,
)
from tests.conftest import workspace_at

LECTURES = """
SELECT MAX(l.id) AS id, l.student AS student_id, s.class_id, l.subject AS subject_id, 2 AS semester,
       CAST((julianday(l.held_on) - julianday('2026-01-05')) / 7 AS INTEGER) + 1 AS week,
       date('2026-01-05', '+' || 7 * CAST((julianday(l.held_on) - julianday('2026-01-05')) / 7 AS INTEGER) || ' days')
         AS week_date,
       COUNT(*) AS lectures_held, SUM(CASE WHEN l.mark IN ('P', 'L') THEN 1 ELSE 0 END) AS present
FROM lectures l JOIN students s ON s.student_id = l.student
WHERE l.mark IS NOT NULL  -- nobody marked it: it says nothing
GROUP BY 2, 3, 4, 5, 6, 7
"""


def metric(url: str, week: int, name: str, params: Params | None = None) -> dict[str, float]:
    """A metric of everyone in a week."""
    column: dict[str, Any] = score(url, week, params)[week][name].to_dict()
    return column


def college(tmp_path: Path, rows: Rows, **more: list[dict[str, Any]]) -> str:
    return write(tmp_path / "college.db", {**rows, **more})


def test_one_row_a_lecture(tmp_path: Path) -> None:
    url = write(tmp_path / "college.db", people("A", "B", current_week=2))
    marks = {"A": ["P", "L", "A", "P", "P"], "B": ["A", "A", "P", None, "P"]}
    days = [day(1, 0), day(1, 2), day(1, 4), day(2, 0), day(2, 6)]
    with sqlite3.connect(tmp_path / "college.db") as connection:
        connection.execute(
            "CREATE TABLE lectures (id INTEGER, student TEXT, subject TEXT, held_on TEXT, mark TEXT)"
        )
        rows = [
            (student, held_on, mark)
            for student, line in marks.items()
            for held_on, mark in zip(days, line, strict=True)
        ]
        connection.executemany("INSERT INTO lectures VALUES (NULL, ?, 'S', ?, ?)", rows)
        connection.execute("UPDATE lectures SET id = rowid")
    params = native_params(attendance=LECTURES)
    weeks = score(url, 2, params)
    assert weeks[1]["week_lectures_held"].to_dict() == {"A": 3, "B": 3}
    assert weeks[1]["week_lectures_attended"].to_dict() == {"A": 2, "B": 1}, "late is present"
    assert weeks[2]["week_lectures_held"].to_dict() == {"A": 2, "B": 1}, (
        "an unmarked lecture says nothing"
    )


def test_vacations_and_no_week_counter(tmp_path: Path) -> None:
    rows = people("A", current_week=6)
    del rows["sim_state"]
    weeks = [1, 2, 3, 5, 6]
    url = college(
        tmp_path, rows, attendance=[register(n, "A", week, 4, 4) for n, week in enumerate(weeks)]
    )
    calendar = Calendar(vacation_weeks=(4,))
    params = native_params(sim_state=None).model_copy(update={"calendar": calendar})
    with open_connection(create_college_engine(url), "CLIENT_DB_URL") as connection:
        opened = College(connection, params)
        for today, week in (
            ("2026-01-11", 1),
            ("2026-01-31", 3),
            ("2026-02-01", 4),
            ("2026-02-15", 6),
        ):
            assert (
                opened.find_college_week(date.fromisoformat(today)).compute_week(calendar) == week
            ), today
    found = score(url, 6, params)
    assert sorted(found) == weeks, "nobody is scored in a vacation"
    assert found[6]["lectures_held"].to_dict() == {"A": 20}
    # Sixteen teaching weeks less the vacation, of which five are over; four lectures in each.
    assert found[6]["lectures_left"].to_dict() == {"A": 4 * (15 - 5)}


def test_electives(tmp_path: Path) -> None:
    rows = people("A", "B", current_week=2)
    taken = [{"student_id": s, "subject_id": "S", "semester": 2} for s in ("A", "B")]
    taken.append({"student_id": "A", "subject_id": "T", "semester": 2})
    url = college(
        tmp_path, rows, enrolments=taken,
        attendance=[register(n, s, w, 4, 4) for n, (s, w) in enumerate([("A", 1), ("B", 1), ("A", 2), ("B", 2)])],
        assignment_definitions=[assignment("S1", 2), assignment("T1", 2, subject_id="T")],
        assignment_submissions=[handed_in(1, "S1", "A", day(2, 1)), handed_in(2, "S1", "B", day(2, 1))],
    )  # fmt: skip
    assert metric(url, 2, "assn_submit_rate") == {"A": 50, "B": 100}, "T was due for A only"


@pytest.mark.slow
def test_excuses_and_extensions(tmp_path: Path) -> None:
    rows = people("A", "B", "C", current_week=3)
    url = college(
        tmp_path, rows,
        excuses=[{"student_id": "A", "from": day(2, 0), "to": day(2, 3)}, {"student_id": "C", "from": day(2, 0), "to": day(2, 1)}],
        attendance=[register(10 * w + n, s, w, 4, 0 if w == 2 else 4) for w in (1, 2, 3) for n, s in enumerate("ABC")],
        assignment_definitions=[assignment("S1", 2)],
        assignment_submissions=[handed_in(1, "S1", "B", None, due_week_override=3)],
    )  # fmt: skip
    held = metric(url, 3, "lectures_held")
    assert held == {"A": 8, "B": 12, "C": 12}, "four days excuse a week, two do not"
    assert metric(url, 2, "assn_submit_rate")["C"] == 0
    due = {
        week: frame["assn_submit_rate"].dropna().index.tolist()
        for week, frame in score(url, 3).items()
    }
    assert due == {1: [], 2: ["C"], 3: ["B"]}, "A is excused, B has a week more"


def test_late_joiners_and_leavers(tmp_path: Path) -> None:
    rows = people(
        "A", "B", "C", current_week=4, B={"joined_on": monday(3)}, C={"withdrawn_on": day(2, 2)}
    )
    present = [("A", 1), ("A", 2), ("A", 3), ("A", 4), ("B", 3), ("B", 4), ("C", 1), ("C", 2)]
    url = college(
        tmp_path, rows, attendance=[register(n, s, w, 4, 4) for n, (s, w) in enumerate(present)]
    )
    roll = {week: frame.index.tolist() for week, frame in score(url, 4).items()}
    assert roll[1] == ["A", "C"]
    assert (roll[3], roll[4]) == (["A", "B"], ["A", "B"])


def test_a_change_of_class_and_a_repeater(tmp_path: Path) -> None:
    rows = people("A", "R", current_week=3)
    rows["classes"].append({"class_id": "D", "name": "D", "odd_sem": 1, "even_sem": 2})
    rows["students"][0]["class_id"] = "D"
    # R sat in this semester a year ago, with another class: another term, of which nothing counts today.
    before = [
        register(100 + w, "R", w, 4, 0, class_id="OLD", week_date=f"2025-01-{7 * w - 1:02d}")
        for w in (1, 2, 3)
    ]
    rows["classes"].append({"class_id": "OLD", "name": "OLD", "odd_sem": 3, "even_sem": 4})
    now = [register(n, s, w, 4, 3, class_id="D" if (s, w) == ("A", 3) else "C")
           for n, (s, w) in enumerate([(s, w) for w in (1, 2, 3) for s in "AR"])]  # fmt: skip
    url = college(tmp_path, rows, attendance=[*before, *now])
    found = score(url, 3)
    assert [found[week].loc["A", "class_id"] for week in (1, 2, 3)] == ["C", "C", "D"]
    assert found[3].loc["A", "lectures_held"] == 12, (
        "what was before the change is the student's own"
    )
    assert found[3].loc["R", ["lectures_held", "lectures_attended"]].tolist() == [12, 9]


@pytest.mark.slow
def test_marks_that_arrive_weeks_later(tmp_path: Path) -> None:
    url = college(
        tmp_path, people("A", current_week=4),
        attendance=[register(w, "A", w, 4, 4) for w in (1, 2, 3, 4)],
        assignment_definitions=[assignment("S1", 1)],
        assignment_submissions=[handed_in(1, "S1", "A", day(1, 3), 15, marked_on=day(3, 1), quality_pct=70)],
    )  # fmt: skip
    known = {week: frame.loc["A", "assn_avg_pct"] for week, frame in score(url, 4).items()}
    assert pd.isna(known[1]) and pd.isna(known[2])
    assert (known[3], known[4]) == (75, 75)


@pytest.mark.slow
def test_work_without_any_date_is_not_taken_for_silence(tmp_path: Path) -> None:
    url = college(
        tmp_path, people("A", "B", current_week=6),
        attendance=[register(10 * w + n, s, w, 4, 4) for w in range(1, 7) for n, s in enumerate("AB")],
        assignment_definitions=[assignment(f"S{w}", w) for w in range(1, 7)],
        assignment_submissions=[handed_in(w, f"S{w}", "A", None, 12) for w in range(1, 6)],
    )  # fmt: skip
    workspace = workspace_at(tmp_path / "home", url)
    backfill.calibrate(workspace, progress.skip_line)
    flags = workspace.store.read("weekly_flags", sem_week=6)
    codes = {record["code"] for records in flags["reasons"] for record in records}
    assert "no_work" not in codes


def test_a_text_is_a_number_only_if_it_looks_like_one(tmp_path: Path) -> None:
    texts = {"A": "15", "B": "10,5", "C": "18/20", "D": " 1.5e1 ", "E": "AB"}
    url = college(
        tmp_path, people(*texts, current_week=1),
        attendance=[register(n, s, 1, 4, 4) for n, s in enumerate(texts)],
        assignment_definitions=[assignment("S1", 1)],
        assignment_submissions=[handed_in(n, "S1", s, day(1, 2), text) for n, (s, text) in enumerate(texts.items())],  # type: ignore[arg-type]
    )  # fmt: skip
    marks = metric(url, 1, "assn_avg_pct")
    assert (marks["A"], marks["D"]) == (75, 75)
    assert all(pd.isna(marks[student]) for student in "BCE"), "not what they begin with"


@pytest.mark.parametrize("modules", [("MATH", "ART"), ("ART",)], ids=["two", "one"])
def test_several_modules_at_once(modules: tuple[str, ...], tmp_path: Path) -> None:
    """Modules shared by two programmes: the class is the programme's year, work is one item for each class."""
    rows = people("A", "B", current_week=1)
    rows["classes"].append({"class_id": "D", "name": "D", "odd_sem": 1, "even_sem": 2})
    rows["students"][1]["class_id"] = "D"
    path = tmp_path / "college.db"
    url = write(path, rows)
    with sqlite3.connect(path) as connection:
        connection.executescript("""
            CREATE TABLE taking (student TEXT, module TEXT);
            CREATE TABLE sessions (student TEXT, module TEXT, held INTEGER, came INTEGER);
            CREATE TABLE work (item TEXT, module TEXT, out_of REAL);
            CREATE TABLE handed (item TEXT, student TEXT, on_day TEXT, marks REAL);
            INSERT INTO work VALUES ('W1', 'MATH', 10), ('W2', 'ART', 10);
        """)
        taking = [("A", "MATH"), *(("B", module) for module in modules)]
        connection.executemany("INSERT INTO taking VALUES (?, ?)", taking)
        connection.executemany("INSERT INTO sessions VALUES (?, ?, 2, 1)", taking)
        connection.execute("INSERT INTO handed VALUES ('W1', 'A', ?, 8)", (day(1, 2),))
    params = native_params(
        enrolments="SELECT student AS student_id, module AS subject_id, 2 AS semester FROM taking",
        attendance=f"SELECT t.rowid AS id, t.student AS student_id, s.class_id, t.module AS subject_id, 2 AS semester,"
        f" 1 AS week, '{monday(1)}' AS week_date, held AS lectures_held, came AS present"
        " FROM sessions t JOIN students s ON s.student_id = t.student",
        assignment_definitions="SELECT w.item || '-' || c.class_id AS assignment_id, c.class_id, w.module AS subject_id,"
        " 2 AS semester, 1 AS due_week, w.out_of AS max_marks FROM work w CROSS JOIN classes c",
        assignment_submissions="SELECT h.rowid AS id, h.item || '-' || s.class_id AS assignment_id, s.student_id,"
        " s.class_id, h.on_day AS submission_date, h.marks AS marks_obtained FROM handed h"
        " JOIN students s ON s.student_id = h.student",
    )
    week = score(url, 1, params)[1]
    assert week.index.tolist() == ["A", "B"], "each once, whatever they take"
    assert week["week_lectures_held"].to_dict() == {"A": 2, "B": 2 * len(modules)}
    assert week["assn_submit_rate"].to_dict() == {"A": 100, "B": 0}
    assert week.loc["A", "week_mark_pct"] == 80
    assert pd.isna(week.loc["B", "week_mark_pct"]), "nobody of the class has a mark yet"
