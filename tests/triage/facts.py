"""What a small college knew at the end of a week, made from a few words.

Everyone attends all `HELD` lectures of every teaching week, and hands in all work on the last day
of its week, with the mark `MARK`. A test names only what is different.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from edumetrics.fields import COUNTED_FEEDS, RELATIONS
from edumetrics.scoring.facts import Facts
from tests.facts import complete

HELD, MARK, SEMESTER, CLASS, ADVISOR, SUBJECT = 10, 70.0, 2, "C", "ADV", "Databases"
START = pd.Timestamp("2026-01-05")
# A mark that says: this work was not handed in.
NOT_IN = "not in"

Students = str | Sequence[str] | Mapping[str, Mapping[str, Any]]
Attended = int | tuple[int, int]


def make_facts(
    week: int,
    *,
    students: Students = "ab",
    attendance: Mapping[str, Mapping[int, Attended]] | None = None,
    due: Sequence[int] = (),
    titles: Sequence[str | None] = (),
    subjects: Sequence[str] = (),
    quizzes: Sequence[int] = (),
    skipped: Mapping[str, Sequence[int]] | None = None,
    marks: Mapping[str, Mapping[int, float | str | None]] | None = None,
    similarity: Mapping[str, float] | None = None,
    active_days: Mapping[str, Mapping[int, int]] | None = None,
    undated: Sequence[int] = (),
    early: Mapping[str, int] | None = None,
    midterms: Mapping[str, float] | None = None,
    extensions: Sequence[tuple[str, int, int]] = (),
    excuses: Sequence[tuple[str, str, str]] = (),
    enrolments: Sequence[tuple[str, str]] = (),
    ahead: Mapping[str, Sequence[float]] | None = None,
    early_clicks: Mapping[str, int] | None = None,
) -> Facts:
    """Return what the college knew at the end of a week.

    Args:
        week: the semester week.
        students: their ids, or by id what differs: class_id, advisor_id, withdrawn_on, joined_on.
        attendance: by student and week, lectures attended of `HELD`, or attended and held.
        due: the week of each assignment.
        titles: their titles, where they have one.
        subjects: the names of their subjects, where it is not `SUBJECT`.
        quizzes: the week of each quiz.
        skipped: by student, the weeks whose quizzes were not attempted.
        marks: by student and week, the mark of all assignments of the week; `NOT_IN` where they
            were not handed in, None where they have no mark.
        similarity: by student, the similarity report of the work of this week, percent.
        active_days: by student and week, days on the learning platform.
        undated: the weeks whose work was handed in without a date.
        early: by student, how many days before the last day of its week work is handed in.
        midterms: by student, the midterm score.
        extensions: student, which of the assignments (from 0), and its new week.
        excuses: student, first and last day.
        enrolments: student and name of a subject, for those who do not take all.
        ahead: by student, the marks of work that is done and due later.
        early_clicks: by student, the clicks before the semester.
    """
    people = {s: {} for s in students} if not isinstance(students, Mapping) else students
    roll = pd.DataFrame(
        [
            {"student_id": student, "class_id": CLASS, "advisor_id": ADVISOR,
             "joined_on": pd.NaT, "withdrawn_on": pd.NaT, **more}
            for student, more in people.items()
        ]
    ).astype({"joined_on": "datetime64[us]", "withdrawn_on": "datetime64[us]"})  # fmt: skip
    classes = dict(zip(roll["student_id"], roll["class_id"], strict=True))
    names = sorted(set(classes.values()))
    known = _get_last_day(week)

    def on(student: str, due_week: int) -> Any:
        day = _get_last_day(due_week) - pd.Timedelta(days=(early or {}).get(student, 0))
        return pd.NaT if due_week in undated else day

    handed_in = [
        {**_make_done(student, classes[student], w, due.count(w), mark, on(student, w)),
         "similarity": (similarity or {}).get(student) if w == week else None,
         "subject_id": _name_subject(subjects[list(due).index(w)] if subjects else SUBJECT)}
        for student in classes
        for w in sorted(set(due))
        if w <= week and (mark := (marks or {}).get(student, {}).get(w, MARK)) != NOT_IN
    ]  # fmt: skip
    attempted = [
        _make_done(student, classes[student], w, quizzes.count(w), MARK, on(student, w))
        for student in classes
        for w in sorted(set(quizzes))
        if w <= week and w not in (skipped or {}).get(student, ())
    ]
    return complete(
        week=week,
        students=roll,
        class_semesters=pd.DataFrame({"class_id": names, "semester": SEMESTER}),
        dates=pd.DataFrame(
            [(name, SEMESTER, w, _get_last_day(w) - pd.Timedelta(days=6))
             for name in names for w in range(1, week + 1)],
            columns=["class_id", "semester", "week", "week_date"],
        ),
        attendance=_make_registers(classes, attendance or {}, week),
        doubles=_make_frame("student_id", week="int64", class_id="str"),
        assignments=_make_items("A", names, due, titles, subjects),
        quizzes=_make_items("Q", names, quizzes),
        assignments_done=_make_done_frame(handed_in, known),
        quizzes_done=_make_done_frame(attempted, known),
        extensions=pd.DataFrame(
            [(s, f"A{classes[s]}{n}", w) for s, n, w in extensions],
            columns=["student_id", "item_id", "week"],
        ).astype({"student_id": "str", "item_id": "str", "week": "int64"}),
        excuses=pd.DataFrame(
            [(s, pd.Timestamp(first), pd.Timestamp(last)) for s, first, last in excuses],
            columns=["student_id", "from", "to"],
        ) if excuses else None,
        enrolments=pd.DataFrame(
            [(s, _name_subject(name), SEMESTER, pd.NaT, pd.NaT) for s, name in enrolments],
            columns=["student_id", "subject_id", "semester", "from", "to"],
        ).astype({"from": "datetime64[us]", "to": "datetime64[us]"}) if enrolments else None,
        weekly={feed: _make_feed(feed, active_days or {}) for feed in COUNTED_FEEDS},
        midterms=pd.DataFrame(
            [(s, score, known) for s, score in (midterms or {}).items()],
            columns=["student_id", "score", "known_by"],
        ).astype({"known_by": "datetime64[us]", "score": "float64"}),
        done_items={
            "assignment": _make_done_items("A", due, handed_in, known),
            "quiz": _make_done_items("Q", quizzes, attempted, known),
        },
        subjects={_name_subject(name): name for name in (SUBJECT, *subjects)},
        early=pd.DataFrame(
            [(s, SEMESTER, clicks) for s, clicks in (early_clicks or {}).items()],
            columns=["student_id", "semester", "early_clicks"],
        ),
        ahead=pd.DataFrame(
            [(s, classes[s], SEMESTER, len(marks), len(marks), sum(marks), known)
             for s, marks in (ahead or {}).items()],
            columns=["student_id", "class_id", "semester", "ahead", "ahead_marked",
                     "ahead_mark_sum", "known_by"],
        ).astype({"known_by": "datetime64[us]"}),
    )  # fmt: skip


def _get_last_day(week: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=7 * week - 1)


def _make_frame(first: str, **columns: str) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series(dtype=kind) for name, kind in ({first: "str"} | columns).items()}
    )


def _make_registers(
    classes: Mapping[str, str], attendance: Mapping[str, Mapping[int, Attended]], week: int
) -> pd.DataFrame:
    rows = []
    for student, name in classes.items():
        for w in range(1, week + 1):
            said = attendance.get(student, {}).get(w, HELD)
            present, held = said if isinstance(said, tuple) else (said, HELD)
            rows.append((student, name, SEMESTER, w, held, present))
    return pd.DataFrame(
        rows, columns=["student_id", "class_id", "semester", "week", "held", "present"]
    )


def _name_subject(name: str) -> str:
    """Return the id of a subject, which is not its name."""
    return f"S-{name}"


def _make_items(
    kind: str,
    names: Sequence[str],
    weeks: Sequence[int],
    titles: Sequence[str | None] = (),
    subjects: Sequence[str] = (),
) -> pd.DataFrame:
    titles, subjects = titles or [None] * len(weeks), subjects or [SUBJECT] * len(weeks)
    rows = [
        (f"{kind}{name}{n}", name, SEMESTER, _name_subject(subjects[n]), float(w), titles[n])
        for name in names
        for n, w in enumerate(weeks)
    ]
    columns = ["item_id", "class_id", "semester", "subject_id", "due_week", "title"]
    return pd.DataFrame(rows, columns=columns).astype(
        {"class_id": "str", "semester": "int64", "due_week": "float64"}
    )


def _make_done_items(
    kind: str, weeks: Sequence[int], done: list[dict[str, Any]], known_by: pd.Timestamp
) -> pd.DataFrame:
    """Return the items of the weeks whose work was done."""
    rows = [
        (row["student_id"], f"{kind}{row['class_id']}{n}", known_by)
        for row in done
        for n, w in enumerate(weeks)
        if w == row["week"]
    ]
    return pd.DataFrame(rows, columns=["student_id", "item_id", "known_by"]).astype(
        {"known_by": "datetime64[us]"}
    )


def _make_done(
    student: str, name: str, week: int, count: int, mark: Any, on: Any
) -> dict[str, Any]:
    marked = 0 if mark is None else count
    return {
        "student_id": student, "class_id": name, "semester": SEMESTER, "week": float(week),
        "done": count, "marked": marked, "mark_sum": float(mark or 0) * marked,
        "last_date": on,
        "judged": 0, "quality_sum": 0.0, "similarity": None, "subject_id": _name_subject(SUBJECT),
    }  # fmt: skip


def _make_done_frame(rows: list[dict[str, Any]], known_by: pd.Timestamp) -> pd.DataFrame:
    columns = list(_make_done("", "", 1, 0, 0.0, pd.NaT))
    frame = pd.DataFrame(rows, columns=columns).assign(known_by=known_by)
    return frame.astype({"last_date": "datetime64[us]", "similarity": "float64", "week": "float64"})


def _make_feed(feed: str, active_days: Mapping[str, Mapping[int, int]]) -> pd.DataFrame:
    metrics = [count.metric for count in RELATIONS[feed].counts]
    rows = [(student, SEMESTER, w, *(days if name == "lms_active_days" else 0 for name in metrics))
            for student, weeks in active_days.items() for w, days in weeks.items()
            if "lms_active_days" in metrics]  # fmt: skip
    return pd.DataFrame(rows, columns=["student_id", "semester", "week", *metrics])
