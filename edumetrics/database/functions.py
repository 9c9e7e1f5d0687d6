"""The functions of mappings in any dialect: {day(x)}, {moment(x)}, {week(x, starts)}, {text(x)}.

Here x is a number of seconds since 1970; 0 is nothing. They give the college's own days, by the
transitions of its zone, whatever the server knows of zones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from edumetrics.database.dialects import Sql
from edumetrics.errors import SettingsError

_CALL = re.compile(r"\{(day|moment|week|text)\(")


def expand_functions(text: str, dialect: str, time_zone: str) -> str:
    """Return a source of a mapping in which the functions are written out.

    Args:
        text: a SELECT, or the name of a table.
        dialect: sqlite, postgresql, mysql or mariadb.
        time_zone: the college's.

    Raises:
        SettingsError: a function is not closed, or has another number of arguments.
    """
    while call := _CALL.search(text):
        name, end = call[1], _find_end(text, call.end())
        arguments = list(_split_arguments(text[call.end() : end]))
        if len(arguments) != (2 if name == "week" else 1) or text[end : end + 2] != ")}":
            raise SettingsError(
                f"The mapping has {{{name}(...)}} in a form that cannot be read: "
                "write {day(x)}, {moment(x)}, {week(x, starts)} or {text(x)}."
            )
        expand = getattr(Sql(dialect), f"expand_{name}")
        text = text[: call.start()] + expand(time_zone, *arguments) + text[end + 2 :]
    return text


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
