"""One notebook through papermill, so that a notebook that did not finish is never taken for one that did."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# papermill finds jupyterlab's rfc3987_syntax beside it and imports it, which builds a parser for two seconds; the
# validation of URIs that it serves is not used here.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat
import papermill
from jupyter_client.manager import AsyncKernelManager
from nbclient.exceptions import CellTimeoutError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from edumetrics.batch import parameters as declarations
from edumetrics.batch.kernels import for_notebooks
from edumetrics.errors import EduMetricsError, Locked, Refused, SettingsError
from edumetrics.reports import render
from edumetrics.reports.notebooks import run_report
from edumetrics.settings import private_folder
from edumetrics.stages.end import END_MIME

OURS = {kind.__name__: kind for kind in (EduMetricsError, SettingsError, Refused, Locked)}
START_SECONDS = 60
# Kernels talk over local sockets, not TCP ports; what they have to say is in the notebook, not on standard error.
LOCAL = Config({"KernelManager": {"transport": "ipc"}})
QUIET = ["--IPKernelApp.log_level=50"]


class StageEngine(Engine):  # type: ignore[misc]
    """Runs a notebook's cells in a kernel of a given manager, all within a number of seconds."""

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
            timeout_func=lambda cell: max(ends - time.monotonic(), 0.1),
            startup_timeout=START_SECONDS,
            # What a notebook stores is committed when its cell ends: there is nothing to wait for.
            shutdown_kernel="immediate",
            extra_arguments=QUIET,
            config=LOCAL,
        )
        return client.execute(env=environ)


papermill_engines.register("stage", StageEngine)


def execute(
    stage: str,
    parameters: Mapping[str, Any],
    folder: Path,
    *,
    manager: type[AsyncKernelManager] = AsyncKernelManager,
    environ: Mapping[str, str] | None = None,
    seconds: int = 1800,
    code: bool = False,
) -> dict[str, int]:
    """Run a stage's notebook and export it.

    Args:
        stage: the notebook's name without its ending.
        parameters: values by name; each must be declared in the notebook's parameters cell, with the same type.
        folder: where `run.ipynb` and `run.html` go; a notebook that fails is kept there as `failed.ipynb`.
        manager: what starts the kernel (see `kernels`).
        environ: settings of the kernel, over those of this process; what only mail needs is never handed on.
        seconds: how long the notebook may take.
        code: whether the export shows the notebook's code.

    Returns:
        What the notebook's end marker says: rows and pages.

    Raises:
        SettingsError: a parameter is unknown or of the wrong type, or the folder cannot be written to.
        EduMetricsError: a cell failed, the kernel died, time ran out, or the notebook stopped before its end; the
            message says which cell and why, without any data.
    """
    declarations.check(stage, parameters)
    source = declarations.NOTEBOOKS / f"{stage}.ipynb"
    private_folder(folder)
    draft = folder / ".run.part.ipynb"
    try:
        papermill.execute_notebook(
            source, draft, dict(parameters), engine_name="stage", cwd=folder, progress_bar=False,
            manager=manager, environ={**for_notebooks(os.environ), **(environ or {})}, seconds=seconds,
        )  # fmt: skip
        notebook = nbformat.read(draft, as_version=4)
        summary = _end_marker(notebook, stage)
    except PapermillExecutionError as error:
        # Our own errors are sentences for people; what others say may hold data.
        ours = OURS.get(error.ename)
        why = error.evalue.rstrip(".") if ours else f"failed with {error.ename}"
        message = f"{stage}: cell {error.cell_index + 1}: {why}"
        raise _failed(draft, message, ours or EduMetricsError) from error
    except CellTimeoutError as error:
        raise _failed(draft, f"{stage}: it ran longer than {seconds} seconds") from error
    except RuntimeError as error:  # a DeadKernelError, or a kernel that died before it was one
        raise _failed(draft, f"{stage}: the kernel died") from error
    except EduMetricsError as error:
        raise _failed(draft, str(error)) from error
    draft.chmod(0o600)
    draft.replace(folder / "run.ipynb")
    render.write_page(folder / "run.html", run_report(notebook, stage, code=code))
    return summary


def _end_marker(notebook: nbformat.NotebookNode, stage: str) -> dict[str, int]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
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


def _failed(
    draft: Path, message: str, kind: type[EduMetricsError] = EduMetricsError
) -> EduMetricsError:
    """Keep the evidence, and say where it is."""
    if not draft.exists():
        return kind(f"{message}.")
    evidence = draft.with_name("failed.ipynb")
    draft.chmod(0o600)
    draft.replace(evidence)
    return kind(f"{message.rstrip('.')}; see {evidence}.")
