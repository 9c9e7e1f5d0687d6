"""The time zone of a college in SQL, for databases that may not know zones by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

# Years of which the transitions are written out.
FIRST_YEAR, LAST_YEAR = 1990, 2040
_SIGN = "'(Z|[-+][0-9:]{2,6})$'"


@cache
def list_transitions(zone: str) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return the first offset of a zone, and each moment from which it has another.

    Returns:
        Seconds east of UTC; and pairs of seconds since 1970 and the offset from then on.
    """
    at = ZoneInfo(zone)

    def find_offset(second: int) -> int:
        offset = datetime.fromtimestamp(second, UTC).astimezone(at).utcoffset()
        return int((offset or timedelta()).total_seconds())

    begin, end = (
        int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (FIRST_YEAR, LAST_YEAR)
    )
    found, day = [], 24 * 3600
    for start in range(begin, end, day):
        low, high = start, start + day
        if find_offset(low) == find_offset(high):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if find_offset(middle) != find_offset(low) else (middle, high)
        found.append((high, find_offset(high)))
    return find_offset(begin), tuple(found)


def build_mysql_moment(seconds: str, zone: str) -> str:
    """Return an expression of MySQL for the local moment of seconds since 1970."""
    offset = _build_offset(seconds, zone, local=False)
    return f"DATE_ADD(TIMESTAMP('1970-01-01'), INTERVAL ({seconds}) + {offset} SECOND)"


def _build_offset(seconds: str, zone: str, *, local: bool) -> str:
    """Return the offset of a zone at seconds since 1970, or at as many seconds of its own clock."""
    first, changes = list_transitions(zone)
    if not changes:
        return str(first)
    offsets = [first, *(after for _, after in changes)]
    # Of an hour that the clock shows twice the first one is meant.
    moments = [
        moment + (max(offsets[place : place + 2]) if local else 0)
        for place, (moment, _) in enumerate(changes)
    ]
    # INTERVAL finds a value's place among others, which ELT turns into the offset.
    return (
        f"ELT(1 + INTERVAL({seconds}, {', '.join(map(str, moments))}), "
        f"{', '.join(map(str, offsets))})"
    )


def build_mysql_day_from(text: str, there: str, zone: str) -> str:
    """Return an expression of MySQL for the day in a zone of a moment on the clock of another."""
    moment = f"CAST(REPLACE(LEFT({text}, 16), 'T', ' ') AS DATETIME)"
    return f"DATE({build_mysql_moment(build_mysql_seconds(moment, there), zone)})"


def build_mysql_seconds(moment: str, zone: str) -> str:
    """Return an expression of MySQL for the seconds since 1970 of a moment on a zone's clock."""
    clock = f"TIMESTAMPDIFF(SECOND, TIMESTAMP('1970-01-01'), {moment})"
    return f"({clock} - {_build_offset(clock, zone, local=True)})"


def build_mysql_day(text: str, zone: str) -> str:
    """Return an expression of MySQL for the local day of a text with an offset or a Z."""
    mark = f"REGEXP_SUBSTR({text}, {_SIGN})"
    minutes = f"IF(LENGTH({mark}) > 3, RIGHT({mark}, 2), 0)"
    offset = (
        f"IF({mark} = 'Z', 0, IF(LEFT({mark}, 1) = '-', -60, 60)"
        f" * (60 * SUBSTR({mark}, 2, 2) + {minutes}))"
    )
    # Days and offsets change at whole minutes, so that seconds need not be read.
    moment = f"CAST(REPLACE(LEFT({text}, 16), 'T', ' ') AS DATETIME)"
    seconds = f"(TIMESTAMPDIFF(SECOND, TIMESTAMP('1970-01-01'), {moment}) - {offset})"
    return f"DATE({build_mysql_moment(f'FLOOR({seconds})', zone)})"
