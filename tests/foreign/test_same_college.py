"""The same college behind three schemas unlike ours: the same metrics and the same pages, through mapping files alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml

from docs.connect import make_college
from edumetrics.batch import backfill, pipeline, progress
from edumetrics.onboarding import check
from edumetrics.params import CollegeFile, Params
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace
from tests.colleges import native_params
from tests.conftest import point_at, workspace_at
from tests.foreign import campus, facultad, native
from tests.healthy import SILENT, find_complaints

# Two of the three have no week counter: the day after the tenth week says where they are.
AS_OF = date(2026, 3, 15)
MAPPINGS = {
    "northfield": PROJECT / "docs/connect/northfield.yml",
    "campus": PROJECT / "tests/foreign/campus.yml",
    "facultad": PROJECT / "tests/foreign/facultad.yml",
}


def mapped(name: str) -> Params:
    """The shipped parameters, for a college behind its mapping."""
    own = CollegeFile.model_validate(yaml.safe_load(MAPPINGS[name].read_text(encoding="utf-8")))
    return native_params().model_copy(update={"college": own})


def database(
    name: str, records: native.Frames, folder: Path, postgres_url: Callable[[], str]
) -> str:
    """Write the college in a schema of its own; the URL."""
    if name == "northfield":
        make_college.write(folder / "northfield.db", make_college.sheets(records))
        return f"sqlite:///{folder / 'northfield.db'}"
    url = postgres_url() if name != "facultad" else f"sqlite:///{folder / 'facultad.db'}"
    native.put(url, campus.tables(records) if name != "facultad" else facultad.tables(records))
    return url


def connected(home: Path, url: str, name: str) -> Workspace:
    """A home of its own for a college behind its mapping."""
    if name in MAPPINGS:
        home.mkdir(parents=True)
        shutil.copytree(PROJECT / "params", home / "params")
        shutil.copy(MAPPINGS[name], home / "params" / "colleges")
    return workspace_at(home, url, college=name)


def analysed(home: Path, url: str, name: str) -> Workspace:
    """A college calibrated, and its newest week run by the notebooks, pages and mails included."""
    workspace = connected(home, url, name)
    backfill.calibrate(workspace, progress.skip_line, as_of=AS_OF)
    pipeline.run(workspace, progress.skip_line, week=10, stage="weekly", as_of=AS_OF)
    return workspace


def pages(workspace: Workspace) -> dict[str, str]:
    """Every page of the week, by its place."""
    folder = workspace.settings.reports
    # The fingerprint of the parameters is another's, and so is the college's name: neither is on a page for advisors.
    return {
        str(page.relative_to(folder)): page.read_text()
        for page in folder.glob("*/week-10/advisors/*.html")
    }


@pytest.fixture(scope="module")
def own(simulated: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield analysed(tmp_path_factory.mktemp("native") / "home", simulated, "native")


@pytest.mark.slow
@pytest.mark.parametrize("name", MAPPINGS)
def test_the_check_has_nothing_to_say(
    name: str,
    simulated: str,
    postgres_url: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = database(name, native.records(simulated), tmp_path, postgres_url)
    point_at(connected(tmp_path / "home", url, name), monkeypatch)
    monkeypatch.setenv("EDUMETRICS_COLLEGE", name)
    assert find_complaints(check.check_college(AS_OF)) == [SILENT]


# Two colleges are calibrated for each; on MariaDB one foreign schema is compared in the lane of slow tests.
@pytest.mark.prove
@pytest.mark.parametrize("name", MAPPINGS)
def test_metrics_and_pages_are_those_of_the_native_schema(
    name: str, own: Workspace, simulated: str, postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    url = database(name, native.records(simulated), tmp_path, postgres_url)
    there = analysed(tmp_path / "home", url, name)
    for table in ("weekly_metrics", "weekly_flags"):
        mine, theirs = (
            at.store.read(table)
            .drop(columns=["run_id", "computed_at"])
            .sort_values(["term", "sem_week", "student_id"])
            for at in (own, there)
        )
        assert len(mine) > 100
        pd.testing.assert_frame_equal(
            mine.reset_index(drop=True),
            theirs.reset_index(drop=True),
            check_exact=False,
            rtol=0,
            atol=1e-9,
        )
    assert len(pages(own)) == 2
    assert pages(there) == pages(own)
