"""The result of one round of mail, and the words in which the operator reads it."""

from __future__ import annotations

from dataclasses import dataclass, field

from edumetrics.analysis.delivery_log import UNCONFIRMED

AGAIN = "If it did not arrive, run `edumetrics send --again --advisor {reader}` to send it again."


@dataclass
class MailResult:
    """The result of one round of mail.

    Attributes:
        letters: how many letters there were, including those sent before.
        sent, written, held: how many were sent by SMTP, written to the outbox, held back.
        failed: advisor_id and reason of each letter that failed.
        doubtful: advisor_id of each letter that the server has not confirmed.
        waiting: whether the first mail has not been released yet.
        leaves: whether mail goes out by SMTP.
    """

    letters: int = 0
    sent: int = 0
    written: int = 0
    held: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    waiting: bool = False
    leaves: bool = False

    @property
    def broken(self) -> bool:
        """Whether mail by SMTP failed or is in doubt; in an outbox nothing counts as broken."""
        return self.leaves and bool(self.failed or self.doubtful)

    @property
    def all_held(self) -> bool:
        """Whether there was mail, and the gate holds all of it."""
        return 0 < self.held == self.letters

    def format_line(self) -> str:
        """Return the result in one or more sentences, for the operator."""
        counts = {"sent": self.sent, "in the outbox": self.written, "held": self.held,
                  "failed": len(self.failed), "not confirmed": len(self.doubtful)}  # fmt: skip
        said = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        told = [f"Mail: {said or 'nothing to send'}."]
        told += [f"{reader}: {why}" for reader, why in self.failed]
        told += [
            f"{reader}: {UNCONFIRMED} {AGAIN.format(reader=reader)}" for reader in self.doubtful
        ]
        if self.waiting:
            told.append("The first mail is not released yet: run `edumetrics send --approve`.")
        return " ".join(told)
