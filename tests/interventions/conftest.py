"""A college of two students whose week 10 was analysed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from edumetrics.workspace import Workspace
from tests.analysis.rows import open_small_workspace, put

TERM = "2026-01-05"


@pytest.fixture
def analysed(tmp_path: Path) -> Workspace:
    workspace = open_small_workspace(tmp_path / "home")
    rows = [("asha", TERM, 9), ("asha", TERM, 10), ("bala", TERM, 10), ("old", "2025-07-14", 17)]
    put(
        workspace.store,
        "weekly_metrics",
        *({"student_id": who, "term": term, "sem_week": week} for who, term, week in rows),
    )
    return workspace
