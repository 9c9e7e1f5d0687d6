"""Students whom nobody reached are told to one person, by the way of all other mail."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edumetrics import erasure
from edumetrics.mail import delivery
from tests.analysis.rows import put
from tests.mail.server import Inbox
from tests.mail.test_one_mail import TERM, Batch, make_sending, read_text

PERSON = "dean@college.example"


def hand_over(batch: Batch, to: str | None = PERSON, judged: tuple[int, ...] = (4, 5, 6),
              **marks: list[bool]) -> None:  # fmt: skip
    """Name who is told, and enter the lists of weeks 6 and 7 with their marks."""
    params = batch.workspace.params
    triage = params.triage.model_copy(update={"hand_over_to": to})
    batch.workspace = replace(batch.workspace, params=params.model_copy(update={"triage": triage}))
    for week in judged:
        batch.judge(week)
    for week in (6, 7):
        put(
            batch.store,
            "weekly_flags",
            *(
                {"student_id": f"S{n}", "term": TERM, "sem_week": week, "class_id": "C",
                 "advisor_id": "ADV", "within_capacity": True, "triage_rank": n, "hand_over": mark}
                for n, mark in enumerate(marks[f"week_{week}"], start=1)
            ),
        )  # fmt: skip


@pytest.fixture
def sending(tmp_path: Path, inbox: Inbox) -> Batch:
    """A college that sends: S1 is new to it, S2 was told last week, S3 is not handed over."""
    batch = make_sending(tmp_path)
    batch.score()
    hand_over(batch, week_6=[False, True, False], week_7=[True, True, False])
    return batch


@pytest.mark.slow
def test_the_person_has_one_mail_a_week_with_who_is_new(sending: Batch, inbox: Inbox) -> None:
    sending.judge()
    for _ in range(2):
        sending.send()
    (message,) = inbox.to(PERSON)
    assert message["Subject"] == "Week 7 · 1 student without a logged contact for 3 weeks"
    text = read_text(message)
    assert "S1" in text
    assert "S2" not in text
    assert "S3" not in text
    assert "WITH DR. RAO" in text
    rows = sending.store.read("delivery_log", advisor_id=f"handover:{PERSON}").to_dict("records")
    assert [(row["recipient"], row["status"], row["stage"]) for row in rows] == [
        (PERSON, "sent", "hand_over")
    ]
    assert not list((sending.workspace.settings.pages_dir or Path()).rglob("handover*")), "no page"


@pytest.mark.slow
def test_it_is_held_with_its_classes_and_goes_out_once_they_are_right(
    sending: Batch, inbox: Inbox
) -> None:
    sending.hold("C")
    assert sending.send().held == 2
    assert inbox.to(PERSON) == [], "nothing to say without the list"
    sending.judge()
    sending.send()
    assert len(inbox.to(PERSON)) == 1


@pytest.mark.slow
def test_a_dry_run_names_it_and_the_outbox_has_it(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    batch.score()
    hand_over(batch, week_6=[False], week_7=[True])
    batch.judge()
    lines = list(delivery.MailRound(batch.workspace, batch.position).describe())
    line = "Week 7 · 1 student without a logged contact for 3 weeks"
    assert f"handover:{PERSON}  {PERSON}  {line}" in lines
    assert batch.send().written == 2
    names = {path.name for path in batch.workspace.settings.reports.rglob("*.eml")}
    assert names == {"ADV.eml", "handover%3adean%40college.example.eml"}


def test_without_a_person_to_tell_nobody_is_written_to(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    batch.score()
    hand_over(batch, None, week_6=[False], week_7=[True])
    batch.judge()
    assert [letter.report.advisor_id for letter in batch.list_letters()] == ["ADV"]


def test_a_mail_with_counts_only_names_nobody_here_either(sending: Batch, inbox: Inbox) -> None:
    params = sending.workspace.params
    mail = params.mail.model_copy(update={"mail_detail": "counts"})
    sending.workspace = replace(sending.workspace, params=params.model_copy(update={"mail": mail}))
    sending.judge()
    sending.send()
    (message,) = inbox.to(PERSON)
    assert "S1" not in read_text(message)
    assert "1 student" in read_text(message)


def test_lists_that_were_only_replayed_hand_nobody_over(tmp_path: Path) -> None:
    batch = Batch(tmp_path / "home", 7)
    batch.score()
    hand_over(batch, judged=(6,), week_6=[False], week_7=[True])
    batch.judge()
    letters = list(delivery.MailRound(batch.workspace, batch.position).describe())
    assert letters and "without a logged contact" not in " ".join(letters)
    entries = [entry for report in batch.build().values() for entry in report.entries]
    assert entries and not [entry for entry in entries if "not reached" in entry.since]


@pytest.mark.slow
def test_who_is_erased_is_not_left_in_it_by_initials(sending: Batch, inbox: Inbox) -> None:
    params = sending.workspace.params
    mail = params.mail.model_copy(update={"mail_detail": "initials"})
    sending.workspace = replace(sending.workspace, params=params.model_copy(update={"mail": mail}))
    sending.judge()
    sending.send()
    (path,) = sending.workspace.settings.reports.rglob("handover*.eml")
    erasure.erase_student(sending.workspace, "S3")
    assert path.exists(), "it does not tell of S3"
    erasure.erase_student(sending.workspace, "S1")
    assert not path.exists()
