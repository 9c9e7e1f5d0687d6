"""The commands as a person meets them: one sentence, the right exit status, nothing half-written."""

from __future__ import annotations

import json
import multiprocessing
import stat
from collections.abc import Callable
from io import StringIO

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from edumetrics.analysis.store import Store
from edumetrics.cli import main
from edumetrics.cli.show import show
from edumetrics.database import create_writable_engine
from edumetrics.params import Calendar
from edumetrics.plain import export_safe_csv
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def refused(result: Result, status: int, message: str) -> None:
    assert result.exit_code == status, result.output
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, "one sentence"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("not a url", "CLIENT_DB_URL is not a database URL"),
        ("sqlite:////nowhere/college.db", "There is no college database at /nowhere/college.db"),
        ("postgresql://u:secret@127.0.0.1:1/c", "Cannot connect to postgresql at 127.0.0.1"),
        ("oracle://u@h/c", "CLIENT_DB_URL names a database of the kind oracle"),
    ],
)
def test_a_wrong_college_url(
    url: str, message: str, environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIENT_DB_URL", url)
    for command in ("check", "run", "status", "calibrate"):
        result = edumetrics(command)
        refused(result, 2, message)
        assert "secret" not in result.output + result.stderr


def test_a_missing_table(environment: Workspace) -> None:
    with sa.create_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("DROP TABLE attendance")
    refused(edumetrics("run", "--week", "9"), 2, "no table attendance")


@pytest.mark.slow
def test_a_column_of_the_wrong_kind(
    environment: Workspace, postgres_url: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgres_url()  # type: ignore[operator]
    write.write_simulation(
        create_writable_engine(url), generate.plan_demo(60, 1, Calendar()), quiet=True
    )
    with create_writable_engine(url).begin() as connection:
        connection.exec_driver_sql(
            "ALTER TABLE attendance ALTER COLUMN present TYPE text USING 'many'"
        )
    monkeypatch.setenv("CLIENT_DB_URL", url)
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 3, result.output
    assert "attendance.present: " in result.output
    assert "many" not in result.output


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["run", "--week", "8"], "Week 8 is not a teaching week"),
        (["run", "--week", "12"], "Week 12 is not over yet"),
        (["run", "--stage", "wekly"], "There is no stage wekly"),
        (["advance"], "not a simulation"),
    ],
)
def test_a_week_or_stage_that_is_not_there(
    args: list[str], message: str, environment: Workspace
) -> None:
    if args == ["advance"]:
        with sa.create_engine(environment.settings.client_db_url).begin() as connection:
            connection.exec_driver_sql("DROP TABLE made_by_edumetrics")
    refused(edumetrics(*args), 2, message)


