"""Passwords, tokens and sessions: nothing is guessed, nothing is used twice, and what is ended has ended."""

from __future__ import annotations

import statistics
import time
from datetime import datetime, timedelta

import httpx
import jwt
import pytest
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.errors import SettingsError
from edumetrics.service import accounts, sign_ins
from edumetrics.service.accounts import FREE_FAILURES, LONGEST_WAIT, TooManyFailures, WrongPassword
from edumetrics.workspace import Workspace
from tests.conftest import point_at
from tests.service.conftest import ADVISOR, PASSWORD, Served

NOON = datetime(2026, 3, 16, 12, 0)


def test_passwords_are_stored_as_argon2_hashes_alone(own_college: Workspace) -> None:
    stored = own_college.store.read("accounts")
    assert stored["password_hash"].str.startswith("$argon2id$v=19$m=65536,t=3,p=4$").all()
    assert stored["password_hash"].is_unique  # the same password of all: salted
    assert PASSWORD not in stored.to_csv()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("username", "password"),
    [("priya", "wrong"), ("nobody", PASSWORD), ("shut", PASSWORD), ("", ""), ("\ud800", "\ud800"), ("a\0b", "x"), ("priya", "x" * 5000)],
)  # fmt: skip
def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words(
    own_college: Workspace, username: str, password: str
) -> None:
    store = own_college.store
    accounts.add_account(store, own_college.params, "shut", "analyst", "", PASSWORD)
    accounts.disable_account(store, "shut")
    with pytest.raises(WrongPassword, match=r"^The username or the password is wrong\.$"):
        accounts.check_password(store, username, password, NOON)


@pytest.mark.slow
def test_waits_grow_for_names_that_nobody_has_too_and_end(own_college: Workspace) -> None:
    store = own_college.store
    for name in ("priya", "nobody"):
        now, waits = NOON, []
        for _ in range(FREE_FAILURES):
            with pytest.raises(WrongPassword):
                accounts.check_password(store, name, "wrong", now)
        for _ in range(8):
            with pytest.raises(TooManyFailures) as refused:
                accounts.check_password(store, name, PASSWORD, now)
            waits.append(refused.value.seconds)
            now += timedelta(seconds=waits[-1])
            with pytest.raises(WrongPassword):
                accounts.check_password(store, name, "wrong", now)
        assert waits[:5] == [30, 60, 120, 240, 480]
        assert set(waits[5:]) == {int(LONGEST_WAIT.total_seconds())}
    # A success forgets them; so does a day.
    assert accounts.check_password(store, "priya", PASSWORD, now + LONGEST_WAIT).username == "priya"
    with pytest.raises(WrongPassword):
        accounts.check_password(store, "priya", "wrong", now + LONGEST_WAIT)
    with pytest.raises(WrongPassword):
        accounts.check_password(store, "nobody", "wrong", now + timedelta(days=2))


@pytest.mark.slow
def test_a_clock_that_was_set_back_makes_no_wait_longer(own_college: Workspace) -> None:
    for _ in range(FREE_FAILURES):
        with pytest.raises(WrongPassword):
            accounts.check_password(own_college.store, "priya", "wrong", NOON)
    with pytest.raises(TooManyFailures) as refused:
        accounts.check_password(own_college.store, "priya", PASSWORD, NOON - timedelta(days=300))
    assert refused.value.seconds == 30


@pytest.mark.slow
def test_a_name_that_nobody_has_takes_as_long(own_college: Workspace) -> None:
    accounts.check_password(own_college.store, "priya", PASSWORD, NOON)

    def measure(username: str) -> float:
        times = []
        for n in range(20):
            begun = time.perf_counter()
            with pytest.raises(WrongPassword):
                accounts.check_password(
                    own_college.store, username, "wrong", NOON + timedelta(days=2 * n)
                )
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    assert 0.7 < measure("priya") / measure("nobody") < 1.4


@pytest.mark.slow
def test_a_refresh_token_works_once_and_a_used_one_ends_the_family(own_service: Served) -> None:
    first = own_service.get_tokens("priya")
    url = f"{own_service.url}/api/token/refresh/"
    second = httpx.post(url, json={"refresh": first["refresh"]}).json()
    assert own_service.ask("priya", "/api/flagged/").status_code == 200
    third = httpx.post(url, json={"refresh": second["refresh"]})
    assert third.status_code == 200
    stolen = httpx.post(url, json={"refresh": first["refresh"]})
    assert stolen.status_code == 401
    # Whoever had the newer ones has to sign in again, and no access token holds.
    assert httpx.post(url, json={"refresh": third.json()["refresh"]}).status_code == 401
    assert own_service.ask("priya", "/api/flagged/").status_code == 401


