"""Run one stage's notebook through papermill, and accept it only when it ran to its end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Where JupyterLab is installed, papermill also finds and imports its rfc3987_syntax, which builds a
# parser for two seconds. It validates URIs, which is not needed here. The entry None makes the
# import fail at once.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from edumetrics import errors
from edumetrics.batch import parameters as declarations
from edumetrics.batch.kernels import remove_secrets
from edumetrics.errors import EduMetricsError
from edumetrics.reports import render
from edumetrics.reports.run_report import render_run_report
from edumetrics.settings import NOTEBOOK, create_private_folder
from edumetrics.stages.end import END_MIME

# papermill reports an error of a cell by the name of its class only; this finds the class again.
# All of them are there, so that an error crosses the notebook with its class and exit status.
OURS: dict[str, type[EduMetricsError]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, EduMetricsError)
}
# A kernel that is started cold on a busy machine imports for several seconds.
START_SECONDS = 60
# Local sockets are files that only their owner can open; any local user can connect to a TCP port.
LOCAL = Config({"KernelManager": {"transport": "ipc"}})
# Level 50 is critical: errors of cells are in the notebook, and need not be on standard error too.
QUIET = ["--IPKernelApp.log_level=50"]
# The stage and its cells, below the bar of weeks. disable=None means: none where standard error is
# no terminal.
BAR = {"unit": "cell", "leave": False, "disable": None}


class StageEngine(Engine):  # type: ignore[misc]
    """A papermill engine with a given kernel manager and one time limit for all cells together."""

    @classmethod
    def execute_managed_notebook(  # noqa: D102 - the library's
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        manager: type[AsyncKernelManager],
        environ: dict[str, str],
        seconds: int,
        **_: Any,
    ) -> Any:
        ends = time.monotonic() + seconds
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            kernel_manager_class=manager,
            # nbclient limits one cell, so each gets the seconds left. Zero would mean no limit.
            timeout_func=lambda cell: max(ends - time.monotonic(), 0.1),
            startup_timeout=START_SECONDS,
            # The rows are committed when the last cell ends: there is nothing to wait for.
            shutdown_kernel="immediate",
            extra_arguments=QUIET,
            config=LOCAL,
        )
        return client.execute(env=environ)


papermill_engines.register("stage", StageEngine)


def run_notebook(
    stage: str,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    manager: type[AsyncKernelManager] = AsyncKernelManager,
    environ: Mapping[str, str] | None = None,
    seconds: int = 1800,
    code: bool = False,
) -> dict[str, int]:
    """Run a stage's notebook and export it as HTML.

    Args:
        stage: the notebook's file name without its suffix.
        parameters: values by name; each must be declared in the notebook's parameters cell, with
            the same type.
        folder: where `run.ipynb` and `run.html` go; a notebook that fails is kept there as
            `failed.ipynb`.
        manager: the class that starts the kernel (see `kernels`).
        environ: settings of the kernel, which override those of this process. The kernel never gets
            this process's settings of mail.
        seconds: how long the notebook may take.
        code: whether the export shows the notebook's code.

    Returns:
        The counts in the notebook's end marker: rows and pages.

    Raises:
        SettingsError: a parameter is unknown or of the wrong type, or the folder cannot be
            written to.
        EduMetricsError: a cell failed, the kernel died, time ran out, or the notebook stopped
            before its end. The message says which cell and why, without any data. An error of this
            package that a cell raised keeps its class.
    """
    told = (environ or {}).get("EDUMETRICS_HOME")
    home = Path(told) if told else None
    declarations.check_parameters(stage, parameters, home)
    source = declarations.find_notebook(stage, home)
    create_private_folder(folder)
    # papermill writes after every cell. The last good run.ipynb stays until this one has finished.
    draft = folder / ".run.part.ipynb"
    try:
        papermill.execute_notebook(
            source, draft, dict(parameters), engine_name="stage", cwd=folder,
            progress_bar={"desc": stage, **BAR}, manager=manager, seconds=seconds,
            environ={**remove_secrets(os.environ), **(environ or {}), NOTEBOOK: "1"},
        )  # fmt: skip
        notebook = nbformat.read(draft, as_version=4)
        summary = _read_end_marker(notebook, stage)
    except (PapermillExecutionError, CellTimeoutError, RuntimeError, EduMetricsError) as error:
        raise _make_failure(draft, *_describe_error(error, stage, seconds)) from error
    draft.chmod(0o600)
    draft.replace(folder / "run.ipynb")
    render.write_page(folder / "run.html", render_run_report(notebook, stage, code=code))
    return summary


def _read_end_marker(notebook: nbformat.NotebookNode, stage: str) -> dict[str, int]:
    """Return the counts in the end marker, the output of the last code cell.

    Raises:
        EduMetricsError: a code cell did not complete, or there is no end marker.
    """
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    # For papermill sys.exit(0) in a cell is no error: the cells after it just do not run.
    unfinished = [
        n
        for n, cell in enumerate(code)
        if cell.metadata.get("papermill", {}).get("status") != "completed"
    ]
    if unfinished:
        raise EduMetricsError(f"{stage}: code cell {unfinished[0] + 1} did not complete")
    for output in code[-1].get("outputs", []):
        if END_MIME in output.get("data", {}):
            return dict(output["data"][END_MIME])
    raise EduMetricsError(f"{stage}: the notebook stopped before its end")


def _describe_error(
    error: Exception, stage: str, seconds: int
) -> tuple[str, type[EduMetricsError]]:
    """Return why a notebook failed, without any data, and the class of the error to raise."""
    if isinstance(error, PapermillExecutionError):
        # Our own errors are sentences without data; the text of any other may quote a row.
        ours = OURS.get(error.ename)
        why = error.evalue.rstrip(".") if ours else f"failed with {error.ename}"
        return f"{stage}: cell {error.cell_index + 1}: {why}", ours or EduMetricsError
    if isinstance(error, EduMetricsError):
        return str(error), EduMetricsError
    if isinstance(error, CellTimeoutError):
        return f"{stage}: it ran longer than {seconds} seconds", EduMetricsError
    # A DeadKernelError, or a kernel that died before it was one.
    return f"{stage}: the kernel died", EduMetricsError


def _make_failure(draft: Path, message: str, kind: type[EduMetricsError]) -> EduMetricsError:
    """Keep the notebook as `failed.ipynb`; return an error whose message says where it is."""
    if not draft.exists():
        return kind(f"{message}.")
    evidence = draft.with_name("failed.ipynb")
    draft.chmod(0o600)
    draft.replace(evidence)
    return kind(f"{message.rstrip('.')}; see {evidence}.")
