"""What tables a college's database has: their columns, and what it keeps unique."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.database.views import is_select


class Catalogue:
    """The columns and unique keys of some tables and views, read in one pass per schema.

    Attributes:
        columns: for each source, the type of each column.
        places: for each source, its schema (empty for the default one) and name.
        unique: for each source, the sets of columns that the database keeps unique.
    """

    def __init__(self, connection: Connection, sources: list[str]) -> None:
        inspector = sa.inspect(connection)
        self.columns: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {}
        self.places: dict[str, tuple[str, str]] = {}
        self.unique: dict[str, list[set[str | None]]] = {}
        # A name with a point may be that of a schema and a table, or of a table.
        split = [one for one in sources if one.count(".") == 1 and not is_select(one)]
        places = {source.rpartition(".")[::2] for source in split}
        places |= {("", source) for source in sources}
        for schema in sorted({schema for schema, _ in places}):
            names = [name for place, name in places if place == schema]
            asked: dict[str, Any] = {
                "schema": schema or None,  # None is the default schema
                "filter_names": names,
                "kind": sa.engine.reflection.ObjectKind.ANY,  # tables and views
            }
            for (_, name), columns in inspector.get_multi_columns(**asked).items():
                self.places[self._join_name(schema, name)] = schema, name
                self.columns[self._join_name(schema, name)] = {
                    column["name"]: column["type"] for column in columns
                }
            for (_, name), key in inspector.get_multi_pk_constraint(**asked).items():
                self.unique.setdefault(self._join_name(schema, name), []).append(
                    set(key["constrained_columns"])
                )
            for (_, name), constraints in inspector.get_multi_unique_constraints(**asked).items():
                self.unique[self._join_name(schema, name)] += [
                    set(entry["column_names"]) for entry in constraints
                ]
            # A unique index need not be a constraint, so indexes are looked at, too.
            for (_, name), indexes in inspector.get_multi_indexes(**asked).items():
                self.unique[self._join_name(schema, name)] += [
                    set(entry["column_names"]) for entry in indexes if _is_full_index(entry)
                ]

    def has_unique_key(self, source: str, natural: tuple[str, ...]) -> bool:
        """Return whether a unique key of the table lies within a natural key.

        If it does, the natural key cannot repeat.
        """
        # None stands for an expression in an index. It says nothing about the column itself.
        return any(
            key and None not in key and key <= set(natural) for key in self.unique.get(source, [])
        )

    @staticmethod
    def _join_name(schema: str, name: str) -> str:
        return f"{schema}.{name}" if schema else name


def _is_full_index(index: Any) -> bool:
    """Return whether an index is unique over all rows, and not only over some of them."""
    # A partial index has its condition in the options of the dialect. Any option rules the index
    # out: a wrong "not unique" costs time, a wrong "unique" lets duplicates through.
    return bool(index["unique"]) and not any(index.get("dialect_options", {}).values())
