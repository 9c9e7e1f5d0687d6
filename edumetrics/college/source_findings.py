"""Findings about the databases of a college that has several: how old each copy is, and its clock.

One that is behind the others, or whose clock is another one, would be read as a quiet week.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.college.reader import keep
from edumetrics.college.terms import College, Term
from edumetrics.database import (
    build_query_error,
    compose_source,
    expand_settings,
    parse_query,
    run_query,
)
from edumetrics.errors import SettingsError
from edumetrics.fields import EVERYWHERE, FINDING_COLUMNS
from edumetrics.params.college import SourceDatabase, SourceMapping

# What a database that was made of files says about itself.
IMPORTED = "imported_by_edumetrics"
# A copy that is older than the others by more than this is told.
BEHIND = timedelta(days=1)


def check_sources(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return the moment of each source, and what is wrong with it.

    A college in one database that says nothing about its newest moment has no finding.

    Returns:
        As `health.check_health`. The status is `block` where a source ends before the week does.
    """
    sources = college.params.college.databases
    if len(sources) == 1 and not any(source.newest for source in sources.values()):
        return pd.DataFrame(columns=list(FINDING_COLUMNS))
    moments = read_moments(college)
    newest, zone = max(moments.values()), college.params.calendar.zone
    ends = term.list_week_ends(week)["week_end"]
    rows = []
    for name, moment in moments.items():
        local = moment.astimezone(zone)
        rows.append((f"sources: {name}", "ok", f"{name} was read as of {local:%Y-%m-%d %H:%M}."))
        if newest - moment > BEHIND:
            late = ends.size and local.replace(tzinfo=None) < ends.max()
            days = (newest - moment).days
            rows.append(
                (
                    f"{name}: behind",
                    "block" if late else "warn",
                    f"{name} ends on {local:%Y-%m-%d}, {days} day{'s' if days > 1 else ''} before "
                    f"the other databases{f', within week {week}' if late else ''}.",
                )
            )
    rows += _check_clocks(college, sources)
    return pd.DataFrame(
        [(check, EVERYWHERE, status, 0, [], said) for check, status, said in rows],
        columns=list(FINDING_COLUMNS),
    )


def _check_clocks(
    college: College, sources: dict[str, SourceDatabase]
) -> list[tuple[str, str, str]]:
    """Return a finding for each source of which moments without a zone may be hours off."""
    own = datetime.now(college.params.calendar.zone).utcoffset() or timedelta()
    rows = []
    for name in sources:
        offset = college.sources.find_offset(name)
        clocked = sorted(
            f"{relation.table.name}.{column}"
            for relation in college.relations.values()
            if relation is not None and relation.home == name
            for column in relation.clocked
        )
        if offset is not None and clocked and offset != own:
            rows.append(
                (
                    f"{name}: clock",
                    "warn",
                    f"The server of {name} is {_format_hours(offset - own)} of the college's, and "
                    f"{clocked[0]} has moments without a zone.",
                )
            )
    return rows


def _format_hours(by: timedelta) -> str:
    hours = abs(by.total_seconds()) / 3600
    return f"{hours:g} hour{'' if hours == 1 else 's'} {'ahead' if by > timedelta() else 'behind'}"


@keep()
def read_moments(college: College) -> dict[str, datetime]:
    """Return the moment up to which each source has records, with a zone.

    Of a source that is no copy it is the moment at which it was opened.

    Raises:
        SettingsError: a source's `newest` fails, or yields no moment.
    """
    zone, sources = college.params.calendar.time_zone, college.sources
    moments = {}
    for mapping in college.params.college.list_sources():
        newest = read_newest(sources.connections[mapping.name], mapping, zone)
        moments[mapping.name] = sources.opened if newest is None else newest
    return moments


def read_newest(connection: Connection, mapping: SourceMapping, time_zone: str) -> datetime | None:
    """Return the newest moment of a source, with a zone; None where nothing says how old it is.

    A SELECT of the mapping (`newest`) says it, or the day on which files were imported.

    Args:
        connection: to the source.
        mapping: what the source is.
        time_zone: the college's zone.

    Raises:
        SettingsError: the SELECT fails, or yields no moment.
    """
    what = f"the newest moment of {mapping.name}"
    text = mapping.source.newest
    if text:
        dialect = connection.dialect.name
        plain = expand_settings(text, mapping.settings, dialect)
        query = parse_query(compose_source(plain, {}, dialect), dialect, what)
        return _read_moment(connection, query, what, mapping.source.time_zone or time_zone)
    if not sa.inspect(connection).has_table(IMPORTED):
        return None
    newest = f"SELECT MAX(imported_at) FROM {IMPORTED}"
    return _read_moment(connection, newest, what, "UTC")


def _read_moment(connection: Connection, query: str, what: str, zone: str) -> datetime:
    try:
        value = run_query(connection, query).scalar()
    except sa.exc.DBAPIError as error:
        raise build_query_error(error, what) from error
    if isinstance(value, int | float) or str(value).isdigit():
        return datetime.fromtimestamp(int(str(value).partition(".")[0]), UTC)
    moment = pd.to_datetime(str(value), errors="coerce", format="ISO8601")
    if value is None or pd.isna(moment):
        raise SettingsError(f"The SELECT for {what} yields no moment: correct it.")
    local = moment if moment.tzinfo else moment.tz_localize(ZoneInfo(zone))
    return local.to_pydatetime().astimezone(UTC)
