"""A report as a message: plain text, HTML and a picture, the same bytes for the same report (its date aside)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from edumetrics.errors import SettingsError
from edumetrics.reports import detail, render
from edumetrics.reports.model import Entry, Reply, Report, Students
from edumetrics.reports.render import Mail

PICTURE = "galaxy@edumetrics"
REPLIES = ("Talked", "No answer", "Known reason", "Wrong flag")
Code = Callable[[Entry], str]


@dataclass(frozen=True)
class Envelope:
    """What a message says beside its report.

    Attributes:
        sender, to: addresses; `name` is the recipient's.
        reply_to, page_url, college: see `render.Mail`.
        level: full, initials or counts.
        picture: whether the galaxy is brought along.
        page: a file to attach; None for none.
        code: signs a reply about an entry; None where replies are not taken.
    """

    sender: str
    to: str
    name: str
    reply_to: str = ""
    page_url: str = ""
    college: str = ""
    level: str = "full"
    picture: bool = True
    page: Path | None = None
    code: Code | None = None


def address(name: str, spec: str) -> Address:
    """A mail address with a name.

    Raises:
        SettingsError: it is none.
    """
    try:
        local, _, domain = spec.strip().rpartition("@")
        plain = f"{local}@{domain.encode('idna').decode()}"
        found = Address(display_name=" ".join(name.split()), addr_spec=plain)
    except (ValueError, IndexError, MessageError) as error:
        raise SettingsError(f"{spec!r} is not a mail address.") from error
    if (
        not found.username
        or not found.domain
        or any(not letter.isprintable() for letter in spec.strip())
    ):
        raise SettingsError(f"{spec!r} is not a mail address.")
    return found


def compose(report: Report, envelope: Envelope) -> tuple[EmailMessage, str]:
    """A message without date and id, and the fingerprint of what it says.

    Raises:
        SettingsError: an address is none.
    """
    code = envelope.code if envelope.reply_to else None
    shown = detail.at(envelope.level, report if code is None else with_replies(report, code))
    galaxy = shown.galaxy if envelope.picture else None
    mail = Mail(
        envelope.reply_to, envelope.page_url, envelope.college, f"cid:{PICTURE}" if galaxy else ""
    )
    text, html = render.mail_text(shown, mail), render.mail_html(shown, mail)
    picture = galaxy.picture().png() if galaxy else b""
    message = EmailMessage(policy=SMTP)
    message["Subject"] = shown.subject
    message["From"] = address("EduMetrics", envelope.sender)
    message["To"] = address(envelope.name, envelope.to)
    if envelope.reply_to:
        message["Reply-To"] = address("", envelope.reply_to)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    if picture:
        message.get_payload()[1].add_related(  # type: ignore[index, union-attr]
            picture, "image", "png", cid=f"<{PICTURE}>", filename="galaxy.png", disposition="inline"
        )
    if envelope.page is not None and envelope.level == detail.FULL:
        name = f"week-{report.week:02d}.html"
        message.add_attachment(
            envelope.page.read_text(encoding="utf-8"), subtype="html", filename=name
        )
    content = hashlib.sha256(b"\0".join((text.encode(), html.encode(), picture))).hexdigest()
    for n, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"edumetrics-{content[:32]}-{n}")
    return message, content


def stamp(message: EmailMessage, moment: datetime, identity: str = "") -> None:
    """Say when a message was made, that a machine made it, and which one it is.

    A message sent again after the connection broke has the id that it had: a mail store then keeps it once.
    """
    identity = identity or hashlib.sha256(moment.isoformat().encode()).hexdigest()
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{identity[:40]}@{message['From'].addresses[0].domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"


def with_replies(report: Report, code: Code) -> Report:
    """A report whose cards can be answered with one tap."""

    def answered(entry: Entry, section: Students) -> Entry:
        if section.brief:
            return entry
        made = code(entry)
        return replace(
            entry, code=made, replies=tuple(Reply(label, f"{label} [{made}]") for label in REPLIES)
        )

    return report.with_entries(answered)
