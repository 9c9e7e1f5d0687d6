"""What `edumetrics check` and `edumetrics status` say."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from edumetrics.college import health
from edumetrics.database import could_write
from edumetrics.fields import RELATIONS
from edumetrics.stages.workspace import open_workspace

GRANT = "On a server, give it one with SELECT only: GRANT SELECT ON ALL TABLES IN SCHEMA ... TO that role."
RUNS_SHOWN = 5


def report() -> Iterator[str]:
    """Look at the college without changing anything, and say what was found, line by line.

    Raises:
        SettingsError: a setting is wrong, a database cannot be reached, or the mapping does not fit.
    """
    workspace = open_workspace()
    calendar = workspace.params.calendar
    with workspace.college() as college:
        yield f"College database: connected, {college.connection.dialect.name}, mapping {workspace.settings.college}."
        if could_write(college.connection):
            yield f"Warning: the session is read-only, but its role could write. {GRANT}"
        for name in RELATIONS:
            relation = college.relations[name]
            if relation is None:
                yield f"  {name:<24} none"
            else:
                rows = college.frame(sa.select(sa.func.count().label("rows")).select_from(relation.rows), name)
                yield f"  {name:<24} {int(rows['rows'].iloc[0]):>10,} rows"
        position = college.position(workspace.today)
        yield f"The last complete week is {position.week(calendar)} of {position.label(calendar)}."
        term = college.current_term(position)
        if term is None:
            yield "No term is in session."
            return
        yield f"The term in session began on {term.name}, with {len(term.pairings)} classes."
        yield from _health_lines(health.findings(college, term, max(position.week(calendar), 1)))


def status() -> Iterator[str]:
    """Where the college and the analysis are, the last runs, and the feeds, line by line.

    Raises:
        SettingsError: as `report`.
    """
    workspace = open_workspace()
    calendar = workspace.params.calendar
    with workspace.college() as college:
        position, done = college.position(workspace.today), workspace.store.position()
        yield f"College:  week {position.week(calendar)} of {position.label(calendar)}"
        yield "Analysis: " + ("not begun" if done is None else f"week {done.week(calendar)} of {done.label(calendar)}")
        runs = workspace.store.read("run_log").sort_values("started_at", ascending=False).head(RUNS_SHOWN)
        for row in runs.to_dict("records"):
            rows = "" if pd.isna(row["rows_written"]) else f", {int(row['rows_written'])} rows"
            why = "" if pd.isna(row["error"]) else f": {row['error']}"
            what = f"{row['stage']} week {int(row['sem_week'])} of {row['term']}: {row['status']}"
            yield f"  {row['started_at']:%Y-%m-%d %H:%M}  {what}{rows}{why}"
        term = college.current_term(position)
        weeks = calendar.last_teaching_weeks(position.week(calendar), 1)
        if term is not None and weeks:
            found = health.findings(college, term, weeks[0])
            yield from _health_lines(found[found["check"].str.endswith(": feed")])


def _health_lines(found: pd.DataFrame) -> Iterator[str]:
    for row in found.to_dict("records"):
        where = "" if row["class_id"] == health.EVERYWHERE else f" [{row['class_id']}]"
        examples = f" Such as {', '.join(row['examples'])}." if row["examples"] else ""
        yield f"  {row['status']:<5} {row['check']}{where}: {row['message']}{examples}"
