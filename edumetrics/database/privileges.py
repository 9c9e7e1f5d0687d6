"""What the role of a connection could do on its server, whatever its session permits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from sqlalchemy.engine import Connection

from edumetrics.database.urls import MYSQL


def has_write_access(connection: Connection) -> bool:
    """Return whether the role of a connection could write if its session were not read-only."""
    if connection.dialect.name == "sqlite":
        # SQLite has no roles: the permissions of the file decide.
        rows = connection.exec_driver_sql("PRAGMA database_list").all()
        return any(path and os.access(path, os.W_OK) for _, _, path in rows)
    if connection.dialect.name == "postgresql":
        return bool(connection.exec_driver_sql(_PG_COULD_WRITE).scalar())
    if connection.dialect.name in MYSQL:
        grants = [
            re.match("GRANT (.*?) ON ", str(row[0]))
            for row in connection.exec_driver_sql("SHOW GRANTS")
        ]
        # Of a grant only the privileges count, not the tables they are for.
        # Privileges may name columns: SELECT (`a`, `b`).
        held = {
            word
            for grant in grants
            if grant
            for word in re.sub(r"\(.*?\)", "", grant[1]).upper().split(", ")
        }
        return not {word.strip() for word in held} <= {
            "USAGE",
            "SELECT",
            "SHOW VIEW",
            "SHOW DATABASES",
        }
    # An unknown dialect gives no proof that the role cannot write, so the answer is yes.
    return True


def list_extra_access(connection: Connection, own: Iterable[str]) -> list[str]:
    """Return what else the role of a connection could read on its server.

    These are other databases, and tables that are not in `own`. The list is empty if there are
    none, and for every dialect but PostgreSQL.
    """
    if connection.dialect.name != "postgresql":
        return []
    databases = [
        f"the database {name}" for name in connection.exec_driver_sql(_PG_DATABASES).scalars()
    ]
    tables = [
        str(name)
        for name in connection.exec_driver_sql(_PG_TABLES).scalars()
        if name not in set(own)
    ]
    return databases + [f"the table {name}" for name in tables]


# A percent sign is doubled, because the driver reads a single one as the start of a parameter.
_PG_OURS = (
    "c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%%' AND n.nspname <> 'information_schema'"
)
_PG_COULD_WRITE = f"""
SELECT coalesce(bool_or(has_table_privilege(c.oid, 'INSERT')
                        OR has_table_privilege(c.oid, 'UPDATE')
                        OR has_table_privilege(c.oid, 'DELETE')
                        OR has_table_privilege(c.oid, 'TRUNCATE')), false)
       OR EXISTS (SELECT 1 FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\\_%%'
                  AND n.nspname <> 'information_schema' AND has_schema_privilege(n.oid, 'CREATE'))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {_PG_OURS}
"""
_PG_DATABASES = """
SELECT datname FROM pg_database
WHERE datallowconn AND datname <> current_database()
      AND has_database_privilege(oid, 'CONNECT') ORDER BY datname
"""
_PG_TABLES = f"""
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {_PG_OURS} AND has_table_privilege(c.oid, 'SELECT') ORDER BY c.relname
"""
