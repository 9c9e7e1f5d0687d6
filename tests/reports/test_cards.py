"""What a card says: the last contact with plain numbers, as much as there are words for, and a letter without scores."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from edumetrics.errors import SettingsError
from edumetrics.params import Calendar, load
from edumetrics.reports import cards, draft_email, render
from edumetrics.reports.draft_email import LetterContext
from edumetrics.reports.model import Report, Students
from edumetrics.reports.sparklines import build_panel
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace
from tests.reports.conftest import reports_of

CALENDAR = Calendar()
PARAMS = load(PROJECT / "params", "native")
LETTER, SENTENCES = PARAMS.letter, PARAMS.sentences


def contact(week: int, kind: str, day: str, **more: Any) -> dict[str, Any]:
    return {
        "student_id": "s",
        "sem_week": week,
        "kind": kind,
        "until": None,
        "logged_at": pd.Timestamp(day),
        **more,
    }


def course(**attended: int) -> pd.DataFrame:
    rows = [("s", int(week[1:]), 10, count) for week, count in attended.items()]
    return pd.DataFrame(
        rows, columns=["student_id", "sem_week", "week_lectures_held", "week_lectures_attended"]
    )


def test_attendance_since_the_last_contact_by_hand() -> None:
    contacts = pd.DataFrame(
        [contact(3, "talked", "2026-08-10"), contact(6, "no answer", "2026-09-10")]
    )
    attended = course(w1=9, w2=9, w3=8, w4=6, w5=6, w6=4, w7=7, w9=8)
    found = cards.find_last_contacts(contacts, attended, 9, CALENDAR)["s"]
    assert (found["kind"], found["sem_week"]) == ("no answer", 6)
    assert found["before"] == 100 * (8 + 6 + 6 + 4) / 40, "weeks 3 to 6"
    assert found["since"] == 100 * (7 + 8) / 20, "weeks 7 and 9; week 8 is the midterm"
    earlier = cards.find_last_contacts(contacts, attended[attended["sem_week"] <= 6], 6, CALENDAR)[
        "s"
    ]
    assert earlier["kind"] == "talked", (
        "what was entered for week 6 is not known when its list is made"
    )
    assert cards.find_last_contacts(contacts.iloc[:0], attended, 9, CALENDAR) == {}


def entered(workspace: Workspace, *rows: tuple[str, int, str, str | None]) -> None:
    with workspace.store.start_transaction() as connection:
        for student, week, kind, until in rows:
            connection.exec_driver_sql(
                "INSERT INTO intervention_log (student_id, term, sem_week, kind, notes, until, logged_at) "
                "VALUES (?, '2026-01-05', ?, ?, 'a secret note', ?, '2026-03-05 09:00:00')",
                (student, week, kind, until),
            )


def weekly(workspace: Workspace) -> list[Report]:
    return list(reports_of(workspace, "", 10).values())


def test_contacts_on_cards_and_no_note_anywhere(ready: Workspace) -> None:
    flags = ready.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    inside = flags.loc[flags["within_capacity"], "student_id"].tolist()
    entered(
        ready,
        (inside[0], 9, "no answer", None),
        (inside[1], 9, "emailed", None),
        (inside[2], 10, "talked", None),
    )
    reports = weekly(ready)
    facts = {
        entry.student_id: entry.facts[-1]
        for report in reports
        for entry in report.entries
        if entry.facts
    }
    assert facts[inside[0]].label == "No answer,"
    assert re.fullmatch(r"5 March; attendance since then: \d+% → \d+%\.", facts[inside[0]].text)
    assert facts[inside[1]].label == "Emailed,"
    assert (facts[inside[2]].label, facts[inside[2]].text) == ("No contact", "yet."), (
        "entered after this list"
    )
    for report in reports:
        assert "secret note" not in render.render_page(report) + render.render_preview(
            report
        ).html + str(render.render_preview(report))


def test_being_looked_after_says_until_when(ready: Workspace) -> None:
    flags = ready.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    first, second = flags["student_id"].head(2)
    entered(ready, (first, 9, "talked", None), (second, 9, "known reason", "2026-03-28"))
    with ready.store.start_transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE weekly_flags SET looked_after = 1, within_capacity = 0 WHERE sem_week = 10 AND student_id IN (?, ?)",
            (first, second),
        )
    cared = {
        entry.student_id: [fact.text for fact in entry.facts]
        for report in weekly(ready) for section in report.sections
        if isinstance(section, Students) and section.title == "Being looked after" for entry in section.entries
    }  # fmt: skip
    assert cared[first][-1] == "Back in view after week 11."
    assert cared[second][-1] == "Back in view after 28 March."


@pytest.mark.parametrize("capacity", [1, 8, 20])
def test_start_here_keeps_to_its_words(capacity: int, ready: Workspace) -> None:
    with ready.store.start_transaction() as connection:
        connection.exec_driver_sql(
            f"UPDATE weekly_flags SET within_capacity = (triage_rank <= {capacity})"
        )
    for report in weekly(ready):
        first = report.sections[0]
        assert isinstance(first, Students)
        total = 0
        for entry in first.entries:
            said = [entry.name, entry.roll_number, entry.urgency, entry.since, *entry.reasons]
            said += [f"{fact.label} {fact.text}" for fact in entry.facts]
            links = 10  # Draft an email, Talked, No answer, Known reason, Wrong flag
            count = sum(len(text.split()) for text in said) + links
            assert count <= 60
            assert 1 <= len(entry.reasons) <= 3
            total += count
        assert total + len(f"{first.title} {first.note}".split()) < 500


def test_no_panel_where_nothing_is_known() -> None:
    nothing = pd.DataFrame({"sem_week": [1, 2], "weekly_att_pct": [None, None], "effort_score": [None, None],
                            "academic_performance": [None, None]})  # fmt: skip
    assert build_panel(SENTENCES, nothing, 2, CALENDAR) is None


def test_a_panel_breaks_where_a_teaching_week_is_missing_but_not_at_an_exam() -> None:
    weeks = [5, 6, 7, 9, 10, 12]
    rows = pd.DataFrame({"sem_week": weeks, "weekly_att_pct": [50.0, 100, 0, 25, 75, 60], "effort_score": [1.0] * 6,
                         "academic_performance": [None] * 6})  # fmt: skip
    drawn = build_panel(SENTENCES, rows, 12, CALENDAR)
    assert drawn is not None
    attendance = drawn.lines[0]
    assert [len(path.split()) for path in attendance.paths] == [5, 1], (
        "week 11 is missing, week 8 was the midterm"
    )
    heights = [float(point.split(",")[1]) for point in attendance.paths[0].split()]
    assert heights[1] == attendance.top, "100% is at the top"
    assert heights[2] == attendance.top + drawn.line_height, "and 0% at the bottom"
    assert attendance.rule is not None
    assert attendance.rule == pytest.approx(attendance.top + drawn.line_height / 4, abs=0.1)
    assert "attendance 50% in week 5 to 60% in week 12" in drawn.alt
    assert drawn.lines[2].end is None


# ------------------------------------------------------------ the letter


@pytest.mark.parametrize(
    "topics", [(), ("attendance",), ("work", "marks"), ("attendance", "activity"), ("marks",)]
)
@pytest.mark.parametrize("to_parent", [True, False])
def test_a_letter_is_kind_and_without_scores(topics: tuple[str, ...], to_parent: bool) -> None:
    made = draft_email.write_draft(
        LETTER,
        "a@b.example",
        LetterContext("Asha Rao", "Dr. E", topics, 2, "midterm"),
        to_parent=to_parent,
    )
    assert made is not None
    assert not re.search(
        r"\d|%|risk|score|list|flag|fail|warn|must|tier|urgent|fell|absent", made.body, flags=re.I
    )
    assert "Asha" in made.body
    assert made.body.endswith("Warm wishes,\nDr. E")
    assert made.subject
    assert "  " not in made.body
    assert ("parent" in made.body) == to_parent


def test_a_letter_is_the_colleges_own() -> None:
    made = draft_email.write_draft(
        "Subject: Hola\n\nHola {{ first_name }}:\n\nun\nsaludo\n\nE",
        "a@b.example",
        LetterContext("Ana B", "E", (), 0, ""),
    )
    assert made is not None
    assert (made.subject, made.body) == ("Hola", "Hola Ana:\n\nun saludo\n\nE")
    assert draft_email.write_draft(LETTER, "", LetterContext("Ana B", "E", (), 0, "")) is None


@pytest.mark.parametrize("template", ["Hello", "Subject: x", "Subject: x\n\n{{ risk_score }}", "Subject: x\n\n{% if %}",
                                      "Subject: x\n\n{{ ''.__class__.__mro__ }}"])  # fmt: skip
def test_a_letter_that_cannot_be_used_is_told_in_a_sentence(template: str) -> None:
    with pytest.raises(SettingsError, match=r"letter\.txt\.j2"):
        draft_email.write_draft(template, "a@b.example", LetterContext("Ana B", "E", (), 0, ""))
