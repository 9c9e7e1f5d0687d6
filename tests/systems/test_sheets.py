"""Weekly exports, imported week after week: the same lists as from a database."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from docs.connect import make_sheets as sheets
from edumetrics.batch import pipeline, progress
from edumetrics.onboarding.import_tables import import_tables
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at
from tests.foreign import native

WEEKS = (4, 5)


def prepare(home: Path, name: str, mapping: str, url: str) -> Workspace:
    shutil.copytree(PROJECT / "params", home / "params")
    (home / "params" / "colleges" / f"{name}.yml").write_text(mapping)
    return workspace_at(home, url, college=name)


def run(workspace: Workspace, week: int) -> pd.DataFrame:
    """Run a week as the operator does on the Monday after it; its lists."""
    as_of = date(2026, 1, 5) + timedelta(days=7 * week)
    pipeline.run(workspace, progress.skip_line, as_of=as_of)
    flags = workspace.store.read("weekly_flags", sem_week=week)
    shown = [
        "student_id",
        "advisor_id",
        "triage_rank",
        "urgency_score",
        "status",
        "within_capacity",
    ]
    return flags[shown].sort_values("student_id", ignore_index=True)


@pytest.mark.prove
def test_lists_are_those_of_a_database(simulated: str, tmp_path: Path) -> None:
    records = native.records(simulated)
    imported = f"sqlite:///{tmp_path / 'imported.db'}"
    list(import_week(records, 2, tmp_path, imported))
    there = prepare(
        tmp_path / "sheets", "sheets", (PROJECT / "docs/connect/sheets.yml").read_text(), imported
    )
    relations = dict.fromkeys(
        ("library_visits", "book_borrows", "exam_schedule", "exam_results", "sim_state"), "null"
    )
    mapping = "like: native\nrelations:\n" + "".join(f"  {k}: {v}\n" for k, v in relations.items())
    own = tmp_path / "native" / "college.db"
    own.parent.mkdir()
    native.put(f"sqlite:///{own}", sheets.cut(records, 2))
    here = prepare(tmp_path / "native", "plain", mapping, f"sqlite:///{own}")
    listed = 0
    for week in WEEKS:
        list(import_week(records, week, tmp_path, imported))
        own.unlink()
        native.put(f"sqlite:///{own}", sheets.cut(records, week))
        theirs, ours = run(there, week), run(here, week)
        pd.testing.assert_frame_equal(theirs, ours, check_exact=False, rtol=0, atol=1e-9)
        listed += len(ours)
    assert listed > 10


def import_week(records: native.Frames, week: int, folder: Path, url: str) -> list[str]:
    files = folder / f"week-{week}"
    sheets.write(sheets.cut(records, week), files)
    return list(import_tables(files, url))
