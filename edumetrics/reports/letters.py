"""The email that an advisor is offered to send: kind, specific, without scores; its wording is a parameter file."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from edumetrics.errors import SettingsError
from edumetrics.params import LETTER
from edumetrics.reports.model import Draft

# Which reasons a letter may touch on, by how their codes begin; of what it says nothing, it is silent.
TOPICS = {
    "attendance": (
        "low_attendance",
        "attendance_",
        "out_of_reach",
        "forecast_attendance",
        "history_att",
    ),
    "work": ("no_work", "missed_work", "forecast_work", "forecast_promptness", "history_assn"),
    "marks": ("academic_", "forecast_marks", "forecast_midterm", "history_exam"),
    "activity": ("effort_", "platform_", "forecast_activity"),
}
TOUCHED = 2
SUBJECT = "Subject:"
ADDRESS = re.compile(r"[^@\s,;:<>\"()]+@[^@\s,;:<>\"()]+")


@dataclass(frozen=True)
class About:
    """What a letter is about."""

    name: str
    advisor: str
    topics: tuple[str, ...]
    open_work: int
    exam: str


def topics(codes: Iterable[str]) -> tuple[str, ...]:
    """The first topics that some reasons are about.

    >>> topics(["no_work", "missed_work", "academic_level", "effort_fall"])
    ('work', 'marks')
    """
    found = [name for code in codes for name, starts in TOPICS.items() if code.startswith(starts)]
    return tuple(dict.fromkeys(found))[:TOUCHED]


def first_name(name: str) -> str:
    """How a letter addresses someone: the first word of a name, the whole name where that is an initial or a title.

    >>> first_name("Asha Lanternwala"), first_name("K. Raman"), first_name("Raman, Kavya")
    ('Asha', 'K. Raman', 'Raman, Kavya')
    """
    first = (name.split() or [""])[0]
    return name if len(first) < 2 or first.endswith((".", ",")) else first


def draft(letter: str, to: str, about: About, *, to_parent: bool = False) -> Draft | None:
    """The draft to one person; None where no address is known, or what is known is none.

    Args:
        letter: the template (`params/letter.txt.j2`).
        to: the address; empty where there is none.
        about: what it is about.
        to_parent: whether a parent is written to.

    Raises:
        SettingsError: the template cannot be used.
    """
    if not ADDRESS.fullmatch(to):
        return None
    try:
        text = _template(letter).render(
            first_name=first_name(about.name), name=about.name, advisor=about.advisor, topics=about.topics,
            open_work=about.open_work, exam=about.exam, to_parent=to_parent,
        )  # fmt: skip
    except (TemplateError, TypeError) as error:
        raise SettingsError(
            f"{LETTER} cannot be used ({error}): correct it, or restore it from the project."
        ) from error
    return _parts(text, to)


@cache
def _template(letter: str) -> Template:
    # A file that a college edits is text with words filled in, not a program; and it is no HTML.
    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(letter)


def _parts(text: str, to: str) -> Draft:
    subject, _, rest = text.strip().partition("\n")
    if not subject.startswith(SUBJECT) or not rest.strip():
        raise SettingsError(
            f"{LETTER} must begin with a line `{SUBJECT} ...`, and have a text beneath it."
        )
    paragraphs: list[list[str]] = [[]]
    for line in rest.strip().splitlines():
        if line.strip():
            paragraphs[-1].append(line.strip())
        elif paragraphs[-1]:
            paragraphs.append([])
    *body, last = paragraphs
    said = [" ".join(lines) for lines in body] + ["\n".join(last)]
    return Draft(to, subject.removeprefix(SUBJECT).strip(), "\n\n".join(said))
