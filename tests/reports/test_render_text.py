"""What a report looks like as plain text, as a link, as a file name and as a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from functools import cache
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.plain import export_safe_csv
from edumetrics.reports import render
from edumetrics.reports.model import (
    EmailDraft,
    Fact,
    NumberRow,
    Numbers,
    Prose,
    Reply,
    Report,
    Section,
    Students,
    StudentTable,
    TableRow,
)
from edumetrics.reports.render import MailContext
from edumetrics.reports.weekly import build_weekly_reports
from tests.reports.builder import make_entry, make_occasion, make_report, make_week

LONG = "a sentence of nine words that is said again " * 4
ADDRESS = "https://reports.college.example/a-very-long-address/" + "x" * 60 + "/weekly.html"
MAIL = MailContext("early-alert@college.example", ADDRESS, "Riverbend College")
ASHA = make_entry(
    tier="critical", urgency="Urgent", shape="◆", since="new", reasons=("A reason.",),
    facts=(Fact("Off the list:", "attends all lectures."), Fact("", "A fact.")),
    draft=EmailDraft("asha@students.example", "Hello & goodbye?", "Dear Asha,\n\n100% & more"),
    replies=(Reply("Talked", "Talked [7-A]"),), code="7-A", handout=("For paper.",),
)  # fmt: skip


def show(*sections: Section, mail: MailContext = MAIL, **more: object) -> str:
    return render.render_mail_text(make_report(*sections, **more), mail)


def show_html(*sections: Section, mail: MailContext = MAIL) -> str:
    return render.render_mail_html(make_report(*sections), mail)


def read_links(html: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="([^"]*)"', html)]


def read_words(html: str) -> str:
    """The text of HTML, in single blanks."""
    body = html[html.index("<body") :]
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", body)).split())


@cache
def weekly() -> Report:
    return build_weekly_reports(make_occasion(), make_week())[0]


def test_a_card_has_its_parts_in_reading_order() -> None:
    text = show(Students("Start here", "Most urgent first.", (ASHA,)))
    assert (
        "START HERE\n----------\nMost urgent first.\n\n"
        "◆ Urgent · new\n"
        "  Asha Lanternwala · 07\n"
        "  - A reason.\n"
        "  Off the list: attends all lectures.\n"
        "  A fact.\n"
        "  Write to: asha@students.example\n"
        "  To log it: [7-A]\n"
    ) in text
    assert "For paper." not in text


def test_a_line_has_no_addresses_and_no_code() -> None:
    text = show(Students("Next", "", (ASHA,), brief=True))
    assert "◆ Urgent · new\nAsha Lanternwala · 07\n  A reason.\n  Off the list:" in text
    assert "asha@students.example" not in text
    assert "To log it: [" not in text


def test_an_entry_without_urgency_and_roll_number_is_only_a_name() -> None:
    text = show(Students("Next", "", (make_entry(roll_number=""),), brief=True))
    assert "NEXT\n----\n\nAsha Lanternwala\n" in text


def test_numbers_are_columns_and_what_is_not_known_is_a_dash() -> None:
    rows = (NumberRow("Attendance", 79, None, "%"), NumberRow("Marks", 0, 100))
    text = show(Numbers("In numbers", "The middle", "Now", "Before", rows))
    lines = [line.split() for line in text.splitlines() if line.startswith(("The middle", "Att", "Mar"))]  # fmt: skip
    assert lines == [["The", "middle", "Now", "Before"], ["Attendance", "79%", "-"], ["Marks", "0", "100"]]  # fmt: skip


def test_the_table_of_all_students_is_only_on_the_page() -> None:
    report = make_report(StudentTable("Your students", ("Can miss",), (TableRow("Asha", "07", ("3 of 9",)),)))  # fmt: skip
    assert "3 of 9" in render.render_page(report)
    assert "3 of 9" not in render.render_mail_text(report, MAIL)
    assert "3 of 9" not in render.render_mail_html(report, MAIL)


def test_lines_are_short_and_an_address_is_never_broken() -> None:
    student = make_entry(name="Asha " * 20, reasons=(LONG,), facts=(Fact("Label:", LONG),))
    cards, brief = (Students("Some", LONG, (student,), brief=brief) for brief in (False, True))
    text = show(cards, brief, Prose("About", (LONG,)), headline=LONG, lead=LONG)
    lines = text.splitlines()
    assert ADDRESS in lines
    assert max(len(line) for line in lines if line != ADDRESS) <= 78
    assert " ".join(LONG.split()) in " ".join(text.split())


def test_plain_text_is_not_escaped_and_html_is() -> None:
    odd = make_entry(name="<b>O'Brien & Co</b>", reasons=("{{ 7*7 }} <script>",))
    section = Students("Start", "", (odd,))
    assert "<b>O'Brien & Co</b>" in show(section)
    assert "{{ 7*7 }} <script>" in show(section)
    html = show_html(section)
    assert "<script>" not in html
    assert "<b>O'Brien" not in html
    assert "<b>O'Brien & Co</b>" in read_words(html)


def test_a_mail_ends_with_who_sent_it_to_whom_and_where_questions_go() -> None:
    end = " ".join(show().split("-- \n")[1].split())
    assert end == (
        "Sent automatically by EduMetrics for Riverbend College to Dr. Farida Inkwell."
        " Questions, or a list that looks wrong: early-alert@college.example"
    )
    bare = " ".join(show(mail=MailContext()).split("-- \n")[1].split())
    assert bare == "Sent automatically by EduMetrics to Dr. Farida Inkwell."


def test_a_mail_tells_how_to_reply_only_where_it_can_be_answered() -> None:
    answered = " ".join(show(Students("Start", "", (ASHA,))).split())
    assert "write Talked, No answer, Known reason or Wrong flag and the code" in answered
    assert "“Talked [7-A]”" in answered
    assert "to early-alert@college.example." in answered
    silent = make_entry()
    assert "To log it" not in show(Students("Start", "", (silent,)))


def test_without_a_published_page_no_mail_links_to_one() -> None:
    assert "Every student, week by week" in show()
    assert "Every student, week by week" in show_html()
    for text in (show(mail=MailContext()), show_html(mail=MailContext())):
        assert "Every student, week by week" not in text


def test_html_and_plain_text_of_a_week_say_the_same() -> None:
    report, mail = weekly(), MailContext("r@college.example", "", "Riverbend")
    text = " ".join(render.render_mail_text(report, mail).split())
    words = read_words(render.render_mail_html(report, mail))
    said = [report.headline, report.lead, report.preheader, *report.kicker]
    for section in report.sections:
        if isinstance(section, Students):
            for entry in section.entries:
                said += [entry.name, entry.roll_number, entry.urgency, entry.since, *entry.reasons]
                said += [fact.text for fact in entry.facts]
        elif isinstance(section, Prose):
            said += section.paragraphs
    assert {"Asha Lanternwala", "Can miss 0 of 108 lectures left.", "Keep in view"} <= set(said)
    for sentence in filter(None, said):
        assert sentence in text
        assert sentence in words


def test_a_link_opens_the_draft_as_it_is() -> None:
    (link,) = [link for link in read_links(show_html(Students("S", "", (ASHA,)))) if "asha" in link]
    parts = urlsplit(link)
    assert (parts.scheme, parts.path) == ("mailto", "asha@students.example")
    assert parse_qs(parts.query) == {
        "subject": ["Hello & goodbye?"],
        "body": ["Dear Asha,\r\n\r\n100% & more"],
    }


def test_a_link_to_reply_has_only_a_subject() -> None:
    links = read_links(show_html(Students("S", "", (ASHA,))))
    (link,) = [link for link in links if "subject=Talked" in link]
    assert link == "mailto:early-alert@college.example?subject=Talked%20%5B7-A%5D"


def test_a_preview_is_the_mail_without_links_to_reply() -> None:
    preview = render.render_preview(weekly())
    assert str(preview).startswith(
        "Subject: Week 7 · 1 of 3 students · midterm in one week\n\nSince last week: "
    )
    assert "data:image/png;base64," in preview.html
    assert "cid:" not in preview.html
    assert "To log it" not in preview.text


def test_a_preview_cannot_break_out_of_its_frame() -> None:
    shown = render.Preview('"><script>', '<p title="x">\'</p>', "text")._repr_html_()
    assert "<iframe sandbox " in shown
    assert "<script>" not in shown
    assert 'srcdoc="&lt;p title=&quot;x&quot;&gt;' in shown


# ------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("identifier", "name"),
    [
        ("ADV-22_001.b", "ADV-22_001.b"),
        ("a/b", "a%2fb"),
        ("..", "%2e."),
        (".hidden", "%2ehidden"),
        ("a b%", "a%20b%25"),
        ("é", "%e9"),
        ("", ""),
    ],
)
def test_an_id_is_a_safe_file_name(identifier: str, name: str) -> None:
    assert render.escape_file_name(identifier) == name


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1))
def test_no_id_leaves_its_folder(identifier: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_%-][A-Za-z0-9._%-]*", render.escape_file_name(identifier))


ids = st.text(st.characters(min_codepoint=32, max_codepoint=126))


@settings(max_examples=50, deadline=None)
@given(ids, ids)
def test_two_ids_never_share_a_file(one: str, other: str) -> None:
    assert (one == other) == (render.escape_file_name(one) == render.escape_file_name(other))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_spreadsheet_does_not_run_a_cell(start: str) -> None:
    frame = pd.DataFrame({"name": [f"{start}1+1", "Asha"], "change": [-5.0, 1.5]})
    assert f"\n'{start}1+1,-5.0\n" in export_safe_csv(frame).replace('"', "")


@pytest.mark.parametrize(
    "text",
    [
        "\n=1",
        "＝1+1",
        "－1",
        "＠x",
        "x;=HYPERLINK(1)",
        "x\r\n@SUM(1)",
        "x\u2028+1",
        " =1",
        '"=1',
        "a|=1",
        "\u200b=1",
    ],
)
def test_a_cell_is_disarmed_whatever_it_begins_with_and_wherever_it_breaks(text: str) -> None:
    written = export_safe_csv(pd.DataFrame({"name": [text]}))
    (row,) = list(csv.reader(io.StringIO(written, newline="")))[1:]
    for part in re.split("[\r\n;|\t\u2028]+", row[0]):
        plain = unicodedata.normalize("NFKC", part).lstrip(' "\u200b')
        assert not plain.startswith(("=", "+", "-", "@")), part


@pytest.mark.parametrize("text", ["Asha", "O'Brien", "a - b", "1-2", "x; y", "a\nb", "50%", "a=b"])
def test_a_cell_that_is_no_formula_stays_as_it_is(text: str) -> None:
    written = export_safe_csv(pd.DataFrame({"name": [text]}))
    assert list(csv.reader(io.StringIO(written, newline="")))[1:] == [[text]]


def test_lists_are_json_and_nulls_are_empty_in_a_table() -> None:
    frame = pd.DataFrame({"reasons": [[{"code": "é"}], None], "name": ["a", None]})
    rows = list(csv.reader(io.StringIO(export_safe_csv(frame))))
    assert rows[1:] == [['[{"code": "é"}]', "a"], ["", ""]]
