"""A notebook that did not finish is never taken for one that did."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from edumetrics.batch import execute, journal, kernels, parameters, pipeline
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.stages.workspace import Workspace


def notebook(folder: Path, monkeypatch: pytest.MonkeyPatch, *cells: str) -> None:
    book = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell("name = 'x'", metadata={"tags": ["parameters"]})
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    nbformat.write(book, folder / "stage.ipynb")
    monkeypatch.setattr(parameters, "NOTEBOOKS", folder)


END = "from edumetrics.stages import end\nend.finish(1, 2)"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1 / 0", END], "cell 2: failed with ZeroDivisionError"),
        (["import sys; sys.exit(0)", END], "stopped|did not complete|SystemExit"),
        (["import os, signal; os.kill(os.getpid(), signal.SIGKILL)", END], "kernel died"),
        (["1 + 1"], "stopped before its end"),
        (["raise ValueError('secret of a student')", END], "cell 2: failed with ValueError"),
    ],
    ids=["error", "exit", "killed", "no end", "no data in messages"],
)
def test_failures_are_failures(cells: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook(tmp_path, monkeypatch, *cells)
    with pytest.raises(EduMetricsError, match=message) as error:
        execute.execute("stage", {}, tmp_path / "out")
    assert "secret" not in str(error.value)
    assert (tmp_path / "out" / "failed.ipynb").is_file(), "the evidence is kept"
    assert not (tmp_path / "out" / "run.ipynb").exists()


def test_a_notebook_that_finishes_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook(tmp_path, monkeypatch, END)
    assert execute.execute("stage", {"name": "y"}, tmp_path / "out") == {"rows": 1, "pages": 2}
    html = (tmp_path / "out" / "run.html").read_text()
    assert "Done: 1 rows written, 2 pages." in html
    assert "<script" not in html
    assert "http" not in html, "nothing is loaded from a network"


@pytest.mark.parametrize(
    ("given", "message"),
    [({"wek": 7}, "declares no parameter wek"), ({"week": "7"}, "of type int, not str"), ({"write": 1}, "of type bool, not int")],
)
def test_parameters_are_checked_before_anything_runs(given: dict[str, object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parameters.check("weekly", given)


def test_the_weekly_notebook_stores_what_calibrate_stores(environment: Workspace) -> None:
    before = environment.store.read("weekly_metrics").drop(columns=["run_id", "computed_at"])
    pipeline.run(environment, journal.plain, week=9)
    after = environment.store.read("weekly_metrics").drop(columns=["run_id", "computed_at"])
    assert before.equals(after)
    run = environment.store.read("run_log").sort_values("started_at").iloc[-1]
    assert (run["status"], run["sem_week"]) == ("done", 9)
    folder = environment.settings.reports / "2025-even" / "week-09" / "weekly"
    executed = (folder / "run.ipynb").read_text()
    assert executed.count("image/png") == 8, "four figures and their alternative texts"
    assert "below the median of both activity and marks" in (folder / "run.html").read_text()
    assert environment.settings.client_db_url not in executed
    with environment.college() as college:
        for name in college.names["name"].head(50):
            assert name not in executed, "executed notebooks carry ids and aggregates"


def test_exploring_changes_nothing(environment: Workspace, tmp_path: Path) -> None:
    before = environment.store.read("run_log")
    execute.execute("weekly", {"week": 9, "write": False}, tmp_path / "out")
    assert environment.store.read("run_log").equals(before)
    assert not environment.settings.reports.exists()
