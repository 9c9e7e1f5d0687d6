"""Accounts: a name, a role and a password, of which only the Argon2 hash is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import BoundedSemaphore, Lock
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.errors import SettingsError
from edumetrics.params import Params

ADVISOR, HEAD, ANALYST, OPERATOR = "advisor", "head", "analyst", "operator"
ROLES = (ADVISOR, HEAD, ANALYST, OPERATOR)
ACCOUNTS, FAILURES, SIGN_INS = (
    SQL_TABLES[name] for name in ("accounts", "sign_in_failures", "sign_ins")
)
# A head of whom mail.yml names no classes heads them all.
ALL_CLASSES = "all"
# NIST 800-63B asks for 15 where the password is all there is, and for no rule on its letters.
LEAST_PASSWORD, MOST_LETTERS = 15, 200
# After so many failures the first wait begins; each further failure doubles it, up to the longest.
FREE_FAILURES, FIRST_WAIT, LONGEST_WAIT = 5, timedelta(seconds=30), timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
# RFC 9106, second recommended option: 64 MiB for each hash, so that few are computed at a time.
_HASHER, _ROOM = PasswordHasher(), BoundedSemaphore(2)
# Passwords of one name are tried one after another: tried at once, all would pass the wait. Names
# share a few turns, so that made-up names fill no memory.
_TURNS = tuple(Lock() for _ in range(64))


@dataclass(frozen=True)
class Account:
    """Who may use the service.

    Attributes:
        username: the name to sign in with.
        role: one of `ROLES`.
        person: an advisor's advisor_id; a head's name among `heads` of mail.yml; empty for others.
    """

    username: str
    role: str
    person: str


class WrongPassword(SettingsError):
    """The name or the password is wrong, or the account is shut: nobody is told which."""


class TooManyFailures(SettingsError):
    """Too many failures: nothing is tried for `seconds`."""

    def __init__(self, wait: timedelta) -> None:
        self.seconds = max(1, round(wait.total_seconds()))
        super().__init__(f"Signing in failed too often: try again in {self.seconds} seconds.")


def add_account(
    store: Store, params: Params, username: str, role: str, person: str, password: str
) -> Account:
    """Add an account, and return it.

    Args:
        store: the analysis database.
        params: its `mail.yml` names the heads.
        username: the name to sign in with.
        role: one of `ROLES`.
        person: whose students an advisor sees, which classes a head; empty for other roles.
        password: the password.

    Raises:
        SettingsError: there is such an account, no such role, advisor or head, or the password is
            too short.
    """
    _check_person(store, params, role, person)
    if not username.strip() or len(username) > MOST_LETTERS or not username.isprintable():
        raise SettingsError("The username is empty, too long or not printable: choose another one.")
    values = {"username": username, "role": role, "person": person or None, "disabled": False,
              "password_hash": _hash(check_length(password)),
              "created_at": get_utc_now()}  # fmt: skip
    with store.start_transaction() as connection:
        if connection.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.username == username)).first():
            raise SettingsError("There is an account with this username: choose another one.")
        connection.execute(sa.insert(ACCOUNTS).values(values))
    return Account(username, role, person)


def _check_person(store: Store, params: Params, role: str, person: str) -> None:
    """Refuse a role that does not exist, and one that is nobody's.

    Raises:
        SettingsError: there is no such role, advisor or head.
    """
    if role not in ROLES:
        raise SettingsError(f"There is no role {role}: the roles are {', '.join(ROLES)}.")
    if role in (ANALYST, OPERATOR):
        if person:
            raise SettingsError(f"The role {role} sees every student: name nobody with it.")
    elif role == HEAD:
        known = [ALL_CLASSES, *(head.name for head in params.mail.heads)]
        if person not in known:
            raise SettingsError(f"There is no such head: mail.yml names {', '.join(known)}.")
    elif not store.has_rows("weekly_metrics", advisor_id=person):
        raise SettingsError("No student has this advisor: check the id, or run a week first.")


def check_length(password: str) -> str:
    """Return a password that is neither short nor endless.

    Raises:
        SettingsError: it is.
    """
    if not LEAST_PASSWORD <= len(password) <= MOST_LETTERS:
        raise SettingsError(f"A password has {LEAST_PASSWORD} to {MOST_LETTERS} characters.")
    return password


def make_password() -> str:
    """Return a random password that can be typed: 80 bits in groups of five letters."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(4))


def set_password(store: Store, username: str, password: str) -> None:
    """Replace a password, open the account, and end what was signed in with the old one.

    Raises:
        SettingsError: there is no such account, or the password is too short.
    """
    values = {"password_hash": _hash(check_length(password)), "disabled": False}
    _change(store, username, values)


def disable_account(store: Store, username: str) -> None:
    """Shut an account, and end at once whatever is signed in with it.

    Raises:
        SettingsError: there is no such account.
    """
    _change(store, username, {"disabled": True})


