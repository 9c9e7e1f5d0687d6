"""What an analyst tries out: another weight, one student's semester, a table to take along. Nothing here is stored."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import pandas as pd
from pydantic import ValidationError

from edumetrics import settings
from edumetrics.errors import SettingsError
from edumetrics.params import RiskWeights
from edumetrics.reports import figures, render
from edumetrics.stages import weekly
from edumetrics.stages.week import Week
from edumetrics.stages.workspace import open_workspace


def reweighed(week: Week, **weights: float) -> pd.DataFrame:
    """Who would cross the watch threshold of the rules' score if some of its weights were others.

    Args:
        week: as `weekly.load` gives it.
        weights: new weights by name, such as `missed_work=30` (see `params/scoring.yml`).

    Returns:
        student_id, class_id, risk_score (now), reweighed, change (joins, leaves), the largest difference first; empty
        where nobody crosses it.

    Raises:
        SettingsError: there is no such weight, or it is below 0.
    """
    params = week.workspace.params
    try:
        changed = RiskWeights.model_validate(
            {**params.scoring.risk_weights.model_dump(), **weights}
        )
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(RiskWeights.model_fields)
        raise SettingsError(
            f"{first['loc'][0]}: {first['msg']}; the weights are {known}."
        ) from error
    values = changed.model_dump().values()
    if not 0 < sum(values) < inf:
        raise SettingsError("The weights must be numbers, and not all of them 0.")
    scoring = params.scoring.model_copy(update={"risk_weights": changed})
    other = replace(week.workspace, params=params.model_copy(update={"scoring": scoring}))
    now, then = (weekly.compute(one).metrics for one in (week, replace(week, workspace=other)))
    table = now[["student_id", "class_id", "risk_score"]].assign(
        reweighed=then["risk_score"].to_numpy()
    )
    is_on, would = (table[name] >= params.triage.watch for name in ("risk_score", "reweighed"))
    table = table.assign(change=would.map({True: "joins", False: "leaves"}))[is_on != would]
    apart = (table["reweighed"] - table["risk_score"]).abs()
    return table.loc[apart.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def semester(student: str, term: str = "") -> figures.Picture:
    """One student's semester so far: attendance, recorded activity and academic performance by week.

    Raises:
        SettingsError: nothing is stored of such a student in that term.
    """
    workspace = open_workspace()
    name = term or str(workspace.store.highest("weekly_metrics", "term") or "")
    measures = ("student_id", "sem_week", "weekly_att_pct", *figures.WORDS)
    rows = workspace.store.read("weekly_metrics", measures, student_id=student, term=name)
    if rows.empty:
        raise SettingsError(f"There is no student {student} in the term of {name}: check the id.")
    return figures.semester(rows, workspace.params.calendar)


def export(table: pd.DataFrame, name: str) -> Path:
    """Write a table as CSV into the folder `exports` of the home, readable by its owner only, and return its path.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    folder = settings.private_folder(open_workspace().settings.home / "exports")
    return render.write_page(folder / f"{render.file_name(name)}.csv", render.safe_csv(table))
