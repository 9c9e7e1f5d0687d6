"""A notebook that did not finish is never taken for one that did."""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.manager import AsyncKernelManager

from edumetrics.batch import kernels, notebook, parameters, pipeline, progress
from edumetrics.errors import EduMetricsError, Locked, MissingColumn, Refused, SettingsError
from edumetrics.stages import STAGES
from edumetrics.workspace import Workspace

pytestmark = pytest.mark.process


def write_notebook(folder: Path, monkeypatch: pytest.MonkeyPatch, *cells: str) -> None:
    book = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell("name = 'x'", metadata={"tags": ["parameters"]})
    book.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    book.cells = [first, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    nbformat.write(book, folder / "stage.ipynb")
    monkeypatch.setattr(parameters, "NOTEBOOKS", folder)


END = "from edumetrics.stages import end\nend.finish(1, 2)"


@pytest.fixture(scope="module")
def manager() -> Iterator[type[AsyncKernelManager]]:
    """Kernels forked from one process, for all tests here."""
    with kernels.open_kernel_manager() as forked:
        yield forked


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["1 / 0", END], "cell 2: failed with ZeroDivisionError"),
        (["import sys; sys.exit(0)", END], "stopped|did not complete|SystemExit"),
        (["import os, signal; os.kill(os.getpid(), signal.SIGKILL)", END], "kernel died"),
        (["1 + 1"], "stopped before its end"),
        (["raise ValueError('secret of a student')", END], "cell 2: failed with ValueError"),
        (["import threading; threading.Event().wait()", END], "it ran longer than 1 seconds"),
    ],
    ids=["error", "exit", "killed", "no end", "no data in messages", "time"],
)
def test_failures_are_failures(
    cells: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    manager: type[AsyncKernelManager],
) -> None:
    write_notebook(tmp_path, monkeypatch, *cells)
    seconds = 1 if "wait" in cells[0] else 60
    with pytest.raises(EduMetricsError, match=message) as error:
        notebook.run_notebook("stage", {}, tmp_path / "out", manager=manager, seconds=seconds)
    assert "secret" not in str(error.value)
    assert (tmp_path / "out" / "failed.ipynb").is_file(), "the evidence is kept"
    assert not (tmp_path / "out" / "run.ipynb").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SettingsError, MissingColumn, Refused, Locked, EduMetricsError])
def test_our_errors_cross_the_notebook_with_class_sentence_and_status(
    kind: type[EduMetricsError],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    manager: type[AsyncKernelManager],
) -> None:
    raising = f"from edumetrics.errors import {kind.__name__}\nraise {kind.__name__}('Correct the mapping; see x.')"
    write_notebook(tmp_path, monkeypatch, raising, END)
    with pytest.raises(EduMetricsError) as error:
        notebook.run_notebook("stage", {}, tmp_path / "out", manager=manager)
    assert type(error.value) is kind
    assert error.value.exit_status == kind.exit_status
    assert "cell 2: Correct the mapping; see " in str(error.value)


@pytest.mark.parametrize("forked", [True, False])
def test_a_notebook_that_finishes_is_exported(
    forked: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: type[AsyncKernelManager]
) -> None:
    write_notebook(tmp_path, monkeypatch, END)
    chosen = manager if forked else AsyncKernelManager
    assert notebook.run_notebook("stage", {"name": "y"}, tmp_path / "out", manager=chosen) == {
        "rows": 1,
        "pages": 2,
    }
    html = (tmp_path / "out" / "run.html").read_text()
    assert "Done: 1 rows written, 2 pages." in html
    assert "<script" not in html
    assert "http" not in html, "nothing is loaded from a network"


def test_where_there_is_no_fork_kernels_start_as_they_always_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kernels, "CAN_FORK", False)
    with kernels.open_kernel_manager() as plain:
        assert plain is AsyncKernelManager


def test_forked_kernels_leave_nothing_to_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manager: type[AsyncKernelManager]
) -> None:
    """Options, environment, modules, variables, working folder and the numbers that numpy draws."""
    monkeypatch.setenv("SMTP_URL", "smtp://user:hunter2@mail.example")
    look = (
        "import os, sys, json, warnings, pandas as pd, numpy as np, edumetrics.params as p\n"
        "seen = [pd.get_option('display.max_rows'), os.environ.get('LEFT'), 'wave' in sys.modules, hasattr(p, 'left'),\n"
        "        'left' in dir(), os.getcwd() == os.environ['HERE'], os.environ.get('SMTP_URL'), os.environ['EDUMETRICS_HOME'],\n"
        "        np.get_printoptions()['precision'], len(warnings.filters)]\n"
        "print(json.dumps(seen))"
    )
    soil = (
        "pd.set_option('display.max_rows', 7); os.environ['LEFT'] = '1'; import wave; p.left = left = 1\n"
        "np.set_printoptions(precision=2); warnings.simplefilter('ignore'); os.chdir('/')"
    )
    write_notebook(tmp_path, monkeypatch, look, soil, END)
    seen = []
    for number in range(2):
        folder = tmp_path / f"out{number}"
        environ = {"HERE": str(folder), "EDUMETRICS_HOME": "given"}
        notebook.run_notebook("stage", {}, folder, manager=manager, environ=environ)
        cells = nbformat.read(folder / "run.ipynb", as_version=4).cells
        seen.append(json.loads(next(cell for cell in cells if cell.source == look).outputs[0].text))
    assert seen[0] == seen[1]
    assert seen[0][:9] == [60, None, False, False, False, True, None, "given", 8]
    assert "LEFT" not in os.environ


