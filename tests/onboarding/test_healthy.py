"""`edumetrics check` has nothing to say of a college in which nothing is wrong, in any week."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from edumetrics.database import create_writable_engine
from edumetrics.onboarding import check, import_oulad
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from tests.conftest import point_at, workspace_at
from tests.healthy import SILENT, find_complaints

WEEKS, STUDENTS = 18, 120
# The days on which weeks of the Open University's terms are over, until the next term begins, and
# what its files date.
OVER = [
    first + timedelta(weeks=week)
    for first, last in ((date(2013, 2, 1), 34), (date(2013, 10, 1), 17))
    for week in range(1, last + 1, 3)
]
DATED = (("oulad_week", "week_date"), ("oulad_submission", "submitted_on"))


@pytest.mark.prove
@pytest.mark.parametrize("semesters", [0, 1])
@pytest.mark.parametrize("seed", [2, 3, 5])
def test_a_simulated_college(
    seed: int, semesters: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = point_at(workspace_at(tmp_path), monkeypatch)
    engine = create_writable_engine(workspace.settings.client_db_url)
    said = {}
    for week in range(1, WEEKS + 1):
        plan = generate.plan_demo(STUDENTS, seed, Calendar(), weeks=week, semesters=semesters)
        write.write_simulation(engine, plan, force=True, quiet=True)
        said[week] = find_complaints(check.check_college())
    engine.dispose()
    assert said == {week: [SILENT] for week in said}


@pytest.mark.prove
def test_the_open_university(
    oulad_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files hold whole terms: of each week only what was on record then is left."""
    workspace = point_at(workspace_at(tmp_path, college="oulad"), monkeypatch)
    monkeypatch.setenv("EDUMETRICS_COLLEGE", "oulad")
    engine = create_writable_engine(workspace.settings.client_db_url)
    write.write_tables(engine, "oulad", import_oulad.read_dataset(oulad_folder))
    said = {}
    for over in reversed(OVER):
        with engine.begin() as connection:
            for table, column in DATED:
                later = sa.text(f"DELETE FROM {table} WHERE {column} >= :over")
                connection.execute(later, {"over": over.isoformat()})
        said[over] = find_complaints(check.check_college(over))
    engine.dispose()
    assert said == {over: [SILENT] for over in said}