@pytest.mark.slow
def test_two_requests_with_one_refresh_token_do_not_both_succeed(own_service: Served) -> None:
    from concurrent.futures import ThreadPoolExecutor

    refresh = own_service.get_tokens("priya")["refresh"]
    url = f"{own_service.url}/api/token/refresh/"
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(lambda _: httpx.post(url, json={"refresh": refresh}).status_code, range(8))
        )
    assert sorted(codes) == [200, *[401] * 7]


@pytest.mark.slow
def test_a_shut_account_is_out_at_once(own_service: Served) -> None:
    store, portal = own_service.workspace.store, own_service.sign_in("priya")
    assert own_service.ask("priya", "/api/flagged/").status_code == 200
    assert portal.get("/week").url.path == "/week"
    accounts.disable_account(store, "priya")
    assert own_service.ask("priya", "/api/flagged/").status_code == 401
    assert portal.get("/week").url.path == "/sign-in"
    refresh = {"refresh": own_service.get_tokens("priya")["refresh"]}
    assert httpx.post(f"{own_service.url}/api/token/refresh/", json=refresh).status_code == 401
    accounts.set_password(store, "priya", PASSWORD + "!")
    # Opened again: with the new password, not with the old sign-ins.
    assert own_service.ask("priya", "/api/flagged/").status_code == 401
    with pytest.raises(WrongPassword):
        accounts.check_password(store, "priya", PASSWORD, NOON)


@pytest.mark.parametrize(
    "kind", ["none", "other key", "no signature", "refresh", "old", "other sign-in", "junk"]
)
def test_no_other_token_is_taken(service: Served, kind: str) -> None:
    tokens = service.get_tokens("priya")
    claims = jwt.decode(tokens["access"], options={"verify_signature": False})
    key = sign_ins.load_key(service.workspace.settings.data)
    later = int(claims["exp"]) - 10**6
    made = {
        "none": "",
        "other key": jwt.encode(claims, "x" * 32, "HS256"),
        "no signature": jwt.encode(claims, None, "none"),
        "refresh": tokens["refresh"],
        "old": jwt.encode({**claims, "exp": later}, key, "HS256"),
        "other sign-in": jwt.encode({**claims, "sid": "0" * 32}, key, "HS256"),
        "junk": "é.é.é".encode().decode("latin-1"),
    }[kind]
    headers = {"Authorization": f"Bearer {made}".encode("latin-1")} if made else {}
    response = httpx.get(f"{service.url}/api/flagged/", headers=headers)
    assert response.status_code == 401 and response.headers["www-authenticate"] == "Bearer"


@pytest.mark.slow
def test_accounts_are_added_shut_and_opened_by_command(
    own_college: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_at(own_college, monkeypatch)

    def run(*words: str, text: str = "") -> str:
        return CliRunner().invoke(main, ["account", *words], input=text).output

    made = run("add", "new", "--role", "advisor", "--person", ADVISOR).split()[-1]
    assert accounts.check_password(own_college.store, "new", made, NOON).person == ADVISOR
    assert run("disable", "new") == "Shut new.\n"
    with pytest.raises(WrongPassword):
        accounts.check_password(own_college.store, "new", made, NOON)
    assert (
        run("password", "new", "--password-stdin", text="another long password\n")
        == "The password is changed.\n"
    )
    assert accounts.check_password(own_college.store, "new", "another long password", NOON)
    assert "15 to 200 characters" in run("password", "new", "--password-stdin", text="short\n")


@pytest.mark.parametrize(
    ("username", "role", "person", "said"),
    [("new", "king", "", "There is no role king"), ("new", "advisor", "ADV-nobody", "No student has this advisor"), ("new", "head", "CS-nowhere", "There is no such head"),
     ("new", "analyst", ADVISOR, "sees every student"), ("priya", "analyst", "", "There is an account"), (" ", "analyst", "", "The username is empty")],
)  # fmt: skip
def test_an_account_that_makes_no_sense_is_refused(
    own_college: Workspace, username: str, role: str, person: str, said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        accounts.add_account(
            own_college.store, own_college.params, username, role, person, PASSWORD
        )


def test_the_key_is_made_once_and_only_its_owner_reads_it(own_college: Workspace) -> None:
    data = own_college.settings.data
    assert sign_ins.load_key(data) == sign_ins.load_key(data)
    assert (data / sign_ins.KEY_FILE).stat().st_mode & 0o777 == 0o600
    (data / sign_ins.KEY_FILE).write_bytes(b"short")
    with pytest.raises(SettingsError, match="is damaged"):
        sign_ins.load_key(data)
