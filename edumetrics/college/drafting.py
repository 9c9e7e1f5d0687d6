"""A first draft of a mapping, from the names, types, keys and kinds of value of a college's tables.

Everything in it is marked: sure (its very name, or a key that says so), guess (a name for it in some language), or
MISSING. It holds no value of anyone: what it is made from (`college.looks`) holds none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from edumetrics.college import dialects
from edumetrics.college.looks import Column, Table
from edumetrics.college.vocabulary import CODES, COLUMNS, TABLES
from edumetrics.fields import RELATIONS, Field
from edumetrics.fields import Table as Canonical

PREFIXES = {"mdl", "tbl", "tb", "koha", "dim", "fact", "vw", "sis", "erp", "adm"}
DATES = ("date", "day first", "month first", "day or month first", "seconds", "milliseconds")
NUMBERS = ("whole", "number", "fraction", "percent sign")
# What a table must score to be taken, and a column.
TABLE_LEAST, COLUMN_LEAST = 2.2, 1.0
SURE = 3.0
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
        """Columns that the relation cannot do without, and that were not found."""
        return [f.name for f in self.relation.fields if not f.null and f.name not in self.found]


def draft(tables: Sequence[Table]) -> dict[str, Draft]:
    """The best table for each canonical relation, each table once, and the columns in it."""
    drafts = {name: Draft(relation) for name, relation in RELATIONS.items()}
    pairs = [
        (score, name, table) for name in RELATIONS for table in tables if (score := _fit(name, table)) >= TABLE_LEAST
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
    telling = [f.name for f in RELATIONS[name].fields if f.name in found and f.name not in COLUMNS[""]]
    return named + 2 * share + 0.1 * len(telling) if named or (share >= 0.75 and len(telling) >= 2) else 0.0


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
    return "_".join(_singular(word) for word in words if word not in ("de", "of", "the", "del", "la"))


def _singular(word: str) -> str:
    if len(word) > 6 and word.endswith(("ciones", "enes", "ores", "ades")):
        return word[:-2]
    if len(word) > 3 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us")) else word


# ---------------------------------------------------------------- as a file


def as_yaml(drafts: dict[str, Draft], tables: Sequence[Table], dialect: str, starts: Sequence[tuple[str, str]]) -> str:
    """The draft as a mapping file, and what is left to do at its head.

    Args:
        drafts: as `draft` returns them.
        tables: every table, so that those without a use are named.
        dialect: the SQL to write: sqlite, postgresql, mysql or mariadb.
        starts: name and first day (ISO) of the latest halves of the year, for colleges that have dates and no weeks.
    """
    write = _Writer(drafts, dialects.Sql(dialect))
    parts = {name: "\n".join(write.relation(name)) for name in drafts}
    used = {one.table.name for one in drafts.values() if one.table is not None}
    unused = ", ".join(table.name for table in tables if table.name not in used)
    words = " ".join(parts.values())
    sure, guess, missing = (words.count(word) for word in (" sure: ", " guess: ", "MISSING: "))
    head = [
        "# A draft made by `edumetrics map`: read every line. `sure` is a column's own name or a key, `guess` wants a",
        "# look, MISSING must be filled in, or the relation set to null.",
        f"# Sure of {sure}, guessed {guess}, missing {missing}. Tables without a use: {unused or 'none'}.",
        "# Then: `edumetrics check`, which says where a run on it would mislead.",
    ]
    if "half_year" in words:
        each = (f"SELECT {write.sql.day(day)} AS starts  -- guess: {name}" for name, day in starts)
        half = "\n    UNION ALL ".join(each)
        note = "  # The first day of week 1 of each half of the year, here from calendar.yml: correct them."
        head += ["views:", note, f"  half_year: |\n    {half}"]
    return "\n".join([*head, "relations:", *parts.values()]) + "\n"


class _Writer:
    def __init__(self, drafts: dict[str, Draft], sql: dialects.Sql) -> None:
        self.drafts, self.sql = drafts, sql

    def relation(self, name: str) -> Iterator[str]:
        one = self.drafts[name]
        if one.table is None:
            need = "" if RELATIONS[name].optional or name not in ESSENTIAL else "  # MISSING: every college has some"
            yield f"  {name}: null{need}"
        elif self._same(one):
            yield f"  {name}: {one.table.name}  # sure: its columns have the canonical names"
        else:
            yield f"  {name}: |"
            yield from (f"    {line}" for line in self._select(one))

    def _same(self, one: Draft) -> bool:
        assert one.table is not None
        own = {match.column.name == wanted for wanted, match in one.found.items()}
        plain_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", one.table.name)
        readable = all(self._value(name, match) == self._quoted("t", match.column) for name, match in one.found.items())
        return own == {True} and not one.missing and readable and plain_name is not None

    def _quoted(self, alias: str, column: Column) -> str:
        return f"{alias}.{self.sql.quote(column.name)}"

    def _value(self, wanted: str, match: Match) -> str:
        """The column as the canonical one: read as a date, a percentage, or by its words."""
        raw, look = self._quoted("t", match.column), match.column.look
        if look in DATES and look != "date":
            return self.sql.date(raw, look)
        if look == "fraction" and wanted.endswith("_pct"):
            return f"100 * {raw}"
        if look == "percent sign":
            return f"REPLACE({raw}, '%', '')"
        if look.startswith("words of") and wanted in CODES and "bool" not in match.column.type:
            return self.sql.words(raw, CODES[wanted])
        return raw

    def _select(self, one: Draft) -> Iterator[str]:
        assert one.table is not None
        name, joins = one.relation.name, list[str]()
        lectures = name == "attendance" and "present" in one.found and "lectures_held" not in one.found
        lines: dict[str, tuple[str, str]] = {}
        for wanted, match in one.found.items():
            lines[wanted] = self._value(wanted, match), f"{match.word}: {match.why}"
        self._by_another_id(one, lines, joins)
        missing = [column for column in one.missing if column not in lines]
        for column in tuple(missing):
            found = self._elsewhere(one, column, lines, joins)
            if found:
                lines[column] = found
                missing.remove(column)
        if lectures:
            self._summed(lines)
            missing.remove("lectures_held")
        yield "SELECT"
        ordered = [column for column in one.relation.names if column in lines]
        for column in ordered:
            value, why = lines[column]
            comma = "," if column != ordered[-1] else ""
            yield f"  {f'{value} AS {self.sql.quote(column)}{comma}':<48}  -- {why}"
        yield f"FROM {self.sql.quote(one.table.name)} t"
        yield from joins
        if lectures:
            keys = [lines[column][0] for column in ordered if column not in ("id", "lectures_held", "present")]
            yield f"GROUP BY {', '.join(keys)}"
        for column in missing:
            yield f"-- MISSING: {column} ({one.relation[column].meaning})"

    def _summed(self, lines: dict[str, tuple[str, str]]) -> None:
        """A row a lecture becomes a row a week."""
        lines["lectures_held"] = "COUNT(*)", "guess: one row a lecture, as there is no count"
        lines["present"] = f"SUM({lines['present'][0]})", lines["present"][1]
        if "id" in lines:
            lines["id"] = f"MAX({lines['id'][0]})", lines["id"][1]

    def _by_another_id(self, one: Draft, lines: dict[str, tuple[str, str]], joins: list[str]) -> None:
        """Where rows name a student by what is not the student's id: that of the table of students, by that name."""
        people = self.drafts["students"]
        if one is people or not {"student_id"} <= one.found.keys() & people.found.keys() or people.table is None:
            return
        own, key = one.found["student_id"].column, people.found["student_id"].column
        if own.target or plain(own.name) == plain(key.name):
            return
        same = [column for column in people.table.columns if plain(column.name) == plain(own.name)]
        if same:
            on = f"{self._quoted('s', same[0])} = {self._quoted('t', own)}"
            joins.append(f"JOIN {self.sql.quote(people.table.name)} s ON {on}")
            lines["student_id"] = self._quoted("s", key), f"guess: by {own.name}"

    def _elsewhere(
        self, one: Draft, column: str, lines: dict[str, tuple[str, str]], joins: list[str]
    ) -> tuple[str, str] | None:
        """What another table says of a row's student or subject; a week by its date; a number for rows without any."""
        owner = {"class_id": ("students", "student_id", "s"), "semester": ("subjects", "subject_id", "j")}.get(column)
        if owner is not None:
            relation, key, alias = owner
            other = self.drafts[relation]
            if other.table and column in other.found and key in other.found and key in lines and other is not one:
                on = f"{self._quoted(alias, other.found[key].column)} = {lines[key][0]}"
                if not any(f" {alias} ON " in join for join in joins):
                    joins.append(f"JOIN {self.sql.quote(other.table.name)} {alias} ON {on}")
                return self._quoted(alias, other.found[column].column), f"guess: by its {key.removesuffix('_id')}"
        dates = [lines[name][0] for name in lines if one.relation[name].kind == "date"]
        if column in ("week", "borrow_week", "due_week", "scheduled_week") and dates:
            joins.append(f"JOIN half_year h ON {self.sql.days(dates[0], 'h.starts')} BETWEEN 0 AND 125")
            return self.sql.week(dates[0], "h.starts"), "guess: counted from the half's first day"
        if column == one.relation.key[0] and self.sql.row_number:
            return f"t.{self.sql.row_number}", "guess: there is no key"
        return None


ESSENTIAL = ("classes", "students", "advisors", "attendance")
