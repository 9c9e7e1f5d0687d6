"""Messages out of the house: by SMTP where it is set up, as .eml files in an outbox where it is not."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from urllib.parse import unquote, urlsplit

from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.settings import Settings, private_folder

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
SECONDS = 20


def to_operator(chosen: Settings, outcome: str, line: str) -> None:
    """Mail the operator one line about a run; nothing where no operator is named.

    Args:
        chosen: whose `operator_email` it goes to.
        outcome: done, held, refused or failed.
        line: what happened, in a sentence; it names no student.

    Raises:
        EduMetricsError: the mail could not be sent.
    """
    if not chosen.operator_email:
        return
    message = EmailMessage()
    message["Subject"] = f"EduMetrics: {outcome}"
    message["From"] = chosen.mail_from or chosen.operator_email
    message["To"] = chosen.operator_email
    message.set_content(line)
    send(chosen, message)


def send(chosen: Settings, message: EmailMessage) -> str:
    """Send one message and return by which channel: smtp or outbox.

    Raises:
        SettingsError: SMTP_URL cannot be understood.
        EduMetricsError: the server cannot be reached or refuses the message.
    """
    now = datetime.now(UTC)
    message["Date"], message["Message-ID"] = format_datetime(now), make_msgid(domain="edumetrics.local")
    message["Auto-Submitted"] = "auto-generated"
    if not chosen.smtp_url:
        path = private_folder(chosen.home / "outbox") / f"{now:%Y%m%dT%H%M%S%f}.eml"
        path.write_bytes(bytes(message))
        path.chmod(0o600)
        return "outbox"
    try:
        with _server(chosen.smtp_url) as server:
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        # A server's answer may repeat an address: only the kind of failure is told.
        raise EduMetricsError(
            f"The mail server did not take the mail ({type(error).__name__}): check SMTP_URL."
        ) from error
    return "smtp"


@contextmanager
def _server(url: str) -> Iterator[smtplib.SMTP]:
    """A connection to the server of `smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise SettingsError(f"SMTP_URL must begin with one of {', '.join(f'{name}://host' for name in PORTS)}.")
    host, port, context = parts.hostname, parts.port or PORTS[parts.scheme], ssl.create_default_context()
    secure = parts.scheme == "smtps"
    opened = (
        smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=context)
        if secure
        else smtplib.SMTP(host, port, timeout=SECONDS)
    )
    with opened as server:
        if parts.scheme == "smtp+starttls":
            server.starttls(context=context)
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server
