"""An occasion and the frames that reports are built from: a few students each, no database.

Asha, Noor and K. Raman are students of A1, who has a name. The college has no name of S4, nor of
the advisor A2. Nobody is the advisor of Uma.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from edumetrics.params import Params, load
from edumetrics.reports.context import Occasion, People
from edumetrics.reports.model import Report, Section, StudentEntry
from edumetrics.reports.weekly import WeekRows
from edumetrics.settings import PROJECT

PARAMS = load(PROJECT / "params", "native")
SENTENCES = PARAMS.sentences
TERM = "2026-07-20"
COURSE = ("weekly_att_pct", "effort_score", "academic_performance")
STUDENTS = pd.DataFrame(
    [
        ("S1", "Asha Lanternwala", "07", "CS3B", "A1"),
        ("S2", "Noor Almanara", "02", "CS3B", "A1"),
        ("S3", "K. Raman", "05", "CS3A", "A1"),
        ("S4", None, None, "CS3B", "A2"),
        ("S5", "Uma Devi", "09", "CS3B", None),
    ],
    columns=["student_id", "name", "roll_number", "class_id", "advisor_id"],
)
PEOPLE = People(
    names=STUDENTS[["student_id", "name", "roll_number"]],
    emails={"S1": "asha@students.example", "S2": "noor@students.example", "S3": "no address"},
    parents={"S1": "parent@home.example"},
    advisors={"A1": "Dr. Farida Inkwell"},
    classes={"CS3B": "CS 3 B"},
)


def change_params(part: str, **values: Any) -> Params:
    """The shipped parameters with other values in one part, such as `triage`."""
    return PARAMS.model_copy(update={part: getattr(PARAMS, part).model_copy(update=values)})


def make_occasion(
    stage: str = "weekly", week: int = 7, params: Params = PARAMS, people: People = PEOPLE
) -> Occasion:
    first_day = pd.Timestamp(TERM) + pd.Timedelta(weeks=week - 1)
    return Occasion(stage, TERM, week, first_day, params, people)


def make_record(code: str, text: str, points: float, **numbers: float) -> dict[str, Any]:
    """A reason as it is stored; without numbers, value and baseline are null."""
    return {"code": code, "text": text, "points": points, "value": None, "baseline": None} | numbers


def make_rows(**columns: list[Any]) -> pd.DataFrame:
    """The first students, as many as the columns have values, with their class and advisor."""
    count = len(next(iter(columns.values())))
    own = STUDENTS[["student_id", "class_id", "advisor_id"]].head(count)
    return own.assign(**columns)


def make_entry(**more: Any) -> StudentEntry:
    return replace(StudentEntry("S1", "Asha Lanternwala", "07", "CS3B"), **more)


def make_report(*sections: Section, **more: Any) -> Report:
    made = Report(
        "weekly", TERM, 7, "A1", "Dr. Farida Inkwell", ("CS3B",), "Week 7 · 2 of 3 students",
        ("Week 7 of 18", "CS 3 B"), "Two of your 3 students could use a word.", "The midterm is near.",
        sections, SENTENCES,
    )  # fmt: skip
    return replace(made, **more)


def make_week(**changes: pd.DataFrame) -> WeekRows:
    """The stored rows of week 7: Asha comes first, Noor next, and nobody else is on a list.

    Args:
        changes: other frames for some of the stored ones.
    """
    metrics = make_rows(
        weekly_att_pct=[40.0, 60.0, 90.0, 80.0, None],
        overall_att_pct=[61.6, 70.0, 88.0, 80.0, 50.0],
        lectures_left=[108.0, 108.0, 100.0, 100.0, None],
        lectures_to_attend=[110.0, 88.0, 40.0, 60.0, None],
        lectures_can_miss=[0.0, 20.0, 60.0, 40.0, None],
        submission_pct=[50.0, 100.0, 100.0, None, None],
        effort_score=[20.0, 50.0, 70.0, 60.0, 40.0],
        academic_performance=[30.0, 55.0, 80.0, 65.0, 45.0],
    ).assign(sem_week=7)
    flags = make_rows(
        risk_tier=["critical", "watch"],
        triage_rank=[1, 2],
        within_capacity=[True, False],
        looked_after=[False, False],
        status=["stays", "new"],
        escalation_level=[3, 1],
        off_list_if=["attends all lectures in week 9", None],
        reasons=[
            [
                make_record("attendance_fall", "Attendance fell from 63% to 40%.", 12),
                make_record("no_work", "No work handed in for 12 days.", 8, value=12, baseline=2),
                make_record("open_work", "Two assignments are still open.", 0, value=2),
            ],
            [make_record("missed_work", "Two of the 3 items due are not in.", 15)],
        ],
    )
    weeks = [(student, week) for student in ("S1", "S2") for week in range(1, 8)]
    courses = pd.DataFrame(weeks, columns=["student_id", "sem_week"]).assign(
        weekly_att_pct=60.0, effort_score=50.0, academic_performance=45.0,
        week_lectures_held=10, week_lectures_attended=6,
    )  # fmt: skip
    rows = WeekRows(
        metrics=metrics,
        last=metrics.assign(effort_score=metrics["effort_score"] + 10, sem_week=6),
        flags=flags,
        exits=make_rows(improved=[[]]).iloc[:0],
        findings=pd.DataFrame({"class_id": [], "text": []}, dtype="object"),
        courses=courses,
        contacts=pd.DataFrame(columns=["student_id", "sem_week", "kind", "until", "logged_at"]),
        health=pd.DataFrame(columns=["check", "class_id", "count", "message"]).astype(
            {"check": "str", "class_id": "str", "count": "int64", "message": "str"}
        ),
    )
    return replace(rows, **changes)
