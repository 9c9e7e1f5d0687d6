"""What a mapping may write in any dialect: functions, its own settings, and the window of a run.

{day(x)}, {moment(x)} and {week(x, starts)}: here x is a number of seconds since 1970; 0 is nothing.
They give the college's own days, by the transitions of its zone, whatever the server knows of
zones. {seconds(x)} makes such a number of a moment without a zone, on the clock of its source. Of a
day there are {week_of(day, starts)} and {first_day(week, starts)}. {text(x)} is a value as a text.

{name} is a setting of the mapping: a word or number stands as it is, a list of them as texts to be
listed, and a list of rows as a SELECT of them. {since} and {until} are the seconds since 1970
between which a run reads, so that a large log is read no further.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date

from edumetrics.database.dialects import Sql
from edumetrics.errors import SettingsError

WINDOW = ("since", "until")
# A name that can be part of a statement until its value is known.
PLACEHOLDER = "edumetrics_"
_NAME = re.compile(r"\{([A-Za-z_]\w*)\}")
# How many arguments each function has.
_FUNCTIONS = {
    "day": 1, "moment": 1, "week": 2, "text": 1, "seconds": 1, "week_of": 2, "first_day": 2,
}  # fmt: skip
_CALL = re.compile(rf"\{{({'|'.join(_FUNCTIONS)})\(")


def expand_functions(text: str, dialect: str, time_zone: str, there: str = "") -> str:
    """Return a source of a mapping in which the functions are written out.

    Args:
        text: a SELECT, or the name of a table.
        dialect: sqlite, postgresql, mysql or mariadb.
        time_zone: the college's.
        there: the zone of the source's own clock; the college's where empty.

    Raises:
        SettingsError: a function is not closed, or has another number of arguments.
    """
    while call := _CALL.search(text):
        name, end = call[1], _find_end(text, call.end())
        arguments = list(_split_arguments(text[call.end() : end]))
        if len(arguments) != _FUNCTIONS[name] or text[end : end + 2] != ")}":
            raise SettingsError(
                f"The mapping has {{{name}(...)}} in a form that cannot be read: "
                "write {day(x)}, {moment(x)}, {week(x, starts)} or {text(x)}."
            )
        expand = getattr(Sql(dialect), f"expand_{name}")
        zone = there or time_zone if name == "seconds" else time_zone
        text = text[: call.start()] + expand(zone, *arguments) + text[end + 2 :]
    return text


def expand_settings(text: str, settings: Mapping[str, object], dialect: str) -> str:
    """Return a source of a mapping in which settings and the window are written out.

    Args:
        text: a SELECT, or the name of a table.
        settings: a word, a number, a list of them, or a list of rows, by name.
        dialect: sqlite, postgresql, mysql or mariadb.

    Raises:
        SettingsError: it names a setting that there is not.
    """

    def write(found: re.Match[str]) -> str:
        name = found[1]
        if name in WINDOW:
            return f"{PLACEHOLDER}{name}"
        if name not in settings:
            raise SettingsError(
                f"The mapping names {{{name}}}, which is no setting: "
                f"its settings are {', '.join(settings) or 'none'}."
            )
        return _write_setting(settings[name], dialect)

    # A setting may be made of others, but of none twice.
    for _ in range(3):
        text = _NAME.sub(write, text)
    return text


def _write_setting(value: object, dialect: str) -> str:
    if not isinstance(value, list):
        return _escape(value)
    # In an empty list is nothing, and nothing is not in it.
    if not value:
        return "''"
    if not isinstance(value[0], dict):
        return ", ".join(f"'{_escape(one)}'" for one in value)
    rows = [
        ", ".join(f"{_write_literal(one, dialect)} AS {name}" for name, one in row.items())
        for row in value
    ]
    return " UNION ALL ".join(f"SELECT {row}" for row in rows)


def _write_literal(value: object, dialect: str) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, date):
        return Sql(dialect).format_day(value.isoformat())
    return str(value) if isinstance(value, int | float) else f"'{_escape(value)}'"


def _escape(value: object) -> str:
    return str(value).replace("'", "''")


def _find_end(text: str, start: int) -> int:
    """Return where the bracket before `start` is closed; the end where it is not."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if not depth:
            return place
    return len(text)


def _split_arguments(text: str) -> Iterator[str]:
    """Yield the arguments of a call, split at its own commas."""
    depth, start = 0, 0
    for place, sign in enumerate(text):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            yield text[start:place].strip()
            start = place + 1
    yield text[start:].strip()
