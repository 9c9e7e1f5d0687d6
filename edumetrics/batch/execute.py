"""One notebook through papermill, so that a notebook that did not finish is never taken for one that did."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# papermill finds jupyterlab's rfc3987_syntax beside it and imports it, which builds a parser for two seconds; the
# validation of URIs that it serves is not used here.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillExecutionError
from traitlets.config import Config

from edumetrics.errors import EduMetricsError, Refused, SettingsError
from edumetrics.reports import render
from edumetrics.settings import PROJECT, private_folder
from edumetrics.stages.end import END_MIME

NOTEBOOKS = PROJECT / "notebooks"
TIMEOUT_SECONDS = 1800
OURS = {kind.__name__: kind for kind in (EduMetricsError, SettingsError, Refused)}
# A kernel that is asked to end complains of the interrupt on standard error; its failures are in the notebook.
QUIET = ["--IPKernelApp.log_level=50"]
# Kernels talk over local sockets, not TCP ports.
LOCAL = Config({"KernelManager": {"transport": "ipc"}})


def execute(stage: str, parameters: Mapping[str, Any], folder: Path) -> dict[str, int]:
    """Run a stage's notebook and export it.

    Args:
        stage: the notebook's name without its ending.
        parameters: values by name; each must be declared in the notebook's parameters cell, with the same type.
        folder: where `run.ipynb` and `run.html` go; a notebook that fails is kept there as `failed.ipynb`.

    Returns:
        What the notebook's end marker says: rows and pages.

    Raises:
        SettingsError: a parameter is unknown or of the wrong type, or the folder cannot be written to.
        EduMetricsError: a cell failed, the kernel died, time ran out, or the notebook stopped before its end; the
            message says which cell and why, without any data.
    """
    source = NOTEBOOKS / f"{stage}.ipynb"
    check_parameters(source, parameters)
    private_folder(folder)
    draft = folder / ".run.part.ipynb"
    try:
        papermill.execute_notebook(
            source, draft, dict(parameters), cwd=folder, progress_bar=False, log_output=False,
            execution_timeout=TIMEOUT_SECONDS, config=LOCAL, extra_arguments=QUIET,
        )  # fmt: skip
        notebook = nbformat.read(draft, as_version=4)
        summary = _end_marker(notebook, stage)
    except PapermillExecutionError as error:
        # Our own errors are sentences for people; what others say may hold data.
        ours = OURS.get(error.ename)
        why = error.evalue.rstrip(".") if ours else f"failed with {error.ename}"
        message = f"{stage}: cell {error.cell_index + 1}: {why}"
        raise _failed(draft, message, ours or EduMetricsError) from error
    except DeadKernelError as error:
        raise _failed(draft, f"{stage}: the kernel died") from error
    except CellTimeoutError as error:
        raise _failed(draft, f"{stage}: a cell ran longer than {TIMEOUT_SECONDS} seconds") from error
    except EduMetricsError as error:
        raise _failed(draft, str(error)) from error
    draft.chmod(0o600)
    draft.replace(folder / "run.ipynb")
    render.write_page(folder / "run.html", export(notebook, stage))
    return summary


def check_parameters(source: Path, parameters: Mapping[str, Any]) -> None:
    """Refuse a name that the notebook does not declare and a value of another type than its default.

    Raises:
        SettingsError: the notebook is missing, has no single parameters cell of literal defaults, or does not fit.
    """
    defaults = declared(source)
    for name, value in parameters.items():
        if name not in defaults:
            raise SettingsError(f"{source.name} declares no parameter {name}: it has {', '.join(defaults)}.")
        if type(value) is not type(defaults[name]):
            wanted, given = type(defaults[name]).__name__, type(value).__name__
            raise SettingsError(f"The parameter {name} of {source.name} is of type {wanted}, not {given}.")


def declared(source: Path) -> dict[str, Any]:
    """The names and literal defaults of a notebook's parameters cell; SettingsError when it has none."""
    if not source.is_file():
        raise SettingsError(f"There is no notebook {source}.")
    notebook = nbformat.read(source, as_version=4)
    cells = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(cells) != 1:
        raise SettingsError(f"{source.name} must have exactly one cell tagged parameters; it has {len(cells)}.")
    try:
        assigned = [node for node in ast.parse(cells[0].source).body if isinstance(node, ast.Assign)]
        return {node.targets[0].id: ast.literal_eval(node.value) for node in assigned}  # type: ignore[attr-defined]
    except (SyntaxError, ValueError, AttributeError):
        raise SettingsError(f"The parameters cell of {source.name} must assign literal values to names.") from None


def export(notebook: nbformat.NotebookNode, stage: str) -> str:
    """An executed notebook as a self-contained page, without its code."""
    hidden = Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": ["notebook-only"]}})
    exporter = HTMLExporter(config=hidden, template_name="basic", exclude_input=True, exclude_output_prompt=True)
    body, _ = exporter.from_notebook_node(notebook)
    return render.environment().get_template("run.html.j2").render(stage=stage, body=body)


def _end_marker(notebook: nbformat.NotebookNode, stage: str) -> dict[str, int]:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    unfinished = [n for n, cell in enumerate(code) if cell.metadata.get("papermill", {}).get("status") != "completed"]
    if unfinished:
        raise EduMetricsError(f"{stage}: code cell {unfinished[0] + 1} did not complete")
    for output in code[-1].get("outputs", []):
        if END_MIME in output.get("data", {}):
            return dict(output["data"][END_MIME])
    raise EduMetricsError(f"{stage}: the notebook stopped before its end")


def _failed(draft: Path, message: str, kind: type[EduMetricsError] = EduMetricsError) -> EduMetricsError:
    """Keep the evidence, and say where it is."""
    if not draft.exists():
        return kind(f"{message}.")
    evidence = draft.with_name("failed.ipynb")
    draft.chmod(0o600)
    draft.replace(evidence)
    return kind(f"{message.rstrip('.')}; see {evidence}.")
