"""Servers as they are out there: STARTTLS, TLS, a login; certificates that are not to be trusted."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from edumetrics.errors import SettingsError
from edumetrics.mail import smtp
from edumetrics.mail.smtp import NotSent, Server, Unconfirmed, Unreachable
from edumetrics.params import MailParams
from tests.mail.server import free_port, serving

QUICK = MailParams(attempts=3, backoff_seconds=0.01, timeout_seconds=2)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server shows; the authority that signed it is trusted by this process."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def message(text: str = "Hello", to: str = "b@college.example") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "a@college.example", to, "Week 7"
    made.set_content(text)
    return made


def login(
    server: object, session: object, envelope: object, mechanism: str, data: LoginPassword
) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"user@x", b"p/ss:w@rd"))


def test_starttls_and_login(certificate: ssl.SSLContext) -> None:
    options = {
        "tls_context": certificate,
        "require_starttls": True,
        "authenticator": login,
        "auth_required": True,
    }
    with serving(**options) as (inbox, port):
        url = f"smtp+starttls://user%40x:p%2Fss%3Aw%40rd@127.0.0.1:{port}"
        with Server(url, QUICK) as server:
            for _ in range(2):
                server.send(message())
        assert len(inbox.messages) == 2


def test_tls_from_the_first_byte(certificate: ssl.SSLContext) -> None:
    with (
        serving(ssl_context=certificate) as (inbox, port),
        Server(f"smtps://127.0.0.1:{port}", QUICK) as server,
    ):
        server.send(message())
        assert len(inbox.messages) == 1


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_of_nobody_we_know_is_refused(
    scheme: str, certificate: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "other.pem"))
    options = {"ssl_context": certificate} if scheme == "smtps" else {"tls_context": certificate}
    with (
        serving(**options) as (inbox, port),
        Server(f"{scheme}://127.0.0.1:{port}", QUICK) as server,
    ):
        with pytest.raises(SettingsError, match="certificate is not valid"):
            server.send(message())
        assert inbox.tries == 0


def test_a_wrong_password_is_tried_once(certificate: ssl.SSLContext) -> None:
    tried = []

    def never(*args: object) -> AuthResult:
        tried.append(args)
        return AuthResult(success=False, handled=False)

    options = {"tls_context": certificate, "require_starttls": True, "authenticator": never}
    with (
        serving(**options) as (_, port),
        Server(f"smtp+starttls://user:wrong@127.0.0.1:{port}", QUICK) as server,
        pytest.raises(SettingsError, match="refused the login"),
    ):
        server.send(message())
    # One log-in, by however many mechanisms the library knows.
    assert 1 <= len(tried) <= 2


def test_a_server_without_starttls_is_not_trusted_with_a_password() -> None:
    with (
        serving() as (inbox, port),
        Server(f"smtp+starttls://user:pw@127.0.0.1:{port}", QUICK) as server,
    ):
        with pytest.raises(SettingsError, match="no STARTTLS"):
            server.send(message())
        assert inbox.tries == 0


def test_lines_that_begin_with_a_dot_arrive_as_they_are() -> None:
    with serving() as (inbox, port), Server(f"smtp://127.0.0.1:{port}", QUICK) as server:
        server.send(message(".\n..two\n.three\nend"))
        assert inbox.messages[0].get_content().split() == [".", "..two", ".three", "end"]


def test_nobody_there_is_told_after_a_few_tries() -> None:
    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        Server(f"smtp://127.0.0.1:{free_port()}", QUICK).send(message())
    with pytest.raises(SettingsError, match="no such mail server"):
        Server("smtp://no-such-host.invalid", QUICK).send(message())


def test_a_server_that_is_full_for_now() -> None:
    with serving() as (inbox, port), Server(f"smtp://127.0.0.1:{port}", QUICK) as server:
        inbox.refused["b@college.example"] = "452 4.2.2 mailbox full"
        with pytest.raises(NotSent, match="452"):
            server.send(message())
        server.send(message(to="c@college.example"))
        assert len(inbox.messages) == 1


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://x:abc", "mail.college.example"])
def test_a_url_that_is_none(url: str) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL"):
        Server(url, QUICK)


def test_a_mail_that_may_be_out_is_not_called_refused() -> None:
    """The server takes the mail and breaks off, then it is too busy to take it again."""
    with serving() as (inbox, port), Server(f"smtp://127.0.0.1:{port}", QUICK) as server:
        inbox.answers = [None, "451 later", "451 later"]
        with pytest.raises(Unconfirmed):
            server.send(message())
        inbox.answers = [None, "554 no"]
        with pytest.raises(Unconfirmed):
            server.send(message())


def say_for_ever(
    first: bytes, again: bytes, pause: float
) -> tuple[socket.socket, threading.Thread]:
    """A server that says one thing, and then another for as long as anybody listens."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        # The socket is closed at the end of the test.
        with contextlib.suppress(OSError):
            while True:
                caller, _ = listening.accept()
                with caller, contextlib.suppress(OSError):
                    caller.sendall(first)
                    while not done.wait(pause):
                        caller.sendall(again)

    done = threading.Event()
    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return listening, thread


@pytest.mark.parametrize(
    ("first", "again", "pause"),
    [
        (b"220-hello\r\n", b"220-and more\r\n" * 1000, 0),
        (b"220 hello\r\n", b"250-and more\r\n" * 1000, 0),
        (b"220 hello\r\n", b"2", 0.05),
        (b"220 hello\r\n", b"250-slowly\r\n", 0.05),
        (b"2", b"2", 0.05),
    ],
    ids=["greets for ever", "answers for ever", "a byte at a time", "a line at a time", "no line"],
)
def test_a_server_that_never_ends_is_left(
    first: bytes, again: bytes, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "CONVERSATION_SECONDS", 1)
    listening, _ = say_for_ever(first, again, pause)
    began = time.monotonic()
    with listening:
        port = listening.getsockname()[1]
        with (
            pytest.raises((Unreachable, NotSent)),
            Server(f"smtp://127.0.0.1:{port}", QUICK) as server,
        ):
            server.send(message())
    assert time.monotonic() - began < 10


def test_a_password_goes_to_no_other_host_in_clear() -> None:
    with pytest.raises(SettingsError, match="in clear") as refused:
        Server("smtp://someone:secret-word@mail.college.example", QUICK)
    assert "secret-word" not in str(refused.value)
    Server("smtp://someone:secret-word@127.0.0.1", QUICK)
    Server("smtp+starttls://someone:secret-word@mail.college.example", QUICK)
