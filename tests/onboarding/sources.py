"""Tables of a college that has no database: only their names and the kinds of their values."""

from __future__ import annotations

from edumetrics.onboarding.profile import SourceColumn, SourceTable


def make_table(
    name: str,
    key: str = "",
    targets: dict[str, tuple[str, str]] | None = None,
    types: dict[str, str] | None = None,
    /,
    **looks: str,
) -> SourceTable:
    """Return a table whose columns hold some kinds of values; `key` is its primary key."""
    columns = (
        SourceColumn(
            column,
            (types or {}).get(column, "text"),
            column == key,
            (targets or {}).get(column),
            look,
        )
        for column, look in looks.items()
    )
    return SourceTable(name, tuple(columns))
