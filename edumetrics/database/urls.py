"""Database URLs: which are understood, what they name, and whether it is on this machine."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from edumetrics.errors import SettingsError

# SQLAlchemy names the two apart; here they behave alike.
MYSQL = ("mysql", "mariadb")
ENGINES = ("postgresql", *MYSQL, "sqlite")
# How hosts of databases write the name of PostgreSQL.
SPELLINGS = {"postgres": "postgresql"}


def parse_url(url: str, setting: str) -> URL:
    """Return a parsed URL that names its driver.

    Raises:
        SettingsError: it is no URL, or that of a database which is not supported.
    """
    scheme, _, path = url.partition(":///")
    # The name of a file may have any sign, those of URLs too.
    if scheme == "sqlite" and path and ("?" not in path or Path(path).exists()):
        return URL.create(scheme, database=path)
    try:
        parsed = make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise SettingsError(
            f"{setting} is not a database URL: "
            "write it like postgresql://user@host/name or sqlite:///file.db."
        ) from None
    name, plus, driver = parsed.drivername.partition("+")
    parsed = parsed.set(drivername=f"{SPELLINGS.get(name, name)}{plus}{driver}")
    if SPELLINGS.get(name, name) not in ENGINES:
        raise SettingsError(
            f"{setting} names a database of the kind {name}, which is not read directly: copy it to"
            " PostgreSQL, MariaDB or SQLite, or export its tables to files and import those."
        )
    if parsed.drivername == "postgresql":
        # SQLAlchemy 2.1 reads postgresql:// without a driver as psycopg 3; we ship psycopg2.
        parsed = parsed.set(drivername="postgresql+psycopg2")
    if parsed.drivername in MYSQL:
        parsed = parsed.set(drivername=f"{parsed.drivername}+pymysql")
    return parsed


# Where servers listen as a rule.
PORTS = {"postgresql": 5432, "mysql": 3306}


def is_on_this_machine(host: str | None) -> bool:
    """Return whether what is sent to a host leaves this machine; a path is that of a socket."""
    return host in (None, "", "localhost", "127.0.0.1", "::1") or str(host).startswith("/")


def is_same_database(first: str, second: str) -> bool:
    """Return whether two URLs name the same database, with any login; False if one is not valid."""
    try:
        one, other = make_url(first), make_url(second)
    except sa.exc.ArgumentError:
        return False
    return _describe_place(one) == _describe_place(other)


def _describe_place(url: URL) -> tuple[object, ...]:
    """Return what tells one database from another, however its URL is spelt.

    A file has one place, a server one name for this machine and a port that it listens on where
    none is given; how to sign in and to encrypt is none of it.
    """
    kind = url.get_backend_name().replace("mariadb", "mysql")
    if kind == "sqlite":
        named = url.database not in (None, "", ":memory:")
        return kind, Path(str(url.database)).resolve() if named else url.database
    # A socket, or a host that is given among the options.
    places = {
        name: url.query[name] for name in ("host", "port", "unix_socket") if name in url.query
    }
    host = places.pop("host", url.host)
    local = is_on_this_machine(str(host or "")) and not str(host).startswith("/")
    port = places.pop("port", url.port or PORTS.get(kind))
    return kind, "localhost" if local else host, str(port), url.database, *places.items()
