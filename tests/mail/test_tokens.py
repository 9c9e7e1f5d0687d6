"""Tokens: what they stand for can be found with the secret only, and nothing of it can be changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.errors import SettingsError
from edumetrics.mail.tokens import (
    ALPHABET,
    ReplyTarget,
    check_secret,
    compute_codes,
    parse_token,
    sign_token,
)

SECRET = "a long random secret for tests"
LAST_DAY = date(2026, 9, 30)
ASHA = ReplyTarget("A1", "S1", "2026-07-20", 7)


def find(token: str, *candidates: ReplyTarget, secret: str = SECRET) -> ReplyTarget | None:
    """What a reader of replies takes a token for, who knows these candidates."""
    _, last_day, code = parse_token(f"Talked [{token}]")
    return compute_codes(secret, candidates, last_day).get(code)


def sign(about: ReplyTarget = ASHA, last_day: date = LAST_DAY, secret: str = SECRET) -> str:
    return sign_token(secret, about, last_day)


def test_a_token_is_found_among_the_candidates() -> None:
    noor = replace(ASHA, student_id="S2")
    assert find(sign(), noor, ASHA) == ASHA
    assert find(sign(noor), noor, ASHA) == noor
    assert find(sign(), noor) is None


def test_week_and_last_day_are_legible() -> None:
    week, last_day, code = parse_token(f"Talked [{sign()}]")
    assert (week, last_day) == (7, LAST_DAY)
    assert len(code) == 19


@pytest.mark.parametrize(
    ("last_day", "letters"),
    [
        (date(2020, 1, 1), "000"),
        (date(2020, 1, 11), "00A"),
        (date(2020, 2, 2), "010"),
        (date(2109, 9, 18), "ZZZ"),
    ],
)
def test_the_last_day_is_counted_in_base_32_from_2020(last_day: date, letters: str) -> None:
    assert sign(last_day=last_day).split("-")[1] == letters
    assert parse_token(f"[{sign(last_day=last_day)}]")[1] == last_day


def test_the_same_reply_has_the_same_token_in_every_version() -> None:
    """Mails that are out keep their tokens; the code here was computed with openssl and base32."""
    assert sign() == "7-2D0-5H76-KNK0-XQH6-K8G6"


@pytest.mark.parametrize(
    "changed",
    [
        {"advisor_id": "A2"},
        {"student_id": "S2"},
        {"term": "2026-01-05"},
        {"week": 8},
        {"advisor_id": "A1S", "student_id": "1"},
    ],
)
def test_a_code_is_for_one_student_of_one_advisor_in_one_week(changed: dict[str, Any]) -> None:
    assert find(sign(), replace(ASHA, **changed)) is None


def test_another_secret_gives_another_code() -> None:
    assert find(sign(), ASHA, secret="another long secret!") is None
    assert find(sign(secret="another long secret!"), ASHA) is None


def test_the_last_day_cannot_be_moved() -> None:
    later = sign(last_day=LAST_DAY + timedelta(days=1)).split("-")[1]
    week, _, *code = sign().split("-")
    moved = "-".join((week, later, *code))
    assert parse_token(f"[{moved}]")[1] == LAST_DAY + timedelta(days=1)
    assert find(moved, ASHA) is None


@pytest.mark.parametrize("place", [n for n in range(6, 25) if n not in (10, 15, 20)])
def test_no_letter_of_a_code_can_be_changed(place: int) -> None:
    token = sign()
    other = ALPHABET[(ALPHABET.index(token[place]) + 1) % 32]
    assert find(f"{token[:place]}{other}{token[place + 1 :]}", ASHA) is None


def test_a_token_tells_nothing_about_the_student_or_the_secret() -> None:
    about = ReplyTarget("ADVISOR", "STUDENT22", "2026-07-20", 7)
    token = sign(about)
    assert not any(word in token for word in ("ADVISOR", "STUDENT", "22", SECRET))
    assert set(token) <= set(ALPHABET) | {"-"}


@pytest.mark.parametrize(
    "subject",
    [
        "Talked [{}]",
        "Re: AW: Talked [{}] and more",
        "[College] Talked [{}]",
        "Talked  [{}] [7-2N4]",
    ],
)
def test_mail_programs_may_add_to_a_subject(subject: str) -> None:
    assert parse_token(subject.format(sign())) == parse_token(f"[{sign()}]")


def test_mail_programs_may_change_the_case() -> None:
    assert parse_token(f"talked [{sign().lower()}]") == parse_token(f"[{sign()}]")


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "Talked",
        "Talked []",
        "Talked 7-2N4-Q4KD-T8RM-B2HV-M6WX",
        "Talked [7-2N4-Q4KD-T8RM-B2HV]",
        "Talked [7-2N4-Q4KD-T8RM-B2HV-M6W]",
        "Talked [7-2N4-Q4KD-T8RM-B2HV-M6WX-AAAA]",
        "Talked [107-2N4-Q4KD-T8RM-B2HV-M6WX]",
        "Talked [-2N4-Q4KD-T8RM-B2HV-M6WX]",
        "Talked [7-2I4-Q4KD-T8RM-B2HV-M6WX]",
        "Talked [7-2N4-Q4KD-T8RM-B2HV-M6LO]",
        "Talked [7-2N4-Q4KD-T8RM-B2HV-M6WU]",
        "Talked [\u0667-2N4-Q4KD-T8RM-B2HV-M6WX]",
        "Talked [7-2N\u212a-Q4KD-T8RM-B2HV-M6WX]",
        "Talked [7-2N4\n-Q4KD-T8RM-B2HV-M6WX]",
    ],
)
def test_a_subject_without_a_token_is_refused(subject: str) -> None:
    with pytest.raises(SettingsError, match=r"^There is no code in the subject\.$"):
        parse_token(subject)


@pytest.mark.parametrize("secret", ["", "x" * 16, "x" * 64])
def test_a_secret_is_empty_or_long(secret: str) -> None:
    assert check_secret(secret) == secret


@pytest.mark.parametrize("secret", ["x", "x" * 15])
def test_a_short_secret_is_refused_and_never_repeated(secret: str) -> None:
    with pytest.raises(SettingsError, match="fewer than 16 characters: choose") as refused:
        check_secret(secret)
    assert "xx" not in str(refused.value)


ids = st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]), max_size=12)
targets = st.builds(ReplyTarget, ids, ids, st.dates().map(date.isoformat), st.integers(1, 60))
days = st.dates(date(2020, 1, 1), date(2109, 9, 18))


@settings(max_examples=50, deadline=None)
@given(targets, targets, days)
def test_every_token_is_read_back_and_stands_for_one_target(
    about: ReplyTarget, other: ReplyTarget, last_day: date
) -> None:
    token = sign(about, last_day)
    assert parse_token(f"Known reason [{token}]")[:2] == (about.week, last_day)
    assert find(token, about) == about
    assert (find(token, other) is None) == (about != other)


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_whatever_comes_as_a_subject_is_read_or_refused(subject: str) -> None:
    with pytest.raises(SettingsError):
        parse_token(subject.replace("[", "("))
