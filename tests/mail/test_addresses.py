"""Which addresses mail goes to, and which mail servers: what is not valid is refused in a sentence."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.errors import SettingsError
from edumetrics.mail.messages import FOREIGN_LETTERS, NO_ADDRESS, parse_address
from edumetrics.mail.smtp import Server
from edumetrics.params import MailParams


def write_header(name: str, spec: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["To"] = parse_address(name, spec)
    return message


@pytest.mark.parametrize(
    ("spec", "address"),
    [
        ("inkwell@college.example", "inkwell@college.example"),
        ("  inkwell@college.example\n", "inkwell@college.example"),
        ("first.last+list@mail.college.example", "first.last+list@mail.college.example"),
        ("a@m\u00fcnchen.example", "a@xn--mnchen-3ya.example"),
        ('"a b"@college.example', '"a b"@college.example'),
        ("a@[127.0.0.1]", "a@[127.0.0.1]"),
    ],
)
def test_an_address_is_written_as_servers_take_it(spec: str, address: str) -> None:
    assert parse_address("", spec).addr_spec == address


@pytest.mark.parametrize(
    "spec",
    [
        "",
        " ",
        "inkwell",
        "@college.example",
        "inkwell@",
        "a@b@college.example",
        "a b@college.example",
        "a..b@college.example",
        "a@college..example",
        "a@x.example, b@y.example",
        "a@x.example;b@y.example",
        "Dr. Inkwell <a@x.example>",
        "<a@x.example>",
        "jos\u00e9@college.example",
        "a@x.example\nBcc: b@y.example",
        "a\r\n@x.example",
        "a\0@x.example",
        "a@\u202ex.example",
        f"a@{'x' * 64}.example",
    ],
)
def test_what_is_not_one_address_is_refused_without_it(spec: str) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_address("Dr. Inkwell", spec)
    assert str(refused.value) in (NO_ADDRESS, FOREIGN_LETTERS)
    assert spec.strip() == "" or spec not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", ""),
        ("Dr. Farida Inkwell", "Dr. Farida Inkwell"),
        ("  Dr.\tFarida \n Inkwell ", "Dr. Farida Inkwell"),
        ('Farida "Ink" Well, PhD', 'Farida "Ink" Well, PhD'),
        ("\u092b\u093c\u0930\u0940\u0926\u093e", "\u092b\u093c\u0930\u0940\u0926\u093e"),
    ],
)
def test_a_name_reaches_the_reader_as_it_is(name: str, shown: str) -> None:
    (found,) = write_header(name, "a@college.example")["To"].addresses
    assert (found.display_name, found.addr_spec) == (shown, "a@college.example")


def test_a_name_cannot_add_a_header() -> None:
    message = write_header("Dr. E\r\nBcc: all@college.example", "a@college.example")
    raw = message.as_bytes()
    assert raw.count(b"\r\n") == 2, "one header, and the line that ends the headers"
    assert message["Bcc"] is None


letters = st.characters(exclude_categories=["Cs", "Cc"])


@settings(max_examples=50, deadline=None)
@given(st.text(letters, max_size=30), st.from_regex(r"[a-z0-9]{1,20}@[a-z]{1,20}\.example", fullmatch=True))  # fmt: skip
def test_every_name_goes_with_exactly_one_address(name: str, spec: str) -> None:
    message = write_header(name, spec)
    assert [one.addr_spec for one in message["To"].addresses] == [spec]
    assert list(message.keys()) == ["To"]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=40))
def test_whatever_a_college_has_for_an_address_is_one_or_is_refused(spec: str) -> None:
    try:
        found = parse_address("", spec)
    except SettingsError:
        return
    assert found.username
    assert found.domain
    assert found.addr_spec.isprintable()
    assert found.domain.isascii()


# ------------------------------------------------------------ the mail server


@pytest.mark.parametrize(
    ("url", "scheme", "port"),
    [
        ("smtp://mail.college.example", "smtp", 25),
        ("smtp+starttls://mail.college.example", "smtp+starttls", 587),
        ("smtps://mail.college.example", "smtps", 465),
        ("smtps://mail.college.example:2465", "smtps", 2465),
    ],
)
def test_each_kind_of_server_has_its_port(url: str, scheme: str, port: int) -> None:
    server = Server(url, MailParams())
    assert (server.scheme, server.host, server.port) == (scheme, "mail.college.example", port)
    assert (server.user, server.password) == ("", "")


def test_user_and_password_may_have_any_sign() -> None:
    server = Server("smtps://ed%40college:p%3A%2F%25@mail.example", MailParams())
    assert (server.user, server.password) == ("ed@college", "p:/%")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://ed:hidden@mail.example", "SMTP_URL must begin with one of smtp://host, "),
        ("mail.example", "SMTP_URL must begin with one of "),
        ("smtp://", "SMTP_URL must begin with one of "),
        ("smtps://ed:h%C3%A9dden@mail.example", "The user or the password in SMTP_URL has letters"),
        ("smtp://ed:hidden@mail.example:smtp", "The port in SMTP_URL is not a number"),
        ("smtp://ed:hidden@mail.example:99999", "The port in SMTP_URL is not a number"),
    ],
)
def test_a_server_that_is_none_is_refused_without_its_password(url: str, why: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Server(url, MailParams())
    assert str(refused.value).startswith(why)
    assert "hidden" not in str(refused.value)
