"""A wrong mapping never gives silently wrong scores: `check` names the relation and the column."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from edumetrics import gate
from edumetrics.batch import backfill, progress
from edumetrics.cli import main
from edumetrics.college import checks
from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, create_writable_engine, open_connection
from edumetrics.fields import RELATIONS
from edumetrics.inputs.terms import find_term
from edumetrics.params import Calendar, Params
from edumetrics.settings import PROJECT
from edumetrics.simulator import generate, write
from tests.colleges import native_params
from tests.conftest import workspace_at
from tests.independent import generator

TWICE = "JOIN (SELECT 1 UNION ALL SELECT 2) AS twice"


def day_and_month(column: str) -> str:
    """A date read with day and month the wrong way round."""
    return (
        f"substr({column}, 1, 4) || '-' || substr({column}, 9, 2) || '-' || substr({column}, 6, 2)"
    )


# What was done wrong, to which relation, its columns (or what stands after FROM); where check must point.
MISTAKES: dict[str, tuple[str, dict[str, str], str, str]] = {
    "columns swapped": ("attendance", {"present": "lectures_held", "lectures_held": "present"}, "", "attendance.present"),
    "absences for presences": ("attendance", {"present": "lectures_held - present"}, "", "attendance.present"),
    "a percentage for a count": ("attendance", {"present": "100 * present / lectures_held"}, "", "attendance.present"),
    "totals for the week's": ("attendance", {"lectures_held": "lectures_held * week", "present": "present * week"}, "", "attendance.lectures_held"),
    "weeks from 0": ("attendance", {"week": "week - 1"}, "", "attendance.week"),
    "a week late": ("attendance", {"week": "week + 1"}, "", "attendance.week"),
    "a week late, dates too": ("attendance", {"week": "week + 1", "week_date": "date(week_date, '+7 days')"}, "", "attendance.week"),
    "weeks of the year": ("attendance", {"week": "week + 27"}, "", "attendance.week"),
    "days of lectures": ("attendance", {"week_date": "date(week_date, '+' || (id % 5) || ' days')"}, "", "attendance.week_date"),
    "day and month swapped": ("attendance", {"week_date": day_and_month("week_date")}, "", "attendance.week_date"),
    "another semester": ("attendance", {"semester": "(semester + 1) / 2"}, "", "attendance.semester"),
    "another id of students": ("attendance", {"student_id": "'R' || student_id"}, "", "attendance.student_id"),
    "another id of classes": ("attendance", {"class_id": "'R' || class_id"}, "", "attendance.class_id"),
    "joined twice": ("attendance", {}, TWICE, "attendance.id"),
    "rows of absences left out": ("attendance", {}, "WHERE present > 0", "attendance.present"),
    "weeks left out": ("attendance", {}, "WHERE week > 4", "attendance.week"),
    "students left out": ("attendance", {}, "WHERE substr(student_id, -1) < '4'", "attendance.student_id"),
    "a fraction of quality": ("assignment_submissions", {"quality_pct": "quality_pct / 100"}, "", "assignment_submissions.quality_pct"),
    "a fraction of similarity": ("assignment_submissions", {"plagiarism_pct": "plagiarism_pct / 100"}, "", "assignment_submissions.plagiarism_pct"),
    "quality and similarity swapped": ("assignment_submissions", {"quality_pct": "plagiarism_pct", "plagiarism_pct": "quality_pct"}, "", "assignment_submissions.quality_pct"),
    "work's dates swapped": ("assignment_submissions", {"submission_date": day_and_month("submission_date")}, "", "assignment_submissions.submission_date"),
    "two dates swapped": ("assignment_submissions", {"submission_date": "marked_on", "marked_on": "submission_date"}, "", "assignment_submissions.marked_on"),
    "work joined twice": ("assignment_submissions", {}, TWICE, "assignment_submissions.id"),
    "good work only": ("assignment_submissions", {}, "WHERE marks_obtained > 18", "assignment_submissions.assignment_id"),
    "marks out of 100": ("assignment_definitions", {"max_marks": "100"}, "", "assignment_submissions.marks_obtained"),
    "the week it was set": ("assignment_definitions", {"due_week": "assigned_week"}, "", "assignment_submissions.submission_date"),
    "work due a week early": ("assignment_definitions", {"due_week": "due_week - 1"}, "", "assignment_submissions.submission_date"),
    "a fraction of a score": ("quiz_submissions", {"score_pct": "score_pct / 100"}, "", "quiz_submissions.score_pct"),
    "yes for no": ("quiz_submissions", {"attempted": "1 - attempted"}, "", "quiz_submissions.attempted"),
    "visits a week late": ("library_visits", {"week": "week + 1"}, "", "library_visits.week"),
    "visits of other ids": ("library_visits", {"student_id": "substr(student_id, 2)"}, "", "library_visits.student_id"),
    "loans joined twice": ("book_borrows", {}, TWICE, "book_borrows.borrow_id"),
    "passes for fails": ("exam_results", {"pass_fail": "CASE pass_fail WHEN 'P' THEN 'F' ELSE 'P' END"}, "", "exam_results.pass_fail"),
    "the college's word for passing": ("exam_results", {"pass_fail": "CASE pass_fail WHEN 'P' THEN 'PASS' ELSE 'FAIL' END"}, "", "exam_results.pass_fail"),
    "the college's word for an exam": ("exam_schedule", {"exam_type": "'Mid'"}, "", "exam_schedule.exam_type"),
    "weeks of the half": ("sim_state", {"current_week": "current_week - 18"}, "", "sim_state.current_week"),
    "halves of the year swapped": ("classes", {"odd_sem": "even_sem", "even_sem": "odd_sem"}, "", "classes.even_sem"),
    "dates a year late": ("attendance", {"week_date": "date(week_date, '+1 year')"}, "", "attendance.week_date"),
    "names and addresses swapped": ("students", {"name": "email", "email": "name"}, "", "students.name"),
    "originality for similarity": ("assignment_submissions", {"plagiarism_pct": "100 - plagiarism_pct"}, "", "assignment_submissions.plagiarism_pct"),
    "ids left empty": ("library_visits", {"student_id": "NULL"}, "", "library_visits.student_id"),
    "addresses of students": ("advisors", {"email": "'s' || substr(advisor_id, 4, 2) || '000001@students.example'"}, "", "advisors.email"),
    "students joined twice": ("students", {}, TWICE, "students.student_id"),
}  # fmt: skip


def mistaken(path: Path, name: str) -> dict[str, str | None]:
    """A mapping of a native college that is right but for one mistake."""
    relation, changed, after, _ = MISTAKES[name]
    with sqlite3.connect(path) as connection:
        there = [row[1] for row in connection.execute(f"PRAGMA table_info({relation})")]
    columns = [column for column in RELATIONS[relation].names if column in there]
    asked = ", ".join(f"{changed.get(column, f't.{column}')} AS {column}" for column in columns)
    return {
        **native_params().college.relations,
        relation: f"SELECT {asked} FROM {relation} t {after}",
    }


def found(url: str, params: Params) -> pd.DataFrame:
    with open_connection(
        create_college_engine(url, params.calendar.time_zone), "CLIENT_DB_URL"
    ) as connection:
        college = College(connection, params)
        position = college.find_college_week(pd.Timestamp("2026-03-15").date())
        term = find_term(college, "", position)
        return checks.check_mapping(college, term, max(position.compute_week(params.calendar), 1))


@pytest.fixture
def home(simulated: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home on the simulated college, with parameter files of its own."""
    for folder in ("params", "params/colleges"):
        (tmp_path / folder).mkdir()
    for file in PROJECT.glob("params/**/*.*"):
        (tmp_path / file.relative_to(PROJECT)).write_bytes(file.read_bytes())
    monkeypatch.setenv("EDUMETRICS_HOME", str(tmp_path))
    monkeypatch.setenv("CLIENT_DB_URL", simulated)
    monkeypatch.setenv("EDUMETRICS_COLLEGE", "mine")
    return tmp_path


