"""Reports: frozen view models, figures, and their rendering; `preview` shows an advisor's mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edumetrics.reports.render import Preview


def preview(advisor: str, week: int = 0, *, stage: str = "weekly", term: str = "") -> Preview:
    """The mail that an advisor would receive of a week, shown inline in JupyterLab (see `stages.reports.preview`)."""
    from edumetrics.stages import reports

    return reports.preview(advisor, week, stage=stage, term=term)
