"""A source that is down, behind, or on another clock: one sentence, and nothing half-read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from edumetrics.college import health
from edumetrics.errors import SettingsError
from edumetrics.workspace import Workspace
from tests.federation.spread import open_spread, spread

MONDAY = date(2026, 3, 16)


@pytest.fixture
def urls(tmp_path: Path) -> dict[str, str]:
    return {
        name: f"sqlite:///{tmp_path / name}.db" for name in ("sis", "lms", "library", "registers")
    }


@pytest.fixture
def college(simulated: str, urls: dict[str, str], tmp_path: Path) -> Workspace:
    return open_spread(tmp_path / "home", urls, spread(simulated, urls))


def find(workspace: Workspace, check: str) -> list[tuple[str, str]]:
    """The findings about sources: their status and sentence."""
    with workspace.open_college() as college:
        term = college.find_current_term(college.find_college_week(MONDAY))
        assert term is not None
        found = health.check_whole(college, term, 10)
    return [
        (row["status"], row["message"])
        for row in found.to_dict("records")
        if row["check"].endswith(check)
    ]


def change(workspace: Workspace, source: str, **values: object) -> Workspace:
    """The same college with something else said of a source."""
    mapping = workspace.params.college
    one = mapping.sources[source].model_copy(update=values)
    changed = mapping.model_copy(update={"sources": {**mapping.sources, source: one}})
    return replace(workspace, params=workspace.params.model_copy(update={"college": changed}))


@pytest.mark.slow
def test_each_source_says_as_of_when_it_was_read(college: Workspace) -> None:
    told = find(college, "sources: lms") + find(college, "sources: library")
    assert [status for status, _ in told] == ["ok", "ok"]


def test_a_source_that_is_down_ends_the_run_before_anything_is_read(
    college: Workspace, urls: dict[str, str]
) -> None:
    Path(urls["library"].removeprefix("sqlite:///")).unlink()
    with pytest.raises(SettingsError, match="LIBRARY_DB_URL") as refused, college.open_college():
        pytest.fail("it was opened")
    assert str(refused.value).count(". ") == 0


def test_a_url_that_is_not_set_is_named(college: Workspace) -> None:
    settings = replace(college.settings, database_urls={})
    with (
        pytest.raises(SettingsError, match="SIS_DB_URL is not set"),
        replace(college, settings=settings).open_college(),
    ):
        pytest.fail("it was opened")


@pytest.mark.parametrize(("days", "status"), [(0, None), (2, "block"), (400, "block")])
def test_a_source_that_is_behind_is_told(college: Workspace, days: int, status: str | None) -> None:
    """Two days before the others, within the week that is judged, its mail would be held."""
    sunday = date(2026, 3, 15) - timedelta(days=days)
    behind = change(college, "lms", newest=f"SELECT '{sunday} 12:00:00'")
    for other in ("sis", "library", "registers"):
        behind = change(behind, other, newest="SELECT '2026-03-15 20:00:00'")
    found = find(behind, "lms: behind")
    assert [state for state, _ in found] == ([status] if status else [])
    assert all("before the other databases" in said for _, said in found)


def test_a_newest_moment_that_is_none_is_told(college: Workspace) -> None:
    with pytest.raises(SettingsError, match="newest moment of lms yields no moment"):
        find(change(college, "lms", newest="SELECT NULL"), "behind")


@pytest.mark.slow
def test_a_server_on_another_clock_is_told(
    simulated: str, urls: dict[str, str], mysql_url: Callable[[], str], tmp_path: Path
) -> None:
    """The college is in Asia/Kolkata; MariaDB here keeps the machine's own time."""
    urls["library"] = mysql_url()
    mapping = spread(simulated, urls)
    engine = sa.create_engine(urls["library"])
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE book_borrows MODIFY borrow_date DATETIME")
    engine.dispose()
    workspace = open_spread(tmp_path / "home", urls, mapping)
    ((status, said),) = find(workspace, "library: clock")
    assert status == "warn"
    assert "book_borrows.borrow_date" in said
    assert find(change(workspace, "library", time_zone="UTC"), "library: clock") == []
