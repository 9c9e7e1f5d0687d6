"""One connection to a mail server, for many messages: patient where trouble may pass, and only there."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.params import Mail

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
PERMANENT = 500
START_MAIL, TAKEN = 354, 250


class NotSent(EduMetricsError):
    """The server did not take one message; whoever is told need know no more than this."""


class Unconfirmed(EduMetricsError):
    """A message was handed over whole, and the server has not said in time whether it took it."""


class _BrokenOff(Exception):
    """The connection was lost after the last line of a message, before the answer to it."""


class Unreachable(EduMetricsError):
    """There is no talking to the server: no message can be sent for now."""


class Server:
    """The server of `smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`, connected to when needed.

    Raises:
        SettingsError: the URL cannot be understood.
    """

    def __init__(self, url: str, mail: Mail) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise SettingsError("SMTP_URL has a port that is no number.") from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise SettingsError(
                f"SMTP_URL must begin with one of {', '.join(f'{name}://host' for name in PORTS)}."
            )
        self.scheme, self.host, self.port = (
            parts.scheme,
            parts.hostname,
            port or PORTS[parts.scheme],
        )
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.mail = mail
        self._open: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._open is not None and kind is None:
            with suppress(smtplib.SMTPException, OSError):  # everything was said
                self._open.quit()
        self._close()

    def send(
        self, message: EmailMessage, to: str, handing_over: Callable[[], None] = lambda: None
    ) -> None:
        """Send one message; `handing_over` is called when all but its last line is with the server.

        Raises:
            SettingsError: the server refuses the login, or cannot be trusted.
            NotSent: it refuses the message, or trouble with it did not pass.
            Unconfirmed: it did not say in time whether it took the message.
            Unreachable: it cannot be reached.
        """
        doubt: Unconfirmed | None = None
        trouble: EduMetricsError | None = None
        for attempt in range(self.mail.attempts):
            if attempt:
                time.sleep(self.mail.backoff_seconds * 2 ** (attempt - 1))
            try:
                server = self._connected()
            except (smtplib.SMTPException, OSError) as error:
                self._close()
                trouble = _unreachable(error)
                continue
            try:
                _hand_over(server, message, to, handing_over)
                return
            except _BrokenOff as error:
                self._close()
                if doubt is not None:
                    raise doubt from error
                # Who breaks off has not taken the mail (RFC 5321, 4.5.3.2.6), so it is tried again; but only once.
                doubt = Unconfirmed(
                    "The mail server broke off before it said whether it took the mail."
                )
            except smtplib.SMTPResponseException as error:
                self._close()
                trouble = NotSent(f"The mail server refused the mail ({error.smtp_code}).")
                if error.smtp_code >= PERMANENT:
                    raise (doubt or trouble) from error
            except (smtplib.SMTPException, OSError) as error:
                self._close()
                trouble = NotSent(f"The mail server broke off ({type(error).__name__}).")
        # Once the server may have it, nothing that came after says that it has not.
        final = doubt or trouble
        assert final is not None
        raise final

    def _connected(self) -> smtplib.SMTP:
        if self._open is not None:
            return self._open
        context, seconds = ssl.create_default_context(), self.mail.timeout_seconds
        try:
            if self.scheme == "smtps":
                self._open = smtplib.SMTP_SSL(
                    self.host, self.port, timeout=seconds, context=context
                )
            else:
                self._open = smtplib.SMTP(self.host, self.port, timeout=seconds)
            if self.scheme == "smtp+starttls":
                self._open.starttls(context=context)
            if self.user:
                self._open.login(self.user, self.password)
        except ssl.SSLCertVerificationError as error:
            self._close()
            raise SettingsError(
                "The mail server's certificate is not valid for the host in SMTP_URL."
            ) from error
        except smtplib.SMTPAuthenticationError as error:
            self._close()
            if error.smtp_code < PERMANENT:
                raise
            raise SettingsError("The mail server refused the login: check SMTP_URL.") from error
        except smtplib.SMTPNotSupportedError as error:
            self._close()
            raise SettingsError(
                "The mail server offers no STARTTLS, or no login: check SMTP_URL."
            ) from error
        return self._open

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _unreachable(error: Exception) -> EduMetricsError:
    """What stands in the way, without what a server says: its answer may repeat an address."""
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        raise SettingsError("There is no such mail server: check SMTP_URL.") from error
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= PERMANENT:
        raise SettingsError(
            f"The mail server refuses to talk ({error.smtp_code}): check SMTP_URL."
        ) from error
    return Unreachable(f"The mail server did not take the mail ({type(error).__name__}).")


def _hand_over(
    server: smtplib.SMTP, message: EmailMessage, to: str, handing_over: Callable[[], None]
) -> None:
    """The dialogue of RFC 5321, with a word said before the line that ends the message.

    Until then the server has nothing; from then on it may. Whoever is killed in between knows which.
    """
    server.ehlo_or_helo_if_needed()
    _expect(TAKEN, server.mail(message["From"].addresses[0].addr_spec))
    code, answer = server.rcpt(to)
    if code not in (TAKEN, TAKEN + 1):
        raise smtplib.SMTPResponseException(code, answer)
    _expect(START_MAIL, server.docmd("DATA"))
    text = re.sub(rb"(?m)^\.", b"..", message.as_bytes(policy=SMTP))
    server.send(text if text.endswith(b"\r\n") else text + b"\r\n")
    handing_over()
    try:
        server.send(b".\r\n")
        reply = server.getreply()
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            raise Unconfirmed("The mail server has not said whether it took the mail.") from error
        raise _BrokenOff from error
    _expect(TAKEN, reply)


def _expect(wanted: int, reply: tuple[int, bytes]) -> None:
    if reply[0] != wanted:
        raise smtplib.SMTPResponseException(reply[0], reply[1])
