"""Schema matching: find a college's tables and columns that look like the canonical ones.

The evidence is names, keys and kinds of values.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from edumetrics.fields import RELATIONS, Field, RelationRecord
from edumetrics.onboarding.profile import SourceColumn, SourceTable
from edumetrics.onboarding.synonyms import COLUMNS, TABLES

# First words of table names that say nothing of their content: those of Moodle, Koha, ERP systems
# and data warehouses.
PREFIXES = {"mdl", "tbl", "tb", "koha", "dim", "fact", "vw", "sis", "erp", "adm"}
# Words that say nothing in any name.
FILLERS = {"de", "of", "the", "del", "la"}
# Kinds of values (see `looks.SourceColumn`) that can be read as a date, and as a number.
DATES = ("date", "day first", "month first", "day or month first", "seconds", "milliseconds")
NUMBERS = ("whole", "number", "fraction", "percent sign")
# The lowest scores at which a table and a column are taken. For a table, a known name (over 2.2) is
# enough; a similar name (1.2) needs about half of the required columns as well. For a column, a
# similar name (1.2) is enough, and a synonym whose values do not fit (2.8 - 2.5) is not.
TABLE_LEAST, COLUMN_LEAST = 2.2, 1.0
# Between the key (3.2) and a known synonym (2.8): a synonym is always a guess.
SURE = 3.0
# Columns that may be null, but without which a mapping is of no use.
WANTED = {
    ("attendance", "present"),
    ("students", "class_id"),
    ("students", "name"),
    ("advisors", "email"),
}
# The relation that a column of ids refers to.
REFERS = {
    column: target
    for record in RELATIONS.values()
    for column, target in record.refers
    if target != "enrolments"
}


@dataclass(frozen=True)
class ColumnMatch:
    """A column that looks like a canonical one: how well it fits (at most 4), and why."""

    column: SourceColumn
    score: float
    why: str

    @property
    def word(self) -> str:
        """The word for the score: sure or guess."""
        return "sure" if self.score >= SURE else "guess"


@dataclass
class DraftRelation:
    """A drafted relation: its table (None without one), the matched columns, the missing ones."""

    relation: RelationRecord
    table: SourceTable | None = None
    found: dict[str, ColumnMatch] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        """The required columns (never null, or in `WANTED`) that have no match."""
        needed = [
            f.name
            for f in self.relation.fields
            if not f.null or (self.relation.name, f.name) in WANTED
        ]
        return [name for name in needed if name not in self.found]


def find_tables(tables: Sequence[SourceTable]) -> dict[str, DraftRelation]:
    """Return a draft of each relation: its best table, no table twice, and the columns in it."""
    drafts = {name: DraftRelation(relation) for name, relation in RELATIONS.items()}
    pairs = [
        (score, name, table)
        for name in RELATIONS
        for table in tables
        if (score := _score_table(name, table)) >= TABLE_LEAST
    ]
    taken: set[str] = set()
    # The best pair first; names break ties, so that the same database always gives the same draft.
    for _, name, table in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2].name)):
        if drafts[name].table is None and table.name not in taken:
            drafts[name].table = table
            taken.add(table.name)
    # Foreign keys count only now: it takes the tables of all relations to know where one points.
    targets = {one.table.name: name for name, one in drafts.items() if one.table is not None}
    for name, one in drafts.items():
        if one.table is not None:
            one.found = _find_columns(name, one.table, targets)
    return drafts


def _score_table(name: str, table: SourceTable) -> float:
    """Return how well a table fits a relation: by its name and its share of required columns."""
    own, words = (
        normalize_name(table.name),
        [normalize_name(word) for word in (name, *TABLES[name].split())],
    )
    named = 0.0
    if own in words:
        # The first words are the usual ones: each place further on costs a little.
        named = 3 - 0.05 * words.index(own)
    elif any(set(word.split("_")) <= set(own.split("_")) for word in words):
        named = 1.2
    needed = [f for f in RELATIONS[name].fields if not f.null]
    found = _find_columns(name, table, {})
    share = sum(f.name in found for f in needed) / len(needed)
    # Columns that occur in several relations, such as id or name, do not tell one from another.
    telling = [
        f.name for f in RELATIONS[name].fields if f.name in found and f.name not in COLUMNS[""]
    ]
    # Without a known name, columns alone decide only where they are many and special.
    return (
        named + 2 * share + 0.1 * len(telling)
        if named or (share >= 0.75 and len(telling) >= 2)
        else 0.0
    )


def _find_columns(name: str, table: SourceTable, targets: dict[str, str]) -> dict[str, ColumnMatch]:
    """Return the best match of each canonical column; no column is used twice.

    Args:
        name: the relation.
        table: the table whose columns are matched.
        targets: relation by table name, for the tables that foreign keys point to.
    """
    pairs = [
        (match, wanted.name)
        for wanted in RELATIONS[name].fields
        for column in table.columns
        if (match := _score_column(name, wanted, column, targets)).score >= COLUMN_LEAST
    ]
    found: dict[str, ColumnMatch] = {}
    used: set[str] = set()
    for match, wanted in sorted(pairs, key=lambda pair: -pair[0].score):
        if wanted not in found and match.column.name not in used:
            found[wanted] = match
            used.add(match.column.name)
    return found


def _score_column(
    name: str, wanted: Field, column: SourceColumn, targets: dict[str, str]
) -> ColumnMatch:
    """Return how well a column fits a canonical one, and why; below `COLUMN_LEAST` it does not."""
    own = normalize_name(column.name)
    words = [normalize_name(word) for word in _list_words(name, wanted.name)]
    score, why = 0.0, ""
    # From the strongest evidence to the weakest; the first that applies is the reason given.
    if column.name.lower() == wanted.name:
        score, why = 4.0, "its name"
    # The last comparison keeps a table's own key from counting as a reference to the table itself;
    # "-" never is a relation.
    elif column.target and targets.get(column.target[0]) == REFERS.get(wanted.name, "-") != name:
        score, why = 3.5, f"points to {column.target[0]}"
    elif wanted.name == RELATIONS[name].key[0] and column.key:
        score, why = 3.2, "the key"
    elif own in words:
        score, why = 2.8 - 0.05 * words.index(own), "a name for it"
    # Short words ("id", "to", "no") are part of too many names.
    elif any(len(word) > 3 and set(word.split("_")) <= set(own.split("_")) for word in words):
        score, why = 1.2, "a name like it"
    if score and not _can_hold(wanted, column):
        # The very name (4.0) and a reference (3.5) remain as guesses; a key and a synonym do not.
        return ColumnMatch(column, score - 2.5, f"{why}, but it holds {column.look}")
    said = f"{why}, holds {column.look}" if score < SURE and wanted.kind != "text" else why
    return ColumnMatch(column, score, said)


def _list_words(name: str, wanted: str) -> list[str]:
    """Return the words for a column: its name, the relation's own words, and the common words."""
    return [wanted, *COLUMNS[name].get(wanted, "").split(), *COLUMNS[""].get(wanted, "").split()]


