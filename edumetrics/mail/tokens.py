"""Sign and read the tokens with which an advisor reports back with one tap.

A token stands for one student on one advisor's report of one week. It is a message authentication
code over those three and the last day on which it is accepted. Nothing is stored for it, nobody can
make one without `SECRET_KEY`, and it tells other people nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from edumetrics.errors import SettingsError

# Stands for the advisor in the code of a student's own page.
SELF = "the student"
# Crockford's base 32 has no letter that looks like a digit, for codes that are typed by hand.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Last days are counted from here. Three letters reach 32,768 days, until 2109.
EPOCH = date(2020, 1, 1)
DAY_LETTERS, CODE_LETTERS, GROUP = 3, 16, 4
# A shorter secret could be found by trying: everyone with a token can check a guess.
LEAST_SECRET = 16
# Mail programs may change the case of a subject, and \d alone would match digits of other scripts.
TOKEN = re.compile(
    rf"\[(\d{{1,2}})-([{ALPHABET}]{{3}})((?:-[{ALPHABET}]{{4}}){{4}})\]", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True)
class ReplyTarget:
    """What a token stands for: one student on one advisor's report of one week."""

    advisor_id: str
    student_id: str
    term: str
    week: int


def check_secret(secret: str) -> str:
    """Return the secret if it is empty or long enough.

    Raises:
        SettingsError: it is so short that it could be guessed.
    """
    if secret and len(secret) < LEAST_SECRET:
        raise SettingsError(
            f"SECRET_KEY has fewer than {LEAST_SECRET} characters: choose a longer random one."
        )
    return secret


def sign_token(secret: str, about: ReplyTarget, last_day: date) -> str:
    """Return the token, such as `7-2N4-Q4KD-T8RM-B2HV-M6WX`: week, last day, code of 80 bits."""
    # Week and last day are legible, so that a reader need not try the codes of every week and day.
    return (
        f"{about.week}-{_encode_number((last_day - EPOCH).days, DAY_LETTERS)}"
        f"-{_compute_code(secret, about, last_day)}"
    )


def parse_token(subject: str) -> tuple[int, date, str]:
    """Return the week, the last day and the code of the token in a mail's subject.

    Raises:
        SettingsError: the subject has no token.
    """
    found = TOKEN.search(subject)
    if found is None:
        raise SettingsError("There is no code in the subject.")
    return (
        int(found[1]),
        EPOCH + timedelta(days=_decode_letters(found[2].upper())),
        found[3].strip("-").upper(),
    )


def compute_codes(
    secret: str, candidates: Iterable[ReplyTarget], last_day: date
) -> dict[str, ReplyTarget]:
    """Return, for every candidate, the code that it would have with that last day.

    A code cannot be decoded. A reader finds what it stands for by computing the candidates' codes.
    """
    return {_compute_code(secret, about, last_day): about for about in candidates}


def _compute_code(secret: str, about: ReplyTarget, last_day: date) -> str:
    """Return the code: 80 bits of an HMAC-SHA256, in four groups of four letters."""
    parts = (
        # The purpose is signed too: a code made for anything else could not be used as a reply.
        "reply",
        about.advisor_id,
        about.student_id,
        about.term,
        str(about.week),
        last_day.isoformat(),
    )
    # A separator that no id contains keeps ("a", "bc") and ("ab", "c") apart.
    signed = hmac.new(secret.encode(), "\x1f".join(parts).encode(), hashlib.sha256).digest()
    code = _encode_number(int.from_bytes(signed[:10], "big"), CODE_LETTERS)
    return "-".join(code[n : n + GROUP] for n in range(0, CODE_LETTERS, GROUP))


def _encode_number(number: int, count: int) -> str:
    """Return a number as so many letters of the alphabet, highest first."""
    return "".join(ALPHABET[number >> (5 * n) & 31] for n in reversed(range(count)))


def _decode_letters(letters: str) -> int:
    """Return the number that letters of the alphabet stand for, highest first."""
    return sum(ALPHABET.index(letter) << (5 * n) for n, letter in enumerate(reversed(letters)))
