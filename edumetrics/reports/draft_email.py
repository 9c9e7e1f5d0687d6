"""Draft the email that an advisor may send: kind, specific, without scores.

The wording is a parameter file that a college can edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from edumetrics.errors import SettingsError
from edumetrics.fields.reasons import REASONS
from edumetrics.params import LETTER
from edumetrics.reports.model import EmailDraft

# A letter is an offer to talk, not a list of faults: it has at most so many topics.
TOUCHED = 2
# The first line of a template begins with this.
SUBJECT = "Subject:"
# Not a full check of addresses: one @, and no character that separates addresses or ends one.
ADDRESS = re.compile(r"[^@\s,;:<>\"()]+@[^@\s,;:<>\"()]+")


@dataclass(frozen=True)
class LetterContext:
    """What a letter is about.

    Attributes:
        name, advisor: of the student, and of the advisor who signs (empty where not known).
        topics: topics of reasons, the most important first.
        open_work: the number of assignments that are still open.
        exam: the next exam in words; empty when none is ahead.
    """

    name: str
    advisor: str
    topics: tuple[str, ...]
    open_work: int
    exam: str


def find_topics(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the first topics that some reasons are about.

    Args:
        codes: the codes of the reasons, strongest first.

    >>> find_topics(["no_work", "missed_work", "academic_level", "effort_fall"])
    ('work', 'marks')
    """
    found = [REASONS[code].topic for code in codes]
    # `dict.fromkeys` removes repeated topics and keeps the order; a set would lose it.
    return tuple(filter(None, dict.fromkeys(found)))[:TOUCHED]


def pick_first_name(name: str) -> str:
    """Return the name by which a letter addresses someone: the first word of the full name.

    Where the first word is an initial or a title, or ends with a comma, it is the whole name.

    >>> names = "Asha Lanternwala", "K. Raman", "Raman, Kavya"
    >>> tuple(pick_first_name(name) for name in names)
    ('Asha', 'K. Raman', 'Raman, Kavya')
    """
    first = (name.split() or [""])[0]
    return name if len(first) < 2 or first.endswith((".", ",")) else first


def write_draft(
    letter: str, to: str, about: LetterContext, *, to_parent: bool = False
) -> EmailDraft | None:
    """Return the draft to one person; None where the address is missing or not an address.

    Args:
        letter: the text of the template (`params/letter.txt.j2`).
        to: the address; empty where there is none.
        about: what the letter is about.
        to_parent: whether the letter is to a parent.

    Raises:
        SettingsError: the template cannot be used.
    """
    if not ADDRESS.fullmatch(to):
        return None
    try:
        text = _parse_template(letter).render(
            first_name=pick_first_name(about.name), name=about.name, advisor=about.advisor,
            topics=about.topics, open_work=about.open_work, exam=about.exam, to_parent=to_parent,
        )  # fmt: skip
    # An expression that does not fit its values raises TypeError, which is not a TemplateError.
    except (TemplateError, TypeError) as error:
        raise SettingsError(
            f"{LETTER} cannot be used ({error}): correct it, or restore it from the project."
        ) from error
    return _parse_letter(text, to)


@cache
def _parse_template(letter: str) -> Template:
    """Return the compiled template; the cache compiles it once for all students."""
    # A college edits this file: the sandbox keeps it from acting as a program. It is plain text,
    # so nothing is escaped. A misspelt name is an error rather than a gap in the letter.
    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(letter)


def _parse_letter(text: str, to: str) -> EmailDraft:
    """Return the draft with the subject and the body of a rendered letter.

    Raises:
        SettingsError: the subject line or the body is missing.
    """
    subject, _, rest = text.strip().partition("\n")
    if not subject.startswith(SUBJECT) or not rest.strip():
        raise SettingsError(
            f"{LETTER} must begin with a line `{SUBJECT} ...` and have text below that line:"
            " correct it, or restore it from the project."
        )
    paragraphs: list[list[str]] = [[]]
    for line in rest.strip().splitlines():
        if line.strip():
            paragraphs[-1].append(line.strip())
        elif paragraphs[-1]:
            paragraphs.append([])
    # Mail programs break lines themselves; only the last paragraph, the signature, keeps its lines.
    *body, last = paragraphs
    said = [" ".join(lines) for lines in body] + ["\n".join(last)]
    return EmailDraft(to, subject.removeprefix(SUBJECT).strip(), "\n\n".join(said))
