"""Signed tokens, by which an advisor reports back with one tap: they say nothing to anyone else, and they expire.

A token stands for one student on one advisor's report of one week. It is a message authentication code over those three
and the last day on which it is taken, so nothing need be stored for it, and it can only be made with `SECRET_KEY`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from edumetrics.errors import SettingsError

# Crockford's base 32: no letter that is taken for a digit.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH = date(2020, 1, 1)
DAY_LETTERS, CODE_LETTERS, GROUP = 3, 16, 4
LEAST_SECRET = 16
TOKEN = re.compile(
    rf"\[(\d{{1,2}})-([{ALPHABET}]{{3}})((?:-[{ALPHABET}]{{4}}){{4}})\]", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class About:
    """What a token stands for."""

    advisor_id: str
    student_id: str
    term: str
    week: int


def check(secret: str) -> str:
    """The secret, where it can be one.

    Raises:
        SettingsError: it is too short to keep anyone from guessing.
    """
    if secret and len(secret) < LEAST_SECRET:
        raise SettingsError(
            f"SECRET_KEY has fewer than {LEAST_SECRET} characters: choose a long random one."
        )
    return secret


def token(secret: str, about: About, last_day: date) -> str:
    """The token, such as `7-2N4-Q4KD-T8RM-B2HV-M6WX`: week, last day, and a code of 80 bits."""
    return f"{about.week}-{_letters((last_day - EPOCH).days, DAY_LETTERS)}-{_code(secret, about, last_day)}"


def parse(subject: str) -> tuple[int, date, str]:
    """Week, last day and code of the token in a mail's subject.

    Raises:
        SettingsError: there is none.
    """
    found = TOKEN.search(subject)
    if found is None:
        raise SettingsError("There is no code in the subject.")
    return (
        int(found[1]),
        EPOCH + timedelta(days=_number(found[2].upper())),
        found[3].strip("-").upper(),
    )


def codes(secret: str, candidates: Iterable[About], last_day: date) -> dict[str, About]:
    """What each code with that last day would stand for, were it made here."""
    return {_code(secret, about, last_day): about for about in candidates}


def _code(secret: str, about: About, last_day: date) -> str:
    parts = (
        "reply",
        about.advisor_id,
        about.student_id,
        about.term,
        str(about.week),
        last_day.isoformat(),
    )
    signed = hmac.new(secret.encode(), "\x1f".join(parts).encode(), hashlib.sha256).digest()
    code = _letters(int.from_bytes(signed[:10], "big"), CODE_LETTERS)
    return "-".join(code[n : n + GROUP] for n in range(0, CODE_LETTERS, GROUP))


def _letters(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> (5 * n) & 31] for n in reversed(range(count)))


def _number(letters: str) -> int:
    return sum(ALPHABET.index(letter) << (5 * n) for n, letter in enumerate(reversed(letters)))
