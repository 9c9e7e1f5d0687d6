"""The policy view on a stored semester: what other thresholds and capacities would have meant."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from edumetrics.college.outcomes import outcomes
from edumetrics.errors import SettingsError
from edumetrics.reports import figures
from edumetrics.stages.terms import listed
from edumetrics.stages.workspace import Workspace, open_workspace
from edumetrics.triage import policy
from edumetrics.triage.policy import Past
from edumetrics.triage.rules import LAST_WEEK, RULES

WATCHES = (35, 40, 45, 50, 55)
CAPACITIES = (4, 8, 12)
RULED = frozenset({*RULES, *(name + LAST_WEEK for name in RULES)})


def load(term: str = "", workspace: Workspace | None = None) -> Past:
    """A semester that is over, as it was analysed, with its outcomes.

    Args:
        term: ISO date of its first week; the last completed one when empty.
        workspace: where; that of the settings when None.

    Raises:
        SettingsError: no such completed term, it was never analysed, or nothing is known of its outcomes.
    """
    workspace = workspace or open_workspace()
    with workspace.college() as college:
        terms = {
            past.name: past
            for past in college.terms(college.position(workspace.today))
            if not past.current
        }
        if not terms or term not in ("", *terms):
            raise SettingsError(
                f"There is no completed term {term}: they are {listed(list(terms)) or 'none'}."
            )
        name = term or max(terms)
        known = outcomes(college, terms[name])
    metrics = workspace.store.read(
        "weekly_metrics", ("student_id", "sem_week", "advisor_id", "risk_score"), term=name
    )
    if metrics.empty or known.empty:
        what = (
            "was never analysed: run `edumetrics calibrate`"
            if metrics.empty
            else "has no results yet"
        )
        raise SettingsError(f"The term of {name} {what}.")
    calendar = workspace.params.calendar
    first = next(
        iter(calendar.next_teaching_weeks(calendar.grace_weeks + 1)), calendar.teaching_weeks[-1]
    )
    return Past(
        metrics=metrics,
        ruled=ruled(workspace, name),
        failed=known[["student_id", "failed"]],
        calendar=calendar,
        first_week=first,
        last_week=calendar.teaching_weeks[-2:][0],
    )


def ruled(workspace: Workspace, term: str) -> pd.DataFrame:
    """student_id, sem_week: where a hard rule stood, this week's or last week's; whoever it was is on the list."""
    flags = workspace.store.read("weekly_flags", ("student_id", "sem_week", "reasons"), term=term)
    stood = (
        flags["reasons"]
        .map(lambda records: any(record["code"] in RULED for record in records))
        .astype(bool)
    )
    return flags.loc[stood, ["student_id", "sem_week"]]


def grid(
    past: Past, watches: Sequence[float] = WATCHES, capacities: Sequence[int] = CAPACITIES
) -> pd.DataFrame:
    """The semester under every pair of a watch threshold and a capacity; see `triage.policy.grid`."""
    return policy.grid(past, open_workspace().params.triage, watches, capacities)


def picture(table: pd.DataFrame) -> figures.Picture:
    """What a longer list or more conversations would have bought, as one figure."""
    return figures.policy(table)
