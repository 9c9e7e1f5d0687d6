"""A college in several databases has the lists of the same college in one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.batch import backfill, pipeline, progress
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at
from tests.federation.spread import make_urls, open_spread, spread


def analyse(workspace: Workspace) -> Workspace:
    backfill.calibrate(workspace, progress.skip_line)
    pipeline.run(workspace, progress.skip_line, week=10, stage="weekly")
    return workspace


@pytest.fixture(scope="module")
def one(simulated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield analyse(workspace_at(tmp_path_factory.mktemp("one") / "home", simulated))


@pytest.mark.prove
@pytest.mark.parametrize("at", ["lms", "library"])
def test_metrics_and_lists_are_equal(
    at: str,
    one: Workspace,
    simulated: str,
    postgres_url: Callable[[], str],
    mysql_url: Callable[[], str],
    tmp_path: Path,
) -> None:
    urls = make_urls(tmp_path, postgres_url, mysql_url)
    there = analyse(open_spread(tmp_path / "home", urls, spread(simulated, urls, at=at)))
    for table in ("weekly_metrics", "weekly_flags"):
        mine, theirs = (
            place.store.read(table)
            .drop(columns=["run_id", "computed_at"])
            .sort_values(["term", "sem_week", "student_id"], ignore_index=True)
            for place in (one, there)
        )
        assert len(mine) > 100
        pd.testing.assert_frame_equal(mine, theirs, check_exact=False, rtol=0, atol=1e-9)
