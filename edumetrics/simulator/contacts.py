"""What advisors of the demo college do about their lists: contacts, entered week by week."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from edumetrics.batch.progress import Reporter
from edumetrics.interventions import entries
from edumetrics.simulator import demo
from edumetrics.simulator.cohort import SimulationPlan
from edumetrics.stages import BY_NAME
from edumetrics.workspace import Workspace

# By week: what an advisor does about the first names of that week's list, in order of rank. Week 10
# is the newest week of a new demo college; its list waits for whoever looks at it.
KINDS = {
    4: ("talked", "no answer"),
    5: ("talked", "known reason", "talked"),
    6: ("no answer", "talked", "wrong flag"),
    7: ("talked", "referred", "no answer"),
    9: ("talked", "talked", "talked", "no answer"),
}
# So many advisors enter contacts, in order of advisor_id: `demo.ADVISOR_ID` is the first.
ADVISORS = 3


def follow_lists(workspace: Workspace, plan: SimulationPlan, tell: Reporter) -> Reporter:
    """Return a reporter that passes everything on, and enters contacts when a list is done.

    They are entered before the next week is computed, as people would do it: so each week's list
    knows the contacts of the weeks before.
    """
    term = plan.compute_term_start(demo.TERM).isoformat()

    def tell_and_log(line: str, /, **fields: object) -> None:
        tell(line, **fields)
        stage, week = BY_NAME.get(str(fields.get("stage"))), fields.get("week")
        # Only a stage that analyses a week makes its list.
        if stage and stage.analyses and fields["term"] == term and week in KINDS:
            log_week(workspace, term, int(str(week)))

    return tell_and_log


def log_week(workspace: Workspace, term: str, week: int) -> int:
    """Enter the contacts of a week of `KINDS`, once, and return how many were entered.

    They are dated the Tuesday after the week whose list they answer.
    """
    store = workspace.store
    # A week may be computed again, for example after a run that was interrupted.
    if len(store.read("intervention_log", ("id",), term=term, sem_week=week)):
        return 0
    columns = ("student_id", "advisor_id", "triage_rank", "within_capacity")
    flags = store.read("weekly_flags", columns, term=term, sem_week=week)
    lists = flags[flags["within_capacity"]].sort_values("triage_rank").groupby("advisor_id")
    checker = entries.EntryChecker(workspace)
    # Mails that tell of a contact date it by the demo's calendar, in which today is another day.
    tuesday = date.fromisoformat(term) + timedelta(weeks=week, days=1)
    return entries.store(
        store,
        [
            checker.check_entry(student, kind, week=week, by=str(advisor))
            for advisor, names in list(lists["student_id"])[:ADVISORS]
            # A list may be shorter than what would be done about it.
            for student, kind in zip(names, KINDS[week], strict=False)
        ],
        datetime.combine(tuesday, time(10)),
    )
