"""Who is signed in: tokens of the API (JWT, RFC 7519), cookies of the portal.

Each sign-in is a row, so that it ends at once when it is ended. Of secrets only fingerprints are
stored.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import jwt
import sqlalchemy as sa

from edumetrics.analysis.store import Store
from edumetrics.errors import SettingsError
from edumetrics.service.accounts import (
    ACCOUNTS,
    SIGN_INS,
    Account,
    compute_fingerprint,
    make_account,
)
from edumetrics.settings import create_private_folder

ACCESS, REFRESH, PORTAL = timedelta(minutes=15), timedelta(days=14), timedelta(hours=12)
ISSUER, ALGORITHM = "edumetrics", "HS256"
KEY_FILE, KEY_BYTES = "service.key", 32
Kind = Literal["api", "portal"]
LASTS: dict[Kind, timedelta] = {"api": REFRESH, "portal": PORTAL}


class NotSignedIn(SettingsError):
    """Nobody is signed in: the token or cookie is wrong, was ended or is too old."""

    def __init__(self) -> None:
        super().__init__("You are not signed in, or no longer: sign in again.")


@dataclass(frozen=True)
class SignIn:
    """One sign-in: `secret` is the only thing that continues it, and is stored nowhere."""

    sign_in_id: str
    account: Account
    secret: str

    @property
    def csrf(self) -> str:
        """What a form of this sign-in has to bring along."""
        return hmac.new(self.secret.encode(), b"form", hashlib.sha256).hexdigest()


def load_key(data: Path) -> bytes:
    """Return the key that signs tokens, from the home's data; it is made once.

    Without the file a new one is made, and everyone signs in again.
    """
    path = create_private_folder(data) / KEY_FILE
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
    except FileExistsError:
        pass
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise SettingsError(f"{path} is damaged: remove it, and everyone signs in again.")
    return key


def start_sign_in(store: Store, account: Account, kind: Kind, now: datetime) -> SignIn:
    """Sign an account in, and forget sign-ins that are over."""
    made = SignIn(secrets.token_hex(16), account, secrets.token_urlsafe(32))
    values = {"sign_in_id": made.sign_in_id, "username": account.username, "kind": kind,
              "secret_sha256": compute_fingerprint(made.secret), "started_at": now,
              "expires_at": now + LASTS[kind]}  # fmt: skip
    with store.start_transaction() as connection:
        connection.execute(sa.delete(SIGN_INS).where(SIGN_INS.c.expires_at < now))
        connection.execute(sa.insert(SIGN_INS).values(values))
    return made


def renew_sign_in(store: Store, sign_in_id: str, secret: str, now: datetime) -> SignIn:
    """Give a sign-in its next secret; whoever comes with an earlier one ends it for everyone.

    Raises:
        NotSignedIn: the secret was used before, or the sign-in is over.
    """
    account = find_account(store, sign_in_id, "api", now)
    renewed = SignIn(sign_in_id, account, secrets.token_urlsafe(32))
    own = sa.and_(SIGN_INS.c.sign_in_id == sign_in_id, SIGN_INS.c.ended_at.is_(None))
    same = SIGN_INS.c.secret_sha256 == compute_fingerprint(secret)
    with store.start_transaction() as connection:
        # One statement: of two requests with one secret only the first finds it.
        change = sa.update(SIGN_INS).where(own, same)
        found = connection.execute(change.values(secret_sha256=compute_fingerprint(renewed.secret)))
        if not found.rowcount:
            connection.execute(sa.update(SIGN_INS).where(own).values(ended_at=now))
    if not found.rowcount:
        raise NotSignedIn
    return renewed


def end_sign_in(store: Store, sign_in_id: str, now: datetime) -> None:
    """End a sign-in; what was signed with it is refused from now on."""
    with store.start_transaction() as connection:
        own = sa.and_(SIGN_INS.c.sign_in_id == sign_in_id, SIGN_INS.c.ended_at.is_(None))
        connection.execute(sa.update(SIGN_INS).where(own).values(ended_at=now))


def find_account(
    store: Store, sign_in_id: str, kind: Kind, now: datetime, secret: str | None = None
) -> Account:
    """Return whose sign-in it is.

    Args:
        store: the analysis database.
        sign_in_id, kind: the sign-in.
        now: the time, in UTC without a zone.
        secret: what must continue it; None where a signed token stands for it.

    Raises:
        NotSignedIn: there is none, it is over, or the account is shut.
    """
    select = sa.select(ACCOUNTS, SIGN_INS.c.secret_sha256).join_from(
        SIGN_INS, ACCOUNTS, SIGN_INS.c.username == ACCOUNTS.c.username
    )
    select = select.where(
        SIGN_INS.c.sign_in_id == sign_in_id, SIGN_INS.c.kind == kind,
        SIGN_INS.c.ended_at.is_(None), SIGN_INS.c.expires_at > now, ~ACCOUNTS.c.disabled,
    )  # fmt: skip
    with store.connect() as connection:
        row = connection.execute(select).mappings().first()
    if row is None:
        raise NotSignedIn
    if secret is not None and not hmac.compare_digest(
        row["secret_sha256"], compute_fingerprint(secret)
    ):
        raise NotSignedIn
    return make_account(dict(row))


def sign_tokens(key: bytes, made: SignIn, now: datetime) -> dict[str, str]:
    """Return the access and the refresh token of a sign-in."""
    return {
        "access": _sign(key, made, "access", now, ACCESS),
        "refresh": _sign(key, made, "refresh", now, REFRESH, jti=made.secret),
    }


def _sign(
    key: bytes, made: SignIn, purpose: str, now: datetime, lasts: timedelta, **more: str
) -> str:
    issued = now.replace(tzinfo=UTC)
    claims = {"iss": ISSUER, "aud": purpose, "sub": made.account.username, "sid": made.sign_in_id,
              "iat": issued, "exp": issued + lasts, **more}  # fmt: skip
    return jwt.encode(claims, key, ALGORITHM)


def read_token(key: bytes, token: str, purpose: str, now: datetime) -> dict[str, Any]:
    """Return the claims of a token that was signed here for a purpose: access or refresh.

    Raises:
        NotSignedIn: it was not, or it is too old.
    """
    wanted = ["exp", "sub", "sid", *(["jti"] if purpose == "refresh" else [])]
    try:
        # The expiry is compared below: the time is an argument.
        claims = jwt.decode(token, key, [ALGORITHM], audience=purpose, issuer=ISSUER,
                            options={"require": wanted, "verify_exp": False,
                                     "verify_iat": False})  # fmt: skip
    except (jwt.InvalidTokenError, UnicodeError) as error:
        raise NotSignedIn from error
    if claims["exp"] <= now.replace(tzinfo=UTC).timestamp():
        raise NotSignedIn
    return dict(claims)
