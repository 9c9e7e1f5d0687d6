"""What a message is made of, checked on what a real server received; and who may read what."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edumetrics.analysis.week_state import WEEKLY
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.inputs.terms import find_term
from edumetrics.mail import tokens
from edumetrics.mail.messages import Envelope, build_message
from edumetrics.reports import from_store
from edumetrics.reports.stored_moments import Source
from edumetrics.workspace import Workspace, open_workspace
from tests.mail.conftest import SECRET, set_mail
from tests.mail.server import Inbox

CLIPPED = 80 * 1024


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content()).replace("\r\n", "\n")


def find_advisor(message: EmailMessage) -> str:
    return str(message["To"].addresses[0].addr_spec).split("@")[0].upper()


def words(text: str) -> int:
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_parts_and_headers(received: list[EmailMessage]) -> None:
    for message in received:
        assert message.get_content_type() == "multipart/alternative"
        plain, related = message.iter_parts()
        assert plain.get_content_type() == "text/plain"
        assert related.get_content_type() == "multipart/related"
        html, picture = related.iter_parts()  # type: ignore[attr-defined]
        assert (html.get_content_type(), picture.get_content_type()) == ("text/html", "image/png")
        assert picture["Content-ID"] == "<galaxy@edumetrics>"
        assert picture.get_content_disposition() == "inline"
        assert picture.get_content()[:4] == b"\x89PNG"
        assert re.fullmatch(
            r"Week 10 · \d+ of \d+ students( · \d+ new)?( · .*)?", message["Subject"]
        )
        assert message["From"] == "EduMetrics <edumetrics@college.example>"
        assert message["To"].addresses[0].display_name.startswith("Dr. ")
        assert message["Reply-To"] == "early-alert@college.example"
        assert message["Auto-Submitted"] == "auto-generated"
        assert parsedate_to_datetime(message["Date"]).tzinfo is not None
        assert message["Message-ID"].endswith("@college.example>")
    assert len({message["Message-ID"] for message in received}) == len(received)


def test_html_that_shows_everywhere(received: list[EmailMessage]) -> None:
    for message in received:
        html = part(message, "html")
        page = Tags(html)
        assert len(html.encode()) < CLIPPED
        assert page.all("html")[0]["lang"] == "en"
        assert f"<title>{message['Subject']}</title>" in html
        assert {name for name, _ in page.tags}.isdisjoint(
            {"script", "link", "svg", "iframe", "form", "object", "video"}
        )
        assert all(
            image["src"] == "cid:galaxy@edumetrics" and image["alt"] for image in page.all("img")
        )
        links = [str(link["href"]) for link in page.all("a")]
        assert links
        assert all(link.startswith("mailto:") for link in links), "nothing is fetched"
        assert "data:" not in html
        assert "url(" not in html
        assert all(head["scope"] in ("row", "col") for head in page.all("th"))
        layout = [table for table in page.all("table") if "role" not in table]
        assert len(layout) == 1, "one table of numbers, all others are layout"
        assert all(
            "bgcolor" in cell for cell in page.all("td") if "padding" in str(cell.get("style"))
        )


def test_plain_text_says_the_same(received: list[EmailMessage]) -> None:
    for message in received:
        text, html = part(message, "plain"), part(message, "html")
        said = " ".join(text.split())
        for sentence in re.findall(r"<(?:li|h1)[^>]*>([^<]+)</(?:li|h1)>", html):
            plain = sentence.replace("&#39;", "'").replace("&amp;", "&")
            assert " ".join(plain.split()) in said
        assert all(len(line) <= 78 for line in text.splitlines())


def test_start_here_is_short(received: list[EmailMessage]) -> None:
    for message in received:
        text = part(message, "plain")
        start = text.split("START HERE")[1].split("\n\n\n")[0]
        start = re.sub(r" *(Write to|To log it):.*", "", start)
        cards = [card for card in start.split("\n\n")[1:] if card.strip()]
        assert cards
        assert [card for card in cards if words(card) > 60] == []
        assert all(card.count("\n  - ") <= 3 for card in cards)
        assert words(start) <= 450


def test_a_reply_is_signed_says_nothing_and_expires(
    sending: Workspace, received: list[EmailMessage]
) -> None:
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    everyone = [
        tokens.ReplyTarget(row["advisor_id"], row["student_id"], "2026-01-05", 10)
        for row in flags.to_dict("records")
    ]
    for message in received:
        for link in Tags(part(message, "html")).all("a"):
            if not str(link["href"]).startswith("mailto:early-alert@college.example?subject="):
                continue
            subject = (
                str(link["href"])
                .partition("subject=")[2]
                .replace("%20", " ")
                .replace("%5B", "[")
                .replace("%5D", "]")
            )
            assert re.fullmatch(
                r"(Talked|No answer|Known reason|Wrong flag) \[10-\w{3}(-\w{4}){4}\]", subject
            )
            _, last_day, code = tokens.parse_token(subject)
            assert last_day == sending.today + timedelta(days=28)
            about = tokens.compute_codes(SECRET, everyone, last_day)[code]
            assert message["To"].addresses[0].addr_spec.upper().startswith(about.advisor_id)
            own = flags[(flags["advisor_id"] == about.advisor_id) & flags["within_capacity"]]
            assert about.student_id in set(own["student_id"])
            assert about.student_id not in subject


@pytest.mark.slow
def test_an_advisor_reads_of_nobody_elses_students(sending: Workspace, inbox: Inbox) -> None:
    """Over the whole college, in weeks with every kind of section: no id, name, roll number or address of another's."""
    engine = create_writable_engine(sending.settings.client_db_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE students SET name = 'Zz' || student_id || ' Surname', roll_number = 'RR' || student_id"
        )
    set_mail(sending, pictures=True)
    workspace = open_workspace()
    assert edumetrics("run", "--week", "10").exit_code == 0
    assert edumetrics("send", "--approve").exit_code == 0
    metrics = workspace.store.read(
        "weekly_metrics", ("student_id", "advisor_id"), term="2026-01-05", sem_week=10
    )
    for message in inbox.messages:
        advisor = find_advisor(message)
        page = (
            workspace.settings.reports / f"2025-even/week-10/advisors/{advisor}.html"
        ).read_text()
        mine = set(metrics.loc[metrics["advisor_id"] == advisor, "student_id"])
        for text in (page, part(message, "html"), part(message, "plain"), str(message["Subject"])):
            named = set(re.findall(r"S\d{8}", text.upper()))
            assert named <= mine
        assert f"Zz{next(iter(sorted(mine)))} Surname" in page
    with workspace.open_college() as college:
        term = find_term(college, "", college.find_college_week(workspace.today))
        # With the watchlist, with an outlook, and with nothing but results.
        for week in (1, 7, 8):
            occasion = from_store.read_occasion(workspace, college, WEEKLY, term, week)
            found = from_store.build_week(Source(workspace, college, term, occasion))
            assert len(found) == 4
            seen: set[str] = set()
            for report in found:
                named = set(re.findall(r"S\d{8}", repr(report).upper()))
                assert not named & seen, "no student is in two advisors' reports"
                seen |= named


