"""The demo college has parents, a known advisor and a class with trouble; all else is as simulated."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics import database
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from edumetrics.simulator.cohort import Frames, SimulationPlan
from tests.simulator.colleges import plan

# Of eight classes, two of each intake, the last and the last but one.
ADVISED, TROUBLED = "EC-2025-A", "CS-2025-A"
STUDENTS = 480
WORK = {"assignment_submissions": "assignment_id", "quiz_submissions": "quiz_id"}


@cache
def read_college(demo: bool = True, later: int = 0) -> Frames:
    """Return the relations of a college of eight classes. Read them; do not change them."""
    chosen = replace(plan(STUDENTS, semesters=1), demo=demo)
    if later:
        chosen = generate.plan_weeks_later(chosen, later)
    parts = list(generate.simulate_classes(chosen))
    names = {name for part in parts for name in part}
    return {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in sorted(names)
    }


def list_shares(frames: Frames) -> pd.Series:
    """Return the share of its lectures that each student of the troubled class attended, by week."""
    rows = frames["attendance"]
    rows = rows[(rows["class_id"] == TROUBLED) & (rows["semester"] == 2)]
    sums = rows.groupby(["week", "student_id"])[["present", "lectures_held"]].sum()
    return sums["present"] / sums["lectures_held"]


def list_items_in_trouble(frames: Frames, name: str) -> set[str]:
    """Return the items of the troubled class that are due in weeks 9 and 10."""
    items = frames[name.replace("submissions", "definitions")]
    due = items["due_week" if "due_week" in items else "scheduled_week"]
    mine = (items["class_id"] == TROUBLED) & (items["semester"] == 2) & due.isin([9, 10])
    return set(items.loc[mine, WORK[name]])


# ------------------------------------------------------------ what is not an extra


@pytest.mark.slow
def test_all_other_rows_are_those_of_the_plan_without_extras() -> None:
    plain, demo = read_college(demo=False), read_college()
    assert list(plain) == list(demo)
    for name in set(plain) - {"students", "advisors", "attendance", *WORK}:
        pd.testing.assert_frame_equal(plain[name], demo[name])
    names = plain["students"].columns.drop("advisor_id")
    pd.testing.assert_frame_equal(plain["students"][names], demo["students"][names])
    assert list(plain["students"]["advisor_id"] != demo["students"]["advisor_id"]) == list(
        plain["students"]["class_id"] == ADVISED
    )
    before, after = plain["attendance"], demo["attendance"]
    columns = before.columns.drop("present")
    pd.testing.assert_frame_equal(before[columns], after[columns])
    changed = after[before["present"] != after["present"]]
    assert set(zip(changed["class_id"], changed["semester"], changed["week"], strict=True)) == {
        (TROUBLED, 2, 9),
        (TROUBLED, 2, 10),
    }
    assert (after["present"] <= before["present"]).all()
    for name in WORK:
        left = plain[name].merge(demo[name], how="left", indicator=True)
        assert len(left) == len(plain[name])
        lost = left.loc[left["_merge"] == "left_only", WORK[name]]
        assert set(lost) == list_items_in_trouble(plain, name)
        assert len(demo[name]) == len(plain[name]) - len(lost)


def test_the_same_seed_gives_the_same_extras() -> None:
    first = {name: frame.copy() for name, frame in read_college().items()}
    read_college.cache_clear()
    for name, frame in read_college().items():
        pd.testing.assert_frame_equal(frame, first[name])


# ------------------------------------------------------------ the extras


def test_some_parents_may_be_written_to_and_others_not() -> None:
    students = read_college()["students"]
    known = students["parent_email"].notna()
    answers = students.loc[known, "parent_contact_permitted"]
    assert known.mean() == pytest.approx(0.6, abs=0.08)
    shares = [answers.eq(said).fillna(False).mean() for said in (True, False)]
    assert [*shares, answers.isna().mean()] == pytest.approx([0.5, 0.25, 0.25], abs=0.08)
    assert students.loc[~known, "parent_contact_permitted"].isna().all()
    assert students.loc[known, "parent_email"].is_unique
    assert students.loc[known, "parent_email"].str.endswith("@parents.example").all()


def test_one_advisor_has_the_name_that_documents_use() -> None:
    frames = read_college()
    (row,) = frames["advisors"].query("advisor_id == 'ADV001'").to_dict("records")
    assert row == {
        "advisor_id": "ADV001",
        "name": "Dr. Priya Mehta",
        "email": "adv001@college.example",
        "class_id": ADVISED,
    }
    advised = frames["students"].query("advisor_id == 'ADV001'")
    assert (len(advised), set(advised["class_id"])) == (60, {ADVISED})
    assert set(frames["students"]["advisor_id"]) == set(frames["advisors"]["advisor_id"])


@pytest.mark.parametrize("week", [9, 10])
def test_nearly_the_whole_class_stays_away_from_lectures(week: int) -> None:
    low = (list_shares(read_college())[week] <= 0.3).mean()
    assert low > 0.9
    assert (list_shares(read_college(demo=False))[week] <= 0.3).mean() < 0.3


@pytest.mark.parametrize("name", list(WORK))
def test_the_class_hands_in_little_of_what_is_due_then(name: str) -> None:
    counts = [
        frames[name][WORK[name]].isin(list_items_in_trouble(frames, name)).sum()
        for frames in (read_college(), read_college(demo=False))
    ]
    assert 0 < counts[0] < 0.35 * counts[1]


def test_before_that_most_of_the_class_came() -> None:
    assert (list_shares(read_college())[[5, 6, 7]].groupby("student_id").mean() >= 0.5).mean() > 0.6


# ------------------------------------------------------------ as time goes on


@pytest.mark.parametrize("later", [1, 12], ids=["a week", "the next term"])
def test_the_extras_stay_when_the_college_moves_on(later: int) -> None:
    now, then = read_college(), read_college(later=later)
    keys = ["student_id", "subject_id", "semester", "week"]
    both = now["attendance"].merge(then["attendance"], on=keys, validate="1:1")
    assert len(both) == len(now["attendance"])
    assert (both["present_x"] == both["present_y"]).all()
    for name, item in WORK.items():
        chosen = list_items_in_trouble(now, name)
        # Work that is late comes in after the weeks of trouble: what is there already stays.
        known, grown = (
            set(rows.loc[rows[item].isin(chosen), "student_id"] + rows[item])
            for rows in (now[name], then[name])
        )
        assert known <= grown
        assert len(grown) < 1.2 * len(known)
    extras = ["student_id", "advisor_id", "parent_email", "parent_contact_permitted"]
    kept = then["students"][then["students"]["student_id"].isin(now["students"]["student_id"])]
    pd.testing.assert_frame_equal(now["students"][extras], kept[extras].reset_index(drop=True))
    assert (list_shares(read_college(later=1))[11] >= 0.5).mean() > 0.5, "they are back"


def test_one_class_alone_has_no_trouble_that_would_hold_all_mail() -> None:
    (_, frames) = generate.simulate_classes(replace(plan(60, semesters=0), demo=True))
    assert set(frames["students"]["advisor_id"]) == {"ADV001"}
    now = frames["attendance"].query("week == 10")
    assert now["present"].sum() > 0.5 * now["lectures_held"].sum()


# ------------------------------------------------------------ in a database


def write_and_read(folder: Path, chosen: SimulationPlan) -> tuple[sa.Engine, SimulationPlan | None]:
    engine = database.create_writable_engine(f"sqlite:///{folder / 'college.db'}")
    write.write_simulation(engine, chosen, quiet=True)
    return engine, write.read_simulation_plan(engine, Calendar())


def test_a_demo_college_is_known_by_its_plan(tmp_path: Path) -> None:
    chosen = replace(plan(60), demo=True)
    engine, found = write_and_read(tmp_path, chosen)
    assert found == chosen
    assert generate.plan_weeks_later(chosen, 3).demo
    with engine.connect() as connection:
        counts = connection.exec_driver_sql(
            "SELECT parent_contact_permitted, count(*) FROM students GROUP BY 1"
        )
        assert {answer for answer, _ in counts} == {None, 0, 1}


def test_a_simulated_college_knows_no_parents_and_its_mark_is_as_before(tmp_path: Path) -> None:
    engine, found = write_and_read(tmp_path, plan(60))
    assert found == plan(60)
    with engine.connect() as connection:
        known = "count(parent_email) + count(parent_contact_permitted)"
        assert connection.exec_driver_sql(f"SELECT {known} FROM students").scalar_one() == 0
        (settings,) = connection.exec_driver_sql("SELECT settings FROM made_by_edumetrics").one()
    assert "demo" not in settings
