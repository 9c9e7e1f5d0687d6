"""The few pieces of SQL that a mapping needs, in the dialect of each database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edumetrics.database.zones import build_mysql_moment, build_mysql_seconds

# The formats of PostgreSQL and of MySQL and MariaDB; SQLite cuts the text apart instead.
FORMATS = {"day first": ("DD/MM/YYYY", "%d/%m/%Y"), "month first": ("MM/DD/YYYY", "%m/%d/%Y")}

# The names that sqlglot has for dialects, where they differ from those of SQLAlchemy.
PARSER_NAMES = {"postgresql": "postgres", "mariadb": "mysql"}


@dataclass(frozen=True)
class Sql:
    """Pieces of SQL in one dialect: sqlite, postgresql, mysql or mariadb."""

    dialect: str

    @property
    def parser_name(self) -> str:
        """The name that sqlglot has for the dialect."""
        return PARSER_NAMES.get(self.dialect, self.dialect)

    @property
    def row_number(self) -> str:
        """The expression that identifies a row without a key; empty where there is none."""
        return "rowid" if self.dialect == "sqlite" else ""

    def format_name(self, name: str) -> str:
        """Return a quoted name, which the database reads exactly as it is written."""
        # A mark within the name is doubled: names come from the database of the college.
        mark = "`" if self.dialect in ("mysql", "mariadb") else '"'
        return f"{mark}{name.replace(mark, 2 * mark)}{mark}"

    def format_day(self, iso: str) -> str:
        """Return the literal of an ISO date."""
        # SQLite has no dates: it compares ISO texts.
        return f"'{iso}'" if self.dialect == "sqlite" else f"DATE '{iso}'"

    def convert_date(self, value: str, look: str) -> str:
        """Return an expression of a mapping that converts a value to a date.

        Args:
            value: an expression: seconds or milliseconds since 1970, or a text with the day or the
                month first.
            look: "seconds", "milliseconds" or "month first"; anything else means day first.
        """
        if look in ("seconds", "milliseconds"):
            # A function of mappings: seconds are days of the college, and 0 is no day.
            return f"{{day({value if look == 'seconds' else f'{value} / 1000'})}}"
        postgresql, mysql = FORMATS["month first" if look == "month first" else "day first"]
        if self.dialect == "postgresql":
            return f"to_date({value}, '{postgresql}')"
        if self.dialect != "sqlite":
            return f"STR_TO_DATE({value}, '{mysql}')"
        # Positions in a text with two digits for day and month and four for the year.
        day, month = (4, 1) if look == "month first" else (1, 4)
        return (
            f"substr({value}, 7, 4) || '-' || substr({value}, {month}, 2)"
            f" || '-' || substr({value}, {day}, 2)"
        )

    def expand_day(self, zone: str, seconds: str) -> str:
        """Return the college's day of seconds since 1970; null for 0."""
        if self.dialect == "sqlite":
            return f"college_day({seconds})"
        return f"CAST({self.expand_moment(zone, seconds)} AS date)"

    def expand_moment(self, zone: str, seconds: str) -> str:
        """Return the college's local moment of seconds since 1970; null for 0."""
        if self.dialect == "sqlite":
            return f"college_moment({seconds})"
        there = f"NULLIF({seconds}, 0)"
        if self.dialect == "postgresql":
            # The session is in the college's zone.
            return f"CAST(to_timestamp({there}) AS timestamp)"
        return build_mysql_moment(there, zone)

    def expand_week(self, zone: str, seconds: str, starts: str) -> str:
        """Return the week of seconds since 1970, counted from the first day of week 1."""
        return self.compute_week(self.expand_day(zone, seconds), starts)

    def expand_text(self, _zone: str, value: str) -> str:
        """Return a value as a text."""
        kind = "CHAR" if self.dialect in ("mysql", "mariadb") else "text"
        return f"CAST({value} AS {kind})"

    def expand_seconds(self, zone: str, moment: str) -> str:
        """Return the seconds since 1970 of a moment without a zone, on the clock of a zone."""
        if self.dialect == "sqlite":
            return f"college_seconds({moment}, '{zone}')"
        if self.dialect == "postgresql":
            local = f"CAST({moment} AS timestamp) AT TIME ZONE '{zone}'"
            return f"CAST(EXTRACT(EPOCH FROM {local}) AS bigint)"
        return build_mysql_seconds(moment, zone)

    def expand_week_of(self, _zone: str, day: str, starts: str) -> str:
        """Return the week of a day, counted from the first day of week 1."""
        return self.compute_week(day, starts)

    def expand_first_day(self, _zone: str, week: str, starts: str) -> str:
        """Return the first day of a week, counted from the first day of week 1."""
        if self.dialect == "sqlite":
            return f"date({starts}, '+' || (7 * ({week} - 1)) || ' days')"
        if self.dialect == "postgresql":
            return f"CAST(CAST({starts} AS date) + 7 * ({week} - 1) AS date)"
        return f"DATE_ADD(CAST({starts} AS date), INTERVAL 7 * ({week} - 1) DAY)"

    def count_days(self, later: str, earlier: str) -> str:
        """Return an expression for the number of days from the earlier to the later date."""
        if self.dialect == "sqlite":
            return f"julianday({later}) - julianday({earlier})"
        if self.dialect == "postgresql":
            return f"CAST({later} AS date) - CAST({earlier} AS date)"
        return f"DATEDIFF({later}, {earlier})"

    def compute_week(self, date: str, starts: str) -> str:
        """Return an expression for the week of a date; week 1 is the seven days from `starts`."""
        days = self.count_days(date, starts)
        if self.dialect in ("mysql", "mariadb"):
            return f"FLOOR({days} / 7) + 1"
        # These two cut a fraction off, which a day before week 1 must not be rounded up by.
        whole = {"sqlite": f"CAST({days} AS INTEGER)"}.get(self.dialect, f"({days})")
        return f"({whole} + 7000) / 7 - 999"

    def compute_first_day(self, date: str, starts: str) -> str:
        """Return an expression for the first day of a date's week, counting from `starts`."""
        days = self.count_days(date, starts)
        return {
            "sqlite": f"date({starts}, '+' || (7 * CAST(({days}) / 7 AS INTEGER)) || ' days')",
            "postgresql": f"{starts} + ({days}) / 7 * 7",
        }.get(self.dialect, f"DATE_ADD({starts}, INTERVAL 7 * FLOOR({days} / 7) DAY)")

    def translate_words(self, value: str, codes: Mapping[str, Sequence[str]]) -> str:
        """Return an expression that translates the words of a column into canonical values.

        Args:
            value: an expression for the column.
            codes: the words (in lower case) for each canonical value; other words become null.
        """
        cases = []
        for canonical, words in codes.items():
            listed = ", ".join(f"'{word}'" for word in words)
            result = canonical if canonical.isdigit() else f"'{canonical}'"
            cases.append(f"WHEN lower({value}) IN ({listed}) THEN {result}")
        return f"CASE {' '.join(cases)} END"