@pytest.mark.slow
def test_kernels_end_with_whoever_asked_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nursery = kernels.ForkServer()
    child = nursery.start_kernel(
        ["-f", str(tmp_path / "connection.json"), "--KernelManager.transport=ipc"],
        dict(os.environ),
        str(tmp_path),
    )
    process = psutil.Process(child.pid)
    assert child.poll() is None
    nursery.close()
    psutil.wait_procs([process], timeout=10)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"wek": 7}, "declares no parameter wek"),
        ({"week": "7"}, "of type int, not str"),
        ({"write": 1}, "of type bool, not int"),
    ],
)
def test_parameters_are_checked_before_anything_runs(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        parameters.check_parameters("weekly", given)


@pytest.mark.slow
def test_the_weekly_notebook_stores_what_calibrate_stores(environment: Workspace) -> None:
    before = environment.store.read("weekly_metrics").drop(columns=["run_id", "computed_at"])
    pipeline.run(environment, progress.print_line, week=9)
    after = environment.store.read("weekly_metrics").drop(columns=["run_id", "computed_at"])
    assert before.equals(after)
    run = environment.store.read("run_log").sort_values("seq").iloc[-1]
    assert (run["status"], run["sem_week"]) == ("done", 9)
    folder = environment.settings.reports / "2025-even" / "week-09" / "weekly"
    executed = (folder / "run.ipynb").read_text()
    assert executed.count("image/png") == 8, "four figures and their alternative texts"
    assert (
        "below the middle in both recorded activity and academic"
        in (folder / "run.html").read_text()
    )
    assert environment.settings.client_db_url not in executed
    with environment.open_college() as college:
        for name in college.names["name"].head(50):
            assert name not in executed, "executed notebooks carry ids and aggregates"


@pytest.mark.slow
def test_exploring_changes_nothing(environment: Workspace, tmp_path: Path) -> None:
    before = environment.store.read("run_log")
    notebook.run_notebook("weekly", {"week": 9, "write": False}, tmp_path / "out")
    assert environment.store.read("run_log").equals(before)
    assert not environment.settings.reports.exists()


def test_each_notebook_declares_what_its_stage_reads() -> None:
    for stage in STAGES:
        declared = parameters.read_defaults(parameters.NOTEBOOKS / f"{stage.name}.ipynb")
        assert declared == stage.parameters().model_dump(), stage.name


@pytest.mark.parametrize(
    ("stage", "given", "message"),
    [
        ("weekly", {"term": "next spring"}, "parameter term of weekly.ipynb"),
        ("weekly", {"week": -1}, "parameter week of weekly.ipynb"),
        ("weekly", {"run_id": "; DROP TABLE"}, "parameter run_id"),
        ("post_analysis", {"exam": "quiz"}, "parameter exam"),
        ("nothing", {}, "There is no notebook"),
    ],
)
def test_values_that_a_stage_cannot_mean(
    stage: str, given: dict[str, object], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        parameters.check_parameters(stage, given)


def test_an_owner_that_ends_before_it_read_an_answer_leaves_no_kernel_and_no_traceback() -> None:
    ours, theirs = socket.socketpair()
    serving = "import os, socket; from edumetrics.batch import forkserver; forkserver.serve(socket.socket(fileno=os.dup(0)))"
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-c", serving], stdin=theirs, stderr=subprocess.PIPE, text=True
        )
    start = {"start": {"argv": [], "env": dict(os.environ), "cwd": str(Path.cwd())}}
    with ours, ours.makefile("rw", encoding="utf-8") as stream:
        stream.write(json.dumps(start) + "\n")
        stream.flush()
        kernel = json.loads(stream.readline())["pid"]
        # Closed with an answer unread: the other side reads "connection reset", not an end.
        ours.sendall((json.dumps({"poll": kernel}) + "\n").encode())
        select.select([ours], [], [], 60)
    assert (server.communicate(timeout=60)[1], server.returncode) == ("", 0)
    assert not psutil.pid_exists(kernel)