def _change(store: Store, username: str, values: dict[str, object]) -> None:
    own = ACCOUNTS.c.username == username
    with store.start_transaction() as connection:
        if not connection.execute(sa.update(ACCOUNTS).where(own).values(values)).rowcount:
            raise SettingsError("There is no account with this username: check it.")
        going = sa.and_(SIGN_INS.c.username == username, SIGN_INS.c.ended_at.is_(None))
        connection.execute(sa.update(SIGN_INS).where(going).values(ended_at=get_utc_now()))
        failed = FAILURES.c.name_sha256 == compute_fingerprint(username)
        connection.execute(sa.delete(FAILURES).where(failed))


def check_password(store: Store, username: str, password: str, now: datetime) -> Account:
    """Return the account of a name and a password.

    A name that nobody has takes as long, waits as long and is refused in the same words as one
    that somebody has.

    Args:
        store: the analysis database.
        username, password: as they were typed.
        now: the time, in UTC without a zone.

    Raises:
        TooManyFailures: the name has to wait.
        WrongPassword: the name or the password is wrong, or the account is shut.
    """
    turn = _TURNS[int(compute_fingerprint(username), 16) % len(_TURNS)]
    with turn:
        return _check_password(store, username, password, now)


def _check_password(store: Store, username: str, password: str, now: datetime) -> Account:
    """Return the account of a name and a password, where no one else tries the name meanwhile."""
    _require_no_wait(store, username, now)
    # A text with a lone surrogate can be neither stored nor hashed.
    known = username.isprintable() and len(password) <= MOST_LETTERS
    # Nobody has the empty name.
    row = store.read("accounts", username=username if known else "")
    stored = _make_dummy() if row.empty else str(row["password_hash"].iloc[0])
    if not _is_right(stored, password if known else "") or row.empty or row["disabled"].iloc[0]:
        _count_failure(store, username, now)
        raise WrongPassword("The username or the password is wrong.")
    with store.start_transaction() as connection:
        failed = FAILURES.c.name_sha256 == compute_fingerprint(username)
        connection.execute(sa.delete(FAILURES).where(failed))
    return make_account(row.iloc[0].to_dict())


def find_open_account(store: Store, username: str) -> Account | None:
    """Return the account of a name that someone else has checked; None where there is none."""
    rows = store.read("accounts", username=username, disabled=False)
    return None if rows.empty else make_account(rows.iloc[0].to_dict())


def make_account(row: Mapping[Any, Any]) -> Account:
    """Return the account of a row of `accounts`."""
    person = row["person"]
    # A null is None or NaN, whatever read the row.
    return Account(
        str(row["username"]), str(row["role"]), person if isinstance(person, str) else ""
    )


def compute_wait(failures: int, last: datetime, now: datetime) -> timedelta:
    """Return how long a name still has to wait; zero or less for not at all.

    >>> then = datetime(2026, 1, 5, 9, 0)
    >>> [compute_wait(n, then, then).total_seconds() for n in (4, 5, 6, 7, 30)]
    [0.0, 30.0, 60.0, 120.0, 900.0]
    """
    if failures < FREE_FAILURES:
        return timedelta(0)
    # The exponent is bounded, so that no count makes it overflow.
    doublings = min(failures - FREE_FAILURES, 10)
    wait = min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
    # A clock that was set back must not make the wait longer.
    return wait - max(now - last, timedelta(0))


def _require_no_wait(store: Store, username: str, now: datetime) -> None:
    rows = store.read("sign_in_failures", name_sha256=compute_fingerprint(username))
    if rows.empty:
        return
    last = rows["last_at"].iloc[0].to_pydatetime()
    wait = compute_wait(int(rows["failures"].iloc[0]), last, now)
    if wait > timedelta(0) and now - last < FORGOTTEN:
        raise TooManyFailures(wait)


def _count_failure(store: Store, username: str, now: datetime) -> None:
    """Count a failure of a name, and forget those of yesterday."""
    own = FAILURES.c.name_sha256 == compute_fingerprint(username)
    with store.start_transaction() as connection:
        connection.execute(sa.delete(FAILURES).where(FAILURES.c.last_at < now - FORGOTTEN))
        more = sa.update(FAILURES).where(own).values(failures=FAILURES.c.failures + 1, last_at=now)
        if connection.execute(more).rowcount:
            return
        first = {"name_sha256": compute_fingerprint(username), "failures": 1, "last_at": now}
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(FAILURES).values(first))
        # Another request has entered the first failure meanwhile.
        except sa.exc.IntegrityError:
            connection.execute(more)


def compute_fingerprint(text: str) -> str:
    """Return what stands for a secret, or for a typed name, which may be a password by mistake."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _hash(password: str) -> str:
    with _ROOM:
        return _HASHER.hash(password)


def _is_right(stored: str, password: str) -> bool:
    try:
        with _ROOM:
            return _HASHER.verify(stored, password.encode("utf-8", "surrogatepass"))
    except VerificationError:
        return False


@cache
def _make_dummy() -> str:
    """Return a hash of nothing that anyone knows, for names that nobody has."""
    return _hash(secrets.token_hex())
