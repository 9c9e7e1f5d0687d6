"""Send many messages over one connection to a mail server.

A message is tried again where the trouble may pass, and only there.
"""

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
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from edumetrics.database import is_on_this_machine
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.params import MailParams

# The standard port of each kind of connection, where the URL names none.
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
# Replies from 500 on are permanent (RFC 5321, 4.2.1): trying again cannot help. 4xx may pass.
PERMANENT, REFUSED, ACCEPTED = 500, 400, range(200, 300)
# 354 asks for the text of the message, 250 confirms a command.
START_MAIL, TAKEN = 354, 250
# How long all of a conversation about one message may last, and how much a server may say at once.
CONVERSATION_SECONDS = 120
MOST_BYTES = 64 * 1024


class NotSent(EduMetricsError):
    """The server did not accept one message; others may still be sent."""


class Unconfirmed(EduMetricsError):
    """The server has a whole message, and has not said in time whether it accepted it."""


class _BrokenOff(Exception):
    """The connection was lost after the last line of a message, before the server's answer."""


class Unreachable(EduMetricsError):
    """The server cannot be reached: no message can be sent for now."""


class _Bounded(smtplib.SMTP):
    """A conversation with a server that ends in time, however slowly or much the server talks."""

    def __init__(self, ends: float, host: str, port: int, **more: Any) -> None:
        self.ends = ends
        super().__init__(host, port, **more)

    def getreply(self) -> tuple[int, bytes]:
        """Return the server's next reply.

        Raises:
            smtplib.SMTPServerDisconnected: the conversation or the reply is too long.
        """
        # smtplib opens the stream anew after STARTTLS.
        if self.file is None:
            self.file = _Replies(self)
        self.file.taken = 0
        return super().getreply()


class _BoundedSSL(_Bounded, smtplib.SMTP_SSL):
    """The same over TLS from the first byte."""


class _Replies:
    """The lines that a server sends, read until the conversation has to end."""

    def __init__(self, server: _Bounded) -> None:
        self._server, self._pending, self.taken = server, b"", 0

    def readline(self, limit: int) -> bytes:
        """Return a line; what there is of it where it is longer, and nothing at the end."""
        while b"\n" not in self._pending and len(self._pending) < limit:
            left = self._server.ends - time.monotonic()
            assert self._server.sock is not None
            if left <= 0 or self.taken > MOST_BYTES:
                # As where a server has not answered in time.
                raise TimeoutError
            self._server.sock.settimeout(min(self._server.timeout, left))
            got = self._server.sock.recv(4096)
            if not got:
                break
            self._pending += got
            self.taken += len(got)
        line, end, rest = self._pending[:limit].partition(b"\n")
        self._pending = rest + self._pending[limit:]
        return line + end

    def close(self) -> None:
        """Do nothing: the socket is closed by its owner."""


class Server:
    """A mail server, connected when the first message is sent.

    Args:
        url: `smtp://`, `smtp+starttls://` or `smtps://user:password@host:port`.
        mail: the time limit and the number of attempts.

    Raises:
        SettingsError: the URL is not valid.
    """

    def __init__(self, url: str, mail: MailParams) -> None:
        # The messages below never quote the URL, because it holds the password.
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            raise SettingsError("The port in SMTP_URL is not a number: correct it.") from None
        if parts.scheme not in PORTS or not parts.hostname:
            raise SettingsError(
                f"SMTP_URL must begin with one of {', '.join(f'{name}://host' for name in PORTS)}."
            )
        self.scheme, self.host, self.port = (
            parts.scheme,
            parts.hostname,
            port or PORTS[parts.scheme],
        )
        if parts.scheme == "smtp" and parts.password and not is_on_this_machine(self.host):
            raise SettingsError(
                "SMTP_URL would send its password in clear to another host: "
                "begin it with smtp+starttls:// or smtps://."
            )
        # In a URL, signs such as @ are written as %40.
        self.user, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        # The library for SMTP cannot tell a server such letters.
        if not (self.user + self.password).isascii():
            raise SettingsError(
                "The user or the password in SMTP_URL has letters beyond ASCII: choose others."
            )
        self.mail = mail
        self._open: _Bounded | None = None
        self._ends = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._open is not None and kind is None:
            with suppress(smtplib.SMTPException, OSError):  # every message has been answered by now
                self._open.quit()
        self._close()

    def send(self, message: EmailMessage, handing_over: Callable[[], None] = lambda: None) -> None:
        """Send one message, in several attempts where the trouble may pass.

        Args:
            message: the message, with the one recipient in its header.
            handing_over: called when the server has all of the message except its last line.

        Raises:
            SettingsError: the server refuses the login, or cannot be trusted.
            NotSent: the server refuses the message, or the last attempt failed too.
            Unconfirmed: the server did not say in time whether it accepted the message.
            Unreachable: the server cannot be reached.
        """
        doubt: Unconfirmed | None = None
        trouble: EduMetricsError | None = None
        self._ends = time.monotonic() + CONVERSATION_SECONDS
        for attempt in range(self.mail.attempts):
            if attempt and time.monotonic() >= self._ends:
                break
            # The wait doubles each time, to give a busy server time to recover.
            if attempt:
                time.sleep(self.mail.backoff_seconds * 2 ** (attempt - 1))
            try:
                server = self._connect()
            except (smtplib.SMTPException, OSError) as error:
                self._close()
                trouble = _translate_error(error)
                continue
            try:
                _send_message(server, message, handing_over)
                return
            except _BrokenOff as error:
                self._close()
                if doubt is not None:
                    raise doubt from error
                # A server that closes the connection here should not have accepted the mail (RFC
                # 5321, 4.5.3.2.6). It is tried again, but only once, in case the server did.
                doubt = Unconfirmed(
                    "The mail server closed the connection before it confirmed the mail."
                )
            except smtplib.SMTPResponseException as error:
                self._close()
                trouble = NotSent(f"The mail server refused the mail ({error.smtp_code}).")
                if error.smtp_code >= PERMANENT:
                    raise (doubt or trouble) from error
            except (smtplib.SMTPException, OSError) as error:
                self._close()
                trouble = NotSent(f"The mail server broke off ({type(error).__name__}).")
        # Once the server may have the mail, a later failure does not prove that it has not.
        final = doubt or trouble
        assert final is not None
        raise final

    def _connect(self) -> smtplib.SMTP:
        """Return the open connection, or a new one with encryption and login.

        Raises:
            SettingsError: the certificate is not valid, the login is refused for good, or the
                server offers no STARTTLS or no login.
            smtplib.SMTPException, OSError: any other trouble, which may pass.
        """
        if self._open is not None:
            self._open.ends = self._ends
            return self._open
        context, seconds = ssl.create_default_context(), self.mail.timeout_seconds
        try:
            if self.scheme == "smtps":
                self._open = _BoundedSSL(
                    self._ends, self.host, self.port, timeout=seconds, context=context
                )
            else:
                self._open = _Bounded(self._ends, self.host, self.port, timeout=seconds)
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
            # A temporary refusal is tried again. A wrong password is not: the account could lock.
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
        """Close the connection without a word to the server."""
        # After an error the state of the dialogue is not known, so that QUIT makes no sense.
        if self._open is not None:
            self._open.close()
            self._open = None


