"""The few pieces of SQL that a drafted mapping needs, as each database writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FORMATS = {"day first": ("DD/MM/YYYY", "%d/%m/%Y"), "month first": ("MM/DD/YYYY", "%m/%d/%Y")}


@dataclass(frozen=True)
class Sql:
    """Pieces of SQL for sqlite, postgresql, mysql or mariadb."""

    dialect: str

    @property
    def row_number(self) -> str:
        """What stands for a row that has no key; empty where nothing does."""
        return "rowid" if self.dialect == "sqlite" else ""

    def quote(self, name: str) -> str:
        """A name that is read as it is written."""
        mark = "`" if self.dialect in ("mysql", "mariadb") else '"'
        return f"{mark}{name.replace(mark, 2 * mark)}{mark}"

    def day(self, iso: str) -> str:
        """A day that is written here."""
        return f"'{iso}'" if self.dialect == "sqlite" else f"DATE '{iso}'"

    def date(self, value: str, look: str) -> str:
        """A date out of seconds, milliseconds, or a text with the day or the month first."""
        if look in ("seconds", "milliseconds"):
            seconds = value if look == "seconds" else f"{value} / 1000"
            return {
                "sqlite": f"date({seconds}, 'unixepoch')",
                "postgresql": f"CAST(to_timestamp({seconds}) AS date)",
            }.get(self.dialect, f"DATE(FROM_UNIXTIME({seconds}))")
        postgresql, mysql = FORMATS["month first" if look == "month first" else "day first"]
        if self.dialect == "postgresql":
            return f"to_date({value}, '{postgresql}')"
        if self.dialect != "sqlite":
            return f"STR_TO_DATE({value}, '{mysql}')"
        day, month = (4, 1) if look == "month first" else (1, 4)
        return f"substr({value}, 7, 4) || '-' || substr({value}, {month}, 2) || '-' || substr({value}, {day}, 2)"

    def days(self, later: str, earlier: str) -> str:
        """How many days lie between two dates."""
        if self.dialect == "sqlite":
            return f"julianday({later}) - julianday({earlier})"
        if self.dialect == "postgresql":
            return f"CAST({later} AS date) - {earlier}"
        return f"DATEDIFF({later}, {earlier})"

    def week(self, date: str, starts: str) -> str:
        """The week of a date, 1 being the seven days from `starts`."""
        days = self.days(date, starts)
        whole = {"sqlite": f"CAST(({days}) / 7 AS INTEGER)", "postgresql": f"({days}) / 7"}
        return f"{whole.get(self.dialect, f'FLOOR({days} / 7)')} + 1"

    def first_day(self, date: str, starts: str) -> str:
        """The first day of the week of a date, weeks being counted from `starts`."""
        days = self.days(date, starts)
        return {
            "sqlite": f"date({starts}, '+' || 7 * CAST(({days}) / 7 AS INTEGER) || ' days')",
            "postgresql": f"{starts} + ({days}) / 7 * 7",
        }.get(self.dialect, f"DATE_ADD({starts}, INTERVAL 7 * FLOOR({days} / 7) DAY)")

    def words(self, value: str, codes: Mapping[str, Sequence[str]]) -> str:
        """The canonical value of a column of fixed words."""
        cases = []
        for canonical, words in codes.items():
            listed = ", ".join(f"'{word}'" for word in words)
            result = canonical if canonical.isdigit() else f"'{canonical}'"
            cases.append(f"WHEN lower({value}) IN ({listed}) THEN {result}")
        return f"CASE {' '.join(cases)} END"
