"""A real Moodle's database, filled through Moodle's own code: what Moodle shows is what we read."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from edumetrics.batch import backfill, progress
from edumetrics.cli import main
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at
from tests.unit.test_docs import follow

pytestmark = pytest.mark.prove
BESIDE = PROJECT.parent / "shared" / "data" / "moodle"
DUMP = Path(os.environ.get("EDUMETRICS_MOODLE", BESIDE)) / "filled-mariadb.sql.gz"
ZONE, FIRST, AS_OF = ZoneInfo("America/New_York"), date(2026, 9, 7), date(2026, 11, 23)
# An ordinary one, and those with overrides, extensions, reopened attempts, a late start, a leaving.
STUDENTS = (20, 45, 100, 150, 222)


@pytest.fixture(scope="module")
def moodle(mysql_url: Callable[[], str]) -> Iterator[sa.Engine]:
    if not DUMP.is_file():
        pytest.skip("the database of a Moodle is not here: set EDUMETRICS_MOODLE to its folder")
    url = sa.make_url(mysql_url())
    login = [f"--user={url.username or 'root'}", f"--socket={url.query['unix_socket']}"]
    with gzip.open(DUMP) as packed:
        loading = subprocess.Popen(
            ["mariadb", "--no-defaults", *login, str(url.database)], stdin=subprocess.PIPE
        )
        assert loading.stdin is not None
        shutil.copyfileobj(packed, loading.stdin)
        loading.stdin.close()
        assert loading.wait() == 0
    yield sa.create_engine(url)


@pytest.fixture(scope="module")
def college(moodle: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What `map --like moodle` drafts, unchanged, and every week calibrated."""
    home = tmp_path_factory.mktemp("moodle")
    url = moodle.url.render_as_string(hide_password=False)
    drafted = CliRunner().invoke(main, ["map", "--like", "moodle", url], catch_exceptions=False)
    assert drafted.exit_code == 0
    shutil.copytree(Path("params"), home / "params")
    (home / "params" / "colleges" / "own.yml").write_text(drafted.output)
    workspace = workspace_at(home, url, college="own")
    backfill.calibrate(workspace, progress.skip_line, as_of=AS_OF)
    return workspace


def test_every_command_of_the_page_does_what_it_says(moodle: sa.Engine, tmp_path: Path) -> None:
    url = moodle.url.set(drivername="mysql").render_as_string(hide_password=False)
    assert follow("moodle.md", tmp_path, url) >= 8


def query(moodle: sa.Engine, text: str) -> pd.DataFrame:
    with moodle.connect() as connection:
        return pd.DataFrame(connection.exec_driver_sql(text).mappings().all())


def to_day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZONE).date()


def to_week(seconds: int) -> int:
    return (to_day(seconds) - FIRST).days // 7 + 1


def read_relation(college: Workspace, name: str) -> pd.DataFrame:
    with college.open_college() as opened:
        relation = opened.relation(name)
        return opened.read_frame(sa.select(*(relation.c[n] for n in relation.table.names)), name)


