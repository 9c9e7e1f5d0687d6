"""Compose a report as a message of plain text, HTML and a picture.

The same report always gives the same bytes, except for its date.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial

import pandas as pd

from edumetrics.boundaries import set_aside
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.reports import redaction, render
from edumetrics.reports.model import Reply, Report, StudentEntry, Students
from edumetrics.reports.render import MailContext

# The Content-ID by which the HTML shows the attached picture.
PICTURE = "galaxy@edumetrics"
# In lower case these are kinds of the log of contacts: replies are read back by these words. The
# text of a link is the phrase instead.
REPLIES = {"Talked": "kind_talked", "No answer": "kind_no_answer",
           "Known reason": "kind_known_reason", "Wrong flag": "kind_wrong_flag"}  # fmt: skip
Code = Callable[[StudentEntry], str]
# Without the address itself, which is somebody's.
NO_ADDRESS = "The mail address is not valid."
FOREIGN_LETTERS = "The mail address has letters beyond ASCII before the @, which few servers take."


@dataclass(frozen=True)
class Envelope:
    """The addresses, links and options of a message.

    Attributes:
        sender, to: addresses; `name` is the recipient's, or empty.
        reply_to, page_url, college: see `render.MailContext`.
        level: the level of detail: full, initials or counts.
        picture: whether the galaxy is included.
        page: a page to attach; empty for none.
        code: the function that signs a reply about an entry; None where replies are not taken.
        service_url, scorecard_url: see `render.MailContext`.
    """

    sender: str
    to: str
    name: str
    reply_to: str = ""
    page_url: str = ""
    college: str = ""
    level: str = "full"
    picture: bool = True
    page: str = ""
    code: Code | None = None
    service_url: str = ""
    scorecard_url: str = ""


def parse_address(name: str, spec: str) -> Address:
    """Return a mail address with a display name.

    Args:
        name: the display name, or empty.
        spec: the address; a domain in another script is converted to ASCII.

    Raises:
        SettingsError: `spec` is not a mail address.
    """
    local, _, domain = spec.strip().rpartition("@")
    # Such an address is valid, and most servers refuse it (RFC 6531).
    if not local.isascii():
        raise SettingsError(FOREIGN_LETTERS)
    try:
        plain = f"{local}@{domain.encode('idna').decode()}"
        # A line break in a name would end the header, so all white space becomes single blanks.
        found = Address(display_name=" ".join(name.split()), addr_spec=plain)
    except (ValueError, IndexError, MessageError) as error:
        raise SettingsError(NO_ADDRESS) from error
    # The parser of addresses lets an empty part and control characters pass.
    if (
        not found.username
        or not found.domain
        or any(not letter.isprintable() for letter in spec.strip())
    ):
        raise SettingsError(NO_ADDRESS)
    return found


@dataclass(frozen=True)
class MailBody:
    """What a message shows: plain text, HTML, and the picture in it as a PNG (may be empty)."""

    text: str
    html: str
    picture: bytes


def prepare_body(report: Report, envelope: Envelope) -> tuple[Report, MailContext]:
    """Return what `render_body` renders: the report as its reader gets it, and links around it."""
    # A reply link needs an address: of the service, or to open a mail to.
    code = envelope.code if envelope.service_url or envelope.reply_to else None
    shown = redaction.apply_detail(
        envelope.level, report if code is None else add_replies(report, code)
    )
    mail = MailContext(
        envelope.reply_to,
        envelope.page_url,
        envelope.college,
        f"cid:{PICTURE}" if envelope.picture and shown.galaxy else "",
        envelope.service_url,
        envelope.scorecard_url,
    )
    return shown, mail


def render_body(shown: Report, mail: MailContext) -> MailBody:
    """Render a message: most of its time goes here, and nothing is needed that is secret."""
    drawn = shown.galaxy if mail.picture else None
    return MailBody(
        render.render_mail_text(shown, mail),
        render.render_mail_html(shown, mail),
        drawn.draw().render_png() if drawn else b"",
    )


def try_rendering(prepared: tuple[Report, MailContext]) -> MailBody | None:
    """Render what `prepare_body` returned; None where that fails, whatever the reason is."""
    return set_aside(partial(render_body, *prepared), lambda _: None, (EduMetricsError,))


def build_message(
    report: Report, envelope: Envelope, body: MailBody | None = None
) -> tuple[EmailMessage, str]:
    """Return a message without date and id, and the SHA-256 of its content.

    The content is the text, the HTML and the picture: `body` where they were rendered before.
    `add_headers` adds date and id.

    Raises:
        SettingsError: an address is not valid.
    """
    body = body or render_body(*prepare_body(report, envelope))
    message = EmailMessage(policy=SMTP)
    message["Subject"] = report.subject
    message["From"] = parse_address("EduMetrics", envelope.sender)
    message["To"] = parse_address(envelope.name, envelope.to)
    if envelope.reply_to:
        message["Reply-To"] = parse_address("", envelope.reply_to)
    # Quoted-printable keeps every line short enough for SMTP, and is readable in the file.
    message.set_content(body.text, cte="quoted-printable")
    message.add_alternative(body.html, subtype="html", cte="quoted-printable")
    # The picture belongs to the HTML part alone, which is the second.
    if body.picture:
        message.get_payload()[1].add_related(  # type: ignore[index, union-attr]
            body.picture, "image", "png", cid=f"<{PICTURE}>", filename="galaxy.png",
            disposition="inline",
        )  # fmt: skip
    # The page names every student, so that it is attached at the full level of detail only.
    if envelope.page and envelope.level == redaction.FULL:
        name = f"week-{report.week:02d}.html"
        message.add_attachment(envelope.page, subtype="html", filename=name)
    parts = (body.text.encode(), body.html.encode(), body.picture)
    content = hashlib.sha256(b"\0".join(parts)).hexdigest()
    # Boundaries are random by default, and the same report would not give the same bytes.
    for n, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"edumetrics-{content[:32]}-{n}")
    return message, content


def add_headers(message: EmailMessage, moment: datetime, identity: str = "") -> None:
    """Add the headers for the date, the id and automatic messages.

    A message that is sent again after a lost connection keeps its id, and a mailbox shows it once.

    Args:
        message: the message; it must have a sender.
        moment: when it is sent, with time zone.
        identity: a text in hexadecimal digits from which the id is made; from `moment` when empty.
    """
    identity = identity or hashlib.sha256(moment.isoformat().encode()).hexdigest()
    message["Date"] = format_datetime(moment)
    message["Message-ID"] = f"<{identity[:40]}@{message['From'].addresses[0].domain}>"
    # Both headers ask for no out-of-office replies: RFC 3834, and Exchange's own.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"


def add_deputy_line(report: Report, until: date) -> Report:
    """Return a report that tells whose it is, and until when its reader has it."""
    day = report.sentences.format_day(pd.Timestamp(until))
    said = report.sentences.say("reports", "deputy", advisor=report.reader, day=day)
    return replace(report, kicker=(*report.kicker, said))


def add_replies(report: Report, code: Code) -> Report:
    """Return a report whose cards can be answered with one tap."""

    def add_reply(entry: StudentEntry, section: Students) -> StudentEntry:
        # A student in a line has no card, and so no place for the links.
        if section.brief:
            return entry
        made, say = code(entry), report.sentences.say
        replies = tuple(
            Reply(say("reports", phrase), f"{kind} [{made}]") for kind, phrase in REPLIES.items()
        )
        return replace(entry, code=made, replies=replies)

    return report.with_entries(add_reply)
