"""Places drawn by lot: in the ledger before any mail, told on the page, and the same after a repeat and from scratch."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.analyst import queries
from edumetrics.batch import backfill, pipeline, progress
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at

KEY = ["student_id", "term", "sem_week"]


def with_draws(workspace: Workspace) -> Workspace:
    """The same home, with a parameter file of its own."""
    (workspace.settings.home / "params").mkdir()
    (workspace.settings.home / "params" / "triage.yml").write_text(
        "{drawn_places: 2, drawn_within: 20, capacity: 9, new_names: 0}"
    )
    return workspace_at(workspace.settings.home)


def read_draws(workspace: Workspace) -> pd.DataFrame:
    columns = (*KEY, "advisor_id", "pool", "seed", "place")
    found = workspace.store.read("drawn_places", columns, term="2026-01-05", sem_week=10)
    return found.sort_values("student_id", ignore_index=True)


@pytest.mark.prove
def test_a_draw_is_stored_with_the_lists_told_and_repeated(
    demo_copy: Workspace, tmp_path: Path
) -> None:
    workspace = with_draws(demo_copy)
    database, backup = workspace.settings.home / "analysis.db", tmp_path / "backup.db"
    shutil.copy(database, backup)
    pipeline.run(workspace, progress.skip_line, week=10)
    first = read_draws(workspace)
    assert len(first)
    pools = first.groupby("seed")
    assert (pools["place"].sum() < pools.size()).all(), "somebody is drawn out"
    assert (pools.size() == pools["pool"].first()).all()
    flags = workspace.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    drawn = flags[flags["drawn"]].sort_values("student_id", ignore_index=True)
    assert drawn["student_id"].tolist() == first["student_id"].tolist()
    assert drawn["within_capacity"].tolist() == first["place"].tolist()
    pages = " ".join(
        path.read_text()
        for path in workspace.settings.reports.glob("2025-even/week-10/advisors/*.html")
    )
    assert pages.count("drawn by lot among") == len(pools)
    pipeline.run(workspace, progress.skip_line, week=10)
    assert read_draws(workspace).equals(first), "a repeat draws the same"
    workspace.store.engine.dispose()
    shutil.copy(backup, database)
    assert read_draws(workspace).empty
    pipeline.run(workspace, progress.skip_line, week=10)
    assert read_draws(workspace).equals(first), "so does a run on a backup that was restored"
    backfill.calibrate(workspace, progress.skip_line, from_scratch=True)
    assert read_draws(workspace).equals(first), "so does an analysis from scratch"
    cost = queries.given_up(store=workspace.store)
    assert cost["drawn"].iloc[0] >= len(first)
    assert 0 < cost["given_up"].iloc[0] < 10


@pytest.mark.slow
def test_without_the_parameter_nothing_is_drawn(demo_copy: Workspace) -> None:
    pipeline.run(demo_copy, progress.skip_line, week=10)
    assert read_draws(demo_copy).empty
    assert "drawn by lot" not in " ".join(
        path.read_text()
        for path in demo_copy.settings.reports.glob("2025-even/week-10/advisors/*.html")
    )
