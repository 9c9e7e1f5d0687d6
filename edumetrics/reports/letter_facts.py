"""Choose the one fact that a letter tells its student, from the reasons of a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.fields.reasons import LETTER_FACTS, LetterFactRecord
from edumetrics.sentences import Sentences
from edumetrics.types import Row

# Of open work a letter names so many items, as a card does, and counts the others.
NAMED = 3
# Stands for a subject that is not known yet.
BLANK = "\0"
# What a reason compares: as many of them are told as the kind of fact says.
NUMBERS = ("value", "baseline")


@dataclass(frozen=True)
class LetterFact:
    """The one thing that a letter tells: the student knows it.

    Attributes:
        kind: of `LETTER_FACTS`; empty where there is nothing to tell.
        names: work by name, or the exam that a result is of; may be empty.
        count, more: how many items of work that is, and how many of them are not named.
        value, baseline: the numbers of the reason that are told; others are None.
    """

    kind: str = ""
    names: str = ""
    count: int = 0
    more: int = 0
    value: float | None = None
    baseline: float | None = None


NOTHING = LetterFact()


def find_items(records: Sequence[Row], kind: str, *, still_open: bool) -> list[str]:
    """Return the names of work in some reasons that is not in, each once.

    Args:
        records: the reasons.
        kind: assignment or quiz.
        still_open: whether it can still be handed in.
    """
    items = [item for record in records for item in record.get("items") or ()]
    wanted = (kind, still_open)
    return list(
        dict.fromkeys(item["name"] for item in items if (item["kind"], item["open"]) == wanted)
    )


def choose_fact(sentences: Sentences, records: Sequence[Row]) -> LetterFact:
    """Return the fact that a letter tells: of the first kind that a reason holds.

    Args:
        sentences: how work is named.
        records: the student's reasons, strongest first.
    """
    found = (
        _read_fact(sentences, told, record)
        for told in LETTER_FACTS
        for record in records
        if record["code"] in told.codes
    )
    return next(filter(None, found), NOTHING)


def _read_fact(sentences: Sentences, told: LetterFactRecord, record: Row) -> LetterFact | None:
    """Return the fact that a reason holds; None where it has not what the letter would tell."""
    if told.work:
        kind, still_open = told.work
        items = find_items([record], kind, still_open=still_open)
        if not items:
            return None
        names = name_work(sentences, kind, items[:NAMED])
        return LetterFact(told.kind, names, len(items), len(items[NAMED:]))
    known: dict[str, Any] = {name: record.get(name) for name in NUMBERS[: told.numbers]}
    count = _count_halves if told.halves else round
    numbers = {name: count(number) for name, number in known.items() if pd.notna(number)}
    if len(numbers) < told.numbers:
        return None
    if told.below and numbers["value"] >= numbers["baseline"]:
        return None
    return LetterFact(
        told.kind,
        record.get("names", ""),
        value=numbers.get("value"),
        baseline=numbers.get("baseline"),
    )


def _count_halves(number: float) -> float:
    """Return a number to the nearest half, a whole one without decimals."""
    half = round(2 * number) / 2
    return int(half) if half.is_integer() else half


def name_work(sentences: Sentences, kind: str, items: Sequence[str]) -> str:
    """Return work by name, with several numbers of one subject together.

    Args:
        sentences: how work is named.
        kind: assignment or quiz.
        items: at least one name, such as "Methods assignment 3".
    """
    subjects: dict[str, list[str]] = {}
    for item in items:
        subject, number = _split_item(sentences, kind, item)
        subjects.setdefault(subject, []).append(number)
    return sentences.join_words(
        [_name_items(sentences, kind, subject, *found) for subject, found in subjects.items()]
    )


def _name_items(sentences: Sentences, kind: str, subject: str, *numbers: str) -> str:
    """Return the name of some work of a subject; work without a number is its own subject."""
    if not all(numbers):
        return subject
    words = sentences.say("items", kind, count=len(numbers), numbers=sentences.join_words(numbers))
    return sentences.say("items", "subject", subject=subject, items=words)


def _split_item(sentences: Sentences, kind: str, item: str) -> tuple[str, str]:
    """Return subject and number of an item; the whole name and nothing where it has no number."""
    # Stored is the name alone, in the college's words: what stands around the subject is compared.
    for number in reversed(re.findall(r"\d+", item)):
        before, _, behind = _name_items(sentences, kind, BLANK, number).partition(BLANK)
        subject = item.removeprefix(before).removesuffix(behind)
        if subject and f"{before}{subject}{behind}" == item:
            return subject, number
    return item, ""
