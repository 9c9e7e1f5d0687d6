"""The page on which a student reads what is held: plain, complete, and about nobody else."""

from __future__ import annotations

import html
import mailbox
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from edumetrics import interventions
from edumetrics.analysis.restored import PERSONAL
from edumetrics.batch import pipeline, progress
from edumetrics.fields import TABLES
from edumetrics.fields.plain_meanings import COMMON, explain_column
from edumetrics.mail.student_page import SAYINGS, write_student_page
from edumetrics.workspace import Workspace
from tests.analysis.rows import put
from tests.conftest import workspace_at

SECRET = "a long and random secret"


@pytest.fixture
def student(ready: Workspace) -> str:
    """A student who has a place in week 10."""
    flags = ready.store.read("weekly_flags", term="2026-01-05", sem_week=10, within_capacity=True)
    return str(flags["student_id"].iloc[0])


@pytest.fixture
def asked(ready: Workspace) -> Workspace:
    """The same home, with an address to which students can write."""
    return replace(
        ready, settings=replace(ready.settings, secret_key=SECRET, reply_to="ask@college.example")
    )


def read_text(path: Path) -> str:
    """The words that a reader sees."""
    page = path.read_text()
    body = re.sub(r"<(style|title)>.*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def count_syllables(word: str) -> int:
    found = len(re.findall(r"[aeiouy]+", word.lower())) - (
        word.lower().endswith("e") and not word.lower().endswith("le")
    )
    return max(found, 1)


def compute_reading_ease(texts: list[str]) -> float:
    """Flesch's reading ease: a newspaper has about 60, 100 is very easy."""
    words = [word for text in texts for word in re.findall(r"[A-Za-z']+", text)]
    sentences = sum(max(len(re.findall(r"[.!?:](?:\s|$)", text)), 1) for text in texts)
    syllables = sum(map(count_syllables, words))
    return 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)


def test_it_says_by_how_many_mails_each_advisor_has_read_of_the_student(
    asked: Workspace, student: str
) -> None:
    flags = asked.store.read("weekly_flags", term="2026-01-05", student_id=student)
    row = flags[flags["sem_week"] == 10].iloc[0]
    sent = {"term": "2026-01-05", "sem_week": 10, "status": "sent", "channel": "smtp"}
    put(asked.store, "delivery_log",
        *({**sent, "id": n, "advisor_id": one}
          for n, one in enumerate((row["advisor_id"], "SECOND", "STRANGER", "SECOND"), 9000)),
        {**sent, "id": 9009, "advisor_id": "SECOND", "channel": "outbox", "sem_week": 9})  # fmt: skip
    put(asked.store, "written_about",
        {"about": "2026-01-05 10 SECOND", "student_id": student, "term": "2026-01-05"},
        {"about": "2026-01-05 9 SECOND", "student_id": student, "term": "2026-01-05"})  # fmt: skip
    told = read_text(write_student_page(asked, student))
    assert "in the lists above and by 1 mail." in told
    assert "A second advisor of yours has, by 1 mail." in told


def test_it_reads_as_easily_as_a_newspaper(asked: Workspace, student: str) -> None:
    page = write_student_page(asked, student).read_text()
    texts = [
        html.unescape(re.sub(r"<[^>]+>", "", one))
        for one in re.findall(r"<p>(.*?)</p>", page, flags=re.DOTALL)
    ]
    assert len(texts) >= 8
    assert compute_reading_ease(texts) >= 60
    meanings = [
        explain_column(field)
        for name in PERSONAL
        for field in TABLES[name].fields
        if field.name not in COMMON
    ]
    assert compute_reading_ease(meanings) >= 60


def test_every_stored_column_is_shown_or_explained(asked: Workspace, student: str) -> None:
    text = read_text(write_student_page(asked, student))
    rows = {name for name in PERSONAL if len(asked.store.read(name, student_id=student))}
    assert {"weekly_metrics", "weekly_flags", "weekly_features"} <= rows
    missing = [
        (name, field.name)
        for name in rows for field in TABLES[name].fields
        if field.name not in COMMON and explain_column(field) not in text
    ]  # fmt: skip
    assert missing == []


def test_the_facts_of_a_week_are_those_of_the_advisors_card(asked: Workspace, student: str) -> None:
    """What else was noted is there too, folded away and said not to have been shown."""
    page = write_student_page(asked, student).read_text()
    weeks = dict(re.findall(r"<h3>Week (\d+)</h3>(.*?)(?=<h[23]>)", page, flags=re.DOTALL))
    texts = {
        week: [
            [
                html.unescape(re.sub(r"<[^>]+>", "", one))
                for one in re.findall(r"<li>(.*?)</li>", part)
            ]
            for part in re.findall(r"<ul>(.*?)</ul>", block, flags=re.DOTALL)
        ]
        for week, block in weeks.items()
    }
    flags = asked.store.read("weekly_flags", student_id=student, term="2026-01-05")
    noted = {str(row["sem_week"]): row for row in flags.to_dict("records")}
    assert texts.keys() == noted.keys()
    for week, row in noted.items():
        shown, *others = texts[week]
        assert 1 <= len(shown) <= (4 if int(week) <= 3 else 3)
        told = [*shown, *(text for part in others for text in part)]
        assert sorted(told) == sorted(r["text"] for r in row["reasons"])
    folder = asked.settings.home / "reports" / "2025-even" / "week-10" / "advisors"
    (card,) = [
        block
        for path in folder.glob("*.html")
        for block in re.findall(r'<article class="card.*?</article>', path.read_text(), re.DOTALL)
        if student.lower() in block
    ]
    told = re.findall(r"<li>(.*?)</li>", card.split("</ul>")[0])
    assert [html.unescape(re.sub(r"<[^>]+>", "", one)) for one in told] == texts["10"][0]


