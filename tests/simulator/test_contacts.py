"""Advisors of the demo college enter contacts about each week's list before the next is made."""

from __future__ import annotations

from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from edumetrics.batch import progress
from edumetrics.cli import main
from edumetrics.simulator import contacts
from edumetrics.workspace import Workspace, open_workspace
from tests.analysis.rows import open_small_workspace, put
from tests.simulator.colleges import plan

TERM = "2026-01-05"
# By advisor: who has a place, in order of rank. The names are in another order than the ranks.
LISTS = {
    "ADV22001": ["t", "u"],
    "ADV001": ["d", "c", "b", "a"],
    "ADV22002": ["v"],
    "ADV23001": ["w"],
}


@pytest.fixture
def listed(tmp_path: Path) -> Workspace:
    """A workspace with the lists of week 9, where one more student of ADV22001 has no place."""
    workspace = open_small_workspace(tmp_path / "home")
    rows = [
        {"student_id": student, "advisor_id": advisor, "triage_rank": rank, "within_capacity": True}
        for advisor, names in LISTS.items()
        for rank, student in enumerate(names, start=1)
    ]
    rows.append(
        {"student_id": "x", "advisor_id": "ADV22001", "triage_rank": 3, "within_capacity": False}
    )
    week = {"term": TERM, "sem_week": 9}
    put(workspace.store, "weekly_flags", *({**row, **week} for row in rows))
    put(
        workspace.store,
        "weekly_metrics",
        *({"student_id": row["student_id"], **week} for row in rows),
    )
    return workspace


def read_log(workspace: Workspace) -> dict[str, tuple[str, str]]:
    """Return the kind and the advisor of each student's contact."""
    log = workspace.store.read("intervention_log", term=TERM, sem_week=9)
    return {row.student_id: (row.kind, row.logged_by) for row in log.itertuples()}


def test_three_advisors_do_something_about_their_first_names(listed: Workspace) -> None:
    assert contacts.log_week(listed, TERM, 9) == 7
    assert read_log(listed) == {
        "d": ("talked", "ADV001"),
        "c": ("talked", "ADV001"),
        "b": ("talked", "ADV001"),
        "a": ("no answer", "ADV001"),
        "t": ("talked", "ADV22001"),
        "u": ("talked", "ADV22001"),
        "v": ("talked", "ADV22002"),
    }


def test_a_week_that_is_computed_again_gets_no_second_contacts(listed: Workspace) -> None:
    contacts.log_week(listed, TERM, 9)
    assert contacts.log_week(listed, TERM, 9) == 0
    assert len(read_log(listed)) == 7


def test_a_contact_is_dated_the_tuesday_after_the_week_in_the_calendar_of_the_demo(
    listed: Workspace,
) -> None:
    contacts.log_week(listed, TERM, 9)
    # The term begins on Monday 5 January, so that week 9 ends on Sunday 8 March.
    log = listed.store.read("intervention_log", ("logged_at",), term=TERM)
    assert {moment.date().isoformat() for moment in log["logged_at"]} == {"2026-03-10"}


@pytest.mark.parametrize(
    "fields",
    [
        {"stage": "post_analysis", "term": TERM, "week": 9},
        {"stage": "weekly", "term": "2026-07-13", "week": 9},
        {"stage": "weekly", "term": TERM, "week": 10},
        {},
    ],
    ids=["another stage", "another term", "the newest week", "a line without facts"],
)
def test_nothing_else_makes_them_enter_contacts(
    fields: dict[str, object], listed: Workspace
) -> None:
    contacts.follow_lists(listed, plan(), progress.skip_line)("A line.", **fields)
    assert read_log(listed) == {}


def test_a_list_that_is_done_makes_them_enter_contacts(listed: Workspace) -> None:
    told: list[object] = []
    tell = contacts.follow_lists(listed, plan(), lambda line, /, **fields: told.append(line))
    tell("Week 9 is done.", stage="weekly", term=TERM, week=9)
    assert told == ["Week 9 is done."]
    assert len(read_log(listed)) == 7


# ------------------------------------------------------------ the commands


def read_html(mail: Path) -> str:
    message = message_from_bytes(mail.read_bytes(), policy=SMTP)
    body = message.get_body(("html",))
    assert body is not None
    return str(body.get_content())


def edumetrics(*args: str) -> Result:
    result = CliRunner().invoke(main, list(args))
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.prove
def test_a_demo_has_contacts_once_and_its_class_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDUMETRICS_HOME", str(tmp_path))
    assert "nothing held" in edumetrics("demo", "--students", "240", "--seed", "2").output
    store = open_workspace().store
    log = store.read("intervention_log")
    assert set(log["sem_week"]) == {4, 5, 6, 7, 9}
    assert set(log["kind"]) == {"talked", "no answer", "known reason", "wrong flag", "referred"}
    mine = log.query("logged_by == 'ADV001' and sem_week == 9")
    assert list(mine["kind"]) == ["talked", "talked", "talked", "no answer"]
    # The newest list knows the conversations of the week before.
    newest = store.read("weekly_flags", sem_week=10, term=TERM)
    assert newest.loc[newest["student_id"].isin(mine["student_id"]), "looked_after"].any()
    found = store.read("class_findings", term=TERM)
    assert set(found["class_id"]) == {"CS-2024-A"}
    [mail] = tmp_path.glob("reports/*/week-10/outbox/ADV001.eml")
    assert "http://127.0.0.1:8000/reply/" in read_html(mail)
    settings = (tmp_path / ".env").read_text()
    edumetrics("demo")
    edumetrics("advance")
    edumetrics("demo")
    assert (tmp_path / ".env").read_text() == settings, "links of earlier mails stay good"
    assert store.read("intervention_log").equals(log)
    assert not store.read("weekly_metrics", sem_week=11, term=TERM).empty
