"""The clock of a session whose server knows no zones: it stands at one offset, whatever the day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy.engine import Connection

from edumetrics.database.urls import MYSQL


def find_fixed_offset(connection: Connection) -> timedelta | None:
    """Return the offset at which a session reads moments of any day.

    None where it reads each by the offset of its own day, as it does where it knows the zone.
    """
    if connection.dialect.name not in MYSQL:
        return None
    set_to = str(connection.exec_driver_sql("SELECT @@session.time_zone").scalar())
    if set_to[:1] not in "+-":
        return None
    hours, minutes = map(int, set_to[1:].split(":"))
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if set_to[0] == "-" else offset


@contextmanager
def hold_offset(connection: Connection, offset: timedelta) -> Iterator[None]:
    """Let a session with a fixed offset read moments by another one, within the block."""
    before = connection.exec_driver_sql("SELECT @@session.time_zone").scalar()
    minutes = int(offset.total_seconds()) // 60
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    connection.exec_driver_sql("SET time_zone = %s", (f"{sign}{hours:02d}:{rest:02d}",))
    try:
        yield
    finally:
        connection.exec_driver_sql("SET time_zone = %s", (before,))
