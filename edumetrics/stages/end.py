"""The end marker that the last cell of every stage notebook displays.

Its MIME type is used for nothing else, so the batch can tell a finished notebook from any other.
"""

from __future__ import annotations

from IPython.display import display

# `batch.notebook` looks for this type in the last cell; without it the notebook did not finish.
END_MIME = "application/vnd.edumetrics.end+json"


def finish(rows: int, pages: int) -> None:
    """Display the number of rows and pages written, with the marker that the batch looks for."""
    text = f"Done: {rows} rows written, {pages} {'page' if pages == 1 else 'pages'}."
    display({END_MIME: {"rows": rows, "pages": pages}, "text/plain": text}, raw=True)
