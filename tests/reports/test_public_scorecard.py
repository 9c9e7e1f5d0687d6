"""The pages of completed terms: the same on any machine, and about nobody."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from edumetrics.errors import SettingsError
from edumetrics.reports.public_scorecard import write_scorecards
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at


def test_a_page_for_each_completed_term_names_nobody(demo_copy: Workspace, tmp_path: Path) -> None:
    (page,) = write_scorecards(demo_copy, tmp_path / "first")
    assert page.name == "scorecard-2025-07-14.html"
    text = page.read_text()
    with demo_copy.open_college() as college:
        ids = [*college.names["student_id"], *college.names["name"].dropna(), *college.classes["class_id"],
               *college.advisors["advisor_id"]]  # fmt: skip
    assert [one for one in ids if one in text] == []
    counts = [int(one) for one in re.findall(r"<td>(\d+)</td>", text)]
    assert counts
    assert all(one % 10 == 0 and one >= 10 for one in counts)
    (again,) = write_scorecards(demo_copy, tmp_path / "second")
    assert again.read_bytes() == page.read_bytes()


def test_without_a_completed_term_it_says_so(tmp_path: Path) -> None:
    workspace = workspace_at(tmp_path)
    from edumetrics import database
    from edumetrics.params import Calendar
    from edumetrics.simulator import generate, write

    plan = generate.plan_demo(20, 1, Calendar(), weeks=4, semesters=0)
    engine = database.create_writable_engine(workspace.settings.client_db_url)
    write.write_simulation(engine, plan, quiet=True)
    with pytest.raises(SettingsError, match="edumetrics calibrate"):
        write_scorecards(workspace, tmp_path / "out")
