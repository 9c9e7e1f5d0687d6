"""Open and missed work by name: how a colleague would say which items are not in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.scoring.missing_items import list_missing_items
from edumetrics.sentences import Sentences
from edumetrics.triage.situation import Situation
from edumetrics.types import Work

# The most items that a sentence names; the others are counted. Where subjects have long names,
# fewer are named: as many as have room in so many words, but one at least.
NAMED, WORDS = 3, 10
# A title such as "Databases assignment 3": the words before its number, and the number.
NUMBERED = re.compile(r"(?P<stem>.*?)\s*#?(?P<number>\d+)")


@dataclass(frozen=True)
class Item:
    """An item of work that is not in.

    Attributes:
        kind: assignment or quiz.
        subject: the name of its subject.
        label: its number in the subject, or its title.
        week: when it fell due.
        day: the last day of that week.
    """

    kind: Work
    subject: str
    label: str
    week: int
    day: pd.Timestamp

    @property
    def is_open(self) -> bool:
        """Whether it can still be handed in: a quiz that is over cannot."""
        return self.kind == "assignment"

    def as_json(self, sentences: Sentences) -> dict[str, Any]:
        """Return the item as reasons store it."""
        return {
            "name": name_items(sentences, [self]),
            "kind": self.kind,
            "subject": self.subject,
            "label": self.label,
            "week": self.week,
            "due": f"{self.day:%Y-%m-%d}",
            "open": self.is_open,
        }


def find_missing_items(situation: Situation, row: np.ndarray) -> list[list[Item]]:
    """Return for each listed student the items of the last weeks that are not in.

    They are the items whose due week ended at most `late_days` before this week's end.

    Args:
        situation: the week.
        row: the rows of the listed students in the roll.
    """
    roll, facts = situation.scored.observed.roll.take(row), situation.facts
    found = list_missing_items(roll, facts, situation.calendar, situation.triage.late_days)
    items: list[list[Item]] = [[] for _ in range(len(row))]
    # Many students miss the same item: each is named once. An item that several classes share may
    # have another number in each, so that its id does not stand for its name.
    names: dict[tuple[Any, ...], tuple[str, str]] = {}
    for one in found.to_dict("records"):
        key = one["kind"], one["subject_id"], one["title"], one["number"]
        if key not in names:
            subject = facts.subjects.get(one["subject_id"], str(one["subject_id"]))
            names[key] = _name_item(situation.sentences, one, subject)
        subject, label = names[key]
        day = pd.Timestamp(int(roll.starts[one["row"], one["week"]]) + 6, unit="D")
        items[one["row"]].append(Item(one["kind"], subject, label, int(one["week"]), day))
    # What can still be handed in comes first; the sort is stable, so weeks stay in order.
    return [sorted(mine, key=lambda item: not item.is_open) for mine in items]


def _name_item(sentences: Sentences, item: dict[Any, Any], subject: str) -> tuple[str, str]:
    """Return the subject as the item's title has it, and the item's number or title.

    A title that ends in a number and is otherwise the kind of work, with or without the subject
    before it, gives the number.
    """
    title = "" if pd.isna(item["title"]) else " ".join(str(item["title"]).split())
    if not title:
        return subject, str(item["number"])
    match = NUMBERED.fullmatch(title)
    kind = sentences.say("items", item["kind"], count=1, numbers="").strip().casefold()
    if match and match["stem"].casefold().endswith(kind):
        named = match["stem"][: len(match["stem"]) - len(kind)].strip(" -:·,")
        return named or subject, match["number"]
    return subject, f"“{title}”"


def describe_items(sentences: Sentences, items: Sequence[Item]) -> dict[str, Any]:
    """Return the words of the sentence about missing items.

    Returns:
        names (at most three items, joined), first (the first of them), more (how many besides the
        named), due (their weeks).
    """
    shown = choose_named(sentences, items)
    more = len(items) > len(shown)
    return {
        "names": name_items(sentences, shown, open_end=more),
        "first": name_items(sentences, items[:1]),
        "more": len(items) - len(shown),
        "due": sentences.name_weeks(tuple({item.week for item in items})),
    }


def choose_named(sentences: Sentences, items: Sequence[Item]) -> Sequence[Item]:
    """Return the first items, as many as a sentence names."""
    count = min(NAMED, len(items))
    while count > 1 and len(name_items(sentences, items[:count]).split()) > WORDS:
        count -= 1
    return items[:count]


def name_items(sentences: Sentences, items: Sequence[Item], *, open_end: bool = False) -> str:
    """Return items as one phrase: by subject and kind, such as "Methods assignments 3 and 4".

    Args:
        sentences: how work is named.
        items: at least one.
        open_end: whether "and so many more" follows.
    """
    subjects: dict[str, dict[Work, list[str]]] = {}
    for item in items:
        subjects.setdefault(item.subject, {}).setdefault(item.kind, []).append(item.label)
    names = [
        sentences.say("items", "subject", subject=subject, items=_name_kinds(sentences, kinds))
        for subject, kinds in subjects.items()
    ]
    return ", ".join(names) if open_end else sentences.join_words(names)


def number_items(sentences: Sentences, items: Sequence[Item]) -> str:
    """Return items as one phrase without their kind, such as "Methods 3 and 4"."""
    subjects: dict[str, list[str]] = {}
    for item in items:
        subjects.setdefault(item.subject, []).append(item.label)
    return sentences.join_words(
        [
            sentences.say(
                "items", "numbered", subject=subject, numbers=sentences.join_words(labels)
            )
            for subject, labels in subjects.items()
        ]
    )


def _name_kinds(sentences: Sentences, kinds: dict[Work, list[str]]) -> str:
    return sentences.join_words(
        [
            sentences.say("items", kind, count=len(labels), numbers=sentences.join_words(labels))
            for kind, labels in kinds.items()
        ]
    )
