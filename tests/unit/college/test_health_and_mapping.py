"""Bad data is counted, never crashes a run, and never silently changes a score; a wrong mapping is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.college import health
from edumetrics.college.checks.weeks import check_exam_weeks
from edumetrics.college.terms import College
from edumetrics.database import create_college_engine, open_connection
from edumetrics.errors import SettingsError
from edumetrics.fields import RELATIONS
from edumetrics.params import Params
from edumetrics.stages.weekly import find_term
from tests import colleges as c

ESSENTIAL = ("classes", "students", "advisors", "attendance")


def base() -> c.Rows:
    rows = c.people("asha", "bala", current_week=3)
    rows["attendance"] = [
        c.register(10 * n + w, s, w, 4, 3)
        for n, s in enumerate(("asha", "bala"))
        for w in (1, 2, 3)
    ]
    rows["assignment_definitions"] = [c.assignment("A1", 2)]
    rows["quiz_definitions"] = [c.quiz("Q1", 2)]
    rows["assignment_submissions"] = [c.handed_in(1, "A1", "asha", c.day(2, 1), 10)]
    rows["quiz_submissions"] = [c.attempt(1, "Q1", "asha", c.day(2, 1), 50)]
    rows["library_visits"] = [c.visit(1, "asha", 1, 2)]
    rows["exam_schedule"] = [
        {
            "schedule_id": "E",
            "class_id": "C",
            "semester": 2,
            "subject_id": "S",
            "exam_type": "midterm",
        }
    ]
    return rows


def findings(path: Path, rows: c.Rows, params: Params | None = None) -> pd.DataFrame:
    with open_connection(create_college_engine(c.write(path, rows)), "CLIENT_DB_URL") as connection:
        college = College(connection, params or c.native_params())
        term = find_term(college, "", college.find_college_week(pd.Timestamp("2026-03-01").date()))
        found = health.check_health(college, term, 3)
    return found[found["count"] > 0].set_index("check")


EXAM = {"id": 9, "schedule_id": "E", "student_id": "asha", "class_id": "C"}
BAD: list[tuple[str, str, str, dict[str, Any]]] = [
    ("attendance: unmarked register", "C", "attendance", c.register(90, "asha", 2, 4, None, subject_id="S2")),
    ("attendance: unmarked register", "C", "attendance", c.register(90, "asha", 2, 4, -1, subject_id="S2")),
    ("attendance: present above held", "C", "attendance", c.register(90, "asha", 2, 4, 6, subject_id="S2")),
    ("attendance: duplicate", "C", "attendance", c.register(90, "asha", 2, 4, 1)),
    ("attendance: unknown student", "C", "attendance", c.register(90, "nobody", 2, 4, 4)),
    ("attendance: unknown class", "all", "attendance", c.register(90, "asha", 2, 4, 4, class_id="X", subject_id="S2")),
    ("assignment_definitions: no maximum marks", "C", "assignment_definitions", c.assignment("A9", 3, 0)),
    ("assignment_submissions: unknown item", "C", "assignment_submissions", c.handed_in(90, "nothing", "asha", c.day(2, 1), 5)),
    ("assignment_submissions: unknown student", "C", "assignment_submissions", c.handed_in(90, "A1", "nobody", c.day(2, 1), 5)),
    ("assignment_submissions: unknown class", "all", "assignment_submissions", c.handed_in(90, "A1", "bala", c.day(2, 1), 5, class_id="X")),
    ("assignment_submissions: negative marks", "C", "assignment_submissions", c.handed_in(90, "A1", "bala", c.day(2, 1), -5)),
    ("assignment_submissions: quality_pct out of range", "C", "assignment_submissions", c.handed_in(90, "A1", "bala", c.day(2, 1), 5, quality_pct=140)),
    ("assignment_submissions: plagiarism_pct out of range", "C", "assignment_submissions", c.handed_in(90, "A1", "bala", c.day(2, 1), 5, plagiarism_pct=-1)),
    ("assignment_submissions: duplicate", "C", "assignment_submissions", c.handed_in(90, "A1", "asha", c.day(2, 1), 5)),
    ("quiz_definitions: no maximum marks", "C", "quiz_definitions", c.quiz("Q9", 3, None)),
    ("quiz_submissions: score_pct out of range", "C", "quiz_submissions", c.attempt(90, "Q1", "bala", c.day(2, 1), 101)),
    ("quiz_submissions: duplicate", "C", "quiz_submissions", c.attempt(90, "Q1", "asha", c.day(2, 1), 70)),
    ("quiz_submissions: unknown item", "C", "quiz_submissions", c.attempt(90, "Q0", "asha", c.day(2, 1), 70)),
    ("library_visits: duplicate", "C", "library_visits", c.visit(90, "asha", 1, 5)),
    ("library_visits: negative visits", "C", "library_visits", c.visit(90, "asha", 2, -5)),
    ("library_visits: unknown student", "C", "library_visits", c.visit(90, "nobody", 2, 5)),
    ("exam_results: score_pct out of range", "C", "exam_results", {**EXAM, "score_pct": 120}),
    ("exam_results: negative marks", "C", "exam_results", {**EXAM, "marks_obtained": -1}),
    ("exam_results: unknown item", "C", "exam_results", {**EXAM, "schedule_id": "none"}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "where", "relation", "row"), BAD, ids=[f"{b[0]} {n}" for n, b in enumerate(BAD)]
)
def test_each_kind_of_bad_data_is_found(
    check: str, where: str, relation: str, row: dict[str, Any], tmp_path: Path
) -> None:
    rows = base()
    rows.setdefault(relation, []).append(row)
    found = findings(tmp_path / "college.db", rows)
    assert list(found.index) == [check], "this finding and no other"
    assert (
        found.loc[check, "class_id"],
        found.loc[check, "count"],
        found.loc[check, "status"],
    ) == (where, 1, "warn")
    assert len(found.loc[check, "examples"]) == 1
    assert ": 1 " in str(found.loc[check, "message"]), "one row, in the singular"


def test_clean_data_gives_no_finding(tmp_path: Path) -> None:
    assert findings(tmp_path / "college.db", base()).empty


def test_examples_stop_at_five_and_messages_count(tmp_path: Path) -> None:
    rows = base()
    rows["attendance"] += [
        c.register(100 + n, "asha", 2, 4, None, subject_id=f"S{n}") for n in range(8)
    ]
    found = findings(tmp_path / "college.db", rows).loc["attendance: unmarked register"]
    assert (found["count"], len(found["examples"])) == (8, 5)
    assert (
        found["message"]
        == "Attendance: 8 unmarked registers were left out, lectures held included."
    )


def test_a_later_unmarked_copy_replaces_a_register_and_ten_is_after_nine(tmp_path: Path) -> None:
    rows = base()
    rows["attendance"] = [
        c.register(9, "asha", 1, 4, 4),
        c.register(10, "asha", 1, 4, 1),
        c.register(11, "bala", 1, 4, 2),
    ]
    week = c.score(c.write(tmp_path / "college.db", rows), 1)[1]
    assert week.loc["asha", "week_lectures_attended"] == 1


def test_the_smallest_college(tmp_path: Path) -> None:
    rows = {name: value for name, value in base().items() if name in ESSENTIAL}
    rows["classes"] = [{"class_id": "C", "name": "C"}]
    nothing_else = dict.fromkeys(set(RELATIONS) - set(ESSENTIAL))
    url = c.write(tmp_path / "college.db", rows, without=tuple(nothing_else))
    params = c.native_params(**nothing_else)
    metrics = c.score(url, 3, params)[3]
    assert metrics["effort_score"].tolist() == [75, 75], "attendance alone"
    assert metrics["academic_performance"].isna().all()


def test_an_excluded_student_is_never_scored(tmp_path: Path) -> None:
    params = c.native_params()
    params = params.model_copy(
        update={"scoring": params.scoring.model_copy(update={"exclusions": ("bala",)})}
    )
    weeks = c.score(c.write(tmp_path / "college.db", base()), 3, params)
    assert [list(week.index) for week in weeks.values()] == [["asha"]] * 3


# ---------------------------------------------------------------- mappings


def open_college(url: str, **relations: str | None) -> College:
    with open_connection(create_college_engine(url), "CLIENT_DB_URL") as connection:
        return College(connection, c.native_params(**relations))


@pytest.mark.parametrize(
    ("relations", "message"),
    [
        ({"attendance": "registers"}, "no table registers for attendance"),
        ({"attendance": None, "assignment_definitions": None}, "no source for attendance nor for"),
        ({"attendence": "attendance"}, "attendence, which is not a canonical relation"),
        ({"students": "SELECT student_id AS id_of_student, class_id FROM students"}, "no column student_id, which students needs"),
        ({"advisors": "SELECT advisor_id, name AS nmae FROM advisors"}, "returns nmae, which is not a canonical column"),
        ({"advisors": "SELECT advisor_id FROM advisers"}, "cannot answer for advisors"),
        ({"subjects": "SELEKT"}, "no table SELEKT for subjects"),
    ],
)  # fmt: skip
def test_a_wrong_mapping_is_one_clear_sentence(
    relations: dict[str, str | None], message: str, tmp_path: Path
) -> None:
    url = c.write(tmp_path / "college.db", base())
    with pytest.raises(SettingsError, match=message) as error:
        open_college(url, **relations)
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_mapping_may_be_a_select(tmp_path: Path) -> None:
    rows = base()
    native = c.score(c.write(tmp_path / "native.db", rows), 3)[3]
    url = c.write(tmp_path / "other.db", rows)
    with sa.create_engine(url).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE attendance RENAME TO anwesenheit")
    select = "SELECT id, student_id, class_id, subject_id, semester, week, week_date, lectures_held, present FROM anwesenheit"
    mapped = c.score(url, 3, c.native_params(attendance=select))[3]
    pd.testing.assert_frame_equal(mapped, native)


def test_an_empty_text_is_a_missing_number(tmp_path: Path) -> None:
    rows = base()
    rows["attendance"].append(c.register(90, "asha", 3, 4, "", subject_id="S2"))  # type: ignore[arg-type]
    week = c.score(c.write(tmp_path / "college.db", rows), 3)[3]
    assert week.loc["asha", "week_lectures_held"] == 4


def test_nobody_asks_for_the_simulators_secret_or_a_phone() -> None:
    for table in RELATIONS.values():
        assert not {"archetype", "phone"} & set(table.names)


@pytest.mark.parametrize(
    ("weeks", "stops"), [((8, 18), []), ((8, None), [False]), ((8, 88), [True])]
)
def test_an_exam_is_in_a_week_of_the_term(
    weeks: tuple[int | None, ...], stops: list[bool], tmp_path: Path
) -> None:
    rows = base()
    rows["exam_schedule"] = [
        {**rows["exam_schedule"][0], "schedule_id": f"E{number}", "scheduled_week": week}
        for number, week in enumerate(weeks)
    ]
    url = c.write(tmp_path / "college.db", rows)
    with open_connection(create_college_engine(url), "CLIENT_DB_URL") as connection:
        college = College(connection, c.native_params())
        term = find_term(college, "", college.find_college_week(pd.Timestamp("2026-03-01").date()))
        assert [found.stops for found in check_exam_weeks(college, term)] == stops
