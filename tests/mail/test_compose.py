"""A message as it is composed: its parts, its headers, and what each level of detail leaves out."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parsedate_to_datetime
from functools import cache
from html import unescape
from typing import Any

import pytest

from edumetrics.errors import SettingsError
from edumetrics.mail.messages import Envelope, add_headers, add_replies, build_message
from edumetrics.mail.result import MailResult
from edumetrics.reports.model import Report, StudentEntry, Students
from edumetrics.reports.weekly import build_held_report, build_weekly_reports
from tests.reports.builder import make_entry, make_occasion, make_report, make_week

ENVELOPE = Envelope("edumetrics@college.example", "inkwell@college.example", "Dr. Farida Inkwell")
ANSWERED = replace(ENVELOPE, reply_to="early-alert@college.example", code=lambda one: f"7-{one.student_id}")  # fmt: skip
NOON = datetime(2026, 9, 7, 12, 0, tzinfo=UTC)


@cache
def weekly() -> Report:
    return build_weekly_reports(make_occasion(), make_week())[0]


def compose(report: Report | None = None, envelope: Envelope = ANSWERED, **more: Any) -> EmailMessage:  # fmt: skip
    """A message as a mail program reads it."""
    message, _ = build_message(report or weekly(), replace(envelope, **more))
    read = message_from_bytes(message.as_bytes(), policy=SMTP)
    assert isinstance(read, EmailMessage)
    return read


def list_types(message: EmailMessage) -> list[str]:
    return [part.get_content_type() for part in message.walk()]


def read_part(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


# ------------------------------------------------------------ parts


def test_a_message_is_text_or_else_html_with_its_picture() -> None:
    assert list_types(compose()) == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"
    ]  # fmt: skip


def test_the_html_shows_the_picture_that_comes_with_it() -> None:
    message = compose()
    (picture,) = [part for part in message.walk() if part.get_content_type() == "image/png"]
    assert picture["Content-ID"] == "<galaxy@edumetrics>"
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content().startswith(b"\x89PNG")
    assert re.findall(r'<img src="([^"]*)"', read_part(message, "html")) == ["cid:galaxy@edumetrics"]  # fmt: skip


@pytest.mark.parametrize("wanted", [True, False])
def test_a_message_without_a_picture_has_two_parts(wanted: bool) -> None:
    message = compose(make_report() if wanted else weekly(), picture=wanted)
    assert list_types(message) == ["multipart/alternative", "text/plain", "text/html"]
    assert "<img" not in read_part(message, "html")


def test_plain_text_says_the_same_as_html() -> None:
    message = compose(picture=False)
    said = " ".join(read_part(message, "plain").split())
    sentences = re.findall(r"<(?:li|h1|h2)[^>]*>([^<]+)<", read_part(message, "html"))
    assert {"Start here", "Can miss 0 of 108 lectures left."} <= set(sentences)
    for sentence in sentences:
        assert unescape(sentence).lower() in said.lower()


def test_every_line_is_short_enough_for_mail_servers() -> None:
    raw = build_message(weekly(), ANSWERED)[0].as_bytes()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 78
    assert raw.isascii()
    assert raw.count(b"\n") == raw.count(b"\r\n")


def test_the_same_report_gives_the_same_bytes_and_another_one_does_not() -> None:
    first, second = (build_message(weekly(), ANSWERED) for _ in range(2))
    assert first[0].as_bytes() == second[0].as_bytes()
    assert first[1] == second[1]
    other = build_message(replace(weekly(), lead="Other words."), ANSWERED)
    assert other[1] != first[1]


def test_the_hash_is_of_the_content_and_not_of_who_reads_it() -> None:
    report = make_report()
    hashes = {build_message(report, replace(ENVELOPE, to=to))[1] for to in ("a@x.example", "b@x.example")}  # fmt: skip
    assert len(hashes) == 1
    assert re.fullmatch(r"[0-9a-f]{64}", hashes.pop())


def test_the_page_is_attached_at_the_full_level_of_detail_only() -> None:
    page = "<p>Élodie</p>"
    (attached,) = compose(page=page, picture=False).iter_attachments()
    assert attached.get_filename() == "week-07.html"
    assert attached.get_content_disposition() == "attachment"
    assert attached.get_content().strip() == "<p>Élodie</p>"
    for level in ("initials", "counts"):
        assert list(compose(page=page, level=level, picture=False).iter_attachments()) == []


# ------------------------------------------------------------ headers


def test_who_writes_to_whom_about_what() -> None:
    message = compose(picture=False)
    assert str(message["Subject"]) == "Week 7 · 1 of 3 students · midterm in one week"
    assert str(message["From"]) == "EduMetrics <edumetrics@college.example>"
    assert str(message["To"]) == '"Dr. Farida Inkwell" <inkwell@college.example>'
    assert str(message["Reply-To"]) == "early-alert@college.example"


def test_without_an_address_for_replies_none_are_offered() -> None:
    message = compose(reply_to="", picture=False)
    assert message["Reply-To"] is None
    for kind in ("plain", "html"):
        assert "Wrong flag" not in read_part(message, kind)
        assert "7-S1" not in read_part(message, kind)


@pytest.mark.parametrize("field", ["sender", "to", "reply_to"])
def test_an_address_that_is_none_stops_the_message(field: str) -> None:
    with pytest.raises(SettingsError, match="The mail address is not valid"):
        compose(make_report(), **{field: "nobody"})


def send(identity: str = "", moment: datetime = NOON) -> EmailMessage:
    message, _ = build_message(make_report(), ENVELOPE)
    add_headers(message, moment, identity)
    return message


def test_nobodys_absence_is_answered_to_an_automatic_message() -> None:
    message = send()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"


def test_the_date_keeps_its_time_zone() -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    message = send(moment=NOON.astimezone(kolkata))
    assert message["Date"] == "Mon, 07 Sep 2026 17:30:00 +0530"
    assert parsedate_to_datetime(message["Date"]) == NOON


def test_a_message_that_is_sent_again_keeps_its_id() -> None:
    later = NOON + timedelta(hours=1)
    assert send("ab" * 32)["Message-ID"] == f"<{'ab' * 20}@college.example>"
    assert send("ab" * 32, later)["Message-ID"] == send("ab" * 32)["Message-ID"]
    assert send(moment=later)["Message-ID"] != send()["Message-ID"]
    assert send()["Message-ID"] == send()["Message-ID"]


# ------------------------------------------------------------ replies and detail


def test_cards_can_be_answered_and_lines_cannot() -> None:
    brief = make_entry(student_id="S2")
    report = make_report(
        Students("Start here", "", (make_entry(),)), Students("Next", "", (brief,), brief=True)
    )
    card, line = add_replies(report, lambda entry: f"7-{entry.student_id}").entries
    assert (card.code, line.code, line.replies) == ("7-S1", "", ())
    assert [(reply.label, reply.subject) for reply in card.replies] == [
        ("Talked", "Talked [7-S1]"),
        ("No answer", "No answer [7-S1]"),
        ("Known reason", "Known reason [7-S1]"),
        ("Wrong flag", "Wrong flag [7-S1]"),
    ]


def test_a_code_is_made_once_for_each_card() -> None:
    asked: list[str] = []

    def make_code(entry: StudentEntry) -> str:
        asked.append(entry.name)
        return "7-A"

    compose(code=make_code, level="initials", picture=False)
    assert asked == ["Asha Lanternwala"], "with the name, before it becomes initials"


@pytest.mark.parametrize(
    ("level", "told", "untold"),
    [
        ("full", ["Asha Lanternwala", "asha@students.example", "7-S1"], []),
        ("initials", ["A. L.", "Can miss 0 of 108", "7-S1"], ["Lanternwala", "students.example"]),
        ("counts", ["1 student."], ["A. L.", "Can miss 0 of 108", "7-S1", "students.example"]),
    ],
)
def test_each_level_tells_less(level: str, told: list[str], untold: list[str]) -> None:
    message = compose(level=level, picture=False)
    for kind in ("plain", "html"):
        text = read_part(message, kind)
        assert all(word in text for word in told)
        assert not any(word in text for word in untold)


def test_counts_have_no_picture_because_each_point_is_a_student() -> None:
    assert "image/png" not in list_types(compose(level="counts"))


def test_a_held_report_names_nobody_and_says_why() -> None:
    message = compose(build_held_report(weekly(), "The registers of CS3B have stopped."))
    assert str(message["Subject"]) == "Week 7 · held back"
    text = " ".join(read_part(message, "plain").split())
    assert "There is no list for you this week." in text
    assert "The registers of CS3B have stopped. It follows once that is put right." in text
    assert "Asha" not in text
    assert "image/png" not in list_types(message)


# ------------------------------------------------------------ what the operator reads


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (MailResult(), "Mail: nothing to send."),
        (MailResult(letters=4, sent=3, held=1), "Mail: 3 sent, 1 held."),
        (
            MailResult(written=2, waiting=True),
            "Mail: 2 in the outbox. The first mail is not released yet: run `edumetrics send --approve`.",
        ),
        (
            MailResult(sent=1, failed=[("A1", "No address is known.")], leaves=True),
            "Mail: 1 sent, 1 failed. A1: No address is known.",
        ),
    ],
)
def test_a_round_of_mail_in_one_line(result: MailResult, line: str) -> None:
    assert result.format_line() == line


def test_mail_in_doubt_says_how_to_send_it_again() -> None:
    line = MailResult(doubtful=["A2"], leaves=True).format_line()
    assert line.startswith("Mail: 1 not confirmed. A2: ")
    assert "run `edumetrics send --again --advisor A2`" in line


@pytest.mark.parametrize(
    ("result", "broken", "all_held"),
    [
        (MailResult(), False, False),
        (MailResult(letters=2, held=2), False, True),
        (MailResult(letters=2, held=1, sent=1, leaves=True), False, False),
        (MailResult(letters=1, failed=[("A1", "why")]), False, False),
        (MailResult(letters=1, failed=[("A1", "why")], leaves=True), True, False),
        (MailResult(letters=1, doubtful=["A1"], leaves=True), True, False),
    ],
)
def test_only_mail_that_leaves_can_break(result: MailResult, broken: bool, all_held: bool) -> None:
    assert (result.broken, result.all_held) == (broken, all_held)