def _can_hold(wanted: Field, column: SourceColumn) -> bool:
    # An empty column contradicts nothing. Text may be of any kind, but an email must be an address.
    if column.look == "empty" or wanted.kind == "text":
        return not (wanted.name == "email" and column.look not in ("address", "empty"))
    if wanted.kind == "date":
        return column.look in DATES or "date" in column.type or "time" in column.type
    # Colleges write these two as numbers, as yes and no, or as letters such as P and A.
    if wanted.name in ("present", "attempted"):
        return column.look in NUMBERS or column.look.startswith("words of") or "bool" in column.type
    return column.look in NUMBERS


@cache
def normalize_name(name: str) -> str:
    """Return a name without accents, prefix, capitals and plural endings, joined by underscores."""
    # A word also begins at a capital within a name: rollNumber is roll_number.
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    letters = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode().lower()
    words = [word for word in re.split(r"[^a-z0-9]+", letters) if word]
    # A name that is nothing but a prefix stays.
    words = words[1:] if len(words) > 1 and words[0] in PREFIXES else words
    return "_".join(_convert_to_singular(word) for word in words if word not in FILLERS)


def _convert_to_singular(word: str) -> str:
    """Return a word without the plural ending of English or Spanish."""
    if len(word) > 6 and word.endswith(("ciones", "enes", "ores", "ades")):
        return word[:-2]
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    # "class" and "status" are singular.
    plural = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us"))
    return word[:-1] if plural else word
