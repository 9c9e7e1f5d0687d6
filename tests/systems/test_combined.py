"""One simulated college, native and spread over records, Moodle and Koha: the same metrics, to the digit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.batch import backfill, progress
from edumetrics.settings import PROJECT, Settings
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace, open_workspace
from tests.conftest import workspace_at
from tests.foreign import native
from tests.systems import koha, moodle
from tests.systems.tables import create

AS_OF = date(2026, 3, 15)
# What neither system can hold is taken from the native college, too.
UNKNOWN = {
    "assignment_submissions": ["quality_pct", "plagiarism_pct"],
    "quiz_submissions": ["score_pct"],
}
RECORDS = (
    "classes", "advisors", "students", "subjects", "class_subjects", "exam_schedule", "exam_results",
)  # fmt: skip


SERVERS = [pytest.param("mariadb", marks=pytest.mark.prove), "postgresql"]


@pytest.fixture(scope="module")
def records(simulated: str) -> native.Frames:
    frames = native.records(simulated)
    for name, columns in UNKNOWN.items():
        frames[name] = frames[name].drop(columns=columns)
    return {name: frame for name, frame in frames.items() if name != "library_visits"}


def compute(workspace: Workspace, weeks: tuple[int, ...]) -> pd.DataFrame:
    """The metrics of some weeks of the current term, read and scored, without anything stored."""
    frames = []
    with workspace.open_college() as college:
        term = college.find_current_term(college.find_college_week(AS_OF))
        assert term is not None
        for week in weeks:
            read = weekly.read_week(workspace, college, term, week, Path(), replay=True)
            frames.append(weekly.compute(read).metrics.assign(sem_week=week))
    return pd.concat(frames).sort_values(["sem_week", "student_id"], ignore_index=True)


def calibrate(workspace: Workspace) -> pd.DataFrame:
    """The metrics of every week up to the tenth."""
    backfill.calibrate(workspace, progress.skip_line, as_of=AS_OF)
    frame = workspace.store.read("weekly_metrics").drop(columns=["run_id", "computed_at"])
    return frame.sort_values(["term", "sem_week", "student_id"], ignore_index=True)


@pytest.fixture
def own(records: native.Frames, tmp_path: Path) -> Workspace:
    home = tmp_path / "native"
    home.mkdir()
    native.put(f"sqlite:///{home / 'college.db'}", records)
    shutil.copytree(PROJECT / "params", home / "params")
    file = home / "params" / "colleges" / "plain.yml"
    file.write_text("like: native\nrelations: {library_visits: null, sim_state: null}\n")
    return workspace_at(home, college="plain")


@pytest.fixture
def spread(
    request: pytest.FixtureRequest,
    records: native.Frames,
    postgres_url: Callable[[], str],
    mysql_url: Callable[[], str],
    tmp_path: Path,
) -> Workspace:
    urls = {
        "RECORDS_DB_URL": postgres_url(),
        "MOODLE_DB_URL": mysql_url() if request.param == "mariadb" else postgres_url(),
        "KOHA_DB_URL": mysql_url(),
    }
    native.put(urls["RECORDS_DB_URL"], {name: records[name] for name in RECORDS})
    create(urls["MOODLE_DB_URL"], moodle.SCHEMA, moodle.tables(records), "mdl_")
    create(urls["KOHA_DB_URL"], koha.SCHEMA, koha.tables(records))
    return open_workspace(
        Settings(
            tmp_path,
            "combined",
            "sqlite:///none.db",
            f"sqlite:///{tmp_path / 'analysis.db'}",
            database_urls=urls,
        )
    )


@pytest.mark.slow
@pytest.mark.parametrize("spread", SERVERS, indirect=True)
def test_metrics_are_equal(spread: Workspace, own: Workspace) -> None:
    mine, theirs = (compute(place, (9,)) for place in (own, spread))
    assert len(mine) > 100
    assert mine["book_borrows"].notna().all()
    pd.testing.assert_frame_equal(mine, theirs, check_exact=False, rtol=0, atol=1e-9)


@pytest.mark.prove
@pytest.mark.parametrize("spread", SERVERS, indirect=True)
def test_metrics_of_every_week_are_equal(spread: Workspace, own: Workspace) -> None:
    mine, theirs = calibrate(own), calibrate(spread)
    assert len(mine) > 1000
    pd.testing.assert_frame_equal(mine, theirs, check_exact=False, rtol=0, atol=1e-9)
