"""Everything held on one person, its erasure, exclusions, and the end of keeping."""

from __future__ import annotations

import re
import shutil
import stat
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from edumetrics import erasure, mentions, privacy, retention
from edumetrics.analysis.store import get_utc_now
from edumetrics.analysis.written import Subject
from edumetrics.batch import pipeline, progress
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.fields import TABLES
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace, open_workspace
from tests.conftest import workspace_at


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def everything(home: Path) -> dict[str, bytes]:
    """Every byte that was written, but the college's own."""
    return {
        str(path): path.read_bytes()
        for path in home.rglob("*")
        if path.is_file() and path.name != "college.db"
    }


def somebody(workspace: Workspace) -> str:
    """A student on this week's lists, with a contact entered and a data-health example made of the id."""
    flags = workspace.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    student = str(flags.sort_values(["advisor_id", "triage_rank"])["student_id"].iloc[0])
    contact = {
        "student_id": student,
        "term": "2026-01-05",
        "sem_week": 9,
        # An email keeps the student's place: whoever was talked to has none, and the notebook
        # shows the first advisor's places.
        "kind": "emailed",
        "notes": "asked to come along",
        "logged_by": "ADV",
        "logged_at": get_utc_now(),
    }
    run = workspace.store.read("run_log")["run_id"].iloc[0]
    finding = {
        "run_id": run,
        "check": "x",
        "class_id": "all",
        "status": "warn",
        "count": 2,
        "examples": [f"row-{student}-3", "row-4"],
        "message": "m",
        "computed_at": get_utc_now(),
    }
    with workspace.store.start_transaction() as connection:
        workspace.store.replace_slice(
            connection, "intervention_log", pd.DataFrame([contact]), student_id=student
        )
        workspace.store.replace_slice(
            connection, "data_health", pd.DataFrame([finding]), run_id=run, check="x"
        )
    return student


@pytest.mark.slow
@pytest.mark.process
def test_a_student_is_told_everything_that_is_held(environment: Workspace, tmp_path: Path) -> None:
    student = somebody(environment)
    assert edumetrics("run", "--week", "10").exit_code == 0
    folder = tmp_path / "export"
    result = edumetrics("subject", student, "--export", str(folder))
    assert result.exit_code == 0, result.stderr
    metrics = pd.read_csv(folder / "weekly_metrics.csv")
    assert set(metrics["student_id"]) == {student}
    assert len(metrics) == len(environment.store.read("weekly_metrics", student_id=student))
    assert "asked to come along" in (folder / "intervention_log.csv").read_text(), (
        "what was written about the student, too"
    )
    columns = pd.read_csv(folder / "columns.csv")
    tables = {path.stem for path in folder.glob("*.csv")} - {"columns"}
    assert set(columns["table"]) == tables
    assert all(
        set(columns.loc[columns["table"] == name, "column"]) == set(TABLES[name].names)
        for name in tables
    )
    assert "week-10/advisors/" in (folder / "reports.txt").read_text()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    again = edumetrics("subject", student, "--export", str(folder))
    assert (again.exit_code, "is not empty" in again.stderr) == (2, True)
    others = set(environment.store.read("weekly_metrics")["student_id"]) - {student}
    text = "".join(path.read_text() for path in folder.iterdir())
    assert not {other for other in others if other in text}


@pytest.mark.slow
@pytest.mark.process
def test_after_erasure_the_id_is_found_nowhere(environment: Workspace) -> None:
    student = somebody(environment)
    assert edumetrics("run", "--week", "10").exit_code == 0
    with environment.open_college() as college:
        own = college.names.set_index("student_id").loc[student]
    home, marks = environment.settings.home, [student, str(own["roll_number"]), str(own["name"])]
    assert all(
        any(mark.encode() in content for content in everything(home).values()) for mark in marks
    )
    result = edumetrics("subject", student, "--erase")
    assert result.exit_code == 0, result.stderr
    assert re.search(r"1 rows of intervention_log", result.output)
    assert "advisors/" in result.output
    assert "run.ipynb" in result.output
    assert "add the id" in result.output, "the college still lists the student"
    for mark in marks:
        assert [
            path for path, content in everything(home).items() if mark.encode() in content
        ] == []
    health = environment.store.read("data_health", check="x")
    assert health["examples"].iloc[0] == ["erased", "row-4"]
    again = edumetrics("subject", student, "--erase")
    assert (again.exit_code, "Nothing is held" in again.stderr) == (2, True)


