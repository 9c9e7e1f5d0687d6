"""Define what a report says, frozen and without any HTML.

One view model serves every moment of the semester and every reader. A report is a heading and
sections in reading order. Mail, plain text and page are three renderings of the same report (see
`render`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from edumetrics.reports.galaxy import Galaxy
from edumetrics.reports.sparklines import Panel
from edumetrics.sentences import Sentences


@dataclass(frozen=True)
class Fact:
    """A short line.

    Attributes:
        label: the first words, which say what the line is about, set off; may be empty.
        text: the rest of the line.
    """

    label: str
    text: str


@dataclass(frozen=True)
class EmailDraft:
    """An email that the reader may send."""

    to: str
    subject: str
    body: str


@dataclass(frozen=True)
class Reply:
    """What one tap reports back.

    Attributes:
        label: the text of the link.
        subject: the subject of an otherwise empty email.
    """

    label: str
    subject: str


@dataclass(frozen=True)
class StudentEntry:
    """One student in a section.

    Attributes:
        student_id: the student; never shown.
        name, roll_number, class_id: as the college has them; roll_number may be empty.
        tier: critical, high or watch, which chooses the colours; empty where it does not apply.
        urgency, shape: the tier as a word and as a shape.
        since: for how many weeks the student has been on the list, and marks; may be empty.
        reasons: the facts that a card tells, at most three, in the order of their kinds.
        facts: what would help, the last contact.
        handout: what is printed for a talk with the student, without urgency; empty for no sheet.
        class_name: the name of the class; its id where it has no name.
        number: the place on the reader's list, by which a picture names a student; 0 for none.
        draft, parent: emails that the reader may send to the student, and to a parent; or None.
        replies: ways to report back; added when the report is mailed.
        code: the token in those replies, for readers of plain text.
        panel: the semester so far; pages only; None where there is nothing to draw.
        briefing: what a language model wrote from the reasons; pages only; empty for nothing.
    """

    student_id: str
    name: str
    roll_number: str
    class_id: str
    # Everything below is optional: a line, or a card before an exam, has fewer parts.
    tier: str = ""
    urgency: str = ""
    shape: str = ""
    since: str = ""
    reasons: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    handout: tuple[str, ...] = ()
    class_name: str = ""
    number: int = 0
    draft: EmailDraft | None = None
    parent: EmailDraft | None = None
    # Empty until `mail.messages.add_replies` fills them in: pages and previews have no replies.
    replies: tuple[Reply, ...] = ()
    code: str = ""
    panel: Panel | None = None
    briefing: str = ""


@dataclass(frozen=True)
class Students:
    """Students one after another.

    Attributes:
        title, note: the heading, and a sentence below it (may be empty).
        entries: the students in reading order.
        brief: whether each student has a line or two instead of a card.
        inline: whether only the names are told, in one line that begins with the title.
        columns: headings of a table in which the reasons of each student are the cells; a mail,
            which is read on a phone, shows the first two. Empty for no table.
    """

    title: str
    note: str
    entries: tuple[StudentEntry, ...]
    brief: bool = False
    inline: bool = False
    columns: tuple[str, ...] = ()

    # A property, not a field as in the other sections: it depends on the fields above.
    @property
    def kind(self) -> str:
        """The name of the template block that shows the section."""
        if self.inline:
            return "names"
        if self.columns:
            return "grid"
        return "lines" if self.brief else "cards"


@dataclass(frozen=True)
class Prose:
    """A section of sentences, one or more a paragraph."""

    title: str
    paragraphs: tuple[str, ...]
    # Templates choose a block by `kind`, because Jinja cannot ask for a Python type.
    kind: str = "prose"


@dataclass(frozen=True)
class NumberRow:
    """One number of a group in two columns.

    Attributes:
        label: what is measured.
        now, before: rounded values of 0 to 100; None where there is none.
        unit: written after the value; may be empty.
    """

    label: str
    now: int | None
    before: int | None
    unit: str = ""


@dataclass(frozen=True)
class Numbers:
    """Numbers of 0 to 100 in two columns, and perhaps the galaxy below them.

    Attributes:
        title: the heading of the section.
        about, now, before: the headings of the label and of the two columns.
        rows: the numbers.
        galaxy: the picture; None for none.
    """

    title: str
    about: str
    now: str
    before: str
    rows: tuple[NumberRow, ...]
    galaxy: Galaxy | None = None
    kind: str = "numbers"


@dataclass(frozen=True)
class TableRow:
    """One student in a table.

    Attributes:
        name, about: the name, and the roll number and class below it.
        cells: one text for each column; empty where nothing is known.
        tier, urgency, shape: as in `StudentEntry`; empty for a student who is not on the list.
        student_id: the student; never shown.
    """

    name: str
    about: str
    cells: tuple[str, ...]
    tier: str = ""
    urgency: str = ""
    shape: str = ""
    student_id: str = ""


@dataclass(frozen=True)
class StudentTable:
    """Every student side by side; on pages only, and a mail links to the page."""

    # Gmail clips long mails, and this is the longest section: one row for each student.
    title: str
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    kind: str = "table"


# Each of these has `title` and `kind`; the templates rely on both.
Section = Students | Prose | Numbers | StudentTable


@dataclass(frozen=True)
class Report:
    """One reader's report of one moment.

    Attributes:
        stage, term, week: the moment; `week` is a semester week.
        advisor_id, reader: the reader, as an id and by name.
        classes: class_id of the students in the report, sorted.
        subject: the subject of the mail; it names nobody.
        kicker: small lines above the headline: when, and which class.
        headline, lead: the one thing to know, and what is ahead.
        sections: in reading order.
        sentences: the catalogue, for the words of mail and page themselves.
        preheader: what changed since last week, beside the subject in a list of mails.
        college: the name of the college, for what is printed; may be empty.
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
    sentences: Sentences
    preheader: str = ""
    college: str = ""

    @property
    def galaxy(self) -> Galaxy | None:
        """The picture of the report; None where it has none."""
        return next(
            (s.galaxy for s in self.sections if isinstance(s, Numbers) and s.galaxy is not None),
            None,
        )

    @property
    def entries(self) -> tuple[StudentEntry, ...]:
        """Every student in a list of the report, in reading order."""
        # The table is left out: it repeats every student of the reader.
        return tuple(entry for s in self.sections if isinstance(s, Students) for entry in s.entries)

    @property
    def replies(self) -> tuple[str, ...]:
        """The codes by which the reader can report back; empty before the report is mailed."""
        return tuple(entry.code for entry in self.entries if entry.code)

    def with_entries(self, change: Callable[[StudentEntry, Students], StudentEntry]) -> Report:
        """Return a copy of the report with each entry changed.

        Args:
            change: takes an entry and its section, and returns the entry that replaces it.
        """
        return replace(
            self,
            sections=tuple(
                replace(s, entries=tuple(change(entry, s) for entry in s.entries))
                if isinstance(s, Students)
                else s
                for s in self.sections
            ),
        )