@pytest.mark.slow
@pytest.mark.parametrize("level", ["initials", "counts"])
def test_less_may_be_said(level: str, sending: Workspace, inbox: Inbox) -> None:
    set_mail(sending, mail_detail=level, attach_page=True, pictures=True)
    assert edumetrics("send", "--approve").exit_code == 0
    with sending.open_college() as college:
        names, emails = college.names, college.addresses["email"]
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    places = flags.groupby("advisor_id")["within_capacity"].sum()
    for message in inbox.messages:
        texts = part(message, "html") + part(message, "plain")
        assert not any(word in texts for word in (*names["name"], *emails))
        # Initials alone do not tell two students apart.
        assert any(number in texts for number in names["roll_number"]) == (level == "initials")
        assert list(message.iter_attachments()) == []
        if level == "counts":
            assert not any(
                record["text"] in texts for reasons in flags["reasons"] for record in reasons
            )
            assert f"{places[find_advisor(message)]} students." in texts
        else:
            assert re.search(r">[A-Z]\. [A-Z]\.", texts)


@pytest.mark.slow
def test_a_parent_is_written_to_only_where_both_agree(sending: Workspace, inbox: Inbox) -> None:
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    first, second, third = flags.loc[flags["within_capacity"], "student_id"].head(3)
    with create_writable_engine(sending.settings.client_db_url).begin() as connection:
        for student, permitted in ((first, 1), (second, 0), (third, None)):
            connection.exec_driver_sql(
                "UPDATE students SET parent_email = ?, parent_contact_permitted = ? WHERE student_id = ?",
                (f"parent-of-{student}@home.example", permitted, student),
            )
    assert edumetrics("send", "--approve").exit_code == 0
    assert "parent-of" not in "".join(part(message, "html") for message in inbox.messages)
    set_mail(sending, parents=True)
    assert edumetrics("send", "--again").exit_code == 0
    texts = "".join(part(message, kind) for message in inbox.messages for kind in ("html", "plain"))
    assert set(re.findall(r"parent-of-(S\d+)@", texts)) == {first}
    assert "Dear%20parent%20of%20" in texts


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(sending: Workspace, inbox: Inbox) -> None:
    workspace = open_workspace()
    envelope = Envelope(
        "a@b.example", "c@d.example", "Dr. E", "r@b.example", code=lambda entry: f"7-{entry.name}"
    )
    made = []
    for _ in range(2):
        with workspace.open_college() as college:
            term = find_term(college, "", college.find_college_week(workspace.today))
            occasion = from_store.read_occasion(workspace, college, WEEKLY, term, 10)
            found = from_store.build_week(Source(workspace, college, term, occasion))
        made.append([build_message(report, envelope)[0].as_bytes() for report in found])
    assert made[0] == made[1]
    pages: list[dict[str, bytes]] = []
    for _ in range(2):
        assert edumetrics("run", "--week", "10").exit_code == 0
        folder = workspace.settings.reports / "2025-even" / "week-10"
        pages.append(
            {
                path.name: path.read_bytes()
                for path in (*folder.glob("advisors/*"), folder / "department.html")
            }
        )
    assert pages[0] == pages[1]
    # The pages of four advisors, each with its view model beside it, and that of the head.
    assert len(pages[0]) == 9


