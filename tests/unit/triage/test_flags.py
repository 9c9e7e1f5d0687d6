"""Who is on the list: escalation, grace, contacts, capacity, ties, whole classes, and the odd roll."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from edumetrics.analysis import rollback, run_log
from edumetrics.analysis.store import get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.batch import backfill, progress
from edumetrics.inputs import terms
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace
from tests.colleges import assignment, handed_in, people, register, write
from tests.conftest import workspace_at

TERM = "2026-01-05"
RUN = ["run_id", "computed_at"]


def analysed(folder: Path, rows: dict[str, list[dict[str, Any]]]) -> Workspace:
    workspace = workspace_at(folder / "home", write(folder / "college.db", rows))
    backfill.calibrate(workspace, progress.skip_line)
    return workspace


def present(
    student: str, attended: dict[int, int], held: int = 10, **other: Any
) -> list[dict[str, Any]]:
    start = abs(hash(student)) % 10**6 * 100
    return [
        register(start + week, student, week, held, count, **other)
        for week, count in attended.items()
    ]


def flag_of(workspace: Workspace, student: str, week: int) -> dict[str, Any] | None:
    rows = workspace.store.read("weekly_flags", student_id=student, sem_week=week).to_dict(
        "records"
    )
    return rows[0] if rows else None


def run_week(workspace: Workspace, week: int, *, replay: bool = False) -> weekly.WeekLists:
    """Read, score, triage and store one week of the term in session, as the batch would."""
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        term = terms.find_term(college, "", position)
        read = weekly.read_week(
            workspace, college, term, week, workspace.settings.reports, replay=replay
        )
        done = weekly.make_lists(weekly.compute(read))
        weekly.STAGE.save(
            run_log.start_run(workspace.store, workspace.params, "weekly", term.name, week), done
        )
        return done


def contact(
    workspace: Workspace, students: Iterable[str], week: int, kind: str = "talked", **more: Any
) -> None:
    rows = [
        {
            "student_id": s,
            "term": TERM,
            "sem_week": week,
            "kind": kind,
            "until": None,
            "logged_at": get_utc_now(),
            **more,
        }
        for s in students
    ]
    with workspace.store.start_transaction() as connection:
        connection.execute(sa.insert(SQL_TABLES["intervention_log"]), rows)


FULL = dict.fromkeys((*range(1, 8), *range(9, 13)), 10)


@pytest.mark.slow
def test_escalation_goes_on_across_the_exam_week(tmp_path: Path) -> None:
    rows = people("a", "b", "c", current_week=11)
    gone = {**FULL, **dict.fromkeys((5, 6, 7, 9, 10, 11), 1)}
    rows["attendance"] = [*present("a", gone), *present("b", FULL), *present("c", FULL)]
    workspace = analysed(tmp_path, rows)
    flags = workspace.store.read("weekly_flags", student_id="a").set_index("sem_week")
    assert flags.index.tolist() == [5, 6, 7, 9, 10, 11]
    assert flags["escalation_level"].tolist() == [1, 2, 3, 4, 5, 6]
    assert flags["status"].tolist()[0] == "new"
    assert set(flags["status"][1:]) <= {"continuing", "escalated"}
    assert set(flags["first_flagged_week"]) == {5}
    assert not workspace.store.read("weekly_flags", student_id="b").shape[0]


@pytest.mark.slow
def test_grace_weeks_are_watch_only_and_do_not_count(tmp_path: Path) -> None:
    rows = people("a", "b", "c", current_week=5)
    rows["attendance"] = [
        *present("a", {1: 10, **dict.fromkeys(range(2, 6), 1)}),
        *present("b", FULL),
        *present("c", FULL),
    ]
    workspace = analysed(tmp_path, rows)
    flags = workspace.store.read("weekly_flags", student_id="a").set_index("sem_week")
    assert flags["risk_tier"].tolist()[:2] == ["watch", "watch"]
    assert flags["escalation_level"].to_dict() == {2: 0, 3: 0, 4: 1, 5: 2}
    assert flags["weeks_on_list"].to_dict() == {2: 1, 3: 2, 4: 3, 5: 4}


@pytest.mark.slow
def test_a_change_of_class_and_advisor_keeps_the_memory(tmp_path: Path) -> None:
    rows = people("a", "b", "c", current_week=7)
    rows["classes"].append({"class_id": "D", "name": "D", "odd_sem": 1, "even_sem": 2})
    rows["advisors"].append(
        {"advisor_id": "NEW", "name": "Dr. Iyer", "email": "iyer@college.example"}
    )
    rows["students"][0] |= {"class_id": "D", "advisor_id": "NEW"}
    before = {**FULL, 5: 1}
    rows["attendance"] = [
        *present("a", {w: before[w] for w in range(1, 6)}),
        *present("a", {6: 1, 7: 1}, class_id="D"), *present("b", FULL), *present("c", FULL, class_id="D"),
    ]  # fmt: skip
    workspace = workspace_at(tmp_path / "home", write(tmp_path / "college.db", rows))
    backfill.calibrate(workspace, progress.skip_line)
    flags = workspace.store.read("weekly_flags", student_id="a").set_index("sem_week")
    assert flags["class_id"].to_dict() == {5: "C", 6: "D", 7: "D"}
    assert flags["escalation_level"].to_dict() == {5: 1, 6: 2, 7: 3}
    assert set(flags["advisor_id"]) == {"NEW"}


def test_recalculating_week_7_later_gives_week_7s_list(demo_copy: Workspace) -> None:
    contact(demo_copy, demo_copy.store.read("weekly_flags", sem_week=7)["student_id"], 7)
    tables = ("weekly_flags", "list_exits", "class_findings")
    term = demo_copy.store.list_values("weekly_metrics", "term")[-1]
    before = {name: demo_copy.store.read(name, term=term) for name in tables}
    run_week(demo_copy, 7, replay=True)
    for name in tables:
        after = demo_copy.store.read(name, term=term)
        assert len(after) == len(before[name]), "nothing twice, nothing lost"
        pd.testing.assert_frame_equal(after.drop(columns=RUN), before[name].drop(columns=RUN))


@pytest.mark.slow
def test_a_rollback_forgets_later_lists_and_the_next_run_restores_them(
    demo_copy: Workspace,
) -> None:
    store = demo_copy.store
    term = store.list_values("weekly_metrics", "term")[-1]
    before = store.read("weekly_flags", term=term).drop(columns=RUN)
    with store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later(term, 6))
    assert store.find_highest("weekly_flags", "sem_week", term=term) == 6
    for week in (7, 9, 10):
        run_week(demo_copy, week, replay=week != 10)
    pd.testing.assert_frame_equal(store.read("weekly_flags", term=term).drop(columns=RUN), before)


@pytest.mark.slow
def test_contacts_free_half_of_the_capacity_for_others(demo_copy: Workspace) -> None:
    store = demo_copy.store
    term = store.list_values("weekly_metrics", "term")[-1]
    with store.start_transaction() as connection:
        rollback.delete_rows(connection, rollback.find_later(term, 3))
    talked: dict[int, set[str]] = {}
    shares = []
    calendar = demo_copy.params.calendar
    for week in (4, 5, 6, 7, 9, 10):
        flags = run_week(demo_copy, week).lists.flags
        recently = set().union(
            *[talked.get(w, set()) for w in calendar.get_teaching_weeks_before(week, 2)]
        )
        inside = flags[flags["within_capacity"]]
        shares.append((~inside["student_id"].isin(recently)).mean())
        talked[week] = set(inside[inside["triage_rank"] <= 3]["student_id"])
        contact(demo_copy, talked[week], week)
    assert min(shares) >= 0.5
    assert store.read("weekly_flags", term=term)["looked_after"].any()


@pytest.mark.slow
def test_being_looked_after_ends_when_a_rule_newly_fires(tmp_path: Path) -> None:
    rows = people("a", "b", "c", current_week=7)
    rows["attendance"] = [
        *present("a", {**FULL, 5: 3, 6: 6, 7: 2}), *present("b", FULL), *present("c", FULL)
    ]  # fmt: skip
    workspace = workspace_at(tmp_path / "home", write(tmp_path / "college.db", rows))
    for week in (1, 2, 3, 4, 5):
        run_week(workspace, week)
    contact(workspace, ["a"], 5)
    for week in (6, 7):
        run_week(workspace, week)
    looked_after = workspace.store.read("weekly_flags", student_id="a").set_index("sem_week")[
        "looked_after"
    ]
    assert looked_after.to_dict() == {5: False, 6: True, 7: False}


@pytest.mark.slow
def test_a_class_of_one_a_student_without_data_and_an_advisor_without_students(
    tmp_path: Path,
) -> None:
    rows = people("alone", current_week=5)
    rows["classes"].append({"class_id": "E", "name": "E", "odd_sem": 1, "even_sem": 2})
    rows["advisors"].append(
        {"advisor_id": "IDLE", "name": "Dr. Sen", "email": "sen@college.example"}
    )
    rows["students"].append({"student_id": "silent", "class_id": "E", "name": "silent"})
    rows["attendance"] = present("alone", {**FULL, 5: 2})
    workspace = analysed(tmp_path, rows)
    flags = workspace.store.read("weekly_flags")
    assert flags["student_id"].tolist() == ["alone"]
    assert flags["triage_rank"].tolist() == [1]
    assert workspace.store.read("class_findings").empty
    metrics = workspace.store.read("weekly_metrics", student_id="silent", sem_week=5)
    assert metrics["risk_score"].isna().all()


@pytest.mark.slow
def test_a_rule_that_fires_for_a_whole_class_is_one_finding_and_lists_nobody_by_itself(
    tmp_path: Path,
) -> None:
    students = tuple("abcde")
    rows = people(*students, current_week=5)
    rows["attendance"] = [r for n, s in enumerate(students) for r in present(s, {**FULL, 5: n % 3})]
    workspace = analysed(tmp_path, rows)
    flags = workspace.store.read("weekly_flags", sem_week=5)
    assert set(flags["listed_by"]) <= {"urgency"}, "the lowest are still the most urgent"
    findings = workspace.store.read("class_findings", sem_week=5)
    assert findings["code"].tolist() == ["low_attendance"]
    assert findings["students_affected"].tolist() == [5]
    assert findings["text"].tolist() == [
        "5 of the 5 students (100%) missed most of this week's lectures."
    ]


@pytest.mark.slow
def test_who_handed_in_early_is_not_called_silent(tmp_path: Path) -> None:
    rows = people("early", "late", "other", current_week=6)
    rows["attendance"] = [r for s in ("early", "late", "other") for r in present(s, FULL)]
    rows["assignment_definitions"] = [assignment(f"A{w}", w) for w in (2, 5, 6)]
    on = "2026-01-12"
    rows["assignment_submissions"] = [
        *[handed_in(n, f"A{w}", "early", on, 15) for n, w in enumerate((2, 5, 6), 1)],
        handed_in(4, "A2", "late", on, 15),
        *[
            handed_in(n, f"A{w}", "other", "2026-02-12" if w == 6 else on, 15)
            for n, w in enumerate((2, 5, 6), 5)
        ],
    ]
    workspace = analysed(tmp_path, rows)
    flags = workspace.store.read("weekly_flags", sem_week=6)
    codes = {
        row["student_id"]: [r["code"] for r in row["reasons"]] for row in flags.to_dict("records")
    }
    assert "no_work" in codes["late"]
    assert "early" not in codes
    text = next(
        r["text"]
        for r in flags.set_index("student_id")["reasons"]["late"]
        if r["code"] == "no_work"
    )
    assert text == "Nothing handed in for 34 days; two of the three items due since are not in."


@pytest.mark.slow
def test_students_without_an_advisor_have_a_page_of_their_own(tmp_path: Path) -> None:
    others = "defghijklmnop"
    nobody = {"advisor_id": None}
    rows = people("a", "b", "c", *others, current_week=5, a=nobody, b=nobody)
    rows["attendance"] = [
        *present("a", {**FULL, 5: 1}),
        *present("b", {**FULL, 5: 2}),
        *present("c", {**FULL, 5: 2}),
        *[row for student in others for row in present(student, FULL)],
    ]
    workspace = workspace_at(tmp_path / "home", write(tmp_path / "college.db", rows))
    for week in (1, 2, 3, 4):
        run_week(workspace, week)
    done = run_week(workspace, 5)
    ranks = done.lists.flags.set_index("student_id")["triage_rank"]
    assert sorted(ranks[["a", "b"]]) == [1, 2]
    assert ranks["c"] == 1
    # A card's title is the number that the picture has, and the name.
    title = re.compile(
        r'<article class="card.*?<h3>(?:<span[^>]*>\d+</span> )?(\w+)</h3>', re.DOTALL
    )
    cards = {
        page.stem: set(title.findall(page.read_text())) for page in weekly.STAGE.render_pages(done)
    }
    assert cards == {"ADV": {"c"}, "unassigned": {"a", "b"}}
