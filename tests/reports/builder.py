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
from edumetrics.reports.week_rows import WeekRows
from edumetrics.settings import PROJECT

OUTLOOK = (
    "student_id",
    "predicted",
    "low",
    "high",
    "p_fail",
    "subjects",
    "subject_names",
    "model_id",
)
PARAMS = load(PROJECT / "params", "native")
SENTENCES = PARAMS.sentences
TERM = "2026-07-20"
COURSE = ("weekly_att_pct", "overall_att_pct", "academic_performance")
NOBODY = pd.DataFrame({"student_id": [], "advisor_id": []}, dtype="str")
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


def make_record(code: str, text: str, points: float = 5, **more: Any) -> dict[str, Any]:
    """A reason as it is stored; without numbers, value and baseline are null."""
    about = {"topic": "", "value": None, "baseline": None}
    return {"code": code, "text": text, "points": points} | about | more


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
    """The stored rows of week 7: Asha has a card, Noor comes next, nobody else is on a list.

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
    flags = make_flags(
        [
            [
                make_record("attendance_fall", "Attended 4 of 10 lectures, 5 of 10 last week."),
                make_record(
                    "missed_work",
                    "Not in: Methods assignments 3 and 4; due 2 and 9 March.",
                    items=[{"kind": "assignment", "name": "Methods assignment 3", "open": True}],
                ),
                make_record("attendance_standing", "Can miss 0 of 108 lectures left."),
                make_record("midterm_level", "Midterm 30 of 100; the class's middle was 60."),
            ],
            [make_record("missed_work", "Not in: Methods quiz 1; due 2 March.")],
        ],
        risk_tier=["critical", "watch"],
        within_capacity=[True, False],
        status=["continuing", "new"],
        weeks_on_list=[3, 1],
        best_step=[{"text": "Handing in Methods assignment 3 would help most."}, None],
    )
    weeks = [(student, week) for student in ("S1", "S2") for week in range(1, 8)]
    courses = pd.DataFrame(weeks, columns=["student_id", "sem_week"]).assign(
        weekly_att_pct=60.0, overall_att_pct=60.0, academic_performance=45.0,
        week_lectures_held=10, week_lectures_attended=6,
    )  # fmt: skip
    rows = WeekRows(
        metrics=metrics,
        last=metrics.drop(columns=["class_id", "advisor_id", "sem_week"]).assign(
            effort_score=metrics["effort_score"] + 10
        ),
        flags=flags,
        last_flags=flags[["student_id", "advisor_id", "within_capacity"]].iloc[:0],
        exits=make_exits([]),
        findings=pd.DataFrame({"class_id": [], "text": []}, dtype="object"),
        courses=courses,
        middles=pd.DataFrame(
            {"class_id": ["CS3B"], "sem_week": [7], "academic_performance": [61.0]}
        ),
        contacts=make_contacts(),
        health=make_health(),
        silent=pd.DataFrame({"student_id": [], "sem_week": []}).astype({"student_id": "str"}),
        outlook=pd.DataFrame({name: [] for name in OUTLOOK}),
        shared=NOBODY,
    )
    return replace(rows, **changes)


def make_flags(reasons: list[list[dict[str, Any]]], **columns: list[Any]) -> pd.DataFrame:
    """The list of the first students, as many as have reasons, in order; everyone has a place."""
    count = len(reasons)
    usual = {
        "risk_tier": ["watch"] * count,
        "ranked_by": ["model"] * count,
        "triage_rank": list(range(1, count + 1)),
        "within_capacity": [True] * count,
        "looked_after": [False] * count,
        "status": ["new"] * count,
        "weeks_on_list": [1] * count,
        "rules": [[] for _ in range(count)],
        "hand_over": [False] * count,
        "drawn": [False] * count,
        "best_step": [None] * count,
    }
    return make_rows(**{**usual, "reasons": reasons, **columns})


def make_exits(kinds: list[str], **columns: list[Any]) -> pd.DataFrame:
    """The first students, as many as there are kinds, as they are no longer listed."""
    none: list[list[Any]] = [[] for _ in kinds]
    return make_rows(**{"kind": kinds, "improved": none, "remaining": none, **columns})


def make_contacts(*rows: tuple[str, int, str, str | None, str]) -> pd.DataFrame:
    """Contacts: student, the week whose list they answer, kind, until, day of entry."""
    columns = ["student_id", "sem_week", "kind", "until", "logged_at"]
    found = pd.DataFrame(list(rows), columns=columns)
    told = found.assign(outcome=None, referral=None, logged_by=None)
    return told.assign(logged_at=pd.to_datetime(found["logged_at"]))


def make_health(*rows: tuple[str, str, int, str]) -> pd.DataFrame:
    """Findings of data health: check, class, count, message."""
    found = pd.DataFrame(list(rows), columns=["check", "class_id", "count", "message"])
    return found.astype({"check": "str", "class_id": "str", "count": "int64", "message": "str"})


def count_words(entry: StudentEntry) -> int:
    """How many words a card has: names counted, labels of links not."""
    facts = [f"{fact.label} {fact.text}" for fact in entry.facts]
    said = [entry.name, entry.roll_number, entry.urgency, entry.since, *entry.reasons, *facts]
    return sum(len(text.split()) for text in said)