def test_nobody_else_is_named_and_neither_tier_nor_forecast(asked: Workspace, student: str) -> None:
    text = read_text(write_student_page(asked, student))
    with asked.open_college() as college:
        others = college.names[college.names["student_id"] != student]
        people = [
            *others["name"].dropna(),
            *others["student_id"],
            *college.advisors["name"].dropna(),
        ]
    own = [name for name in people if name not in text]
    assert len(own) == len(people)
    words = [
        asked.params.sentences.say("reports", f"tier_{tier}")
        for tier in ("critical", "high", "watch")
    ]
    assert not any(re.search(rf"Week \d+: {word}\b", text) for word in words)
    assert "of 100 students with numbers like yours" not in text
    shown = asked.params.batch.student_page.model_copy(update={"tier": True, "forecast": True})
    batch = asked.params.batch.model_copy(update={"student_page": shown})
    text = read_text(
        write_student_page(
            replace(asked, params=asked.params.model_copy(update={"batch": batch})), student
        )
    )
    assert re.search(rf"Week 10: ({'|'.join(words)})", text)
    assert "of 100 students with numbers like yours" in text


def test_without_a_key_it_says_whom_to_ask(ready: Workspace, student: str) -> None:
    page = write_student_page(ready, student)
    assert "mailto:" not in page.read_text()
    assert page.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_a_disputed_fact_reaches_the_card_and_the_flag_waits(
    asked: Workspace, tmp_path: Path
) -> None:
    flags = asked.store.read("weekly_flags", term="2026-01-05", sem_week=10, looked_after=False)
    students = flags.sort_values("urgency_score")["student_id"].tolist()[-6:]
    box = mailbox.Maildir(tmp_path / "box")
    for student in students:
        page = write_student_page(asked, student).read_text()
        wrong, reason = (html.unescape(link) for link in re.findall(r'href="(mailto:[^"]+)"', page))
        assert wrong.startswith("mailto:ask@college.example?subject=Something%20here%20is%20wrong")
        assert "body" not in parse_qs(urlsplit(wrong).query)
        for link in (wrong, wrong, reason):
            box.add(
                f"Subject: {unquote(link.partition('subject=')[2])}\n\nnobody reads what is written here\n"
            )
    taken = interventions.import_mail(tmp_path / "box", asked)
    assert (taken.entered, taken.refused) == (2 * len(students), [])
    logged = asked.store.read("intervention_log", kind="student_says")
    assert logged["outcome"].value_counts().to_dict() == dict.fromkeys(SAYINGS, len(students))
    move_on(asked)
    pipeline.run(workspace_at(asked.settings.home), progress.skip_line)
    flags = asked.store.read("weekly_flags", term="2026-01-05", sem_week=11).set_index("student_id")
    waiting = [one for one in students if one in flags.index and flags.loc[one, "looked_after"]]
    assert len(waiting) >= 2
    assert not flags.loc[waiting, "within_capacity"].any()
    told = " ".join(
        path.read_text()
        for path in asked.settings.reports.glob("2025-even/week-11/advisors/*.html")
    )
    assert told.count("The student says that") >= len(waiting)


def move_on(workspace: Workspace) -> None:
    from edumetrics import database
    from edumetrics.simulator import generate, write

    engine = database.create_writable_engine(workspace.settings.client_db_url, "CLIENT_DB_URL")
    plan = write.read_simulation_plan(engine, workspace.params.calendar)
    assert plan is not None
    write.write_simulation(engine, generate.plan_weeks_later(plan, 1), force=True)


def test_a_code_of_a_student_says_nothing_for_an_advisor(
    asked: Workspace, student: str, tmp_path: Path
) -> None:
    page = html.unescape(write_student_page(asked, student).read_text())
    code = re.search(r"%5B([\w-]+)%5D", page)
    assert code is not None
    box = mailbox.Maildir(tmp_path / "box")
    box.add(f"Subject: Talked [{code[1]}]\n\n")
    taken = interventions.import_mail(tmp_path / "box", asked)
    assert (taken.entered, len(taken.refused)) == (0, 1)
    assert "A student may say" in taken.refused[0].why


def test_it_fits_a_phone(
    asked: Workspace, student: str, browser: Browser, screenshots: Path
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(write_student_page(asked, student).as_uri())
    page.screenshot(path=screenshots / "student-390.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    heights = page.evaluate(
        "[...document.querySelectorAll('.say a, summary')].map(one => one.getBoundingClientRect().height)"
    )
    assert min(heights) >= 44
    page.close()