def check(home: Path, relations: dict[str, str | None]) -> Result:
    (home / "params/colleges/mine.yml").write_text(yaml.safe_dump({"relations": relations}))
    return CliRunner().invoke(main, ["check"])


@pytest.mark.slow
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_caught_where_it_is(name: str, simulated: str) -> None:
    path = Path(simulated.removeprefix("sqlite:///"))
    said = found(simulated, native_params(**mistaken(path, name)))
    stops = said.loc[said["status"] == "block", "message"]
    assert stops.str.startswith(f"{MISTAKES[name][3]}: ").any(), said["message"].tolist()


def test_a_column_that_matters_and_is_not_mapped(simulated: str) -> None:
    columns = "id, student_id, class_id, subject_id, semester, week, week_date, lectures_held"
    said = found(simulated, native_params(attendance=f"SELECT {columns} FROM attendance"))
    assert said["message"].tolist()[0].startswith("attendance.present: It is not mapped")


def test_enrolments_of_another_kind_of_id(simulated: str) -> None:
    other = "SELECT student_id, 'X' || substr(class_id, 4, 4) AS subject_id, 2 AS semester FROM students"
    said = found(simulated, native_params(enrolments=other))
    assert said["message"].str.startswith("enrolments.subject_id: ").any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("relation", "select", "why"),
    [
        ("classes", "SELECT * FROM classes WHERE 0", "classes has no row"),
        (
            "classes",
            "SELECT class_id, odd_sem FROM classes",
            "no row of classes says in classes.even_sem",
        ),
        (
            "attendance",
            "SELECT * FROM attendance WHERE 0",
            "attendance.class_id: 2 of 2 classes in session",
        ),
    ],
)
def test_a_college_in_which_nothing_could_be_looked_at_is_not_healthy(
    relation: str, select: str, why: str, home: Path
) -> None:
    result = check(home, {**native_params().college.relations, relation: select})
    assert result.exit_code == 3
    assert why in result.output + result.stderr


