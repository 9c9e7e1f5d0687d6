"""The statements that create a reader with just enough rights, in the dialect of each database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy.engine import Connection

ROLE = "edumetrics_reader"


def format_grants(
    connection: Connection, reads: Mapping[str, Iterable[str]], role: str = ROLE
) -> Iterator[str]:
    """Yield the statements that create a role which may read some columns and nothing else.

    Args:
        connection: the database.
        reads: the columns to read, by table (with its schema, if it is not the default one).
        role: the name of the role to create.

    Yields:
        SQL statements; none for a database that is a file and has no roles.
    """
    dialect, quote = connection.dialect.name, connection.dialect.identifier_preparer.quote
    if dialect == "sqlite":
        return
    if dialect == "postgresql":
        grantee = role
        yield f"CREATE ROLE {role} LOGIN;  -- and a password, or another way to log in"
        # Without USAGE on the schema, SELECT on its tables is of no use.
        for schema in sorted({table.rpartition(".")[0] or "public" for table in reads}):
            yield f"GRANT USAGE ON SCHEMA {quote(schema)} TO {role};"
    else:
        grantee = f"'{role}'@'%'"
        yield f"CREATE USER {grantee};  -- and a password, or another way to log in"
    for table, columns in reads.items():
        # By column where possible: a new column of the table is then not readable by itself.
        named = ", ".join(quote(column) for column in sorted(columns))
        place = ".".join(quote(part) for part in table.split("."))
        yield f"GRANT SELECT{f' ({named})' if named else ''} ON {place} TO {grantee};"