def test_after_erasure_on_postgresql(
    environment: Workspace, postgres_url: object, tmp_path: Path
) -> None:
    workspace = workspace_at(tmp_path, environment.settings.client_db_url, postgres_url())  # type: ignore[operator]
    rows = environment.store.read("weekly_metrics", term="2026-01-05", sem_week=10)
    with workspace.store.start_transaction() as connection:
        workspace.store.replace_slice(connection, "weekly_metrics", rows, sem_week=10)
    student = somebody_in(rows)
    removed = erasure.erase_student(workspace, student)
    assert removed.rows["weekly_metrics"] == 1
    assert len(workspace.store.read("weekly_metrics")) == len(rows) - 1


def somebody_in(rows: pd.DataFrame) -> str:
    return str(rows["student_id"].iloc[0])


@pytest.mark.parametrize("args", [("--export", "never"), ("--erase",), ()])
def test_an_unknown_student_or_no_wish(
    args: tuple[str, ...], environment: Workspace, tmp_path: Path
) -> None:
    args = tuple(str(tmp_path / arg) if arg == "never" else arg for arg in args)
    result = edumetrics("subject", "nobody", *args)
    assert result.exit_code == 2
    assert "Nothing is held" in result.stderr or "Say what to do" in result.stderr
    assert not (tmp_path / "never").exists()


def test_an_id_that_is_a_word_erases_no_report(environment: Workspace) -> None:
    page = environment.settings.reports / "2025-even" / "week-10" / "department.html"
    page.parent.mkdir(parents=True)
    page.write_text("On the lists: nobody.")
    assert edumetrics("subject", "nobody", "--erase").exit_code == 2
    assert page.is_file()


def test_a_student_of_a_longer_number_is_another(environment: Workspace) -> None:
    assert re.search(mentions.build_id_pattern("S2"), "S2 and") and not re.search(
        mentions.build_id_pattern("S2"), "S25"
    )


