"""What an advisor would receive, shown in JupyterLab."""

from __future__ import annotations

from edumetrics.analysis.week_state import WEEKLY
from edumetrics.errors import SettingsError
from edumetrics.inputs.terms import find_last_teaching_week, find_term
from edumetrics.reports import from_store, render
from edumetrics.reports.render import Preview
from edumetrics.reports.stored_moments import Source
from edumetrics.workspace import open_workspace

__all__ = ["preview"]


def preview(advisor: str, week: int = 0, *, term: str = "") -> Preview:
    """Return the mail that an advisor would receive, which JupyterLab shows inline.

    Nothing is sent or stored. Reply links are left out, because notebooks have no access to the key
    that signs them.

    Args:
        advisor: the advisor_id.
        week: the semester week; the last complete teaching week when 0.
        term: ISO date of the term's first week; the term in session when empty.

    Raises:
        SettingsError: the term, week or report does not exist.
    """
    workspace = open_workspace()
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        chosen = find_term(college, term, position)
        number = week or find_last_teaching_week(
            workspace.params, position if chosen.current else None, chosen
        )
        occasion = from_store.read_occasion(workspace, college, WEEKLY, chosen, number)
        reports = from_store.build_week(Source(workspace, college, chosen, occasion))
    found = {report.advisor_id: report for report in reports}
    if not found:
        raise SettingsError(f"Nothing is stored for week {number}: run its stages first.")
    if advisor not in found:
        raise SettingsError(
            f"There is no report for {advisor} in week {number}: choose one of {', '.join(found)}."
        )
    return render.render_preview(found[advisor])


def __dir__() -> list[str]:
    # What TAB shows.
    return __all__
