"""End the statements that this process waits for, so that a signal is answered at once.

Python answers a signal between two steps of its own. A driver that waits for a statement in C takes
none, so that another thread has to end the statement.
"""

from __future__ import annotations

import sqlite3
import weakref
from contextlib import suppress
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

_open: weakref.WeakSet[Any] = weakref.WeakSet()


class SqliteConnection(sqlite3.Connection):
    """A connection that can be found again without keeping it open."""


def watch_connections(engine: Engine) -> None:
    """Remember the connections that an engine opens, as long as they are open."""

    def remember(connection: Any, _: Any) -> None:
        _open.add(connection)

    sa.event.listen(engine, "connect", remember)


def cancel_statements() -> None:
    """Ask the databases to end every statement of this process; each then fails where it waits.

    PyMySQL waits in Python, which a signal ends by itself.
    """
    for connection in list(_open):
        cancel = getattr(connection, "cancel", None) or getattr(connection, "interrupt", None)
        if cancel is not None:
            # A connection that was closed meanwhile has no statement to end.
            with suppress(connection.Error):
                cancel()
