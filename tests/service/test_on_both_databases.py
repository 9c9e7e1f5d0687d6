"""What must happen once happens once, on SQLite and on PostgreSQL, whoever comes at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from edumetrics.analysis.store import Store
from edumetrics.errors import SettingsError
from edumetrics.interventions.entries import Intervention, store_once
from edumetrics.interventions.replies import store_answer
from edumetrics.params import load
from edumetrics.service import accounts, sign_ins
from edumetrics.settings import PROJECT

NOON, PASSWORD = datetime(2026, 3, 16, 12, 0), "a password of some length"
ENTRY = Intervention("S1", "2026-01-05", 10, "talked", logged_by="ADV1", entry_key="key")


@pytest.fixture
def store(empty_url: str) -> Store:
    made = Store(empty_url)
    made.migrate()
    return made


def test_eight_entries_with_one_key_are_one(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        entered = list(pool.map(lambda _: store_once(store, ENTRY), range(8)))
    assert sorted(entered) == [False] * 7 + [True]
    assert len(store.read("intervention_log")) == 1


def test_eight_answers_to_one_card_are_one_and_a_later_one_corrects_it(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        earlier = list(pool.map(lambda _: store_answer(store, ENTRY), range(8)))
    assert earlier.count(None) == 1 and earlier.count("talked") == 7
    other = Intervention("S1", "2026-01-05", 10, "wrong flag", logged_by="ADV1")
    assert store_answer(store, other) == "talked"
    assert store.read("intervention_log")["kind"].tolist() == ["wrong flag"]


def test_accounts_sign_in_renew_fail_and_are_shut(store: Store) -> None:
    params = load(PROJECT / "params", "native")
    account = accounts.add_account(store, params, "ana", "analyst", "", PASSWORD)
    with pytest.raises(SettingsError, match="There is an account"):
        accounts.add_account(store, params, "ana", "analyst", "", PASSWORD)

    def fail(_: int) -> None:
        with pytest.raises((accounts.WrongPassword, accounts.TooManyFailures)):
            accounts.check_password(store, "ana", "wrong", NOON)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(fail, range(4)))
    assert store.read("sign_in_failures")["failures"].tolist() == [4]
    assert accounts.check_password(store, "ana", PASSWORD, NOON) == account
    assert store.read("sign_in_failures").empty
    made = sign_ins.start_sign_in(store, account, "api", NOON)
    renewed = sign_ins.renew_sign_in(store, made.sign_in_id, made.secret, NOON)
    with pytest.raises(sign_ins.NotSignedIn):
        sign_ins.renew_sign_in(store, made.sign_in_id, made.secret, NOON)
    with pytest.raises(sign_ins.NotSignedIn):
        sign_ins.find_account(store, renewed.sign_in_id, "api", NOON)
    again = sign_ins.start_sign_in(store, account, "portal", NOON)
    assert sign_ins.find_account(store, again.sign_in_id, "portal", NOON, again.secret) == account
    accounts.disable_account(store, "ana")
    with pytest.raises(sign_ins.NotSignedIn):
        sign_ins.find_account(store, again.sign_in_id, "portal", NOON, again.secret)
