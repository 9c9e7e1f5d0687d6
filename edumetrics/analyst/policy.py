"""The policy view on a stored semester: the effect of other thresholds and capacities."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd
from tqdm.auto import tqdm

from edumetrics.college.outcomes import compute_outcomes
from edumetrics.errors import SettingsError
from edumetrics.inputs.previous_weeks import read_rule_weeks
from edumetrics.inputs.terms import join_values
from edumetrics.reports import figures
from edumetrics.triage import policy
from edumetrics.triage.policy import FinishedSemester
from edumetrics.triage.thresholds import replay_urgencies
from edumetrics.workspace import Workspace, open_workspace

__all__ = ["compute_grid", "load", "plot_policy"]

# The grid that the notebook shows; each grid contains the default share (.15) and capacity (8).
SHARES = (0.10, 0.125, 0.15, 0.175, 0.20)
CAPACITIES = (4, 8, 12)


def load(term: str = "", workspace: Workspace | None = None) -> FinishedSemester:
    """Return a completed semester as it was analysed, with its outcomes.

    Args:
        term: ISO date of the term's first week; the last completed term when empty.
        workspace: settings, parameters and databases; those of the process when None.

    Raises:
        SettingsError: the term does not exist or is not completed, it was never analysed, or no
            outcome of it is known.
    """
    workspace = workspace or open_workspace()
    with workspace.open_college() as college:
        terms = {
            past.name: past
            for past in college.list_terms(college.find_college_week(workspace.today))
            if not past.current
        }
        if not terms or term not in ("", *terms):
            raise SettingsError(
                f"There is no completed term {term}:"
                f" the completed terms are {join_values(list(terms)) or 'none'}."
            )
        name = term or max(terms)
        # The college's connection closes after this block: read everything from it here.
        known = compute_outcomes(college, terms[name])
    metrics = workspace.store.read(
        "weekly_metrics", ("student_id", "sem_week", "advisor_id", "risk_score"), term=name
    )
    params = workspace.params
    if metrics.empty or known.empty:
        what = (
            "was never analysed: run `edumetrics calibrate`"
            if metrics.empty
            else "has no results yet"
        )
        raise SettingsError(f"The term of {name} {what}.")
    calendar = params.calendar
    urgencies = replay_urgencies(
        metrics, calendar, params.triage, params.forecast.smoothing, by_model=False
    )
    # Only weeks with a settled list are judged: not the grace weeks, and not the week after them.
    first = next(
        iter(calendar.get_next_teaching_weeks(calendar.grace_weeks + 1)),
        calendar.teaching_weeks[-1],
    )
    return FinishedSemester(
        metrics=metrics,
        urgencies=urgencies.merge(metrics[["student_id", "sem_week", "advisor_id"]]),
        ruled=read_rule_weeks(workspace, name),
        failed=known[["student_id", "failed"]],
        calendar=calendar,
        first_week=first,
        # The last teaching week but one; the only teaching week where there is no other.
        last_week=calendar.teaching_weeks[-2:][0],
    )


def compute_grid(
    past: FinishedSemester,
    shares: Sequence[float] = SHARES,
    capacities: Sequence[int] = CAPACITIES,
) -> pd.DataFrame:
    """Return the semester's results for each share to list and capacity, ranked by the rules.

    See `triage.policy.compare_policies` for the columns.
    """
    triage = open_workspace().params.triage
    watch = partial(tqdm, desc="policies", leave=False)
    return policy.compare_policies(past, triage, shares, capacities, watch=watch)


def plot_policy(table: pd.DataFrame) -> figures.Picture:
    """Return a figure of what a longer list or more conversations would have achieved."""
    return figures.draw_policy(open_workspace().params.sentences, table)


def __dir__() -> list[str]:
    # What TAB shows.
    return __all__
