"""The end marker: the last cell of every stage notebook says that it got there, in a way that nothing else does."""

from __future__ import annotations

from IPython.display import display

END_MIME = "application/vnd.edumetrics.end+json"


def finish(rows: int, pages: int) -> None:
    """Display what the stage did, with the marker that the batch looks for."""
    text = f"Done: {rows} rows written, {pages} {'page' if pages == 1 else 'pages'}."
    display({END_MIME: {"rows": rows, "pages": pages}, "text/plain": text}, raw=True)
