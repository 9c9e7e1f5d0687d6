"""Numbers, links and backups that are not what they should be: one sentence, and nothing shown."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.workspace import Workspace


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["show", "flagged", "--semester", "9" * 20], "is not in the range"),
        (["show", "flagged", "--week", "0"], "is not in the range"),
        (["prune", "--as-of", "0001-01-01"], "choose a day from 1990 to 2100"),
        (["simulate", "sqlite:///x.db", "--weeks", "99"], "A semester has 18 weeks"),
        (["advance", "--weeks", "99999999"], "is not in the range"),
    ],
)
def test_a_number_beyond_all_bounds_is_refused(
    command: list[str], said: str, environment: Workspace
) -> None:
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 2 and said in result.stderr


def test_a_csv_with_a_week_of_many_digits_keeps_its_other_rows(
    environment: Workspace, tmp_path: Path
) -> None:
    student = environment.store.read("weekly_flags", ("student_id",))["student_id"].iloc[0]
    path = tmp_path / "log.csv"
    rows = [f"{student},talked,{'9' * 5000}", f"{student},called,10"]
    path.write_text("\n".join(["student_id,kind,sem_week", *rows]))
    result = CliRunner().invoke(main, ["log", "--from-csv", str(path)])
    assert "sem_week is no number" in result.output
    assert "1 entries were refused" in result.stderr


@pytest.mark.parametrize("name", ["", "scoring.yml", "letter.txt.j2"])
def test_a_link_to_nothing_is_not_taken_for_the_shipped_parameters(
    name: str, environment: Workspace
) -> None:
    own = environment.settings.home / "params"
    if not own.is_dir():
        shutil.copytree(environment.settings.params, own)
    broken = own / name if name else own
    shutil.rmtree(broken) if broken.is_dir() else broken.unlink()
    broken.symlink_to("gone")
    result = CliRunner().invoke(main, ["show", "flagged"])
    assert result.exit_code == 2
    assert "restore it, or remove it." in result.stderr


def test_nobody_reads_of_an_erased_student_whom_a_backup_has_brought_back(
    environment: Workspace,
) -> None:
    database = environment.settings.home / "analysis.db"
    student = environment.store.read("weekly_flags", ("student_id",), sem_week=10)["student_id"][0]
    backup = database.read_bytes()
    assert CliRunner().invoke(main, ["subject", student, "--erase"]).exit_code == 0
    environment.store.engine.dispose()
    database.write_bytes(backup)
    shown = CliRunner().invoke(main, ["show", "flagged", "--student", student])
    assert shown.exit_code == 0 and student not in shown.output