@pytest.mark.slow
def test_a_week_that_has_no_data(environment: Workspace) -> None:
    with sa.create_engine(environment.settings.client_db_url).begin() as connection:
        for table in ("attendance", "library_visits"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE week = 10 AND semester % 2 = 0")
    before = environment.store.read("weekly_metrics")
    refused(edumetrics("run", "--week", "10"), 3, "no data of week 10")
    pd.testing.assert_frame_equal(environment.store.read("weekly_metrics"), before)
    assert environment.store.read("run_log").sort_values("seq")["status"].iloc[-1] == "refused"
    assert edumetrics("run", "--week", "9").exit_code == 0


def test_wrong_usage() -> None:
    assert edumetrics("run", "--weak", "3").exit_code == 2
    assert edumetrics("import", "oulad", "/nowhere", "sqlite:////tmp/never.db").exit_code == 2


def test_a_reports_folder_that_cannot_be_written(environment: Workspace) -> None:
    (environment.settings.home / "reports").write_text("a file stands in the way")
    before = environment.store.read("weekly_metrics")
    refused(edumetrics("run", "--week", "9"), 2, "Cannot create")
    pd.testing.assert_frame_equal(environment.store.read("weekly_metrics"), before)
    assert environment.store.read("run_log").sort_values("seq")["status"].iloc[-1] == "failed"


@pytest.mark.slow
def test_nothing_to_do(environment: Workspace) -> None:
    made = edumetrics("run")
    assert (made.exit_code, "1 stage done" in made.output) == (0, True), "the reports of the replay"
    result = edumetrics("run")
    assert result.exit_code == 0
    assert "Nothing to do" in result.output


def hold(url: str, held: object, release: object) -> None:
    with Store(url).require_lock():
        held.set()  # type: ignore[attr-defined]
        release.wait(30)  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("server", ["sqlite", "postgresql"])
def test_two_runs_at_once(
    server: str,
    environment: Workspace,
    postgres_url: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = environment.settings.default_db_url if server == "sqlite" else postgres_url()
    monkeypatch.setenv("DEFAULT_DB_URL", url)
    Store(url).migrate()
    context = multiprocessing.get_context("spawn")
    held, release = context.Event(), context.Event()
    other = context.Process(target=hold, args=(url, held, release))
    other.start()
    assert held.wait(30)
    for command in (["calibrate"], ["run"], ["run", "--week", "9"]):
        refused(edumetrics(*command), 4, "Another run is at work")
    other.kill()
    other.join()
    assert edumetrics("run", "--week", "9", "--stage", "pre_mid").exit_code == 0, (
        "a dead process holds no lock"
    )


@pytest.mark.slow
def test_doing_a_week_again_skips_no_other(environment: Workspace) -> None:
    with environment.store.start_transaction() as connection:
        environment.store.set_college_week(connection, None)
    assert edumetrics("run", "--week", "9").exit_code == 0
    assert environment.store.read_college_week() is None, "weeks 1 to 7 are still to be done"


@pytest.mark.prove
def test_calibrating_goes_no_further_than_the_data(environment: Workspace) -> None:
    with sa.create_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("UPDATE sim_state SET current_week = 30")
    result = edumetrics("calibrate")
    assert "no data after week 10" in result.output
    position = environment.store.read_college_week()
    assert position is not None
    assert position.global_week == 28
    refused(edumetrics("run"), 3, "no data of week 11")


@pytest.mark.prove
def test_an_exam_week_needs_no_data(environment: Workspace) -> None:
    engine = create_writable_engine(environment.settings.client_db_url)
    plan = write.read_simulation_plan(engine, Calendar())
    assert plan is not None
    write.write_simulation(
        engine,
        generate.plan_demo(plan.students, plan.seed, Calendar(), weeks=8),
        force=True,
        quiet=True,
    )
    result = edumetrics("calibrate")
    assert "no data" not in result.output
    assert (
        environment.store.read_college_week()
        == generate.plan_demo(1, 1, Calendar(), weeks=8).position
    )
    assert "Nothing to do" in edumetrics("run").output


def test_a_calibration_does_not_go_back(environment: Workspace) -> None:
    with create_writable_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("UPDATE sim_state SET current_week = current_week - 2")
    reached = environment.store.read_college_week()
    refused(edumetrics("calibrate"), 3, "behind the analysis")
    assert environment.store.read_college_week() == reached


def test_one_database_cannot_be_both(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_DB_URL", environment.settings.client_db_url)
    refused(edumetrics("check"), 2, "name the same database")


def test_an_unknown_term_is_told_the_known_ones(environment: Workspace) -> None:
    refused(
        edumetrics("show", "class-performance", "--term", "1999-01-01"),
        2,
        "the terms are 2025-07-14, 2026-01-05",
    )


def test_debug_adds_the_traceback_and_keeps_the_exit_status(environment: Workspace) -> None:
    result = edumetrics("--debug", "run", "--week", "8")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr


def test_a_dry_run_changes_nothing(environment: Workspace) -> None:
    before = environment.store.read("run_log")
    result = edumetrics("run", "--week", "9", "--dry-run")
    assert "Would run weekly, week 9" in result.output
    pd.testing.assert_frame_equal(environment.store.read("run_log"), before)


def test_check_and_status_tell_the_story(environment: Workspace) -> None:
    check, status = edumetrics("check"), edumetrics("status")
    assert check.exit_code == status.exit_code == 0
    assert "its role could write" in check.output
    assert "attendance: feed: Attendance: recorded up to 2026-03-15 (week 10)." in check.output
    assert "College:  week 10 of 2025-even" in status.output
    assert "Analysis: week 10 of 2025-even" in status.output


@pytest.mark.slow
def test_status_says_from_which_urgency_on_students_are_listed(environment: Workspace) -> None:
    def read_line() -> str:
        return next(
            line for line in edumetrics("status").output.splitlines() if line.startswith("Lists:")
        )

    def change(statement: str) -> None:
        with environment.store.start_transaction() as connection:
            connection.exec_driver_sql(statement)

    week = "WHERE term = '2026-01-05' AND sem_week = 10"
    change(f"UPDATE weekly_flags SET ranked_by = 'model' {week}")
    change("DELETE FROM list_thresholds")
    # 45 is the shipped threshold.
    assert read_line() == "Lists:    from urgency 45 in week 10, as shipped, ranked by the model"
    change(
        "INSERT INTO list_thresholds VALUES"
        " ('2026-01-05', 'model', 10, 38.2, 35, 60, '2025-07-14', 'p', 'r', '2026-01-05')"
    )
    assert read_line() == (
        "Lists:    from urgency 38 in week 10, fitted on the term of 2025-07-14, ranked by the model"
    )
    change(f"UPDATE weekly_flags SET ranked_by = 'rules' {week}")
    assert read_line() == "Lists:    from urgency 45 in week 10, as shipped, ranked by the rules"
    change(f"UPDATE weekly_flags SET ranked_by = 'watchlist' {week}")
    assert read_line() == "Lists:    from the watchlist in week 10"
    change(f"DELETE FROM weekly_flags {week}")
    assert read_line() == "Lists:    nobody is on one in week 10"
    change("DELETE FROM weekly_metrics WHERE term = '2026-01-05'")
    assert read_line() == "Lists:    none yet in this term"


@pytest.mark.slow
def test_every_question_answers_in_every_format(environment: Workspace) -> None:
    for name in show.commands:
        table, csv, answer = (
            edumetrics("show", name, "--format", fmt) for fmt in ("table", "csv", "json")
        )
        assert (table.exit_code, csv.exit_code) == (0, 0), (name, table.stderr)
        rows = json.loads(answer.output)
        frame = pd.read_csv(StringIO(csv.output))
        assert len(frame) == len(rows), name
        assert (table.output == "Nothing matches.\n") == (not rows), name


def test_notes_are_shown_only_when_asked_for(environment: Workspace) -> None:
    student = environment.store.read("weekly_flags", sem_week=10)["student_id"].iloc[0]
    assert edumetrics("log", student, "--kind", "talked", "--notes", "in confidence").exit_code == 0
    for fmt in ("table", "csv", "json"):
        without = edumetrics("show", "log", "--student", student, "--format", fmt)
        assert "talked" in without.output
        assert "in confidence" not in without.output
        asked = edumetrics("show", "log", "--student", student, "--format", fmt, "--notes")
        assert "in confidence" in asked.output


def test_changes_between_two_weeks_of_the_command_line(environment: Workspace) -> None:
    newest, named, other = (
        edumetrics("show", "changes", "--format", "csv", *weeks).output
        for weeks in ([], ["--first", "9", "--second", "10"], ["--first", "5"])
    )
    assert newest == named != other
    refused(edumetrics("show", "changes", "--second", "11"), 2, "the newest is week 10")


def test_questions_as_table_csv_and_json(environment: Workspace) -> None:
    one = edumetrics("show", "class-performance", "--format", "json")
    classes = json.loads(one.output)
    assert {row["class_id"] for row in classes} == set(
        environment.store.read("weekly_metrics", sem_week=10)["class_id"]
    )
    csv = edumetrics(
        "show", "student-performance", "--class-id", classes[0]["class_id"], "--format", "csv"
    )
    frame = pd.read_csv(StringIO(csv.output))
    assert set(frame["class_id"]) == {classes[0]["class_id"]}
    assert set(frame["sem_week"]) == {10}
    student = str(frame["student_id"][0])
    semester = pd.read_csv(
        StringIO(
            edumetrics(
                "show", "student-performance", "--student", student, "--format", "csv"
            ).output
        )
    )
    assert semester["sem_week"].tolist() == [1, 2, 3, 4, 5, 6, 7, 9, 10]
    assert (
        "There is no student nobody"
        in edumetrics("show", "student-performance", "--student", "nobody").stderr
    )


def test_show_flagged_filters_and_formats(environment: Workspace) -> None:
    flags = environment.store.read("weekly_flags", sem_week=10, term="2026-01-05")
    advisor, tier = flags["advisor_id"].iloc[0], flags["risk_tier"].iloc[0]
    wanted = flags[(flags["advisor_id"] == advisor) & (flags["risk_tier"] == tier)].sort_values(
        "triage_rank"
    )
    found = json.loads(
        edumetrics(
            "show", "flagged", "--advisor", advisor, "--tier", tier, "--format", "json"
        ).output
    )
    assert [row["student_id"] for row in found] == wanted["student_id"].tolist()
    assert found[0]["reasons"][0]["text"] in found[0]["diagnosis"]
    csv = pd.read_csv(
        StringIO(edumetrics("show", "flagged", "--week", "7", "--format", "csv").output)
    )
    assert len(csv) == len(environment.store.read("weekly_flags", sem_week=7, term="2026-01-05"))
    # A reason may have more keys, such as the items that are missing.
    expected = {"code", "topic", "text", "value", "baseline", "points"}
    assert json.loads(csv["reasons"].iloc[0])[0].keys() >= expected
    table = edumetrics("show", "flagged", "--student", wanted["student_id"].iloc[0])
    assert "escalation_level" in table.output
    said = " ".join(table.output.split())
    assert " ".join(wanted["diagnosis"].iloc[0].split()) in said, "the reasons, below the row"
    nothing = edumetrics("show", "flagged", "--tier", "critical", "--week", "1")
    assert nothing.output == "Nothing matches.\n"
    refused(edumetrics("show", "flagged", "--class-id", "none"), 2, "There is no class none")
    refused(
        edumetrics("show", "flagged", "--tier", "severe"),
        2,
        "the tiers are critical (Urgent), high (Soon), watch",
    )


def test_show_answers_what_was_predicted(environment: Workspace) -> None:
    def shown(*arguments: str) -> list[dict[str, object]]:
        return list(json.loads(edumetrics("show", *arguments, "--format", "json").output))

    midterm = shown("pre-midterm")
    assert {row["sem_week"] for row in midterm} == {7}, "the newest week before the exam"
    assert [row["predicted_midterm_score"] for row in midterm] == sorted(
        r["predicted_midterm_score"] for r in midterm
    )
    assert {row["term"] for row in shown("pre-endterm")} == {"2025-07-14"}, (
        "the newest term that has any"
    )
    high = shown("risk-of-failing", "--label", "high", "--class-id", str(midterm[0]["class_id"]))
    assert {(row["risk_label"], row["class_id"]) for row in high} == {
        ("HIGH", midterm[0]["class_id"])
    }
    assert len(shown("risk-of-failing", "--student", str(high[0]["student_id"]))) == 5 * 8, (
        "each week from the second"
    )
    watched = shown("watchlist")
    assert {row["target_term"] for row in watched} == {"2026-01-05"}
    assert shown("pre-midterm", "--class-id", str(midterm[0]["class_id"]), "--week", "3") == []
    refused(
        edumetrics("show", "risk-of-failing", "--label", "severe"),
        2,
        "the labels are LOW, MEDIUM, HIGH",
    )
    refused(
        edumetrics("show", "pre-midterm", "--term", "1999-01-01"), 2, "There is no term 1999-01-01"
    )


def test_a_text_like_a_formula_is_disarmed_in_csv() -> None:
    frame = pd.DataFrame(
        {
            "name": ['=HYPERLINK("http://x")', "+1", "-1", "@x", "\tx", "O'Brien"],
            "n": [-1, 2, 3, 4, 5, 6],
        }
    )
    back = pd.read_csv(StringIO(export_safe_csv(frame)))
    assert back["name"].tolist() == [
        '\'=HYPERLINK("http://x")',
        "'+1",
        "'-1",
        "'@x",
        "'\tx",
        "O'Brien",
    ]
    assert back["n"].tolist() == [-1, 2, 3, 4, 5, 6]


@pytest.mark.slow
def test_the_analysis_rolls_back_with_the_college(environment: Workspace) -> None:
    engine = create_writable_engine(environment.settings.client_db_url)
    plan = write.read_simulation_plan(engine, Calendar())
    assert plan is not None
    earlier = generate.plan_demo(plan.students, plan.seed, Calendar(), weeks=6)
    write.write_simulation(engine, earlier, force=True, quiet=True)
    result = edumetrics("run", "--roll-back")
    assert result.exit_code == 0, result.stderr
    assert "went back to week 6" in result.output
    left = environment.store.read("weekly_metrics")
    newest = left["term"].max()
    assert left.loc[left["term"] == newest, "sem_week"].max() == 6
    assert environment.store.read_college_week() == earlier.position


@pytest.mark.slow
def test_folders_with_student_data_are_private(environment: Workspace) -> None:
    assert edumetrics("run", "--week", "10").exit_code == 0
    page = next(environment.settings.reports.glob("*/week-10/advisors/*.html"))
    for path in (page.parent, page.parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


@pytest.mark.slow
def test_an_advisors_page_holds_nobody_elses_students(environment: Workspace) -> None:
    assert edumetrics("run", "--week", "10").exit_code == 0
    metrics = environment.store.read("weekly_metrics", sem_week=10)
    metrics = metrics[metrics["term"] == metrics["term"].max()]
    with environment.open_college() as college:
        rolls = college.names.set_index("student_id")["roll_number"]
    for page in environment.settings.reports.glob("*/week-10/advisors/*.html"):
        text = page.read_text()
        for student, advisor in zip(metrics["student_id"], metrics["advisor_id"], strict=True):
            assert (rolls[student] in text) == (advisor == page.stem)
            assert student not in text


@pytest.mark.slow
def test_the_demo_moves_on_and_is_caught_up(environment: Workspace) -> None:
    assert "week 11" in edumetrics("advance").output
    result = edumetrics("run")
    assert result.exit_code == 0, result.stderr
    assert "weekly, week 11" in result.output
    assert (
        environment.store.read_college_week()
        == write.read_simulation_plan(
            create_writable_engine(environment.settings.client_db_url), Calendar()
        ).position
    )  # type: ignore[union-attr]
