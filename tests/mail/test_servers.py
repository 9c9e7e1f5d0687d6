"""Servers as they are out there: STARTTLS, TLS, a login; certificates that are not to be trusted."""

from __future__ import annotations

import ssl
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from edumetrics.errors import SettingsError
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


def message(text: str = "Hello") -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "a@college.example", "b@college.example", "Week 7"
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
                server.send(message(), "b@college.example")
        assert len(inbox.messages) == 2


def test_tls_from_the_first_byte(certificate: ssl.SSLContext) -> None:
    with (
        serving(ssl_context=certificate) as (inbox, port),
        Server(f"smtps://127.0.0.1:{port}", QUICK) as server,
    ):
        server.send(message(), "b@college.example")
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
            server.send(message(), "b@college.example")
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
        server.send(message(), "b@college.example")
    # One log-in, by however many mechanisms the library knows.
    assert 1 <= len(tried) <= 2


def test_a_server_without_starttls_is_not_trusted_with_a_password() -> None:
    with (
        serving() as (inbox, port),
        Server(f"smtp+starttls://user:pw@127.0.0.1:{port}", QUICK) as server,
    ):
        with pytest.raises(SettingsError, match="no STARTTLS"):
            server.send(message(), "b@college.example")
        assert inbox.tries == 0


def test_lines_that_begin_with_a_dot_arrive_as_they_are() -> None:
    with serving() as (inbox, port), Server(f"smtp://127.0.0.1:{port}", QUICK) as server:
        server.send(message(".\n..two\n.three\nend"), "b@college.example")
        assert inbox.messages[0].get_content().split() == [".", "..two", ".three", "end"]


def test_nobody_there_is_told_after_a_few_tries() -> None:
    with pytest.raises(Unreachable, match="ConnectionRefusedError"):
        Server(f"smtp://127.0.0.1:{free_port()}", QUICK).send(message(), "b@college.example")
    with pytest.raises(SettingsError, match="no such mail server"):
        Server("smtp://no-such-host.invalid", QUICK).send(message(), "b@college.example")


def test_a_server_that_is_full_for_now() -> None:
    with serving() as (inbox, port), Server(f"smtp://127.0.0.1:{port}", QUICK) as server:
        inbox.refused["b@college.example"] = "452 4.2.2 mailbox full"
        with pytest.raises(NotSent, match="452"):
            server.send(message(), "b@college.example")
        server.send(message(), "c@college.example")
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
            server.send(message(), "b@college.example")
        inbox.answers = [None, "554 no"]
        with pytest.raises(Unconfirmed):
            server.send(message(), "b@college.example")