@pytest.mark.slow
def test_excluded_students_are_never_scored_nor_told_of(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    student = somebody(environment)
    with environment.open_college() as college:
        roll = str(college.names.set_index("student_id").loc[student, "roll_number"])
    params = environment.settings.home / "params"
    shutil.copytree(PROJECT / "params", params)
    text = (
        (params / "scoring.yml").read_text().replace("exclusions: []", f"exclusions: [{student}]")
    )
    (params / "scoring.yml").write_text(text)
    erasure.erase_student(environment, student)
    changed = open_workspace(environment.settings)
    pipeline.run(changed, progress.skip_line, week=10)
    assert not privacy.is_scored_again(changed, student)
    assert changed.store.read("weekly_metrics", student_id=student).empty
    pages = changed.settings.reports.rglob("week-10/advisors/*.html")
    assert not [page for page in pages if roll in page.read_text()]


def test_what_is_past_its_retention_goes(environment: Workspace) -> None:
    store, reports = environment.store, environment.settings.reports
    for label in ("2025-odd", "2025-07-14", "2025-even", "notes"):
        path = reports / label / "week-01" / "run.html"
        path.parent.mkdir(parents=True)
        path.write_text("ours")
        term = "2026-01-05" if label == "2025-even" else "2025-07-14"
        if label != "notes":
            environment.files.add({path: Subject(term, 1, "weekly")}, "notebook")
    day = date(2026, 11, 17)  # the first term began on 2025-07-14, and ended eighteen weeks later
    assert "nothing" in edumetrics("prune", "--as-of", "2026-11-15").output
    would = edumetrics("prune", "--as-of", day.isoformat(), "--dry-run").output
    assert "Would remove:" in would
    assert set(store.read("weekly_metrics")["term"]) == {"2025-07-14", "2026-01-05"}, (
        "a dry run deletes nothing"
    )
    done = edumetrics("prune", "--as-of", day.isoformat())
    assert done.output.splitlines()[1:] == would.splitlines()[1:]
    for name in mentions.PERSONAL:
        frame = store.read(name)
        assert set(frame.get("target_term", frame.get("term"))) <= {"2026-01-05"}, name
    assert {path.name for path in reports.iterdir()} == {"2025-even", "notes"}
    assert len(store.read("model_runs")) > 0, "models tell of nobody"


def test_kept_metrics_are_pseudonyms(environment: Workspace) -> None:
    keeping = environment.params.batch.model_copy(
        update={
            "retention": environment.params.batch.retention.model_copy(
                update={"keep_metrics": True}
            )
        }
    )
    workspace = Workspace(
        environment.settings,
        environment.params.model_copy(update={"batch": keeping}),
        environment.store,
    )
    before = {name: environment.store.read(name, term="2025-07-14") for name in retention.KEPT}
    names = set(before["weekly_metrics"]["student_id"])
    retention.prune_terms(workspace, date(2026, 11, 17))
    after = {name: environment.store.read(name, term="2025-07-14") for name in retention.KEPT}
    assert {name: len(frame) for name, frame in after.items()} == {
        name: len(frame) for name, frame in before.items()
    }
    kept = set(after["weekly_metrics"]["student_id"])
    assert len(kept) == len(names)
    assert all(name.startswith("~") for name in kept)
    assert set(after["exam_review"]["student_id"]) <= kept, "one pseudonym in every table"
    assert after["weekly_metrics"]["advisor_id"].isna().all()
    assert environment.store.read("weekly_flags", term="2025-07-14").empty
    with sa.create_engine(environment.settings.default_db_url).connect() as connection:
        assert connection.exec_driver_sql(
            "SELECT count(*) FROM weekly_metrics WHERE term = '2026-01-05'"
        ).scalar()


@pytest.mark.slow
@pytest.mark.process
def test_no_secret_and_no_person_in_what_a_run_leaves(
    environment: Workspace, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Names, addresses and passwords, planted, in no notebook's metadata, log line, exception or ledger row."""
    engine = create_writable_engine(environment.settings.client_db_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE students SET name = 'Zzyzx ' || student_id, email = 'zzyzx@' || student_id"
        )
    monkeypatch.setenv("SMTP_URL", "smtp://u:hunter2@mail.example")
    monkeypatch.setenv("SECRET_KEY", "hunter2" * 3)
    monkeypatch.setenv("CLIENT_DB_URL", environment.settings.client_db_url + "?password=hunter2")
    edumetrics("run", "--week", "10", "--log-format", "json")
    monkeypatch.setenv("CLIENT_DB_URL", environment.settings.client_db_url)
    result = edumetrics("run", "--week", "10", "--log-format", "json")
    assert result.exit_code == 0, result.stderr
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE attendance SET week_date = 'Zzyzx the date' WHERE week = 10"
        )
        connection.exec_driver_sql("ALTER TABLE quiz_submissions RENAME COLUMN attempted TO zz")
    failed = edumetrics("run", "--week", "10")
    assert failed.exit_code != 0
    heard = (
        result.output + result.stderr + failed.output + failed.stderr + "".join(capfd.readouterr())
    )
    written = {
        str(path): path.read_text(errors="replace")
        for path in environment.settings.reports.rglob("run.*")
    }
    ledger = (
        environment.store.read("run_log").to_json()
        + environment.store.read("data_health").to_json()
    )
    for name, text in {**written, "heard": heard, "ledger": ledger}.items():
        assert not re.search("zzyzx|hunter2", text, flags=re.I), name
    assert written


@pytest.mark.slow
def test_a_number_for_an_id_is_not_found_in_every_report(environment: Workspace) -> None:
    student = somebody(environment)
    assert edumetrics("run", "--week", "10").exit_code == 0
    with create_writable_engine(environment.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE students SET student_id = '12' WHERE student_id = (SELECT max(student_id) FROM students)"
        )
    with environment.store.start_transaction() as connection:
        for table in ("weekly_metrics", "weekly_flags"):
            connection.exec_driver_sql(
                f"UPDATE {table} SET student_id = '12' WHERE student_id = (SELECT max(student_id) FROM {table})"
            )
    advisor = environment.store.read("weekly_metrics", student_id="12", sem_week=10)[
        "advisor_id"
    ].iloc[0]
    found = mentions.find_mentions(environment, "12")
    assert {path.stem for path in found if path.parent.name == "advisors"} <= {advisor}
    assert student != "12"


def test_a_name_is_found_escaped_and_not_within_another() -> None:
    assert re.search(mentions.build_name_pattern("O'Brien"), "<td>O&#39;Brien</td>")
    assert not re.search(mentions.build_name_pattern("Ann Lee"), "Joann Lees")
