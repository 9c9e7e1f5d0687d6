"""The output of `edumetrics map`: a draft of a mapping for a database without a description."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from edumetrics import database, params, settings, weeks
from edumetrics.errors import SettingsError
from edumetrics.onboarding import match, profile, wide, write
from edumetrics.onboarding.ready import find_url
from edumetrics.weeks import CollegeWeek


def create_draft(url: str | None, day: date) -> str:
    """Return the draft as the text of a mapping file.

    Args:
        url: the college's database; that of the settings when None.
        day: a day: the draft has the first days of the halves of its year and of the year before.

    Raises:
        SettingsError: the database cannot be reached, or has no table.
    """
    chosen = settings.load()
    # The native calendar: the college's own mapping file does not exist yet.
    calendar = params.load(chosen.params, "native").calendar
    where, setting = find_url(chosen, url)
    engine = database.create_college_engine(where, calendar.time_zone, setting=setting)
    try:
        with database.open_connection(engine, "the URL") as connection:
            tables = profile.describe_tables(connection)
            dialect = connection.dialect.name
    except sa.exc.DBAPIError as error:
        raise database.build_query_error(error, "its tables") from error
    # The draft itself needs no connection.
    finally:
        engine.dispose()
    if not any(table.columns for table in tables):
        raise SettingsError(
            "The database has no table that this role can read: check its grants and the URL."
        )
    halves = [
        (name, weeks.find_slot_start(CollegeWeek(earlier, slot.offset + 1), calendar).isoformat())
        for earlier in (day.year - 1, day.year)
        for name, slot in calendar.slots.items()
    ]
    tables, views = wide.turn_sheets(tables)
    return write.format_yaml(match.find_tables(tables), tables, dialect, halves, views)