def test_nobody_on_the_list(sending: Workspace, inbox: Inbox) -> None:
    one = "ADV22001"
    with sending.store.start_transaction() as connection:
        for table in ("weekly_flags", "list_exits"):
            connection.exec_driver_sql(
                f"DELETE FROM {table} WHERE sem_week = 10 AND advisor_id = '{one}'"
            )
    assert edumetrics("send", "--approve", "--advisor", one).exit_code == 0
    (message,) = inbox.messages
    assert re.fullmatch(r"Week 10 · none of \d+ students", message["Subject"])
    assert "Nobody is on your list this week." in part(message, "plain")
    assert len(part(message, "plain").split()) < 250


@pytest.mark.slow
def test_students_without_an_advisor_go_to_whoever_looks_after_them(
    sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with create_writable_engine(sending.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE advisors SET class_id = NULL WHERE advisor_id = 'ADV22001'"
        )
        connection.exec_driver_sql(
            "UPDATE students SET advisor_id = NULL WHERE advisor_id = 'ADV22001'"
        )
    assert edumetrics("run", "--week", "10").exit_code == 0
    failed = edumetrics("send", "--approve")
    assert failed.exit_code == 1
    assert (
        "unassigned: No mail address is known: set unassigned_to in triage.yml, or OPERATOR_EMAIL."
        in failed.stderr
    )
    monkeypatch.setenv("OPERATOR_EMAIL", "operator@college.example")
    assert edumetrics("send").exit_code == 0
    (message,) = inbox.to("operator@college.example")
    assert "students without an advisor could use a word from you." in " ".join(
        part(message, "plain").split()
    )


def test_what_was_mailed_is_kept(sending: Workspace, inbox: Inbox) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    folder = Path(os.environ["EDUMETRICS_HOME"]) / "reports" / "2025-even" / "week-10" / "outbox"
    kept = {path.stem: path.read_bytes() for path in folder.glob("*.eml")}
    assert sorted(kept.values()) == sorted(inbox.raw)
    assert folder.stat().st_mode & 0o077 == 0
