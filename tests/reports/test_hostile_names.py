"""Names as people have them, and as an attacker would choose them, come out as they are: everywhere, and only as text."""

from __future__ import annotations

import email
import io
import re
import shutil
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd
import pytest
from playwright.sync_api import Browser

from edumetrics.database import create_writable_engine
from edumetrics.mail.messages import Envelope, build_message, parse_address
from edumetrics.plain import export_safe_csv
from edumetrics.reports import render
from edumetrics.reports.model import Report
from tests.conftest import workspace_at
from tests.reports.conftest import ADVISOR, reports_of
from tests.reports.test_in_browser import look

NAMES = ("<script>alert(1)</script>", "O'Brien", '=HYPERLINK("http://x")', "आशा देवी शर्मा", "Wilhelmina " * 7 + "Ann",
         "{{ 7 * 7 }}", "Bo\r\nBcc: all@college.example", '"><img src=x onerror=alert(1)>')  # fmt: skip
READER = "Dr. <b>Ink</b>\r\nBcc: all@college.example"


@pytest.fixture(scope="module")
def report(judged: Path, tmp_path_factory: pytest.TempPathFactory) -> Report:
    home = tmp_path_factory.mktemp("hostile") / "home"
    shutil.copytree(judged, home)
    workspace = workspace_at(home)
    flags = workspace.store.read("weekly_flags", term="2026-01-05", sem_week=10, advisor_id=ADVISOR)
    students = flags.loc[flags["within_capacity"]].sort_values("triage_rank")["student_id"]
    with create_writable_engine(workspace.settings.client_db_url).begin() as connection:
        for student, name in zip(students, NAMES, strict=True):
            connection.exec_driver_sql(
                "UPDATE students SET name = ?, roll_number = ? WHERE student_id = ?",
                (name, f"R{name[:9]}", student),
            )
        connection.exec_driver_sql(
            "UPDATE advisors SET name = ? WHERE advisor_id = ?", (READER, ADVISOR)
        )
    return reports_of(workspace, "", 10)[ADVISOR]


def plain(name: str) -> str:
    return " ".join(name.split())


@pytest.mark.slow
def test_on_the_page_and_in_the_mail(
    report: Report, browser: Browser, tmp_path: Path, screenshots: Path
) -> None:
    assert len(NAMES[4]) == 80
    for kind, html in (
        ("page", render.render_page(report)),
        ("mail", render.render_preview(report).html),
    ):
        path = tmp_path / f"{kind}.html"
        path.write_text(html)
        for width in (390, 1280):
            seen = look(browser, path, width)
            assert seen.errors == []
            assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []
            heads = [plain(text) for text in seen.page.locator("h3:visible").all_inner_texts()]
            for number, (name, head) in enumerate(zip(NAMES, heads, strict=True), 1):
                # The number is that of the picture.
                assert head.removeprefix(f"{number} ").startswith(plain(name))
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
            assert (
                seen.page.evaluate(
                    "document.querySelectorAll('main script, main b img, td script').length"
                )
                == 0
            )
            seen.page.screenshot(path=screenshots / f"hostile-{kind}-{width}.png", full_page=True)
            seen.page.close()


def test_in_plain_text(report: Report) -> None:
    text = " ".join(render.render_mail_text(report, render.MailContext()).split())
    assert all(plain(name) in text for name in NAMES)
    assert "\nBcc:" not in render.render_mail_text(report, render.MailContext())


def test_in_the_message_and_its_headers(report: Report) -> None:
    envelope = Envelope(
        "a@college.example", "b@college.example", report.reader, "r@college.example"
    )
    raw = build_message(report, envelope)[0].as_bytes()
    message = cast(EmailMessage, email.message_from_bytes(raw, policy=default))
    assert message["Bcc"] is None
    assert sorted(message.keys()) == [
        "Content-Type",
        "From",
        "MIME-Version",
        "Reply-To",
        "Subject",
        "To",
    ]
    assert message["To"].addresses[0].display_name == plain(READER)
    assert str(message["Subject"]).startswith("Week 10 · ")
    html = message.get_body(("html",))
    assert html is not None
    assert "<script" not in html.get_content()


def test_in_the_draft(report: Report) -> None:
    links = re.findall(r'href="(mailto:[^"]+)"', render.render_page(report))
    assert len(links) == len(NAMES)
    for name, link in zip(NAMES, links, strict=True):
        parts = urlsplit(link.replace("&amp;", "&"))
        query = parse_qs(parts.query)
        assert set(query) == {"subject", "body"}, "no other header can be set"
        assert re.fullmatch(r"s\d+@students.example", unquote(parts.path))
        first = plain(name).split()[0]
        # What has a digit is taken for an id, by which nobody is addressed.
        is_id = any(letter.isdigit() for letter in first)
        said = ("Hello,",) if is_id else (f"Dear {first},", f"Dear {plain(name)},")
        assert query["body"][0].startswith(said)


def test_in_a_table_for_a_spreadsheet() -> None:
    names = pd.DataFrame({"name": NAMES, "score": range(len(NAMES))})
    back = pd.read_csv(io.StringIO(export_safe_csv(names), newline=""))
    assert back["name"].tolist() == [f"'{name}" if name.startswith("=") else name for name in NAMES]


@pytest.mark.parametrize(
    "spec",
    [
        "a@b.example, c@d.example",
        "a@b.example\nBcc: c@d.example",
        "<a@b.example>",
        "@",
        "a@",
        "a b@c.d",
    ],
)
def test_an_address_is_one_address(spec: str) -> None:
    with pytest.raises(Exception, match="The mail address is not valid"):
        parse_address("Dr. E", spec)


def test_files_of_advisors_stay_in_their_folder(judged: Path, tmp_path: Path) -> None:
    for identifier in ("../../etc/passwd", "a/b", ".hidden", "ü", "A" * 20):
        name = render.escape_file_name(identifier)
        assert (tmp_path / f"{name}.html").parent == tmp_path
        assert not name.startswith(".")
