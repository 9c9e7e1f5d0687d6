"""Have a language model write the paragraphs of a week, before its mail; no mail waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edumetrics.analysis.week_state import WEEKLY
from edumetrics.batch.progress import Reporter
from edumetrics.briefing.asking import Asking
from edumetrics.briefing.check import SHOWN
from edumetrics.briefing.kept import read_briefings
from edumetrics.briefing.provider import make_asker
from edumetrics.errors import SettingsError
from edumetrics.inputs import terms
from edumetrics.reports import from_store
from edumetrics.workspace import Workspace

if TYPE_CHECKING:
    # Only the type of a step is needed here.
    from edumetrics.batch.schedule import Step


def brief_week(workspace: Workspace, step: Step, tell: Reporter) -> None:
    """Ask for the paragraphs of a week that are missing, and render its pages with them.

    Nothing is asked where `briefing.yml` leaves briefings off, or where a week has no lists of its
    own. What is set wrongly, or gets no
    answer, is told in a line; the reports then say what they say without paragraphs.
    """
    params = workspace.params.briefing
    if not params.enabled or WEEKLY not in [task.stage for task in step.tasks]:
        return
    try:
        asking = Asking(make_asker(params, workspace.settings), params, workspace.store)
    except SettingsError as error:
        tell(f"No briefings: {error}")
        return
    with workspace.open_college() as college:
        term = terms.find_term(college, step.term, college.find_college_week(workspace.today))
        week = step.position.compute_week(workspace.params.calendar)
        briefings = read_briefings(workspace.store, params, workspace.params.sentences)
        from_store.collect_briefings(workspace, college, term, week, briefings)
        asking.ask_all(briefings.wanted)
        if asking.verdicts[SHOWN]:
            from_store.render_week(workspace, college, term, week, step.folder)
    if asking.verdicts[SHOWN]:
        from_store.write_class_page(workspace, term, week, step.folder)
    counted = ", ".join(f"{count} {verdict}" for verdict, count in asking.verdicts.most_common())
    if counted:
        tell(f"Briefings: {counted}; {asking.tokens} tokens.")
