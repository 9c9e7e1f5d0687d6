"""A draft as a mapping file: every column marked as sure (its very name, or a key), guess, or MISSING.

It holds no value of anyone: what it is made from (`looks`) holds none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from edumetrics.college.draft.looks import Column, Table
from edumetrics.college.draft.matching import DATES, Draft, Match, plain
from edumetrics.college.draft.vocabulary import CODES
from edumetrics.college.mapping import ESSENTIAL
from edumetrics.database import Sql
from edumetrics.fields import RELATIONS, Field


def as_yaml(
    drafts: dict[str, Draft],
    tables: Sequence[Table],
    dialect: str,
    starts: Sequence[tuple[str, str]],
) -> str:
    """The draft as a mapping file, and what is left to do at its head.

    Args:
        drafts: as `matched` returns them.
        tables: every table, so that those without a use are named.
        dialect: the SQL to write: sqlite, postgresql, mysql or mariadb.
        starts: name and first day (ISO) of the latest halves of the year, for colleges that have dates and no weeks.
    """
    write = _Writer(drafts, Sql(dialect))
    parts = {name: "\n".join(write.relation(name)) for name in drafts}
    used = {one.table.name for one in drafts.values() if one.table is not None}
    unused = ", ".join(table.name for table in tables if table.name not in used and table.columns)
    closed = [table.name for table in tables if not table.columns]
    words = " ".join(parts.values())
    sure, guess, missing = (words.count(word) for word in (" sure: ", " guess: ", "MISSING: "))
    head = [
        "# A draft made by `edumetrics map`: read every line. `sure` is a column's own name or a key, `guess` wants a",
        "# look, MISSING must be filled in, or the relation set to null.",
        f"# Sure of {sure}, guessed {guess}, missing {missing}. Tables without a use: {unused or 'none'}.",
        *([f"# Could not be read: {', '.join(closed)}."] if closed else []),
        "# Then: `edumetrics check`, which says where a run on it would mislead.",
    ]
    if "half_year" in words:
        each = (f"SELECT {write.sql.day(day)} AS starts  -- guess: {name}" for name, day in starts)
        half = "\n    UNION ALL ".join(each)
        note = "  # The first day of week 1 of each half of the year, here from calendar.yml: correct them."
        head += ["views:", note, f"  half_year: |\n    {half}"]
    return "\n".join([*head, "relations:", *parts.values()]) + "\n"


class _Writer:
    def __init__(self, drafts: dict[str, Draft], sql: Sql) -> None:
        self.drafts, self.sql = drafts, sql

    def relation(self, name: str) -> Iterator[str]:
        one = self.drafts[name]
        if one.table is None:
            need = (
                ""
                if RELATIONS[name].optional or name not in ESSENTIAL
                else "  # MISSING: every college has some"
            )
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
        readable = all(
            self._value(one.relation[name], match) == self._quoted("t", match.column)
            for name, match in one.found.items()
        )
        return own == {True} and not one.missing and readable and plain_name is not None

    def _quoted(self, alias: str, column: Column) -> str:
        return f"{alias}.{self.sql.quote(column.name)}"

    def _value(self, wanted: Field, match: Match) -> str:
        """The column as the canonical one: read as a date, a percentage, or by its words."""
        raw, look = self._quoted("t", match.column), match.column.look
        if wanted.kind == "date" and look in DATES and look != "date":
            return self.sql.date(raw, look)
        if look == "fraction" and wanted.unit == "percent":
            return f"100 * {raw}"
        if look == "percent sign" and wanted.kind != "text":
            return f"REPLACE({raw}, '%', '')"
        if look.startswith("words of") and wanted.name in CODES and "bool" not in match.column.type:
            return self.sql.words(raw, CODES[wanted.name])
        return raw

    def _select(self, one: Draft) -> Iterator[str]:
        assert one.table is not None
        name, joins = one.relation.name, list[str]()
        lectures = (
            name == "attendance" and "present" in one.found and "lectures_held" not in one.found
        )
        lines: dict[str, tuple[str, str]] = {}
        for wanted, match in one.found.items():
            lines[wanted] = self._value(one.relation[wanted], match), f"{match.word}: {match.why}"
        self._by_another_id(one, lines, joins)
        missing = [column for column in one.missing if column not in lines]
        for column in tuple(missing):
            found = self._elsewhere(one, column, lines, joins)
            if found:
                lines[column] = found
                missing.remove(column)
        if lectures:
            self._summed(lines, joins)
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
            keys = [
                lines[column][0]
                for column in ordered
                if column not in ("id", "lectures_held", "present")
            ]
            yield f"GROUP BY {', '.join(keys)}"
        for column in missing:
            yield f"-- MISSING: {column} ({one.relation[column].meaning})"
        used = {match.column.name for match in one.found.values()}
        for left in (column for column in one.table.columns if column.name not in used):
            yield f"-- without a use: {self.sql.quote(left.name)} ({left.look})"

    def _summed(self, lines: dict[str, tuple[str, str]], joins: list[str]) -> None:
        """A row a lecture becomes a row a week."""
        lines["lectures_held"] = "COUNT(*)", "guess: one row a lecture, as there is no count"
        lines["present"] = f"SUM({lines['present'][0]})", lines["present"][1]
        if "week_date" in lines and any("half_year" in join for join in joins):
            first = self.sql.first_day(lines["week_date"][0], "h.starts")
            lines["week_date"] = first, "guess: the first day of the lecture's week"
        if "id" in lines:
            lines["id"] = f"MAX({lines['id'][0]})", lines["id"][1]

    def _by_another_id(
        self, one: Draft, lines: dict[str, tuple[str, str]], joins: list[str]
    ) -> None:
        """Where rows name a student by what is not the student's id: that of the table of students, by that name."""
        people = self.drafts["students"]
        if (
            one is people
            or not {"student_id"} <= one.found.keys() & people.found.keys()
            or people.table is None
        ):
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
        owner = {
            "class_id": ("students", "student_id", "s"),
            "semester": ("subjects", "subject_id", "j"),
        }.get(column)
        if owner is not None:
            relation, key, alias = owner
            other = self.drafts[relation]
            if (
                other.table
                and column in other.found
                and key in other.found
                and key in lines
                and other is not one
            ):
                on = f"{self._quoted(alias, other.found[key].column)} = {lines[key][0]}"
                if not any(f" {alias} ON " in join for join in joins):
                    joins.append(f"JOIN {self.sql.quote(other.table.name)} {alias} ON {on}")
                return self._quoted(
                    alias, other.found[column].column
                ), f"guess: by its {key.removesuffix('_id')}"
        dates = [lines[name][0] for name in lines if one.relation[name].kind == "date"]
        if column in ("week", "borrow_week", "due_week", "scheduled_week") and dates:
            joins.append(
                f"JOIN half_year h ON {self.sql.days(dates[0], 'h.starts')} BETWEEN 0 AND 125"
            )
            return self.sql.week(dates[0], "h.starts"), "guess: counted from the half's first day"
        if column == one.relation.key[0] and self.sql.row_number:
            return f"t.{self.sql.row_number}", "guess: there is no key"
        return None
