"""What would take a student off the list is tried on the college itself: next week is written, and the list drawn up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.workspace import Workspace
from tests.colleges import Rows, assignment, handed_in, people, register, write
from tests.conftest import workspace_at
from tests.unit.triage.test_flags import run_week

HELD = 10


def college(
    absent: dict[int, int], missing: tuple[int, ...], marks: float = 8, weeks: int = 6
) -> Rows:
    """Five students who attend and hand in everything, and x, who does not; one assignment a week."""
    students = ("x", *"abcde")
    rows = people(*students, current_week=weeks)
    rows["attendance"], rows["assignment_submissions"] = [], []
    rows["assignment_definitions"] = [assignment(f"A{week}", week) for week in range(1, weeks + 1)]
    for n, student in enumerate(students):
        for week in range(1, weeks + 1):
            number = 100 * n + week
            attended = absent.get(week, HELD) if student == "x" else HELD
            rows["attendance"].append(register(number, student, week, HELD, attended))
            if student != "x" or week not in missing:
                on = pd.Timestamp("2026-01-05") + pd.Timedelta(days=7 * week - 3)
                rows["assignment_submissions"].append(
                    handed_in(
                        number,
                        f"A{week}",
                        student,
                        on.date().isoformat(),
                        marks if student == "x" else 14,
                    )
                )
    return rows


def on_list(folder: Path, rows: Rows) -> tuple[Workspace, pd.Series | None]:
    folder.mkdir()
    workspace = workspace_at(folder / "home", write(folder / "college.db", rows))
    last = rows["sim_state"][0]["current_week"] - 18
    for week in range(1, last + 1):
        run_week(workspace, week)
    flags = workspace.store.read("weekly_flags", student_id="x", sem_week=last)
    return workspace, None if flags.empty else flags.iloc[0]


def next_week(
    rows: Rows, attended: int | None = None, late: tuple[int, ...] = (), due: bool | None = None
) -> Rows:
    """The same college a week later, in which everyone does as this week; x with a change."""
    last = rows["sim_state"][0]["current_week"] - 18
    again = {name: [dict(row) for row in table] for name, table in rows.items()}
    again["sim_state"][0]["current_week"] += 1
    again["assignment_definitions"].append(assignment(f"A{last + 1}", last + 1))
    shift = pd.Timedelta(weeks=1)
    for row in [row for row in rows["attendance"] if row["week"] == last]:
        present = attended if row["student_id"] == "x" and attended is not None else row["present"]
        again["attendance"].append(
            register(row["id"] + 1, row["student_id"], last + 1, HELD, present)
        )
    for row in [
        row for row in rows["assignment_submissions"] if row["assignment_id"] == f"A{last}"
    ]:
        on = (pd.Timestamp(row["submission_date"]) + shift).date().isoformat()
        again["assignment_submissions"].append(
            handed_in(row["id"] + 1, f"A{last + 1}", row["student_id"], on, row["marks_obtained"])
        )
    sunday = (pd.Timestamp("2026-01-05") + pd.Timedelta(days=7 * (last + 1) - 1)).date().isoformat()
    for week in (*late, *((last + 1,) if due else ())):
        again["assignment_submissions"].append(handed_in(5000 + week, f"A{week}", "x", sunday))
    return again


@pytest.mark.slow
def test_the_fewest_lectures_are_named_and_one_fewer_is_not_enough(tmp_path: Path) -> None:
    rows = college({5: 5, 6: 4}, (5,))
    _, flag = on_list(tmp_path / "now", rows)
    assert flag is not None
    words = str(flag["off_list_if"]).split()
    assert " ".join([*words[:1], "N", *words[2:]]) == "attends N lectures in week 7"
    count = int(words[1])
    assert on_list(tmp_path / "done", next_week(rows, attended=count))[1] is None
    assert on_list(tmp_path / "short", next_week(rows, attended=count - 1))[1] is not None


@pytest.mark.slow
def test_open_work_is_named_when_it_is_the_smaller_change(tmp_path: Path) -> None:
    rows = college(dict.fromkeys(range(1, 7), 5), (5,))
    _, flag = on_list(tmp_path / "now", rows)
    assert flag is not None
    assert flag["off_list_if"] == "hands in the open assignment"
    assert on_list(tmp_path / "as-now", next_week(rows))[1] is not None, (
        "without the change x stays"
    )
    assert on_list(tmp_path / "done", next_week(rows, late=(5,)))[1] is None


@pytest.mark.slow
def test_where_one_change_is_not_enough_two_are_named(tmp_path: Path) -> None:
    rows = college(dict.fromkeys(range(1, 7), 4), (4, 5), marks=3)
    _, flag = on_list(tmp_path / "now", rows)
    assert flag is not None
    assert flag["off_list_if"] == "attends all lectures in week 7 and hands in all open assignments"
    assert on_list(tmp_path / "first", next_week(rows, attended=HELD))[1] is not None
    assert on_list(tmp_path / "second", next_week(rows, late=(4, 5)))[1] is not None
    assert on_list(tmp_path / "both", next_week(rows, attended=HELD, late=(4, 5)))[1] is None


def test_where_nothing_is_enough_it_says_so_kindly(tmp_path: Path) -> None:
    _, flag = on_list(tmp_path / "now", college(dict.fromkeys(range(1, 7), 4), (4, 6)))
    assert flag is not None
    assert pd.isna(flag["off_list_if"])
    assert flag["diagnosis"].endswith("No one or two steps clear this; steady weeks might.")


def test_the_last_week_promises_nothing(demo: Workspace) -> None:
    flags = demo.store.read("weekly_flags", sem_week=17)
    assert flags["off_list_if"].isna().all()
    assert flags["diagnosis"].str.endswith("This is the last list of the semester.").all()


@pytest.mark.slow
def test_off_list_if_holds_on_the_demo_college(demo_copy: Workspace) -> None:
    """Next week is written into the college as a copy of this one with the change, for a dozen students in turn."""
    run_week(demo_copy, 6, replay=True)
    flags = demo_copy.store.read(
        "weekly_flags", sem_week=6, term=demo_copy.store.list_values("weekly_metrics", "term")[-1]
    )
    flags = flags[
        flags["off_list_if"].str.fullmatch(r"attends (all|\d+) lectures? in week 7", na=False)
    ]
    assert len(flags) >= 1
    path = demo_copy.settings.home / "college.db"
    original = path.read_bytes()
    for row in flags.head(12).to_dict("records"):
        path.write_bytes(original)
        count = row["off_list_if"].split()[1]
        repeat_week_6(path, row["student_id"], None if count == "all" else int(count))
        listed = run_week(demo_copy, 7, replay=True).lists.flags
        assert row["student_id"] not in set(listed["student_id"]), row["off_list_if"]


def repeat_week_6(path: Path, student: str, attended: int | None) -> None:
    """Make week 7 of the even semester the same as week 6, but for one student's attendance."""
    with sqlite3.connect(path) as connection:
        even = "semester IN (SELECT even_sem FROM classes)"
        for table, week, key in (
            ("attendance", "week", "id"),
            ("library_visits", "week", "id"),
            ("book_borrows", "borrow_week", "borrow_id"),
        ):
            frame = pd.read_sql(f"SELECT * FROM {table} WHERE {even} AND {week} = 6", connection)
            if "week_date" in frame:
                frame["week_date"] = (
                    pd.to_datetime(frame["week_date"]) + pd.Timedelta(weeks=1)
                ).dt.date.astype(str)
            mine = frame["student_id"] == student
            if table == "attendance" and mine.any():
                frame.loc[mine, "present"] = spread(
                    frame.loc[mine, "lectures_held"], frame.loc[mine, "present"], attended
                )
            highest = connection.execute(f"SELECT max({key}) FROM {table}").fetchone()[0]
            frame[key] = range(highest + 1, highest + 1 + len(frame))
            frame[week] = 7
            connection.execute(f"DELETE FROM {table} WHERE {even} AND {week} = 7")
            frame.to_sql(table, connection, if_exists="append", index=False)
        for kind, item, week, day in (
            ("assignment", "assignment_id", "due_week", "submission_date"),
            ("quiz", "quiz_id", "scheduled_week", "attempt_date"),
        ):
            ids = f"SELECT {item} FROM {kind}_definitions WHERE {even} AND {week}"
            connection.execute(f"DELETE FROM {kind}_submissions WHERE {item} IN ({ids} = 7)")
            connection.execute(f"DELETE FROM {kind}_definitions WHERE {even} AND {week} = 7")
            items = pd.read_sql(
                f"SELECT * FROM {kind}_definitions WHERE {even} AND {week} = 6", connection
            )
            done = pd.read_sql(
                f"SELECT * FROM {kind}_submissions WHERE {item} IN ({ids} = 6)", connection
            )
            for frame in (items, done):
                frame[item] = frame[item].astype(str) + "-again"
            items[week] = 7
            highest = connection.execute(f"SELECT max(id) FROM {kind}_submissions").fetchone()[0]
            done["id"] = range(highest + 1, highest + 1 + len(done))
            for column in {day, "marked_on"} & set(done):
                done[column] = (
                    (pd.to_datetime(done[column]) + pd.Timedelta(weeks=1))
                    .dt.date.astype("str")
                    .replace("NaT", None)
                )
            items.to_sql(f"{kind}_definitions", connection, if_exists="append", index=False)
            done.to_sql(f"{kind}_submissions", connection, if_exists="append", index=False)


def spread(held: pd.Series, present: pd.Series, attended: int | None) -> list[int]:
    """Lectures attended subject by subject that add up to a count; all that were held for None."""
    if attended is None:
        return list(held)
    chosen, more = list(present), attended - int(present.sum())
    for n, most in enumerate(held):
        added = min(more, int(most) - int(chosen[n]))
        chosen[n] += added
        more -= added
    return chosen
