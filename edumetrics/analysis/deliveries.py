"""The log of deliveries: who was sent what, once.

A mail counts as sent from the moment before its last line is handed over, and what the server says corrects that: a
process that is killed leaves either nothing, or a mail that is out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.analysis.store import Store, now
from edumetrics.analysis.tables import SQL_TABLES

LOG = SQL_TABLES["delivery_log"]
SMTP, OUTBOX = "smtp", "outbox"
SENT, FAILED, HELD, PAST = "sent", "failed", "held", "not sent: past"
UNCONFIRMED = "The mail server had not confirmed it."


@dataclass(frozen=True)
class Delivery:
    """One message to one reader; `channel` is smtp or outbox."""

    advisor_id: str
    stage: str
    term: str
    sem_week: int
    channel: str
    recipient: str
    content_sha256: str

    @property
    def key(self) -> dict[str, Any]:
        """What is posted once: reader and occasion, by one channel."""
        return {
            name: getattr(self, name)
            for name in ("advisor_id", "stage", "term", "sem_week", "channel")
        }


class Entry:
    """The entry of one delivery that is under way: made with the first word about it, then corrected."""

    def __init__(self, store: Store, delivery: Delivery) -> None:
        self.store, self.delivery = store, delivery
        self.id: int | None = None

    def says(self, status: str, error: str | None = None) -> None:
        """Say how it went so far."""
        if self.id is None:
            self.id = enter(self.store, self.delivery, status, error)
            return
        with self.store.transaction() as connection:
            connection.execute(
                sa.update(LOG).where(LOG.c.id == self.id).values(_ended(status, error))
            )


def enter(store: Store, delivery: Delivery, status: str, error: str | None = None) -> int:
    """Enter a delivery and return its id."""
    with store.transaction() as connection:
        made = connection.execute(
            sa.insert(LOG).values({**asdict(delivery), **_ended(status, error)})
        )
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])


def replace(store: Store, delivery: Delivery, status: str) -> None:
    """Enter a delivery in the place of the one before to the same reader, of the same occasion and status."""
    same = [LOG.c[name] == value for name, value in {**delivery.key, "status": status}.items()]
    with store.transaction() as connection:
        connection.execute(sa.delete(LOG).where(*same))
        connection.execute(sa.insert(LOG).values({**asdict(delivery), **_ended(status, None)}))


def past(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    """Within a transaction, enter reports of weeks that are over: rendered, and never mailed."""
    rows = [{**asdict(delivery), **_ended(PAST, None)} for delivery in deliveries]
    if rows:
        connection.execute(sa.insert(LOG), rows)


def entered(store: Store, **equal: Any) -> list[Mapping[Any, Any]]:
    """What is entered with column = value, oldest first."""
    return list(store.read("delivery_log", **equal).to_dict("records"))


def _ended(status: str, error: str | None) -> dict[str, Any]:
    return {"status": status, "error": error, "sent_at": now() if status == SENT else None}
