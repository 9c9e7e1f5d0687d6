"""Write a draft as a mapping file, with every column marked as sure, guess, or MISSING.

`sure` is a column that has the canonical name or is a key. A draft holds no personal value, because
the profile that it is made from (`looks`) holds none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from edumetrics.college.mapping import EITHER, ESSENTIAL
from edumetrics.database import Sql
from edumetrics.fields import RELATIONS, Field
from edumetrics.onboarding.match import DATES, ColumnMatch, DraftRelation, normalize_name
from edumetrics.onboarding.profile import SourceColumn, SourceTable
from edumetrics.onboarding.synonyms import CODES


def format_yaml(
    drafts: dict[str, DraftRelation],
    tables: Sequence[SourceTable],
    dialect: str,
    starts: Sequence[tuple[str, str]],
    views: Mapping[str, str] | None = None,
) -> str:
    """Return the draft as the text of a mapping file; its head says what is left to do.

    Args:
        drafts: the drafts that `matched` returns, by relation.
        tables: every table of the database, so that the file can name those that are not used.
        dialect: the SQL to write: sqlite, postgresql, mysql or mariadb.
        starts: name and first day (ISO) of the latest halves of the year, for a college that has
            dates and no weeks.
        views: SELECTs of sheets that were turned, by name.
    """
    write = _MappingWriter(drafts, Sql(dialect))
    parts = {name: "\n".join(write.write_relation(name)) for name in drafts}
    used = {one.table.name for one in drafts.values() if one.table is not None}
    unused = ", ".join(table.name for table in tables if table.name not in used and table.columns)
    closed = [table.name for table in tables if not table.columns]
    # The marks are counted in the finished text: only there is it known what joins have supplied.
    words = " ".join(parts.values())
    sure, guess, missing = (words.count(word) for word in (" sure: ", " guess: ", "MISSING: "))
    head = [
        "# A draft made by `edumetrics map`: read every line. `sure` is a column's own name or a "
        "key. Check each `guess`.",
        "# Fill in what is MISSING, or set the relation to null.",
        f"# Sure of {sure}, guessed {guess}, missing {missing}. "
        f"Tables not used: {unused or 'none'}.",
        *([f"# Could not be read: {', '.join(closed)}."] if closed else []),
        *(f"# {name}: a wide sheet, turned; it has a row for each cell." for name in views or {}),
        "# Then run `edumetrics check`: it says where a run with this mapping would mislead.",
    ]
    shared = [f"  {name}: >\n    {view}" for name, view in (views or {}).items()]
    if shared or "half_year" in words:
        head.append("views:")
    # Only where some SELECT counts weeks from dates: other colleges need no such view.
    if "half_year" in words:
        each = (
            f"SELECT {write.sql.format_day(day)} AS starts  -- guess: {name}"
            for name, day in starts
        )
        half = "\n    UNION ALL ".join(each)
        note = (
            "  # The first day of week 1 of each half of the year. "
            "These days are from calendar.yml: correct them."
        )
        head += [note, f"  half_year: |\n    {half}"]
    head += shared
    return "\n".join([*head, "relations:", *parts.values()]) + "\n"


class _MappingWriter:
    """Writes each drafted relation as lines of YAML, in the SQL of one database."""

    def __init__(self, drafts: dict[str, DraftRelation], sql: Sql) -> None:
        self.drafts, self.sql = drafts, sql

    def write_relation(self, name: str) -> Iterator[str]:
        """Yield the lines of one relation: null, the name of a table, or a SELECT."""
        one = self.drafts[name]
        if one.table is None:
            need = (
                ""
                if RELATIONS[name].optional or name not in (*ESSENTIAL, EITHER[0])
                else "  # MISSING: every college has some"
            )
            yield f"  {name}: null{need}"
        elif self._is_canonical(one):
            yield f"  {name}: {one.table.name}  # sure: its columns have the canonical names"
        else:
            yield f"  {name}: |"
            yield from (f"    {line}" for line in self._write_select(one))

    def _is_canonical(self, one: DraftRelation) -> bool:
        """Return whether the table can stand for the relation as it is, without a SELECT."""
        assert one.table is not None
        own = {match.column.name == wanted for wanted, match in one.found.items()}
        # A mapping gives a bare name without quotes, so that only a plain one can be read back.
        plain_name = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*", one.table.name)
        # A column that must be converted needs a SELECT, whatever its name is.
        readable = all(
            self._convert_column(one.relation[name], match)
            == self._format_column("t", match.column)
            for name, match in one.found.items()
        )
        return own == {True} and not one.missing and readable and plain_name is not None

    def _format_column(self, alias: str, column: SourceColumn) -> str:
        return f"{alias}.{self.sql.format_name(column.name)}"

    def _convert_column(self, wanted: Field, match: ColumnMatch) -> str:
        """Return the SQL that converts the column to the canonical date, percentage or code."""
        raw, look = self._format_column("t", match.column), match.column.look
        if wanted.kind == "date" and look in DATES and look != "date":
            return self.sql.convert_date(raw, look)
        # Canonical percentages go from 0 to 100.
        if look == "fraction" and wanted.unit == "percent":
            return f"100 * {raw}"
        if look == "percent sign" and wanted.kind != "text":
            return f"REPLACE({raw}, '%', '')"
        # A boolean is read as it is: lower() of one is an error on PostgreSQL.
        if look.startswith("words of") and wanted.name in CODES and "bool" not in match.column.type:
            return self.sql.translate_words(raw, CODES[wanted.name])
        return raw

    def _write_select(self, one: DraftRelation) -> Iterator[str]:
        """Yield the lines of the SELECT, each column with the reason why it was chosen."""
        assert one.table is not None
        name, joins = one.relation.name, list[str]()
        # Presence without a count of lectures held: the table has one row per lecture.
        lectures = (
            name == "attendance" and "present" in one.found and "lectures_held" not in one.found
        )
        lines: dict[str, tuple[str, str]] = {}
        for wanted, match in one.found.items():
            lines[wanted] = (
                self._convert_column(one.relation[wanted], match),
                f"{match.word}: {match.why}",
            )
        # Order matters: what is found elsewhere joins by the student id that this may replace.
        self._join_students(one, lines, joins)
        missing = [column for column in one.missing if column not in lines]
        # A copy, because the loop removes what it finds.
        for column in tuple(missing):
            found = self._find_elsewhere(one, column, lines, joins)
            if found:
                lines[column] = found
                missing.remove(column)
        # After the joins: the first day of a week needs the view that one of them brings in.
        if lectures:
            self._sum_lectures(lines, joins)
            missing.remove("lectures_held")
        yield "SELECT"
        ordered = [column for column in one.relation.names if column in lines]
        for column in ordered:
            # A trailing comma is an error in SQL.
            value, why = lines[column]
            comma = "," if column != ordered[-1] else ""
            yield f"  {f'{value} AS {self.sql.format_name(column)}{comma}':<48}  -- {why}"
        yield f"FROM {self.sql.format_name(one.table.name)} t"
        yield from joins
        if lectures:
            # All that is not summed up; an id would make a group of every lecture.
            keys = [
                lines[column][0]
                for column in ordered
                if column not in ("id", "lectures_held", "present")
            ]
            yield f"GROUP BY {', '.join(keys)}"
        for column in missing:
            yield f"-- MISSING: {column} ({one.relation[column].meaning})"
        used = {match.column.name for match in one.found.values()}
        # Named for the reader: a column that belongs to the mapping may be among them.
        for left in (column for column in one.table.columns if column.name not in used):
            yield f"-- not used: {self.sql.format_name(left.name)} ({left.look})"

    def _sum_lectures(self, lines: dict[str, tuple[str, str]], joins: list[str]) -> None:
        """Change the lines so that rows per lecture become rows per week."""
        lines["lectures_held"] = "COUNT(*)", "guess: one row per lecture, because there is no count"
        lines["present"] = f"SUM({lines['present'][0]})", lines["present"][1]
        # With the date of each lecture, a week would be split into one group per day.
        if "week_date" in lines and any("half_year" in join for join in joins):
            first = self.sql.compute_first_day(lines["week_date"][0], "h.starts")
            lines["week_date"] = first, "guess: the first day of the lecture's week"
        # Any id of the group will do; the largest exists in every SQL dialect.
        if "id" in lines:
            lines["id"] = f"MAX({lines['id'][0]})", lines["id"][1]

    def _join_students(
        self, one: DraftRelation, lines: dict[str, tuple[str, str]], joins: list[str]
    ) -> None:
        """Join the table of students where rows name a student by another column than the id.

        Rows may, for example, hold the roll number: the join turns it into the student id.
        """
        people = self.drafts["students"]
        if (
            one is people
            or not {"student_id"} <= one.found.keys() & people.found.keys()
            or people.table is None
        ):
            return
        own, key = one.found["student_id"].column, people.found["student_id"].column
        # A foreign key, or a column named like the key, already holds the id.
        if own.target or normalize_name(own.name) == normalize_name(key.name):
            return
        same = [
            column
            for column in people.table.columns
            if normalize_name(column.name) == normalize_name(own.name)
        ]
        if same:
            on = f"{self._format_column('s', same[0])} = {self._format_column('t', own)}"
            joins.append(f"JOIN {self.sql.format_name(people.table.name)} s ON {on}")
            lines["student_id"] = self._format_column("s", key), f"guess: by {own.name}"

    def _find_elsewhere(
        self, one: DraftRelation, column: str, lines: dict[str, tuple[str, str]], joins: list[str]
    ) -> tuple[str, str] | None:
        """Return the SQL and the reason of a missing column found elsewhere; None if there is none.

        The class of a student and the semester of a subject come from their tables, a week comes
        from a date, and a key comes from the row number of the database. Adds the joins it needs.
        """
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
                on = f"{self._format_column(alias, other.found[key].column)} = {lines[key][0]}"
                # Two columns may come by the same join; it must stand there once.
                if not any(f" {alias} ON " in join for join in joins):
                    joins.append(f"JOIN {self.sql.format_name(other.table.name)} {alias} ON {on}")
                return self._format_column(
                    alias, other.found[column].column
                ), f"guess: by its {key.removesuffix('_id')}"
        dates = [lines[name][0] for name in lines if one.relation[name].kind == "date"]
        if column in ("week", "borrow_week", "due_week", "scheduled_week") and dates:
            # 126 days are the 18 weeks of a half; a row dated after them belongs to no week.
            joins.append(
                f"JOIN half_year h ON {self.sql.count_days(dates[0], 'h.starts')} BETWEEN 0 AND 125"
            )
            return self.sql.compute_week(
                dates[0], "h.starts"
            ), "guess: counted from the half's first day"
        if column == one.relation.key[0] and self.sql.row_number:
            return f"t.{self.sql.row_number}", "guess: there is no key"
        return None
