"""What a report says, frozen, without any HTML: one view model for every moment of the semester and every reader.

A report is a heading and sections in the order in which they are read. Mail, plain text and page are three renderings
of the same report (see `render`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edumetrics.reports.galaxy import Galaxy
from edumetrics.reports.panels import Panel


@dataclass(frozen=True)
class Fact:
    """A short line; its first words, which say what it is about, are set off."""

    label: str
    text: str


@dataclass(frozen=True)
class Draft:
    """An email that the reader may send."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True)
class Reply:
    """What one tap reports back: the subject of an otherwise empty email."""

    label: str
    subject: str


@dataclass(frozen=True)
class Entry:
    """One student in a section.

    Attributes:
        student_id: whom it is about; never shown.
        urgency, shape: how urgent, as a word and as a shape; empty where that is no question.
        since: for how long.
        reasons: at most three, strongest first.
        facts: what is ahead, what would help, the last contact.
        more: what a card has no room for; pages only.
        draft, parent: emails that the reader may send to the student, to a parent.
        replies: how to report back; added when the report is mailed.
        code: the token in those replies, for readers of plain text.
        panel: the semester so far; pages only.
    """

    student_id: str
    name: str
    roll_number: str
    class_id: str
    urgency: str = ""
    shape: str = ""
    since: str = ""
    reasons: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    more: tuple[str, ...] = ()
    draft: Draft | None = None
    parent: Draft | None = None
    replies: tuple[Reply, ...] = ()
    code: str = ""
    panel: Panel | None = None


@dataclass(frozen=True)
class Students:
    """Students one after another: as cards, or (`brief`) in a line or two each."""

    title: str
    note: str
    entries: tuple[Entry, ...]
    brief: bool = False

    @property
    def kind(self) -> str:
        """Which template block shows it."""
        return "lines" if self.brief else "cards"


@dataclass(frozen=True)
class Prose:
    """Sentences."""

    title: str
    paragraphs: tuple[str, ...]
    kind: str = "prose"


@dataclass(frozen=True)
class Number:
    """One number of a group now and before; None where there is none."""

    label: str
    now: int | None
    before: int | None
    unit: str = ""


@dataclass(frozen=True)
class Numbers:
    """Numbers of 0 to 100, now and before, and perhaps the galaxy beneath."""

    title: str
    about: str
    now: str
    before: str
    rows: tuple[Number, ...]
    galaxy: Galaxy | None = None
    kind: str = "numbers"


@dataclass(frozen=True)
class TableRow:
    """One student in a table: what each cell says, empty where nothing is known."""

    name: str
    about: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Every student side by side; on pages only, a mail links to it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    kind: str = "table"


Section = Students | Prose | Numbers | Table


@dataclass(frozen=True)
class Report:
    """One reader's report of one moment.

    Attributes:
        stage, term, week: the moment.
        advisor_id, reader: for whom.
        classes: of whose students it tells.
        subject: of the mail; it names nobody.
        kicker: small lines above the headline: when, and which class.
        headline, lead: the one thing to know, and what is ahead.
        sections: in reading order.
    """

    stage: str
    term: str
    week: int
    advisor_id: str
    reader: str
    classes: tuple[str, ...]
    subject: str
    kicker: tuple[str, ...]
    headline: str
    lead: str
    sections: tuple[Section, ...]

    @property
    def galaxy(self) -> Galaxy | None:
        """The picture that it has, if it has one."""
        return next(
            (s.galaxy for s in self.sections if isinstance(s, Numbers) and s.galaxy is not None),
            None,
        )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every student told of outside the table."""
        return tuple(entry for s in self.sections if isinstance(s, Students) for entry in s.entries)

    @property
    def replies(self) -> tuple[str, ...]:
        """The codes by which the reader can report back."""
        return tuple(entry.code for entry in self.entries if entry.code)

    def with_entries(self, change: Callable[[Entry, Students], Entry]) -> Report:
        """The same report, each entry changed."""
        return replace(
            self,
            sections=tuple(
                replace(s, entries=tuple(change(entry, s) for entry in s.entries))
                if isinstance(s, Students)
                else s
                for s in self.sections
            ),
        )
