"""The gate: each of its checks on a college that trips it, and silence on one that does not."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from edumetrics import gate
from edumetrics.analysis import run_log
from edumetrics.batch import pipeline, progress
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.gate import Verdict
from edumetrics.inputs.terms import find_term
from edumetrics.workspace import Workspace

NOW = "week = 10 AND semester % 2 = 0"


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def change(workspace: Workspace, *statements: str) -> None:
    with create_writable_engine(workspace.settings.client_db_url).begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def verdict(workspace: Workspace, week: int = 10, *, back_to: int | None = None) -> Verdict:
    with workspace.open_college() as college:
        term = find_term(college, "", college.find_college_week(workspace.today))
        return gate.check_week(workspace, college, term, week, back_to=back_to)


def blocked(found: Verdict) -> dict[str, list[str]]:
    rows = found.findings[found.findings["status"] == "block"]
    return {
        check: sorted(group["class_id"])
        for check, group in rows.groupby("check")
        if check != "gate: classes"
    }


def classes(workspace: Workspace) -> list[str]:
    with workspace.open_college() as college:
        return sorted(
            find_term(college, "", college.find_college_week(workspace.today)).class_semesters[
                "class_id"
            ]
        )


@pytest.mark.parametrize("week", [1, 2, 4, 7, 9, 10])
def test_a_healthy_week_passes(week: int, demo: Workspace) -> None:
    found = verdict(demo, week)
    assert (blocked(found), found.classes, found.everyone, found.told) == ({}, (), False, "")


@pytest.mark.slow
@pytest.mark.parametrize("feed", ["attendance", "library_visits", "book_borrows"])
def test_a_feed_that_stops_mid_semester_holds_everyone(feed: str, environment: Workspace) -> None:
    column = "borrow_week" if feed == "book_borrows" else "week"
    change(environment, f"DELETE FROM {feed} WHERE {column} = 10 AND semester % 2 = 0")
    found = verdict(environment)
    assert found.everyone
    assert blocked(found) == {f"{feed}: stopped": ["all"]}
    assert "0 rows in week 10, " in found.told


@pytest.mark.slow
def test_a_feed_that_stops_for_one_class_holds_that_class(environment: Workspace) -> None:
    one = classes(environment)[0]
    change(environment, f"DELETE FROM attendance WHERE {NOW} AND class_id = '{one}'")
    found = verdict(environment)
    assert (found.classes, found.everyone) == ((one,), False)
    assert f"Attendance of {one}: 0 rows in week 10" in found.told


@pytest.mark.slow
def test_a_feed_that_stops_for_most_classes_holds_everyone(environment: Workspace) -> None:
    first, *rest = classes(environment)
    change(environment, f"DELETE FROM library_visits WHERE {NOW} AND class_id <> '{first}'")
    found = verdict(environment)
    assert found.everyone
    assert set(found.classes) <= set(rest)


def test_work_that_is_no_longer_recorded(environment: Workspace) -> None:
    change(
        environment,
        "UPDATE assignment_submissions SET submission_date = NULL, marks_obtained = NULL WHERE assignment_id IN"
        " (SELECT assignment_id FROM assignment_definitions WHERE due_week = 10 AND semester % 2 = 0)",
    )
    with environment.open_college() as college:
        due = college.read_columns(
            "assignment_definitions", "class_id", "due_week", "semester"
        ).query("due_week == 10 and semester % 2 == 0")
    assert blocked(verdict(environment)) == {
        "assignment_submissions: stopped": sorted(set(due["class_id"]))
    }


@pytest.mark.slow
def test_registers_unmarked_for_part_of_the_classes(environment: Workspace) -> None:
    one = classes(environment)[0]
    change(environment, f"UPDATE attendance SET present = NULL WHERE {NOW} AND class_id = '{one}'")
    found = verdict(environment)
    assert (blocked(found), found.everyone) == ({"attendance: unmarked": [one]}, False)
    assert f"Nobody marked 100% of the registers of {one} in week 10." in found.told
    some = (
        "CAST(substr(id, -1) AS integer) < 3"
        if environment.store.engine.dialect.name == "sqlite"
        else ""
    )
    change(
        environment,
        f"UPDATE attendance SET present = 1 WHERE {NOW} AND class_id = '{one}' AND NOT ({some})",
    )
    assert blocked(verdict(environment)) == {}, "a few unmarked registers are usual"


@pytest.mark.slow
@pytest.mark.parametrize("feed", ["attendance", "library_visits", "book_borrows"])
def test_a_week_imported_twice(feed: str, environment: Workspace) -> None:
    column, key = ("borrow_week", "borrow_id") if feed == "book_borrows" else ("week", "id")
    engine = create_writable_engine(environment.settings.client_db_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE again AS SELECT * FROM {feed}")
        connection.exec_driver_sql(f"DROP TABLE {feed}")
        connection.exec_driver_sql(f"ALTER TABLE again RENAME TO {feed}")
        rows = pd.read_sql(
            sa.text(f"SELECT * FROM {feed} WHERE {column} = 10 AND semester % 2 = 0"), connection
        )
        rows.assign(**{key: "again" + rows[key].astype(str)}).to_sql(
            feed, connection, if_exists="append", index=False
        )
    found = verdict(environment)
    assert set(blocked(found)) == {f"{feed}: imported twice"}
    assert found.everyone, "every class has it twice"
    assert "imported twice?" in found.told


def test_last_weeks_file_under_this_weeks_number(environment: Workspace) -> None:
    change(
        environment,
        f"UPDATE attendance SET (lectures_held, present) = (SELECT b.lectures_held, b.present FROM attendance b WHERE b.week = 9"
        " AND b.student_id = attendance.student_id AND b.subject_id = attendance.subject_id AND b.semester = attendance.semester"
        f" AND b.class_id = attendance.class_id) WHERE {NOW}",
    )
    found = verdict(environment)
    assert blocked(found) == {"attendance: last week's": ["all"]}
    assert "week 10 is week 9 again" in found.told


@pytest.mark.slow
def test_a_share_on_the_lists_that_jumps(environment: Workspace) -> None:
    flags = environment.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    metrics = environment.store.read("weekly_metrics", term="2026-01-05", sem_week=10)
    unlisted = metrics[~metrics["student_id"].isin(flags["student_id"])]
    more = unlisted.head(round(0.45 * len(metrics)) - len(flags))
    added = (
        flags.head(1)
        .drop(columns=["student_id", "class_id"])
        .merge(more[["student_id", "class_id"]], how="cross")
    )
    with environment.store.start_transaction() as connection:
        environment.store.replace_slice(
            connection,
            "weekly_flags",
            pd.concat([flags, added[flags.columns]]),
            term="2026-01-05",
            sem_week=10,
        )
    found = verdict(environment)
    assert blocked(found)["lists: jump"] == ["all"]
    assert found.everyone
    assert "to 45% in week 10" in found.told


@pytest.mark.slow
def test_a_column_that_is_gone(environment: Workspace) -> None:
    assert "nothing held" in edumetrics("run", "--week", "10").output, "the columns are remembered"
    change(environment, "ALTER TABLE students RENAME COLUMN withdrawn_on TO left_on")
    for _ in range(2):
        result = edumetrics("run", "--week", "10")
        assert result.exit_code == 3, "and not forgotten by asking twice"
        assert (
            "The college's students no longer has withdrawn_on: correct its mapping."
            in result.stderr
        )
    forced = edumetrics("run", "--force")
    assert forced.exit_code == 0
    assert "released by --force" in forced.output
    last = environment.store.read_newest("run_log", "seq", 1, stage="gate").iloc[0]
    assert last["status"] == "done"
    assert last["error"].startswith("Forced: ")
    assert edumetrics("run", "--week", "10").exit_code == 0, "from now on the college is like this"


def test_a_column_that_is_gone_and_needed(environment: Workspace) -> None:
    change(environment, "ALTER TABLE attendance RENAME COLUMN lectures_held TO held")
    before = environment.store.read("weekly_metrics")
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 3
    assert "no column lectures_held" in result.stderr
    pd.testing.assert_frame_equal(environment.store.read("weekly_metrics"), before)
    last = environment.store.read("run_log").sort_values("seq").iloc[-1]
    assert (last["stage"], last["status"]) == ("gate", "refused")


@pytest.mark.slow
def test_a_clock_that_runs_backwards(environment: Workspace) -> None:
    change(environment, "UPDATE sim_state SET current_week = 25")
    result = edumetrics("run", "--roll-back")
    assert result.exit_code == 3
    assert "clock went back to week 7, but its records go on to week 10" in result.stderr
    assert environment.store.find_highest("weekly_metrics", "sem_week", term="2026-01-05") == 7, (
        "rolled back all the same"
    )
    assert edumetrics("run").exit_code == 0, "nothing to do"
    change(environment, "UPDATE sim_state SET current_week = 28")
    with environment.open_college() as college:
        assert college.find_college_week(environment.today).global_week == 28
    assert "9" in edumetrics("run", "--dry-run").output


def test_a_held_class_is_told_and_the_rest_goes_on(environment: Workspace) -> None:
    one = classes(environment)[0]
    change(environment, f"UPDATE attendance SET present = NULL WHERE {NOW} AND class_id = '{one}'")
    result = edumetrics("run", "--week", "10", "--log-format", "json")
    assert result.exit_code == 0
    told = [json.loads(line) for line in result.output.splitlines()]
    assert [(line["stage"], line["week"]) for line in told if "stage" in line] == [("weekly", 10)]
    assert f"the mail of {one} is held: Nobody marked" in told[-1]["message"]
    log = environment.store.read_newest("run_log", "seq", 1, stage="gate").iloc[0]
    assert log["status"] == "refused"
    health = environment.store.read("data_health", run_id=log["run_id"])
    assert health.loc[health["status"] == "block", "class_id"].tolist() == [one]
    status = edumetrics("status").output
    assert f"Held:     the mail of {one}" in status


@pytest.mark.slow
def test_only_the_newest_week_is_judged(environment: Workspace) -> None:
    change(environment, "DELETE FROM attendance WHERE week = 9 AND semester % 2 = 0")
    assert edumetrics("run", "--week", "9").exit_code == 0
    assert "gate" not in set(environment.store.read("run_log")["stage"])


@pytest.mark.slow
def test_a_stale_run_is_ended_and_can_no_longer_store(environment: Workspace) -> None:
    orphan = run_log.start_run(environment.store, environment.params, "weekly", "2026-01-05", 10)
    pipeline.run(environment, progress.skip_line)
    row = environment.store.read("run_log", run_id=orphan.run_id).iloc[0]
    assert (row["status"], row["error"]) == ("failed", "The run was killed.")
    with (
        pytest.raises(Exception, match="took this run for dead"),
        environment.store.start_transaction() as connection,
    ):
        run_log.mark_done(connection, orphan, 1)


@pytest.mark.slow
def test_work_without_dates_is_not_taken_for_missing(environment: Workspace) -> None:
    change(
        environment,
        "UPDATE assignment_submissions SET submission_date = NULL",
        "UPDATE assignment_submissions SET marks_obtained = NULL WHERE assignment_id IN (SELECT assignment_id FROM"
        " assignment_definitions WHERE due_week = 10 AND semester % 2 = 0)",
    )
    assert "assignment_submissions: stopped" not in blocked(verdict(environment))


@pytest.mark.slow
def test_high_attendance_alone_is_no_week_again(environment: Workspace) -> None:
    change(
        environment,
        "UPDATE attendance SET present = lectures_held WHERE week IN (9, 10) AND semester % 2 = 0",
        "UPDATE attendance SET present = lectures_held - 1 WHERE lectures_held > 1 AND semester % 2 = 0 AND"
        " ((week = 9 AND CAST(substr(student_id, -2) AS integer) = 7) OR (week = 10 AND CAST(substr(student_id, -2) AS integer) = 9))",
    )
    assert "attendance: last week's" not in blocked(verdict(environment))


@pytest.mark.slow
def test_registers_that_stay_away_are_noticed_as_long_as_they_do(environment: Workspace) -> None:
    one = classes(environment)[0]
    change(
        environment,
        f"DELETE FROM attendance WHERE week > 3 AND semester % 2 = 0 AND class_id = '{one}'",
    )
    assert blocked(verdict(environment))["attendance: stopped"] == [one]


@pytest.mark.slow
def test_a_week_without_lectures_has_nothing_to_mark(environment: Workspace) -> None:
    one = classes(environment)[0]
    change(
        environment,
        f"UPDATE attendance SET lectures_held = 0, present = NULL WHERE {NOW} AND class_id = '{one}'",
    )
    assert "attendance: unmarked" not in blocked(verdict(environment))


@pytest.mark.slow
def test_a_copy_restored_in_an_exam_week_is_in_order(environment: Workspace) -> None:
    change(environment, "DELETE FROM attendance WHERE week > 8 AND semester % 2 = 0")
    change(
        environment,
        *(
            f"DELETE FROM {table} WHERE {column} > 8 AND semester % 2 = 0"
            for table, column in (("library_visits", "week"), ("book_borrows", "borrow_week"))
        ),
    )
    assert "sim_state: clock" not in blocked(verdict(environment, 7, back_to=8))
    assert "sim_state: clock" in blocked(verdict(environment, 7, back_to=6))


@pytest.mark.slow
def test_a_gate_that_was_killed_holds_all_mail_until_it_is_come_to(environment: Workspace) -> None:
    killed = run_log.start_run(environment.store, environment.params, "gate", "2026-01-05", 10)
    assert (
        environment.read_week_state()
        .describe_held()
        .startswith("all mail: the gate has not checked")
    )
    outcome = pipeline.run(environment, progress.skip_line)
    assert environment.store.read("run_log", run_id=killed.run_id)["status"].iloc[0] == "failed"
    assert outcome.verdict is not None
    assert environment.read_week_state().describe_held() == "nothing"


@pytest.mark.slow
def test_what_is_held_is_still_said_when_another_week_is_done(environment: Workspace) -> None:
    change(environment, f"DELETE FROM library_visits WHERE {NOW}")
    with pytest.raises(Exception, match="all mail is held"):
        pipeline.run(environment, progress.skip_line, week=10)
    outcome = pipeline.run(environment, progress.skip_line, week=9)
    assert (outcome.kind, "all mail: Library visits: 0 rows in week 10" in outcome.line) == (
        "held",
        True,
    )


@pytest.mark.slow
@pytest.mark.process
def test_a_stage_whose_pages_cannot_be_written_has_failed(environment: Workspace) -> None:
    folder = environment.settings.reports / "2025-even" / "week-10"
    folder.mkdir(parents=True)
    (folder / "advisors").write_text("a file stands in the way")
    with pytest.raises(Exception, match="Cannot create"):
        pipeline.run(environment, progress.skip_line, week=10)
    last = environment.store.read("run_log").sort_values("seq").iloc[-1]
    assert (last["stage"], last["status"]) == ("weekly", "failed")
    assert "cell" in last["error"]
