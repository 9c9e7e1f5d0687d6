"""The analyst's run report: an executed notebook as a self-contained page, by a template of our own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from traitlets.config import Config

TEMPLATES = Path(__file__).parent / "templates"
# Cells that only make sense while the notebook is open.
HIDDEN = ["notebook-only"]


def run_report(notebook: nbformat.NotebookNode, stage: str, *, code: bool = False) -> str:
    """An executed notebook as HTML.

    Args:
        notebook: executed; the parameters it was given are shown at the top.
        stage: what it is called.
        code: whether its code is shown, too.
    """
    body, _ = _exporter(code).from_notebook_node(notebook, resources={"stage": stage})
    return str(body)


@cache
def _exporter(code: bool) -> HTMLExporter:
    return HTMLExporter(
        config=Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": HIDDEN}}),
        template_name="run",
        extra_template_basedirs=[str(TEMPLATES / "notebook")],
        extra_template_paths=[str(TEMPLATES)],
        exclude_input=not code,
        exclude_output_prompt=True,
        exclude_input_prompt=True,
    )
