"""Draft the email that an advisor may send: kind, specific, without scores.

The wording is a parameter file that a college can edit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import pandas as pd
from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from edumetrics.errors import SettingsError
from edumetrics.fields.reasons import REASONS
from edumetrics.params import LETTER, WEEKDAYS, Offer
from edumetrics.reports.first_name import pick_first_name
from edumetrics.reports.letter_facts import NOTHING, LetterFact
from edumetrics.reports.model import EmailDraft
from edumetrics.sentences import Sentences

# A letter is an offer to talk, not a list of faults: it has at most so many topics.
TOUCHED = 2
# An exam further away is no reason to talk this week.
EXAM_WEEKS = 3
# The first line of a template begins with this.
SUBJECT = "Subject:"
# Not a full check of addresses: one @, and no character that separates addresses or ends one.
ADDRESS = re.compile(r"[^@\s,;:<>\"()]+@[^@\s,;:<>\"()]+")
# What an expression of a template can raise. An expression computes (ArithmeticError), converts
# and formats (ValueError, TypeError, LookupError, AttributeError), repeats a text without end
# (MemoryError) or a macro (RecursionError); Python refuses an argument given twice (SyntaxError).
FAILURES = (
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class OfferedTime:
    """A time that is offered: the weekday (0 for Monday), the day in words, and the hour."""

    weekday: int
    day: str
    hour: str


@dataclass(frozen=True)
class LetterContext:
    """What a letter is about.

    Attributes:
        name, advisor: of the student, and of the advisor who signs (empty where not known).
        topics: topics of reasons, the most important first.
        open_work: the number of assignments that are still open.
        exam: an exam that is near, in words; empty when none is.
        exam_day: the first day of the week of that exam, in words.
        fact: what the letter tells.
        times, booking: when the student may come, or where to choose a time; either may be empty.
        talked: the day of the last talk, in words; empty where the last contact was no talk.
    """

    name: str
    advisor: str
    topics: tuple[str, ...]
    open_work: int
    exam: str
    exam_day: str = ""
    fact: LetterFact = NOTHING
    times: tuple[OfferedTime, ...] = ()
    booking: str = ""
    talked: str = ""


def find_topics(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the first topics that some reasons are about.

    Args:
        codes: the codes of the reasons, strongest first.

    >>> find_topics(["no_work", "missed_work", "academic_level", "effort_fall"])
    ('work', 'marks')
    """
    # A term that began under other rules has stored codes that no longer exist.
    found = [REASONS[code].topic for code in codes if code in REASONS]
    # `dict.fromkeys` removes repeated topics and keeps the order; a set would lose it.
    return tuple(filter(None, dict.fromkeys(found)))[:TOUCHED]


def date_times(
    sentences: Sentences, offer: Offer, first_day: pd.Timestamp
) -> tuple[OfferedTime, ...]:
    """Return the times that an advisor offers, in their order, with the days of one week.

    Args:
        sentences: how a day is written.
        offer: what the advisor offers.
        first_day: the first day of the week.
    """
    dated = []
    for weekday, hour in (time.split() for time in offer.times):
        number = WEEKDAYS.index(weekday)
        # A college's week may begin on any weekday.
        day = first_day + pd.Timedelta(days=(number - first_day.weekday()) % 7)
        dated.append((day, hour.zfill(5), OfferedTime(number, sentences.format_day(day), hour)))
    return tuple(time for *_, time in sorted(dated, key=lambda entry: entry[:2]))


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
    values: dict[str, Any] = {
        **{field.name: getattr(about, field.name) for field in fields(about)},
        "first_name": pick_first_name(about.name),
        "to_parent": to_parent,
    }
    try:
        text = _parse_template(letter).render(values)
    except FAILURES as error:
        # `from None`, and no message that may quote a value: errors have no names of people.
        raise SettingsError(
            f"{LETTER} cannot be used ({_describe_failure(error, about)}):"
            " correct it, or restore it from the project."
        ) from None
    return _parse_letter(text, to)


def _describe_failure(error: Exception, about: LetterContext) -> str:
    """Return what is wrong with a template, on one line and without a word about the student."""
    said = " ".join(str(error).split())
    personal = [about.advisor, *about.name.replace(",", " ").split(), about.fact.names]
    quoted = any(word in said for word in personal if word)
    return type(error).__name__ if quoted or not said else said


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
