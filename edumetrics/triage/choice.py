"""Which of a student's reasons are told where there is room for a few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from edumetrics.fields.reasons import KINDS, REASONS, ReasonRecord

Record = dict[str, Any]
# The most facts of a card.
SHOWN = 3
# What is known of a reason that an older version stored.
OLDER = ReasonRecord("", "background", "", frozenset())


def get_kind(record: Record) -> str:
    """Return the kind of a stored reason; one of an older version counts as background."""
    return _get_reason(record).kind


def choose_facts(records: Sequence[Record], count: int = SHOWN) -> list[Record]:
    """Return the facts for a card: the strongest of each kind that can be acted on, then the next.

    Places left go to the next strongest, lowest kind first, and last to those that repeat the
    number of another; what is told only once has a place before all of them. The facts stand in the
    order of the records. A first record of what was known before keeps its place: it says why the
    student is listed where nothing else does.

    Args:
        records: a student's reasons, by kind, strongest first.
        count: how many to choose.
    """
    kinds = [get_kind(record) for record in records]
    first = [kinds.index(kind) for kind in KINDS[:-1] if kind in kinds]
    if records and kinds[0] == KINDS[-1]:
        first = [0, *first]
    once = [n for n, record in enumerate(records) if is_told_once(record)]
    codes = {record["code"] for record in records}
    others = sorted(range(len(records)), key=lambda n: _get_reason(records[n]).repeats in codes)
    order = dict.fromkeys([*once, *first, *others])
    return [records[n] for n in sorted(list(order)[:count])]


def is_told_once(record: Record) -> bool:
    """Return whether a fact is told only in the week in which it happened."""
    return _get_reason(record).once


def collect_topics(records: Sequence[Record]) -> frozenset[str]:
    """Return what the facts of a card are about."""
    return frozenset(_list_topics(choose_facts(records)))


def _list_topics(records: Iterable[Record]) -> Iterable[str]:
    return filter(None, (_get_reason(record).topic for record in records))


def _get_reason(record: Record) -> ReasonRecord:
    return REASONS.get(record["code"], OLDER)
