"""What `edumetrics map` says: a draft of a mapping for a database that nobody described."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from edumetrics import database, params, settings, weeks
from edumetrics.college.draft import looks, matching, writing
from edumetrics.errors import SettingsError
from edumetrics.weeks import Position


def drafted(url: str | None, day: date) -> str:
    """The draft, as a mapping file.

    Args:
        url: the college's database; that of the settings when None.
        day: the day, in whose year and the one before the halves of the year begin.

    Raises:
        SettingsError: the database cannot be reached, or has no table.
    """
    chosen = settings.load()
    calendar = params.load(chosen.params, "native").calendar
    engine = database.college_engine(
        url or chosen.client_db_url,
        calendar.time_zone,
        setting="the URL" if url else "CLIENT_DB_URL",
    )
    try:
        with database.connected(engine, "the URL") as connection:
            tables = looks.tables(connection)
            dialect = connection.dialect.name
    except sa.exc.DBAPIError as error:
        raise database.query_error(error, "its tables") from error
    finally:
        engine.dispose()
    if not any(table.columns for table in tables):
        raise SettingsError(
            "The database has no table that this role can read: look at its grants, or at the URL."
        )
    halves = [
        (name, weeks.slot_start(Position(earlier, slot.offset + 1), calendar).isoformat())
        for earlier in (day.year - 1, day.year)
        for name, slot in calendar.slots.items()
    ]
    return writing.as_yaml(matching.matched(tables), tables, dialect, halves)