@pytest.mark.slow
def test_check_stops_and_says_where(home: Path, simulated: str) -> None:
    path = Path(simulated.removeprefix("sqlite:///"))
    result = check(home, mistaken(path, "quality and similarity swapped"))
    assert result.exit_code == 3
    assert "STOP  assignment_submissions.quality_pct: It falls as marks rise" in result.output
    assert "are the two swapped?" in result.output
    assert result.stderr.strip().endswith("(1), then check again.")


@pytest.mark.slow
def test_a_right_mapping_passes_and_shows_nobody(home: Path, simulated: str) -> None:
    result = check(home, dict(native_params().college.relations))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.output.strip().endswith("Nothing here would mislead a run.")
    with sqlite3.connect(simulated.removeprefix("sqlite:///")) as connection:
        people = connection.execute(
            "SELECT student_id, name, roll_number, email FROM students"
        ).fetchall()
    for value in {value for person in people for value in person}:
        assert not re.search(rf"\b{re.escape(value)}\b", result.output), value
    for line in ("rows of this term by week  1: 585, 2: 585", "registers unmarked       0.0%", "low attendance  ",
                 "newest submission_date   2026-03-15", "X99999999 | X99999999 | X99999999"):  # fmt: skip
        assert line in result.output


@pytest.mark.slow
def test_every_finding_says_what_to_do(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator.build(tmp_path / "dirty.db", 2, "dirty")
    monkeypatch.setenv("CLIENT_DB_URL", f"sqlite:///{tmp_path / 'dirty.db'}")
    lines = [
        line
        for line in check(home, dict(native_params().college.relations)).output.splitlines()
        if line.startswith("  warn")
    ]
    assert len(lines) > 5
    for line in lines:
        assert re.search(r"(\. (Look|Check|Correct|Ask|Give|Nothing|Set)|\?)", line), line


@pytest.mark.slow
@pytest.mark.parametrize("variant", generator.VARIANTS)
@pytest.mark.parametrize("seed", [4])
def test_dirt_is_no_mistake(variant: str, seed: int, tmp_path: Path) -> None:
    generator.build(tmp_path / "college.db", seed, variant)
    said = found(f"sqlite:///{tmp_path / 'college.db'}", native_params())
    assert said.loc[said["status"] == "block", "message"].tolist() == []


@pytest.mark.slow
@pytest.mark.parametrize("week", [1, 3, 8, 13, 18])
def test_a_healthy_college_is_not_suspected(week: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'college.db'}"
    write.write_simulation(
        create_writable_engine(url),
        generate.plan_demo(120, week, Calendar(), weeks=week),
        quiet=True,
    )
    assert found(url, native_params())["message"].tolist() == []


@pytest.mark.prove
def test_no_mail_goes_out_on_a_wrong_mapping(home: Path, simulated: str) -> None:
    path = Path(simulated.removeprefix("sqlite:///"))
    check(home, mistaken(path, "a fraction of quality"))
    workspace = workspace_at(home, simulated, college="mine")
    backfill.calibrate(workspace, progress.skip_line, completed_only=False)
    with workspace.open_college() as college:
        term = find_term(college, "", college.find_college_week(workspace.today))
        verdict = gate.check_week(workspace, college, term, 10)
    assert verdict.everyone
    assert verdict.told.startswith("assignment_submissions.quality_pct: None of ")
