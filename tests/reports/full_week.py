"""A whole week of one advisor: 62 students, eight cards and every section, in the catalogue's words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from edumetrics.mail.messages import add_replies
from edumetrics.reports.context import People
from edumetrics.reports.model import Report
from edumetrics.reports.week_rows import WeekRows
from edumetrics.reports.weekly import build_weekly_reports
from tests.reports.builder import (
    NOBODY,
    SENTENCES,
    change_params,
    make_contacts,
    make_health,
    make_occasion,
    make_record,
)

COUNT, HELD = 62, 12
FIRST = ("Asha", "Mateo", "Noor", "Tomasz", "Leilani", "Haruto", "Ingrid", "Elif")
LAST = ("Rao", "Farolero", "Almanara", "Zimorodek", "Tidepool", "Kaze", "Snøfnugg")
SUBJECTS = ("Databases", "Methods", "Algorithms", "Networks")
IDS = [f"S{n:02d}" for n in range(1, COUNT + 1)]
PEOPLE = People(
    names=pd.DataFrame(
        {
            "student_id": IDS,
            "name": [f"{FIRST[n % 8]} {LAST[n % 7]}" for n in range(COUNT)],
            "roll_number": [f"CS3B-{n:02d}" for n in range(1, COUNT + 1)],
        }
    ),
    emails={student: f"{student.lower()}@students.example" for student in IDS},
    parents={"S02": "parent@home.example"},
    advisors={"A1": "Dr. Farida Inkwell"},
    classes={"CS3B": "Computer Science, year 3, section B"},
)
TIERS = ("critical", "critical", "high", "high", "high", "watch", "high", "watch")


def say(code: str, **values: Any) -> dict[str, Any]:
    return make_record(code, SENTENCES.say("reasons", code, **values))


def make_reasons(n: int) -> list[dict[str, Any]]:
    """What the catalogue says of the n-th student on the list: facts of each kind."""
    subject, odd = SUBJECTS[n % 4], n % 2
    fell = {"value": n % 5, "baseline": HELD, "usual": 71 + n, "weeks": "weeks 3-6",
            "last_attended": 4 + n % 3, "last_held": HELD}  # fmt: skip
    changed = (
        say("attendance_fall", **fell),
        say("academic_fall", value=30 + n, baseline=52 + n, weeks="weeks 3-6"),
        say("effort_fall", value=20 + n, baseline=50 + n, weeks="weeks 3-6"),
        say("no_work", value=14 + n, baseline=3, missed=2),
    )[n % 4]
    names = f"{subject} {'assignments 2 and 3' if odd else f'assignment {n % 3 + 2} and quiz 1'}"
    due = f"{n + 1} and {n + 8} September"
    work = say("missed_work", value=2, baseline=4, names=names, more=0, due=due)
    ahead = say("attendance_standing", value=3 * n + 4, baseline=108, needed=90, rule="75")
    known = say("midterm_level", value=35 + n, baseline=61)
    return [changed, work, *([] if n % 4 == 2 else [ahead]), known]


def make_step(n: int) -> dict[str, Any] | None:
    """The step of the n-th student on the list; every third has none."""
    names = f"{SUBJECTS[n % 4]} assignment {n % 3 + 2}"
    name, values = (("hand_in", {"names": names}), ("attend", {"week": 9, "attended": n % 5, "held": HELD}))[n % 3 % 2]  # fmt: skip
    step = SENTENCES.say("best_step", name, **values)
    return None if n % 3 == 2 else {"text": SENTENCES.say("best_step", "helps", step=step)}


def make_full_rows(week: int = 7) -> WeekRows:
    """The stored rows of the week: eight with a place, three who come next, two in care."""
    own = {"student_id": IDS, "class_id": "CS3B", "advisor_id": "A1"}
    metrics = pd.DataFrame(own).assign(
        weekly_att_pct=[20.0 + n for n in range(COUNT)],
        overall_att_pct=[35.0 + n for n in range(COUNT)],
        lectures_left=108.0, lectures_to_attend=80.0, lectures_can_miss=28.0,
        submission_pct=[50.0, 100.0] * (COUNT // 2),
        effort_score=[15.0 + n for n in range(COUNT)],
        academic_performance=[20.0 + (n * 7) % 60 for n in range(COUNT)],
    )  # fmt: skip
    last = metrics.drop(columns=["class_id", "advisor_id"])
    metrics.loc[29, "lectures_to_attend"] = 109.0
    listed = range(13)
    flags = pd.DataFrame({name: list(own[name])[:13] if name == "student_id" else own[name] for name in own}).assign(
        risk_tier=[TIERS[n % 8] if n < 8 else "watch" for n in listed],
        ranked_by="model",
        triage_rank=[n + 1 for n in listed],
        # The last two places are kept: the eighth and the ninth by urgency give way.
        within_capacity=[n < 6 or n in (9, 10) for n in listed],
        looked_after=[n > 10 for n in listed],
        status=["new" if n in (9, 10) else "returned" if n == 4 else "escalated" if n == 1 else "continuing" for n in listed],
        weeks_on_list=[1 if n in (9, 10) else n % 4 + 2 for n in listed],
        rules=[[] for _ in listed],
        hand_over=[n == 2 for n in listed],
        drawn=[False for _ in listed],
        reasons=[make_reasons(n) for n in listed],
        best_step=[make_step(n) for n in listed],
    )  # fmt: skip
    weeks = [
        (student, number) for student in IDS[:13] for number in range(1, week + 1) if number != 8
    ]
    courses = pd.DataFrame(weeks, columns=["student_id", "sem_week"]).assign(
        weekly_att_pct=60.0, overall_att_pct=70.0, academic_performance=45.0,
        week_lectures_held=HELD, week_lectures_attended=6,
    )  # fmt: skip
    exits = pd.DataFrame({**own, "student_id": IDS[13:17]} | {"class_id": "CS3B"}).assign(
        kind=["left", "left", "no longer listed", "withdrawn"],
        improved=[
            [make_record("missed_work", "Two of the three open items of week 6 are in.")],
            [make_record("attendance_fall", "Attended 11 of 12 lectures this week; 6 of 12 in week 6.")],
            [], [],
        ],
        remaining=[[], [], [make_record("academic_level", "Average mark 44 of 100 over three weeks; the class's is 61.")], []],
    )  # fmt: skip
    before = max(number for number in range(1, week) if number != 8)
    return WeekRows(
        metrics=metrics.assign(sem_week=week),
        last=last,
        flags=flags,
        last_flags=flags[["student_id", "advisor_id"]].assign(within_capacity=[n < 8 for n in listed]),
        exits=exits,
        findings=pd.DataFrame({"class_id": ["CS3B"], "text": ["27 of the 62 students (44%) have recent work that is not in, before anything else."]}),
        courses=courses,
        middles=pd.DataFrame({"class_id": "CS3B", "sem_week": [5, 6, 7], "academic_performance": [58.0, 60, 61]}),
        contacts=make_contacts(
            ("S01", before, "no answer", None, "2026-09-01"), ("S02", before, "talked", None, "2026-09-02"),
            ("S12", before, "talked", None, "2026-09-03"), ("S13", before, "known reason", "2026-09-28", "2026-09-03"),
        ),
        health=make_health(
            ("attendance: feed", "all", 0, "Attendance: recorded up to 2026-09-06 (week 7)."),
            ("library_visits: feed", "all", 0, "Library visits: recorded up to 2026-09-06 (week 7)."),
            ("marks: feed", "all", 0, "Marks: recorded up to 2026-09-03."),
            ("lms_activity: feed", "all", 0, "Platform activity: nothing recorded in the last week; treated as absent, not as zero."),
        ),
        silent=pd.DataFrame({"student_id": ["S40", "S41"], "sem_week": week}),
        outlook=pd.DataFrame({"student_id": IDS[:4], "predicted": [30.0, 42, 48, 61], "low": [20.0, 31, 37, 50],
                              "high": [44.0, 55, 60, 73], "p_fail": [0.75, 0.52, 0.41, 0.2],
                              "subjects": ["Databases (2 items left), Methods", "Networks", "", ""],
                              "subject_names": ["Databases, Methods", "Networks", "", ""], "model_id": "fail-1"}),
        shared=NOBODY,
        precision=61.2,
    )  # fmt: skip


def make_full_report(week: int = 7, **changes: Any) -> Report:
    """The report of that week, with its replies, as it is mailed."""
    occasion = make_occasion(
        week=week, people=PEOPLE, params=change_params("mail", college_name="Riverbend College")
    )
    (report,) = build_weekly_reports(occasion, replace(make_full_rows(week), **changes))
    return add_replies(report, lambda entry: f"{week}-{entry.student_id}")


def without_outlook() -> pd.DataFrame:
    return make_full_rows().outlook.iloc[:0]