def _translate_error(error: Exception) -> EduMetricsError:
    """Return the error for a connection that failed; never quote the server's answer.

    Raises:
        SettingsError: the server does not exist, or refuses the connection for good.
    """
    # The answer of a server may repeat an address, and errors go into logs.
    if isinstance(error, socket.gaierror) and error.errno == socket.EAI_NONAME:
        raise SettingsError("There is no such mail server: check SMTP_URL.") from error
    if isinstance(error, smtplib.SMTPResponseException) and error.smtp_code >= PERMANENT:
        raise SettingsError(
            f"The mail server refuses the connection ({error.smtp_code}): check SMTP_URL."
        ) from error
    return Unreachable(f"The mail server did not take the mail ({type(error).__name__}).")


def _send_message(
    server: smtplib.SMTP, message: EmailMessage, handing_over: Callable[[], None]
) -> None:
    """Send a message in the dialogue of RFC 5321; call `handing_over` before its last line.

    Before that line the server has not accepted anything; after it, it may have. The call records
    this moment, so that a process that is killed leaves word whether the mail may be out.

    Raises:
        smtplib.SMTPResponseException: the server refused a command or the message.
        Unconfirmed: the server did not answer the last line in time, or in no known way.
        _BrokenOff: the connection was lost before that answer.
    """
    server.ehlo_or_helo_if_needed()
    _check_reply(TAKEN, server.mail(message["From"].addresses[0].addr_spec))
    # As the header has it: a domain in another script is in ASCII there.
    code, answer = server.rcpt(message["To"].addresses[0].addr_spec)
    # 251 accepts the recipient too: the server will forward the mail.
    if code not in (TAKEN, TAKEN + 1):
        raise smtplib.SMTPResponseException(code, answer)
    _check_reply(START_MAIL, server.docmd("DATA"))
    # A line with a single dot ends a message, so every dot that begins a line is doubled.
    text = re.sub(rb"(?m)^\.", b"..", message.as_bytes(policy=SMTP))
    server.send(text if text.endswith(b"\r\n") else text + b"\r\n")
    handing_over()
    try:
        server.send(b".\r\n")
        reply = server.getreply()
    except (smtplib.SMTPServerDisconnected, OSError) as error:
        # smtplib reports a timeout of the answer as a lost connection, with the timeout as context.
        if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
            raise Unconfirmed("The mail server has not confirmed the mail.") from error
        raise _BrokenOff from error
    if reply[0] in ACCEPTED:
        return
    # Codes from 400 on refuse the mail. Any other one leaves it open whether the server has it.
    if reply[0] < REFUSED:
        # In what state the dialogue is, nobody knows: the next mail has another one.
        server.close()
        raise Unconfirmed("The mail server's last answer does not say whether it took the mail.")
    raise smtplib.SMTPResponseException(*reply)


def _check_reply(wanted: int, reply: tuple[int, bytes]) -> None:
    """Raise SMTPResponseException where a reply has another code than the wanted one."""
    if reply[0] != wanted:
        raise smtplib.SMTPResponseException(reply[0], reply[1])
