"""Render the analyst's run report: an executed notebook as a page, by a template of our own."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter
from traitlets.config import Config

TEMPLATES = Path(__file__).parent / "templates"
# The tag of cells that only make sense while the notebook is open.
HIDDEN = ["notebook-only"]


def render_run_report(notebook: nbformat.NotebookNode, stage: str, *, code: bool = False) -> str:
    """Return an executed notebook as a self-contained HTML page.

    Args:
        notebook: the executed notebook; its parameters are shown at the top.
        stage: the name of the stage, for the title.
        code: whether the page shows the code, too.
    """
    body, _ = _create_exporter(code).from_notebook_node(notebook, resources={"stage": stage})
    return str(body)


@cache
def _create_exporter(code: bool) -> HTMLExporter:
    """Return the exporter to HTML; the cache builds it once with code and once without."""
    return HTMLExporter(
        config=Config({"TagRemovePreprocessor": {"enabled": True, "remove_cell_tags": HIDDEN}}),
        # The template `run` is in the first folder, the style sheet that it includes in the second.
        template_name="run",
        extra_template_basedirs=[str(TEMPLATES / "notebook")],
        extra_template_paths=[str(TEMPLATES)],
        exclude_input=not code,
        exclude_output_prompt=True,
        exclude_input_prompt=True,
    )
