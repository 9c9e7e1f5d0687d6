"""Build the reports: frozen view models, figures, and their rendering.

`preview` shows an advisor's mail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

# Only annotations need `Preview`: its module loads Jinja and Matplotlib.
if TYPE_CHECKING:
    from edumetrics.reports.render import Preview


def preview(advisor: str, week: int = 0, *, stage: str = "weekly", term: str = "") -> Preview:
    """Return the mail that an advisor would receive for a week, to show inline in JupyterLab.

    Nothing is sent or stored (see `reports.from_store.render_preview`).

    Args:
        advisor: advisor_id.
        week: semester week; 0 means the last complete teaching week.
        stage: which report: weekly, pre_sem, pre_mid or pre_end.
        term: ISO date of the term's first week; empty means the term in session.

    Raises:
        SettingsError: the term, the week or the report does not exist.
    """
    # `stages` imports this package: an import at the top of the file would be circular.
    from edumetrics.reports import from_store

    return from_store.render_preview(advisor, week, stage=stage, term=term)
