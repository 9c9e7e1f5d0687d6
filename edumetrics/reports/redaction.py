"""Limit what a mail says of a report: all of it, students by their initials, or numbers only."""

from __future__ import annotations

from dataclasses import replace

from edumetrics.reports.model import Numbers, Prose, Report, Section, StudentEntry, Students
from edumetrics.sentences import Sentences

# The values of `mail_detail` in mail.yml.
FULL, INITIALS, COUNTS = "full", "initials", "counts"


def apply_detail(level: str, report: Report) -> Report:
    """Return a report at a level of detail: `FULL`, `INITIALS` or `COUNTS`.

    Drafts name a student, so only a full report has drafts.
    """
    if level == INITIALS:
        return report.with_entries(_redact_entry)
    if level == FULL:
        return report
    # Any other level is treated as COUNTS, the level that says least.
    sections = (_redact_section(section, report.sentences) for section in report.sections)
    return replace(report, sections=tuple(filter(None, sections)))


def format_initials(name: str) -> str:
    """Return the initials of a name.

    >>> format_initials("Asha Lanternwala")
    'A. L.'
    """
    return " ".join(f"{word[0]}." for word in name.split())


def _redact_entry(entry: StudentEntry, _: Students) -> StudentEntry:
    """Return an entry with initials instead of the name; the roll number tells two apart."""
    # The addresses of the drafts name a student.
    return replace(entry, name=format_initials(entry.name), draft=None, parent=None)


def _redact_section(section: Section, sentences: Sentences) -> Section | None:
    """Return a section with numbers only; None for a section without any, such as a table."""
    if isinstance(section, Students):
        counted = sentences.say("reports", "counted", students=len(section.entries))
        return Prose(section.title, (counted,))
    if isinstance(section, Numbers):
        return replace(section, galaxy=None)  # each point of the galaxy is one student
    return section if isinstance(section, Prose) else None
