"""The delivery log: which message was sent to which reader, once.

A mail is recorded as sent just before its last line is handed over to the server. The answer of
the server then corrects the record. So a killed process leaves either no entry at all, or the
entry of a mail that is out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES

LOG = SQL_TABLES["delivery_log"]
# These texts are stored, and later runs compare with them: they must not change.
SMTP, OUTBOX = "smtp", "outbox"
SENT, FAILED, HELD, PAST = "sent", "failed", "held", "not sent: past"
# The error of an entry while the answer of the server is still open.
UNCONFIRMED = "The mail server had not confirmed it."


@dataclass(frozen=True)
class Delivery:
    """The message of a week to one reader.

    Attributes:
        advisor_id: the reader.
        stage: what it is mostly about, a label only.
        term, sem_week: the week.
        channel: smtp or outbox.
        recipient: the address; may be empty.
        content_sha256: the fingerprint of what it says.
    """

    advisor_id: str
    stage: str
    term: str
    sem_week: int
    channel: str
    recipient: str
    content_sha256: str

    @property
    def key(self) -> dict[str, Any]:
        """The columns that identify a message: reader and week, by one channel."""
        # The stage is a label only: a second stage of a week never makes a second mail.
        return {name: getattr(self, name) for name in ("advisor_id", "term", "sem_week", "channel")}


class DeliveryEntry:
    """The log entry of one delivery in progress: created by the first status, then corrected."""

    def __init__(self, store: Store, delivery: Delivery) -> None:
        self.store, self.delivery = store, delivery
        # None: nothing is recorded yet. A delivery that never starts leaves no entry.
        self.id: int | None = None

    def record_status(self, status: str, error: str | None = None) -> None:
        """Record the status of the delivery so far, and an error if there is one."""
        if self.id is None:
            self.id = record_delivery(self.store, self.delivery, status, error)
            return
        with self.store.start_transaction() as connection:
            connection.execute(
                sa.update(LOG).where(LOG.c.id == self.id).values(_build_outcome(status, error))
            )


def record_delivery(store: Store, delivery: Delivery, status: str, error: str | None = None) -> int:
    """Record a delivery and return its id."""
    with store.start_transaction() as connection:
        made = connection.execute(
            sa.insert(LOG).values({**asdict(delivery), **_build_outcome(status, error)})
        )
        # For mypy: an insert of one row always has a key.
        assert made.inserted_primary_key is not None
        return int(made.inserted_primary_key[0])


def replace_delivery(store: Store, delivery: Delivery, status: str) -> None:
    """Record a delivery instead of an earlier one with the same reader, week and status."""
    same = [LOG.c[name] == value for name, value in {**delivery.key, "status": status}.items()]
    with store.start_transaction() as connection:
        # In one transaction: a killed process must not lose the earlier entry.
        connection.execute(sa.delete(LOG).where(*same))
        connection.execute(
            sa.insert(LOG).values({**asdict(delivery), **_build_outcome(status, None)})
        )


def record_past(connection: Connection, deliveries: Iterable[Delivery]) -> None:
    """Record, within a transaction, reports of past weeks: they are rendered and never mailed."""
    rows = [{**asdict(delivery), **_build_outcome(PAST, None)} for delivery in deliveries]
    # An insert with an empty list would try to add a row of defaults.
    if rows:
        connection.execute(sa.insert(LOG), rows)


def read_entries(store: Store, **equal: Any) -> list[Mapping[Any, Any]]:
    """Return the log entries with column = value, oldest first."""
    # The key of the table is a growing id: key order is the order of time.
    return list(store.read("delivery_log", **equal).to_dict("records"))


def list_readers(store: Store, term: str, week: int) -> set[str]:
    """Return the advisor_ids of everyone who was sent a mail of an earlier week."""
    before = sa.or_(LOG.c.term < term, sa.and_(LOG.c.term == term, LOG.c.sem_week < week))
    select = sa.select(LOG.c.advisor_id).where(LOG.c.status == SENT, before).distinct()
    with store.connect() as connection:
        return {str(advisor) for advisor in connection.execute(select).scalars()}


def _build_outcome(status: str, error: str | None) -> dict[str, Any]:
    """Return the columns that say how a delivery went; `sent_at` is null unless it was sent."""
    return {"status": status, "error": error, "sent_at": get_utc_now() if status == SENT else None}
