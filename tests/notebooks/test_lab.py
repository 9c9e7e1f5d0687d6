"""JupyterLab on a home, in a real browser: the tour runs, the form logs once, and TAB shows what is meant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from edumetrics.onboarding.lab import build_command, prepare_lab, remove_outputs
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace


def test_copies_of_the_notebooks_are_made_once_and_are_an_analysts_own(tmp_path: Path) -> None:
    tour = prepare_lab(tmp_path)
    assert tour.read_bytes() == (PROJECT / "notebooks" / "explore.ipynb").read_bytes()
    assert tour.parent.stat().st_mode & 0o077 == 0
    tour.write_text("mine")
    assert prepare_lab(tmp_path).read_text() == "mine"
    assert (tmp_path / "docs").resolve() == PROJECT / "docs"


def test_a_notebook_of_the_home_goes_before_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "weekly.ipynb").write_text("own")
    prepare_lab(tmp_path)
    assert (tmp_path / "lab" / "weekly.ipynb").read_text() == "own"


def test_kernels_talk_over_files(tmp_path: Path) -> None:
    command = build_command(tmp_path, tmp_path / "tour", ("--no-browser",))
    assert "--KernelManager.transport=ipc" in command
    assert command[-1] == "--no-browser"


@pytest.mark.parametrize(("path", "left"), [("notebooks/weekly.ipynb", 0), ("lab/weekly.ipynb", 1)])
def test_outputs_are_kept_only_where_git_does_not_look(path: str, left: int) -> None:
    cell = {"cell_type": "code", "outputs": [{"text": "a student"}], "execution_count": 3}
    model = {"type": "notebook", "content": {"cells": [cell, {"cell_type": "markdown"}]}}
    remove_outputs(model, path)
    assert len(cell["outputs"]) == left
    remove_outputs({"type": "file", "content": "x"}, path)


# ------------------------------------------------------------ in a browser


@pytest.fixture
def lab(environment: Workspace) -> Iterator[str]:
    """The URL of a JupyterLab on the home of the demo college."""
    command = [sys.executable, "-m", "edumetrics", "lab", "--no-browser", "--ServerApp.port=0",
               "--IdentityProvider.token=open", "--allow-root"]  # fmt: skip
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as server:
        assert server.stderr is not None
        urls = (re.search(r"http://127\.0\.0\.1:\d+/", line) for line in server.stderr)
        yield next(f"{found[0]}lab/tree/lab/explore.ipynb?token=open" for found in urls if found)
        server.terminate()
        server.stderr.read()


def _run_all(page: Page) -> None:
    expect(page.locator(".jp-NotebookPanel .jp-Cell").first).to_be_visible(timeout=60_000)
    expect(page.get_by_text("Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


@pytest.mark.slow
@pytest.mark.process
def test_the_tour_runs_and_the_form_logs_a_contact_once(
    lab: str, environment: Workspace, browser: Browser
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.goto(lab)
    _run_all(page)
    button = page.get_by_role("button", name="Log it")
    expect(button).to_be_visible(timeout=120_000)
    page.get_by_label("By", exact=True).fill("Dr. Mehta")
    button.click()
    expect(page.get_by_text("Logged: talked, S22000002")).to_be_visible(timeout=20_000)
    expect(button).to_be_disabled()
    logged = environment.store.read("intervention_log", student_id="S22000002")
    assert logged["logged_by"].tolist()[-1] == "Dr. Mehta"
    # The last cell has its number: everything before it ran.
    expect(page.get_by_text("flagged-week-10.csv")).to_be_visible(timeout=60_000)
    assert (
        page.locator(".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr']").count()
        == 0
    )
    assert page.locator("table.dataTable").count() >= 5, "tables can be sorted and searched"
    expect(page.get_by_text("Jupyter news")).to_have_count(0)
    page.keyboard.press("Control+s")
    expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=20_000)
    shipped = json.loads((PROJECT / "notebooks" / "explore.ipynb").read_text())
    assert not any(cell.get("outputs") for cell in shipped["cells"])
    page.close()
