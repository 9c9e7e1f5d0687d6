"""A home of the first version (d7ae7e1) is carried on: its database, its parameters and its mapping.

The files beside this one are such a home, made by that version: a demo college of twelve students up to week 10, one
entry in the log, and the parameters that were shipped then, copied whole as its README advised.
"""

from __future__ import annotations

import lzma
import sqlite3
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edumetrics.cli import main

HERE = Path(__file__).parent


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("analysis", "college"):
        with sqlite3.connect(tmp_path / "data" / f"{name}.db") as database:
            database.executescript(lzma.decompress((HERE / f"{name}.sql.xz").read_bytes()).decode())
    with tarfile.open(HERE / "params.tar.xz") as files:
        # Python 3.11.2, that of Debian 12, knows no filters yet.
        files.extraction_filter = getattr(tarfile, "data_filter", None)
        files.extractall(tmp_path)
    monkeypatch.setenv("EDUMETRICS_HOME", str(tmp_path))
    return tmp_path


def tell(*command: str) -> Result:
    return CliRunner().invoke(main, command)


def test_what_was_renamed_is_refused_by_name_and_nothing_is_migrated_meanwhile(home: Path) -> None:
    before = (home / "data" / "analysis.db").read_bytes()
    told = tell("status")
    assert told.exit_code == 2
    assert "`watch` is now `list_at`" in told.output
    (home / "params" / "triage.yml").unlink()
    told = tell("status")
    assert (told.exit_code, "sentences.yml" in told.output) == (2, True)
    assert (home / "data" / "analysis.db").read_bytes() == before


def test_the_home_is_carried_on(home: Path) -> None:
    for name in ("triage.yml", "sentences.yml"):
        (home / "params" / name).unlink()
    told = tell("status")
    assert told.exit_code == 0, told.output
    assert "Analysis: week 10 of 2025-even" in told.output
    assert "Changed:  The parameters have changed" in told.output
    kept = tell("show", "log", "--notes", "--format", "csv")
    assert "talked" in kept.output
    assert "kept" in kept.output
    assert tell("check").exit_code == 0
    done = tell("run", "--week", "10")
    assert done.exit_code == 0, done.output
    assert list(home.glob("reports/2025-even/week-10/advisors/*.html"))
    assert "Changed:" not in tell("status").output
    flagged = tell("show", "flagged", "--format", "csv").output
    assert "urgency_score" in flagged
    assert "kept" in tell("show", "log", "--notes", "--format", "csv").output
