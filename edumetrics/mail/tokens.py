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
TOKEN = re.compile(rf"\[(\d{{1,2}})-([{ALPHABET}]{{3}})((?:-[{ALPHABET}]{{4}}){{4}})\]", re.IGNORECASE)


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
        raise SettingsError(f"SECRET_KEY has fewer than {LEAST_SECRET} characters: choose a long random one.")
    return secret


def token(secret: str, about: About, last_day: date) -> str:
    """The token, such as `7-2N4-Q4KD-T8RM-B2HV-M6WX`: week, last day, and a code of 80 bits."""
    return f"{about.week}-{_letters((last_day - EPOCH).days, DAY_LETTERS)}-{_code(secret, about, last_day)}"


def read(secret: str, subject: str, today: date, candidates: Iterable[About]) -> About:
    """What the token in a mail's subject stands for.

    Args:
        secret: the SECRET_KEY that signed it.
        subject: the mail's subject.
        today: the day of reading.
        candidates: everything that a token of that week could stand for.

    Raises:
        SettingsError: there is no token in it, or it is expired, or was not made here.
    """
    found = TOKEN.search(subject)
    if found is None:
        raise SettingsError("There is no code in the subject.")
    last_day = EPOCH + timedelta(days=_number(found[2].upper()))
    if today > last_day:
        raise SettingsError(f"The code expired on {last_day.isoformat()}.")
    code, week = found[3].strip("-").upper(), int(found[1])
    for about in candidates:
        if about.week == week and hmac.compare_digest(code, _code(secret, about, last_day)):
            return about
    raise SettingsError("The code was not made here.")


def week_of(subject: str) -> int | None:
    """The week that a token in a subject is about; None where there is no token."""
    found = TOKEN.search(subject)
    return None if found is None else int(found[1])


def _code(secret: str, about: About, last_day: date) -> str:
    parts = ("reply", about.advisor_id, about.student_id, about.term, str(about.week), last_day.isoformat())
    signed = hmac.new(secret.encode(), "\x1f".join(parts).encode(), hashlib.sha256).digest()
    code = _letters(int.from_bytes(signed[:10], "big"), CODE_LETTERS)
    return "-".join(code[n : n + GROUP] for n in range(0, CODE_LETTERS, GROUP))


def _letters(number: int, count: int) -> str:
    return "".join(ALPHABET[number >> (5 * n) & 31] for n in reversed(range(count)))


def _number(letters: str) -> int:
    return sum(ALPHABET.index(letter) << (5 * n) for n, letter in enumerate(reversed(letters)))
