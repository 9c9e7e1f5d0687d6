"""Tools for analysts: try other weights, look at one student's semester, export a table.

Nothing here is written to the analysis database.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd
from IPython.display import HTML
from pydantic import ValidationError

from edumetrics import settings
from edumetrics.analysis.written import Subject
from edumetrics.analyst import queries
from edumetrics.analyst.filters import Filters, suggest_alike
from edumetrics.errors import SettingsError
from edumetrics.inputs.week import Week
from edumetrics.params import RiskWeights
from edumetrics.plain import export_safe_csv
from edumetrics.reports import figures, galaxy, render, tables
from edumetrics.stages import weekly
from edumetrics.workspace import open_workspace

__all__ = ["compare_weights", "export", "plot_class", "plot_galaxy", "plot_semester", "show"]


def compare_weights(week: Week, **weights: float) -> pd.DataFrame:
    """Return the students who would cross the shipped list threshold of the risk score.

    Args:
        week: the result of `weekly.load`.
        weights: new weights by name, such as `missed_work=30` (see `params/scoring.yml`).

    Returns:
        student_id, class_id, risk_score (now), reweighed (with the new weights), change (joins or
        leaves), with the largest difference first; no rows where nobody crosses the threshold.

    Raises:
        SettingsError: a weight does not exist or is below 0, or the weights do not have a finite
            sum above 0.
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
    # Scores are divided by the sum of the weights: a sum of 0 or infinity would give no score.
    values = changed.model_dump().values()
    if not 0 < sum(values) < inf:
        raise SettingsError("The weights must be finite numbers, and at least one must be above 0.")
    scoring = params.scoring.model_copy(update={"risk_weights": changed})
    # The parameters are frozen, so the trial changes a copy and never the week of the caller.
    other = replace(week.workspace, params=params.model_copy(update={"scoring": scoring}))
    now, then = (weekly.compute(one).metrics for one in (week, replace(week, workspace=other)))
    # Both tables have the same students in the same order, because they come from the same records.
    table = now[["student_id", "class_id", "risk_score"]].assign(
        reweighed=then["risk_score"].to_numpy()
    )
    is_on, would = (table[name] >= params.triage.list_at for name in ("risk_score", "reweighed"))
    table = table.assign(change=would.map({True: "joins", False: "leaves"}))[is_on != would]
    apart = (table["reweighed"] - table["risk_score"]).abs()
    return table.loc[apart.sort_values(ascending=False, kind="stable").index].reset_index(drop=True)


def show(frame: pd.DataFrame, by: str = "", *, ascending: bool = True) -> Any:
    """Return a table for JupyterLab, with words and units, sortable and searchable.

    Args:
        frame: the answer to a question.
        by: the column to sort by, which then stands next to who and when.
        ascending: whether the lowest come first.

    Raises:
        SettingsError: the table has no column `by`.
    """
    table = tables.arrange_columns(frame, by, ascending=ascending)
    try:
        import itables
    except ImportError:
        # The extra `lab` is not installed: the same table, which does not search.
        return tables.show_table(table, "shown", digits=1)
    _load_search()
    html = itables.to_html_datatable(
        table.round(1),
        connected=False,
        showIndex=False,
        order=[],
        # Without `nowrap`: a sentence takes several lines, and no column is out of view for it.
        classes="display compact",
        columnDefs=[{"className": "dt-left", "targets": "_all"}],
    )
    return HTML(html)


@cache
def _load_search() -> None:
    """Put the library that sorts and searches into the notebook, once; nothing is fetched."""
    import itables

    itables.init_notebook_mode(all_interactive=False, connected=False)


def plot_semester(student: str, term: str = "") -> figures.Picture:
    """Return a figure of one student's semester so far, week by week.

    It shows attendance, recorded activity and academic performance.

    Args:
        student: the student_id.
        term: ISO date of the term's first week; the newest analysed term when empty.

    Raises:
        SettingsError: nothing is stored of this student in this term.
    """
    return _draw_weeks({"student_id": student}, term, f"student {student}")


def plot_class(class_id: str, term: str = "") -> figures.Picture:
    """Return the same figure of a class: the medians of its students, week by week.

    Args:
        class_id: the class.
        term: ISO date of the term's first week; the newest analysed term when empty.

    Raises:
        SettingsError: nothing is stored of this class in this term.
    """
    return _draw_weeks({"class_id": class_id}, term, f"class {class_id}")


def _draw_weeks(about: dict[str, str], term: str, kind: str) -> figures.Picture:
    workspace = open_workspace()
    # Terms are named by ISO dates, so the highest name is the newest term.
    name = term or str(workspace.store.find_highest("weekly_metrics", "term") or "")
    measures = ["weekly_att_pct", *figures.MEASURES]
    rows = workspace.store.read(
        "weekly_metrics", ("student_id", "sem_week", *measures), **about, term=name
    )
    if rows.empty:
        known = workspace.store.list_values("weekly_metrics", next(iter(about)))
        alike = suggest_alike(next(iter(about.values())), known)
        raise SettingsError(f"There is no {kind} in the term of {name}: {alike}")
    weeks = rows.groupby("sem_week")[measures].median().reset_index()
    return figures.draw_semester(workspace.params.sentences, weeks, workspace.params.calendar)


def plot_galaxy(class_id: str, week: int = 0, term: str = "") -> figures.Picture | None:
    """Return a class as points, recorded activity against academic performance.

    Students on a list have their ids beside their points. None where too few students have both.

    Args:
        class_id: the class.
        week: the semester week; the newest analysed one when 0.
        term: ISO date of the term's first week; the newest analysed term when empty.

    Raises:
        SettingsError: there is no such class, week or term.
    """
    asked: Filters = {"class_id": class_id, "week": week or None, "term": term or None}
    metrics, flags = queries.student_performance(**asked), queries.flagged(**asked)
    tiers = flags.set_index("student_id")["risk_tier"]
    found = galaxy.build_galaxy(open_workspace().params.sentences, metrics, tiers)
    return None if found is None else found.draw(named=True)


def export(table: pd.DataFrame, name: str) -> Path:
    """Write a table as CSV into the folder `exports` of the home, and return its path.

    Only the owner can read the file.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    workspace = open_workspace()
    folder = settings.create_private_folder(workspace.settings.home / "exports")
    # `safe_csv` keeps a spreadsheet from running a text as a formula.
    path = folder / f"{render.escape_file_name(name)}.csv"
    render.write_page(path, export_safe_csv(table))
    workspace.files.add({path: Subject("", 0, f"export {path.name}")}, "export")
    return path


def __dir__() -> list[str]:
    # What TAB shows.
    return __all__
