"""What an advisor would receive, shown in JupyterLab."""

from __future__ import annotations

from edumetrics.analysis.week_state import WEEKLY
from edumetrics.errors import SettingsError
from edumetrics.inputs.terms import find_last_teaching_week, find_term
from edumetrics.reports import render
from edumetrics.reports.render import Preview
from edumetrics.stages import STAGES
from edumetrics.workspace import open_workspace


def preview(advisor: str, week: int = 0, *, stage: str = WEEKLY, term: str = "") -> Preview:
    """Return the mail that an advisor would receive, which JupyterLab shows inline.

    Nothing is sent or stored. Reply links are left out, because notebooks have no access to the key
    that signs them.

    Args:
        advisor: the advisor_id.
        week: the semester week; the last complete teaching week when 0.
        stage: the report: weekly, pre_sem, pre_mid or pre_end.
        term: ISO date of the term's first week; the term in session when empty.

    Raises:
        SettingsError: the term, week, stage or report does not exist.
    """
    # A review is about an exam, not about a week.
    known = {one.name: one for one in STAGES if one.when != "after an exam"}
    if stage not in known:
        raise SettingsError(f"There is no preview of {stage}: the stages are {', '.join(known)}.")
    workspace = open_workspace()
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
        chosen = find_term(college, term, position)
        number = week or find_last_teaching_week(
            workspace.params, position if chosen.current else None, chosen
        )
        reports = known[stage].build_reports(workspace, college, chosen, number)
    found = {report.advisor_id: report for report in reports}
    if not found:
        raise SettingsError(
            f"The stage {stage} has stored nothing for week {number}: run it first."
        )
    if advisor not in found:
        raise SettingsError(
            f"There is no {stage} report for {advisor} in week {number}:"
            f" choose one of {', '.join(found)}."
        )
    return render.render_preview(found[advisor])
