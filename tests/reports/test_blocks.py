"""One snapshot for each block, in each rendering. After a change that is meant: UPDATE_SNAPSHOTS=1 pytest tests/reports."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html import unescape as html_unescape
from pathlib import Path

import pandas as pd
import pytest

from edumetrics.mail.messages import add_replies
from edumetrics.params import Calendar, load
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
    StudentEntry,
    Students,
    StudentTable,
    TableRow,
)  # fmt: skip
from edumetrics.reports.sparklines import build_panel
from edumetrics.settings import PROJECT

FOLDER = Path(__file__).parent / "snapshots"
SENTENCES = load(PROJECT / "params", "native").sentences
COURSE = pd.DataFrame({"sem_week": [1, 2, 3, 4, 5, 6, 7], "weekly_att_pct": [90, 80, None, 70, 60, 50, 40],
                       "overall_att_pct": [90, 85, 85, 80, 76, 72, 67], "academic_performance": [None] * 6 + [38]})  # fmt: skip
ASHA = StudentEntry(
    student_id="S1",
    name="Asha Lanternwala",
    roll_number="CS3B-07",
    class_id="CS3B",
    tier="critical",
    urgency="Urgent",
    shape="◆",
    since="3 weeks",
    reasons=("Attended 4 of 12 lectures, 5 of 12 last week; 63% in weeks 3-5.", "Not in: Methods assignments 3 and 4; due 2 and 9 March.",
             "Can miss 20 of 108 lectures left."),
    facts=(Fact("", "Handing in Methods assignment 3 would help most."), Fact("No answer", "on 10 September; week 9: 38%.")),
    handout=("Not in: Methods assignments 3 and 4; due 2 and 9 March.",),
    class_name="CS 3 B",
    number=1,
    draft=EmailDraft("asha@students.example", "A short hello", "Dear Asha,\n\nHow are you?\n\nWarm wishes,\nFarida"),
    parent=EmailDraft("parent@home.example", "A short call?", "Dear parent of Asha,\n\n..."),
    replies=(Reply("Talked", "Talked [7-A]"), Reply("No answer", "No answer [7-A]")),
    code="7-A",
    panel=build_panel(SENTENCES, COURSE, 7, Calendar()),
)  # fmt: skip
NOOR = StudentEntry(
    "S2",
    "Noor Almanara",
    "CS3B-42",
    "CS3B",
    "high",
    "Soon",
    "▲",
    "new",
    reasons=("Two items fell due; neither is in.",),
)
BLOCKS: dict[str, Section] = {
    "cards": Students("Start here", "Most urgent first.", (ASHA, NOOR)),
    "lines": Students("Next, if you have time", "", (NOOR,), brief=True),
    "names": Students("No record at all this semester", "Not here, or a fault of the data.", (NOOR, ASHA), brief=True, inline=True),
    "prose": Prose("About the whole class", ("27 of the 62 students (44%) have recent work that is not in.", "A question.")),
    "numbers": Numbers("The class in numbers", "Middle of your students", "This week", "Last week",
                       (NumberRow("Attendance", 79, 82, "%"), NumberRow("Recorded activity", None, 57))),
    "table": StudentTable("Your students", ("Attended this week", "Can miss"), (TableRow("Asha", "CS3B-07", ("33%", "")),)),
}  # fmt: skip
MAIL = render.MailContext(
    "early-alert@riverbend.example", "https://reports.riverbend.example/x", "Riverbend College"
)


def report(*sections: Section) -> Report:
    return Report("weekly", "2026-07-20", 7, "ADV", "Dr. Farida Inkwell", ("CS3B",), "Week 7 · 6 of 62 students · 2 new",
                  ("Week 7 of 18 · 14 to 20 September 2026", "CS 3 B"), "Six of your 62 students could use a word from you.",
                  "Two of those listed are new. The midterm is next week.", sections, SENTENCES)  # fmt: skip


def lines_of(html: str) -> str:
    """HTML so that a difference is a line."""
    return re.sub(r">\s*<", ">\n<", html.strip()) + "\n"


def compare(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text.splitlines() == path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("block", BLOCKS)
def test_block_of_a_page(block: str) -> None:
    html = render.render_page(report(BLOCKS[block]))
    start = html.index('<p class="quiet">For Dr. Farida Inkwell.</p>')
    compare(f"{block}.page.html", lines_of(html[start : html.index("<script>")]))


@pytest.mark.parametrize("block", [name for name in BLOCKS if name != "table"])
def test_block_of_a_mail(block: str) -> None:
    html = render.render_mail_html(report(BLOCKS[block]), MAIL)
    compare(
        f"{block}.mail.html",
        lines_of(html[html.index("</h1>") : html.index("Every student, week by week")]),
    )


@pytest.mark.parametrize("block", [name for name in BLOCKS if name != "table"])
def test_block_of_plain_text(block: str) -> None:
    compare(f"{block}.txt", render.render_mail_text(report(BLOCKS[block]), MAIL))


def test_a_long_list_is_not_clipped() -> None:
    """Twenty full cards, of sixty students: Gmail clips at about 102 KB of HTML."""
    twenty = Students(
        "Start here", "", tuple(replace(ASHA, replies=ASHA.replies * 2) for _ in range(20))
    )
    whole = report(twenty, *(block for name, block in BLOCKS.items() if name != "cards"))
    assert len(render.render_mail_html(whole, MAIL).encode()) < 80 * 1024


def test_templates_have_no_words_of_their_own() -> None:
    """Where every phrase is a number, only what the report itself says is left to read."""
    silent = SENTENCES.model_copy(update={"reports": dict.fromkeys(SENTENCES.reports, "0")})
    nobody = StudentEntry("S", "1", "2", "3", draft=EmailDraft("4", "5", "6"), code="7", handout=("8",), panel=None,
                          parent=EmailDraft("4", "5", "6"), replies=(Reply("1", "2"),))  # fmt: skip
    sections = (Students("1", "2", (nobody,)), Numbers("1", "2", "3", "4", (NumberRow("5", 6, 7),)),
                StudentTable("1", ("2",), (TableRow("3", "4", ("",)),)))  # fmt: skip
    quiet = Report("", "", 7, "", "1", (), "2", ("3",), "4", "5", sections, silent)
    mail = render.MailContext("8", "9", "10")
    page, html = render.render_page(quiet), render.render_mail_html(quiet, mail)
    for text in (page, html):
        shown = re.sub(r"<(style|script)>.*?</\1>|<!--.*?-->", "", text, flags=re.S)
        labels = re.findall(r'(?:title|alt|aria-label|data-name)="([^"]*)"', shown)
        words = html_unescape(re.sub(r"<[^>]*>", " ", shown) + " ".join(labels))
        assert not re.search(r"[A-Za-z]", words)
    assert not re.search(r"[A-Za-z]", render.render_mail_text(quiet, mail))


def test_a_reply_in_another_language_is_still_read() -> None:
    translated = SENTENCES.model_copy(
        update={"reports": {**SENTENCES.reports, "kind_no_answer": "Sin respuesta"}}
    )
    made = add_replies(replace(report(BLOCKS["cards"]), sentences=translated), lambda _: "7-A")
    assert made.entries[0].replies[1] == Reply("Sin respuesta", "No answer [7-A]")


def test_the_frame_of_a_page_and_of_a_mail() -> None:
    page, mail = render.render_page(report()), render.render_mail_html(report(), MAIL)
    compare("frame.page.html", lines_of(page[page.index("<body>") : page.index("<script>")]))
    compare("frame.mail.html", lines_of(mail))