def test_the_check_finds_nothing_that_misleads(
    college: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in college.settings.environ.items():
        monkeypatch.setenv(name, value)
    result = CliRunner().invoke(main, ["check", "--as-of", AS_OF.isoformat()])
    assert result.exit_code == 0, result.output
    assert "STOP" not in result.output
    assert len(college.store.read("weekly_metrics")) > 3000


def test_attendance_of_all_students_is_that_of_the_registers(
    college: Workspace, moodle: sa.Engine
) -> None:
    """Moodle's percentage, where late counts half and excused is held: the same registers say both."""
    log = query(
        moodle,
        "SELECT l.studentid u, a.course c, t.acronym word, t.grade points FROM mdl_attendance_log l "
        "JOIN mdl_attendance_sessions s ON s.id = l.sessionid AND s.lasttaken > 0 "
        "JOIN mdl_attendance a ON a.id = s.attendanceid JOIN mdl_attendance_statuses t ON t.id = l.statusid",
    )
    log = log.assign(points=log["points"].astype(float))
    log["excused"] = log["word"].isin(["E", "S"])
    theirs = log.groupby(["u", "c"]).agg(
        points=("points", "sum"), all=("points", "size"), excused=("excused", "sum"),
        late=("word", lambda words: (words == "L").sum()),
        half=("word", lambda words: (words == "E").sum()),
    )  # fmt: skip
    ours = read_relation(college, "attendance")
    ours = ours.assign(u=ours["student_id"].astype(int), c=ours["subject_id"].astype(int))
    sums = ours.groupby(["u", "c"])[["lectures_held", "present"]].sum()
    both = theirs.join(sums, how="inner")
    assert len(both) > 800
    assert (both["lectures_held"] == both["all"] - both["excused"]).all()
    assert (2 * both["present"] - both["late"] + both["half"] == both["points"]).all()


def test_marks_add_up_to_the_course_totals(college: Workspace, moodle: sa.Engine) -> None:
    """But for what is left out on purpose: hidden work, registers, what Moodle has not taken in yet."""
    parts = []
    for kind, key in (("assignment", "assignment_id"), ("quiz", "quiz_id")):
        items = read_relation(college, f"{kind}_definitions")[[key, "subject_id"]]
        done = read_relation(college, f"{kind}_submissions")
        parts.append(done.merge(items, on=key)[["student_id", "subject_id", "marks_obtained"]])
    exams = read_relation(college, "exam_schedule")[["schedule_id", "subject_id"]]
    results = read_relation(college, "exam_results").merge(exams, on="schedule_id")
    parts.append(results[["student_id", "subject_id", "marks_obtained"]])
    ours = pd.concat(parts).dropna().astype({"student_id": int, "subject_id": int})
    ours = ours.groupby(["student_id", "subject_id"])["marks_obtained"].sum()
    grades = query(
        moodle,
        "SELECT g.userid student_id, i.courseid subject_id, g.finalgrade mark, i.grademin low, "
        "i.itemtype kind, g.aggregationstatus state, (i.hidden <> 0 OR COALESCE(m.visible, 1) = 0 "
        "OR COALESCE(i.itemmodule, '') = 'attendance') hidden FROM mdl_grade_grades g "
        "JOIN mdl_grade_items i ON i.id = g.itemid "
        "LEFT JOIN mdl_modules y ON y.name = i.itemmodule LEFT JOIN mdl_course_modules m "
        "ON m.module = y.id AND m.instance = i.iteminstance AND m.course = i.courseid "
        "WHERE g.finalgrade IS NOT NULL",
    ).astype({"mark": float, "low": float, "hidden": bool})
    keys = ["student_id", "subject_id"]
    total = grades[grades["kind"] == "course"].groupby(keys)["mark"].sum()
    single = grades[grades["kind"] != "course"]
    shown = single["mark"].where(single["hidden"], single["low"].where(single["kind"] == "mod", 0))
    late = single["mark"].where(single["state"] == "novalue", 0)
    aside = (shown - late).groupby([single[key] for key in keys]).sum()
    both = pd.concat({"total": total, "ours": ours, "aside": aside}, axis=1).dropna(
        subset=["total", "ours"]
    )
    assert len(both) > 800
    assert ((both["total"] - both["ours"] - both["aside"].fillna(0)).abs() < 0.01).mean() > 0.99


@pytest.mark.parametrize("student", STUDENTS)
def test_lectures_by_hand(student: int, college: Workspace, moodle: sa.Engine) -> None:
    entries = query(
        moodle,
        "SELECT s.sessdate at_time, t.grade points FROM mdl_attendance_log l "
        "JOIN mdl_attendance_sessions s ON s.id = l.sessionid AND s.lasttaken > 0 "
        "JOIN mdl_attendance_statuses t ON t.id = l.statusid "
        f"WHERE l.studentid = {student} AND t.acronym NOT IN ('E', 'S')",
    )
    stored = college.store.read("weekly_metrics", student_id=str(student)).set_index("sem_week")
    assert len(stored) > 2
    for week, row in stored.iterrows():
        own = entries[[to_week(seconds) == week for seconds in entries["at_time"]]]
        assert row["week_lectures_held"] == len(own)
        assert row["week_lectures_attended"] == (own["points"].astype(float) > 0).sum()


@pytest.mark.parametrize("student", STUDENTS)
def test_work_by_hand(student: int, college: Workspace, moodle: sa.Engine) -> None:
    """What was due and what came in, one item after the other, as a teacher would look it up."""
    items = pd.DataFrame(list_items(student, moodle), columns=["kind", "due", "came"])
    stored = college.store.read("weekly_metrics", student_id=str(student)).set_index("sem_week")
    seen = 0
    for week, row in stored.iterrows():
        sunday = FIRST + timedelta(days=7 * int(week) - 1)
        for kind, rate in (("assign", "assn_submit_rate"), ("quiz", "quiz_attempt_rate")):
            due = items[(items["kind"] == kind) & (items["due"] == week)]
            if due.empty:
                assert pd.isna(row[rate])
                continue
            done = due["came"].map(lambda day, end=sunday: day is not None and day <= end)
            assert row[rate] == pytest.approx(100 * done.mean(), abs=0.01), (week, kind)
            seen += len(due)
    assert seen > 3


def list_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as they stand in the database: null is None."""
    plain = frame.astype("object")
    rows: list[dict[str, Any]] = plain.where(plain.notna(), None).to_dict("records")
    return rows


def list_items(student: int, moodle: sa.Engine) -> Iterator[tuple[str, int, date | None]]:
    """Each item of the student's courses: its kind, the week it is due, and the day it came in."""
    courses = query(
        moodle,
        "SELECT e.courseid id, MIN(IF(u.timestart > 0, u.timestart, u.timecreated)) begins "
        "FROM mdl_user_enrolments u JOIN mdl_enrol e ON e.id = u.enrolid "
        f"WHERE u.userid = {student} AND u.status = 0 AND e.courseid BETWEEN 2 AND 13 GROUP BY e.courseid",
    )
    joined = to_week(int(courses["begins"].min()))
    groups = query(moodle, f"SELECT groupid id FROM mdl_groups_members WHERE userid = {student}")
    teams = ", ".join(map(str, groups["id"])) if len(groups) else "-1"
    visible = "JOIN mdl_course_modules m ON m.instance = a.id AND m.visible = 1 AND m.module = "
    for course in courses["id"]:
        work = query(
            moodle,
            "SELECT a.id, a.duedate due, a.nosubmissions offline, "
            "(SELECT MAX(extensionduedate) FROM mdl_assign_user_flags f "
            f"WHERE f.assignment = a.id AND f.userid = {student}) longer, "
            f"(SELECT MAX(duedate) FROM mdl_assign_overrides o WHERE o.assignid = a.id AND o.userid = {student}) own, "
            f"(SELECT MAX(duedate) FROM mdl_assign_overrides o WHERE o.assignid = a.id AND o.groupid IN ({teams})) team, "
            "(SELECT MIN(timemodified) FROM mdl_assign_submission s WHERE s.assignment = a.id "
            f"AND s.status = 'submitted' AND (s.userid = {student} OR (s.userid = 0 AND s.groupid IN ({teams})))) came, "
            "(SELECT MAX(g.finalgrade) FROM mdl_grade_grades g JOIN mdl_grade_items i ON i.id = g.itemid "
            f"WHERE i.itemmodule = 'assign' AND i.iteminstance = a.id AND g.userid = {student}) mark "
            f"FROM mdl_assign a {visible} 1 WHERE a.course = {course} AND a.duedate > 0",
        )
        for item in list_rows(work):
            due = next(int(item[n]) for n in ("longer", "own", "team", "due") if item[n])
            # Of offline work nobody knows whether it was done until there is a mark above 0.
            if item["offline"] and item["mark"] is None:
                continue
            came = to_day(int(item["came"])) if item["came"] else None
            if item["offline"] and float(item["mark"]) > 0:
                came = to_day(due - 1)
            if to_week(due - 1) >= joined:
                yield "assign", to_week(due - 1), came
        tests = query(
            moodle,
            "SELECT a.timeclose due, (SELECT MIN(timefinish) FROM mdl_quiz_attempts t WHERE t.quiz = a.id "
            f"AND t.userid = {student} AND t.state = 'finished' AND t.preview = 0) came "
            f"FROM mdl_quiz a {visible} (SELECT id FROM mdl_modules WHERE name = 'quiz') "
            f"WHERE a.course = {course} AND a.timeclose > 0",
        )
        for item in list_rows(tests):
            if to_week(int(item["due"]) - 1) >= joined:
                came = to_day(int(item["came"])) if item["came"] else None
                yield "quiz", to_week(int(item["due"]) - 1), came
