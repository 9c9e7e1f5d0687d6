"""Every report of the demo college, as pages and as mails, and a real browser to look at them with."""

from __future__ import annotations

from pathlib import Path

import pytest

from edumetrics.analysis.week_state import WEEKLY
from edumetrics.batch import pipeline
from edumetrics.inputs.terms import find_term
from edumetrics.reports import from_store, render
from edumetrics.reports.model import Report
from edumetrics.reports.stored_moments import Source
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at

ADVISOR = "ADV22001"
# A week of each kind, by the stage that adds to its report: its term and number.
MOMENTS = {"weekly": ("", 10), "pre_sem": ("", 1), "pre_mid": ("", 7), "pre_end": ("2025-07-14", 17),
           "post_analysis": ("", 8)}  # fmt: skip


def reports_of(workspace: Workspace, term: str, week: int) -> dict[str, Report]:
    """The reports of a week by advisor_id."""
    with workspace.open_college() as college:
        chosen = find_term(college, term, college.find_college_week(workspace.today))
        occasion = from_store.read_occasion(workspace, college, WEEKLY, chosen, week)
        source = Source(workspace, college, chosen, occasion)
        return {report.advisor_id: report for report in from_store.build_week(source)}


@pytest.fixture(scope="session")
def shown(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every kind of page and mail, by name, as files."""
    workspace, folder = workspace_at(judged), tmp_path_factory.mktemp("shown")
    texts = {}
    for stage, (term, week) in MOMENTS.items():
        report = reports_of(workspace, term, week)[ADVISOR]
        texts[f"{stage}-page"] = render.render_page(report)
        texts[f"{stage}-mail"] = render.render_preview(report).html
    for name, text in texts.items():
        (folder / f"{name}.html").write_text(text)
    # The notebook as a page: it is looked at, so it really runs.
    with pipeline.run_notebooks() as execute:
        told = {"week": 10, "write": False}
        execute("weekly", told, folder / "weekly", environ=workspace.settings.environ)
    folder_of_week = judged / "reports" / "2025-even" / "week-10"
    head = {"department": folder_of_week / "department.html", "run": folder / "weekly" / "run.html"}
    return {**{name: folder / f"{name}.html" for name in texts}, **head}
