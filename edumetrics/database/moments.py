"""Days as colleges write them: one grammar for all databases, and what is a day of the college."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

FIRST_DAY = "1990-01-01"
YEARS_AHEAD = 2
_MONTHS = (
    "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_LEAP_DAYS = "(199[26]|20([02468][048]|[13579][26]))-02-29"
_DAY = f"((199[0-9]|20[0-9][0-9])-{_MONTHS}|{_LEAP_DAYS})"
_TIME = "[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
LOCAL_DAY = f"^{_DAY}({_TIME})?$"
ZONED_DAY = f"^{_DAY}{_TIME} ?(Z|[-+][01][0-9](:?[0-5][0-9])?)$"


def find_last_day(today: date | None = None) -> str:
    """Return the last ISO date that is believed, two years from today."""
    today = today or datetime.now(UTC).date()
    return (today + timedelta(days=366 * YEARS_AHEAD)).isoformat()


def read_college_day(value: object, zone: ZoneInfo, there: ZoneInfo | None = None) -> str | None:
    """Return what `convert_to_local_day` does, if the day is believed."""
    day = convert_to_local_day(value, zone, there)
    return day if day is not None and FIRST_DAY <= day <= find_last_day() else None


def convert_to_moment(value: object, zone: ZoneInfo) -> str | None:
    """Return the local moment of seconds since 1970 as an ISO text; None for 0 and other values."""
    if not isinstance(value, int | float) or not value:
        return None
    try:
        return datetime.fromtimestamp(value, zone).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return None


def convert_to_seconds(value: object, zone: str) -> int | None:
    """Return the seconds since 1970 of a text with a moment on a zone's clock; None for others."""
    text = str(value).strip(" ")
    if not re.fullmatch(LOCAL_DAY, text, re.ASCII):
        return None
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def convert_to_local_day(
    value: object, zone: ZoneInfo, there: ZoneInfo | None = None
) -> str | None:
    """Return the ISO date of a moment in a zone; None where the value is no moment.

    Args:
        value: a text, or a number of seconds since 1970; 0 is no moment.
        zone: the college's time zone.
        there: the zone of a moment without a zone; the college's when None.
    """
    if isinstance(value, int | float):
        moment = convert_to_moment(value, zone)
        return moment[:10] if moment else None
    text = str(value).strip(" ")
    if re.fullmatch(LOCAL_DAY, text, re.ASCII) and "\n" not in text:
        if there is None or len(text) == len("2026-01-31"):
            return text[:10]
        moved = datetime.fromisoformat(text).replace(tzinfo=there)
        return moved.astimezone(zone).date().isoformat()
    if not re.fullmatch(ZONED_DAY, text, re.ASCII) or "\n" in text:
        return None
    return datetime.fromisoformat(text.replace(" Z", "Z")).astimezone(zone).date().isoformat()
