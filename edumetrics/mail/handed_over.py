"""What was handed over to the mail server, remembered beside the databases in the home.

The delivery log is a table: a backup that is restored has forgotten the mail of the days since.
"""

from __future__ import annotations

from pathlib import Path

from edumetrics.analysis.delivery_log import Delivery
from edumetrics.marks import Marks

FILE = "handed-over.log"
HANDED, REFUSED = "handed over", "refused"


class HandedOver:
    """The record of a home: by reader, week and kind of message."""

    def __init__(self, home: Path) -> None:
        self._marks = Marks(home, FILE)

    def record(self, delivery: Delivery, status: str, word: str = HANDED) -> None:
        """Remember that a message was handed over, or that the server then refused it.

        Raises:
            SettingsError: the file cannot be written.
        """
        self._marks.add(_identify(delivery, status), word)

    def has(self, delivery: Delivery, status: str) -> bool:
        """Return whether a reader's message of a week was handed over, and not refused then."""
        return self._marks.find(_identify(delivery, status)) == HANDED


def _identify(delivery: Delivery, status: str) -> tuple[object, ...]:
    return delivery.advisor_id, delivery.term, delivery.sem_week, status
