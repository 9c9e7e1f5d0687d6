"""How much of a report a mail may say: all of it, students by their initials, or numbers only."""

from __future__ import annotations

from dataclasses import replace

from edumetrics.reports.model import Entry, Numbers, Prose, Report, Section, Students

FULL, INITIALS, COUNTS = "full", "initials", "counts"


def at(level: str, report: Report) -> Report:
    """A report at a level of detail; drafts name a student, so only a full one has any."""
    if level == INITIALS:
        return report.with_entries(_initialled)
    return (
        report
        if level == FULL
        else replace(report, sections=tuple(filter(None, map(_counted, report.sections))))
    )


def initials(name: str) -> str:
    """A name as its initials.

    >>> initials("Asha Lanternwala")
    'A. L.'
    """
    return " ".join(f"{word[0]}." for word in name.split())


def _initialled(entry: Entry, _: Students) -> Entry:
    return replace(entry, name=initials(entry.name), roll_number="", draft=None, parent=None)


def _counted(section: Section) -> Section | None:
    if isinstance(section, Students):
        count = len(section.entries)
        return Prose(section.title, (f"{count} {'student' if count == 1 else 'students'}.",))
    if isinstance(section, Numbers):
        return replace(section, galaxy=None)
    return section if isinstance(section, Prose) else None
