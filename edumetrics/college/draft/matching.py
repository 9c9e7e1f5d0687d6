"""Which of a college's tables and columns seem to be the canonical ones, by names, keys and kinds of value."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from edumetrics.college.draft.looks import Column, Table
from edumetrics.college.draft.vocabulary import COLUMNS, TABLES
from edumetrics.fields import RELATIONS, Field
from edumetrics.fields import Table as Canonical

PREFIXES = {"mdl", "tbl", "tb", "koha", "dim", "fact", "vw", "sis", "erp", "adm"}
DATES = ("date", "day first", "month first", "day or month first", "seconds", "milliseconds")
NUMBERS = ("whole", "number", "fraction", "percent sign")
# What a table must score to be taken, and a column.
TABLE_LEAST, COLUMN_LEAST = 2.2, 1.0
SURE = 3.0
# What may be null, but makes no college without it.
WANTED = {
    ("attendance", "present"),
    ("students", "class_id"),
    ("students", "name"),
    ("advisors", "email"),
}
# Ids of other relations, by the column that holds them.
REFERS = {
    "student_id": "students",
    "class_id": "classes",
    "subject_id": "subjects",
    "advisor_id": "advisors",
    "assignment_id": "assignment_definitions",
    "quiz_id": "quiz_definitions",
    "schedule_id": "exam_schedule",
}


@dataclass(frozen=True)
class Match:
    """A column that seems to be a canonical one: how well it fits, and why."""

    column: Column
    score: float
    why: str

    @property
    def word(self) -> str:
        """How sure."""
        return "sure" if self.score >= SURE else "guess"


@dataclass
class Draft:
    """A drafted relation: its table, the columns found in it, and what is missing."""

    relation: Canonical
    table: Table | None = None
    found: dict[str, Match] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """Columns that the relation cannot do without, or hardly, and that were not found."""
        needed = [
            f.name
            for f in self.relation.fields
            if not f.null or (self.relation.name, f.name) in WANTED
        ]
        return [name for name in needed if name not in self.found]


def matched(tables: Sequence[Table]) -> dict[str, Draft]:
    """The best table for each canonical relation, each table once, and the columns in it."""
    drafts = {name: Draft(relation) for name, relation in RELATIONS.items()}
    pairs = [
        (score, name, table)
        for name in RELATIONS
        for table in tables
        if (score := _fit(name, table)) >= TABLE_LEAST
    ]
    taken: set[str] = set()
    for _, name, table in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2].name)):
        if drafts[name].table is None and table.name not in taken:
            drafts[name].table = table
            taken.add(table.name)
    targets = {one.table.name: name for name, one in drafts.items() if one.table is not None}
    for name, one in drafts.items():
        if one.table is not None:
            one.found = _columns(name, one.table, targets)
    return drafts


def _fit(name: str, table: Table) -> float:
    """How well a table fits a relation: by its name, and by how many of the columns it must have."""
    own, words = plain(table.name), [plain(word) for word in (name, *TABLES[name].split())]
    named = 0.0
    if own in words:
        named = 3 - 0.05 * words.index(own)
    elif any(set(word.split("_")) <= set(own.split("_")) for word in words):
        named = 1.2
    needed = [f for f in RELATIONS[name].fields if not f.null]
    found = _columns(name, table, {})
    share = sum(f.name in found for f in needed) / len(needed)
    telling = [
        f.name for f in RELATIONS[name].fields if f.name in found and f.name not in COLUMNS[""]
    ]
    return (
        named + 2 * share + 0.1 * len(telling)
        if named or (share >= 0.75 and len(telling) >= 2)
        else 0.0
    )


def _columns(name: str, table: Table, targets: dict[str, str]) -> dict[str, Match]:
    """The best column for each canonical one, each column once; `targets` are the relations of tables pointed to."""
    pairs = [
        (match, wanted.name)
        for wanted in RELATIONS[name].fields
        for column in table.columns
        if (match := _match(name, wanted, column, targets)).score >= COLUMN_LEAST
    ]
    found: dict[str, Match] = {}
    used: set[str] = set()
    for match, wanted in sorted(pairs, key=lambda pair: -pair[0].score):
        if wanted not in found and match.column.name not in used:
            found[wanted] = match
            used.add(match.column.name)
    return found


def _match(name: str, wanted: Field, column: Column, targets: dict[str, str]) -> Match:
    own = plain(column.name)
    words = [plain(word) for word in _words(name, wanted.name)]
    score, why = 0.0, ""
    if column.name.lower() == wanted.name:
        score, why = 4.0, "its name"
    elif column.target and targets.get(column.target[0]) == REFERS.get(wanted.name, "-") != name:
        score, why = 3.5, f"points to {column.target[0]}"
    elif wanted.name == RELATIONS[name].key[0] and column.key:
        score, why = 3.2, "the key"
    elif own in words:
        score, why = 2.8 - 0.05 * words.index(own), "a name for it"
    elif any(len(word) > 3 and set(word.split("_")) <= set(own.split("_")) for word in words):
        score, why = 1.2, "a name like it"
    if score and not _holds(wanted, column):
        return Match(column, score - 2.5, f"{why}, but it holds {column.look}")
    said = f"{why}, holds {column.look}" if score < SURE and wanted.kind != "text" else why
    return Match(column, score, said)


def _words(name: str, wanted: str) -> list[str]:
    return [wanted, *COLUMNS[name].get(wanted, "").split(), *COLUMNS[""].get(wanted, "").split()]


def _holds(wanted: Field, column: Column) -> bool:
    """Whether a column's values can be what is wanted."""
    if column.look == "empty" or wanted.kind == "text":
        return not (wanted.name == "email" and column.look not in ("address", "empty"))
    if wanted.kind == "date":
        return column.look in DATES or "date" in column.type or "time" in column.type
    if wanted.name in ("present", "attempted"):
        return column.look in NUMBERS or column.look.startswith("words of") or "bool" in column.type
    return column.look in NUMBERS


@cache
def plain(name: str) -> str:
    """A name without accents, prefix, capitals and plural endings, its words joined by underscores."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    letters = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.split(r"[^a-z0-9]+", letters) if word]
    words = words[1:] if len(words) > 1 and words[0] in PREFIXES else words
    return "_".join(
        _singular(word) for word in words if word not in ("de", "of", "the", "del", "la")
    )


def _singular(word: str) -> str:
    if len(word) > 6 and word.endswith(("ciones", "enes", "ores", "ades")):
        return word[:-2]
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return (
        word[:-1]
        if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us"))
        else word
    )
