"""Every message is in the log once; what is in doubt stays in doubt, and what is past is never sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from edumetrics.analysis import delivery_log
from edumetrics.analysis.delivery_log import FAILED, HELD, PAST, SENT, Delivery, DeliveryEntry
from edumetrics.analysis.store import Store
from edumetrics.errors import EduMetricsError
from tests.analysis.rows import open_store

LETTER = Delivery("ADV", "weekly", "2026-01-05", 3, "smtp", "rao@college.example", "ab12")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def read(store: Store, **equal: Any) -> list[tuple[Any, ...]]:
    return [
        (row["advisor_id"], row["content_sha256"], row["status"])
        for row in delivery_log.read_entries(store, **equal)
    ]


def test_a_message_is_its_reader_week_and_channel_and_nothing_that_ran() -> None:
    assert LETTER.key == {
        "advisor_id": "ADV",
        "term": "2026-01-05",
        "sem_week": 3,
        "channel": "smtp",
    }
    same = {"content_sha256": "cd34", "recipient": "new@college.example", "stage": "pre_mid"}
    assert replace(LETTER, **same).key == LETTER.key
    for other in (
        {"advisor_id": "B"},
        {"sem_week": 4},
        {"channel": "outbox"},
    ):
        assert replace(LETTER, **other).key != LETTER.key  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [SENT, FAILED, HELD, PAST])
def test_only_what_was_sent_has_a_time(status: str, store: Store) -> None:
    delivery_log.record_delivery(store, LETTER, status, "why")
    (row,) = delivery_log.read_entries(store)
    assert (row["status"], row["error"], row["recipient"]) == (status, "why", "rao@college.example")
    assert pd.isna(row["sent_at"]) == (status != SENT)


def test_ids_grow_and_entries_come_oldest_first(store: Store) -> None:
    ids = [
        delivery_log.record_delivery(store, replace(LETTER, sem_week=week), SENT)
        for week in (9, 3, 5)
    ]
    assert ids == sorted(set(ids))
    assert [row["sem_week"] for row in delivery_log.read_entries(store)] == [9, 3, 5]
    assert [row["sem_week"] for row in delivery_log.read_entries(store, sem_week=[3, 5])] == [3, 5]


def test_a_delivery_that_never_starts_leaves_no_entry(store: Store) -> None:
    entry = DeliveryEntry(store, LETTER)
    assert entry.id is None
    assert read(store) == []


def test_the_answer_of_the_server_corrects_the_entry(store: Store) -> None:
    other = delivery_log.record_delivery(store, replace(LETTER, advisor_id="B"), SENT)
    entry = DeliveryEntry(store, LETTER)
    entry.record_status(SENT, delivery_log.UNCONFIRMED)
    (row,) = delivery_log.read_entries(store, advisor_id="ADV")
    assert (row["status"], row["error"]) == (SENT, delivery_log.UNCONFIRMED)
    entry.record_status(FAILED, "mailbox full")
    (row,) = delivery_log.read_entries(store, advisor_id="ADV")
    assert (row["status"], row["error"]) == (FAILED, "mailbox full")
    assert pd.isna(row["sent_at"]), "it was not sent after all"
    entry.record_status(SENT)
    (row,) = delivery_log.read_entries(store, advisor_id="ADV")
    assert not pd.isna(row["sent_at"])
    assert pd.isna(row["error"])
    assert read(store, id=other) == [("B", "ab12", SENT)], "the entry of another stays"


def test_an_entry_replaces_one_of_the_same_message_and_status(store: Store) -> None:
    for letter, status in (
        (LETTER, HELD),
        (LETTER, FAILED),
        (replace(LETTER, sem_week=2), HELD),
        (replace(LETTER, advisor_id="B"), HELD),
    ):
        delivery_log.record_delivery(store, letter, status)
    delivery_log.replace_delivery(store, replace(LETTER, content_sha256="cd34"), HELD)
    assert read(store, sem_week=3) == [
        ("ADV", "ab12", FAILED),
        ("B", "ab12", HELD),
        ("ADV", "cd34", HELD),
    ]
    assert read(store, sem_week=2) == [("ADV", "ab12", HELD)]


def test_an_entry_replaces_nothing_where_there_is_nothing(store: Store) -> None:
    delivery_log.replace_delivery(store, LETTER, HELD)
    assert read(store) == [("ADV", "ab12", HELD)]


def test_reports_of_past_weeks_are_recorded_together_or_not_at_all(store: Store) -> None:
    letters = [LETTER, replace(LETTER, advisor_id="B")]
    with pytest.raises(EduMetricsError, match="stop"), store.start_transaction() as connection:
        delivery_log.record_past(connection, letters)
        raise EduMetricsError("stop")
    assert read(store) == []
    with store.start_transaction() as connection:
        delivery_log.record_past(connection, letters)
        delivery_log.record_past(connection, [])
    assert read(store) == [("ADV", "ab12", "not sent: past"), ("B", "ab12", "not sent: past")]


def test_readers_are_who_was_sent_a_mail_of_an_earlier_week(store: Store) -> None:
    for letter, status in (
        (LETTER, SENT),
        (replace(LETTER, advisor_id="B"), FAILED),
        (replace(LETTER, advisor_id="C"), PAST),
        (replace(LETTER, advisor_id="D", sem_week=4), SENT),
        (replace(LETTER, advisor_id="E", term="2025-07-14", sem_week=18), SENT),
    ):
        delivery_log.record_delivery(store, letter, status)
    assert delivery_log.list_readers(store, "2026-01-05", 4) == {"ADV", "E"}
    assert delivery_log.list_readers(store, "2026-01-05", 3) == {"E"}
    assert delivery_log.list_readers(store, "2026-07-20", 1) == {"ADV", "D", "E"}


def test_stored_words_do_not_change() -> None:
    # Later runs compare with what earlier ones stored.
    assert (SENT, FAILED, HELD, PAST) == ("sent", "failed", "held", "not sent: past")
    assert (delivery_log.SMTP, delivery_log.OUTBOX) == ("smtp", "outbox")
