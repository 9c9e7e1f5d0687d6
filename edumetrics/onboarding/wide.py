"""Wide sheets in a draft: a column for each day or item becomes a row for each cell.

A register has a column a session, whose heading begins with its day; a gradebook a column an item.
Sheets that are alike but for the end of their names (`register_A`, `register_B`) are one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from edumetrics.onboarding.profile import SourceColumn, SourceTable

# So many columns with a number in their names are items or days.
WIDE = 4
DAY = re.compile(r"^\d{4}-\d{2}-\d{2}")


def turn_sheets(tables: Sequence[SourceTable]) -> tuple[list[SourceTable], dict[str, str]]:
    """Return the tables, with a view in the place of wide ones, and the SELECTs of these views.

    Args:
        tables: every table of a database.
    """
    groups: dict[tuple[object, ...], list[SourceTable]] = {}
    plain = []
    for table in tables:
        if is_wide(table):
            kept = tuple(c.name for c in table.columns if not _is_numbered(c))
            prefix = table.name.rpartition("_")[0] or table.name
            groups.setdefault((prefix, kept), []).append(table)
        else:
            plain.append(table)
    views: dict[str, str] = {}
    for alike in groups.values():
        days = all(DAY.match(c.name) for table in alike for c in table.columns if _is_numbered(c))
        # The names of schema matching: so a turned sheet is found like any other table.
        name = "attendance_record" if days else "assignment_submission"
        name = name if name not in views else f"{name}_{len(views)}"
        turned, views[name] = _turn(name, alike, days=days)
        plain.append(turned)
    return plain, views


def is_wide(table: SourceTable) -> bool:
    """Return whether a sheet has a column for each item or day, as its numbered names say."""
    numbered = sum(map(_is_numbered, table.columns))
    others = len(table.columns) - numbered
    return numbered >= WIDE and 0 < others <= numbered


def _is_numbered(column: SourceColumn) -> bool:
    return any(sign.isdigit() for sign in column.name)


def _turn(name: str, alike: list[SourceTable], *, days: bool) -> tuple[SourceTable, str]:
    """Return what wide sheets look like turned, and the SELECT that turns them."""
    kept = [column for column in alike[0].columns if not _is_numbered(column)]
    cells = [column for table in alike for column in table.columns if _is_numbered(column)]
    looks = [column.look for column in cells if column.look != "empty"]
    prefix = f"{alike[0].name.rpartition('_')[0]}_"
    pattern = alike[0].name if len(alike) == 1 else f"{prefix}*"
    heading, cell = ("session_date", "status") if days else ("assignment_id", "marks")
    # Who a sheet is about may have a column named ID; a row of the turned one has a number.
    own = [column for column in kept if column.name.lower() != "id"]
    made = {
        "id": "ROW_NUMBER() OVER (ORDER BY turned.table_name, turned.heading)",
        heading: "substr(turned.heading, 1, 10)" if days else "turned.heading",
        cell: "turned.cell",
    }
    if len(alike) > 1:
        made["course"] = f"substr(turned.table_name, {len(prefix) + 1})"
    listed = [f'turned."{column.name}"' for column in own]
    listed += [f"{said} AS {column}" for column, said in made.items()]
    named = ", ".join(f'"{column.name}"' for column in kept)
    select = f"SELECT {', '.join(listed)} FROM {{cells({pattern}, {named})}} AS turned"
    held = {"id": "whole", cell: max(set(looks), key=looks.count, default="text")}
    held |= {heading: "date"} if days else {}
    columns = [
        SourceColumn(column, "text", key=False, target=None, look=held.get(column, "text"))
        for column in made
    ]
    return SourceTable(name, (*own, *columns)), select
