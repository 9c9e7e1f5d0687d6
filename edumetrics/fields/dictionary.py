"""The data dictionary, made from the records: `make docs` writes it."""

from __future__ import annotations

from edumetrics.fields.record import Field, TableRecord
from edumetrics.fields.relations import RELATIONS
from edumetrics.fields.tables import TABLES


def write_dictionary() -> str:
    """Return the data dictionary in Markdown: every table, and every column read of a college."""
    parts = ["# Data dictionary\n", "Made from `edumetrics/fields/` by `make docs`.\n"]
    for title, tables in (("The analysis", TABLES), ("What is read of the college", RELATIONS)):
        parts.append(f"## {title}\n")
        for table in tables.values():
            parts.append(f"### {table.name}\n\n{table.meaning[0].upper()}{table.meaning[1:]}.\n")
            parts.append("| column | type | meaning | unit | empty means |\n|---|---|---|---|---|")
            parts += [_row(table, field) for field in table.fields]
            unread = ", ".join(f"`{name}`" for name in getattr(table, "unread", ()))
            parts.append(f"\nNever read: {unread}.\n" if unread else "")
    return "\n".join(parts)


def _row(table: TableRecord, field: Field) -> str:
    name = f"**{field.name}**" if field.name in table.key else field.name
    bounds = "" if field.low is None or field.high is None else f" {field.low:g} to {field.high:g}"
    return f"| {name} | {field.kind} | {field.meaning} | {field.unit}{bounds} | {field.null} |"
