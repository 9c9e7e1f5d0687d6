"""The sentences that people read: one catalogue, `params/sentences.yml`, of Jinja templates.

An analyst can edit or translate the catalogue. It is checked whole when parameters load.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, Self

from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, model_validator

from edumetrics.fields.reasons import REASONS


def _split_names(sentences: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the names that each sentence may use, split at blanks."""
    return {name: frozenset(words.split()) for name, words in sentences.items()}


IMPROVED = _split_names(
    {
        "attendance": "attended held attended_before held_before week",
        "marks": "value baseline week",
        "activity": "value baseline week",
        "work": "value baseline",
        "nothing": "",
        "off_roll": "",
    }
)
# What a student can do to leave the list; most of them complete one sentence.
OFF_LIST = _split_names(
    {
        "attend": "lectures week",
        "attend_all": "week",
        "hand_in": "items open",
        "hand_in_all": "open",
        "do_work": "week",
        "both": "first second",
        "nothing": "",
        "none": "",
        "one_more_week": "week",
        "last_list": "",
    }
)
# Findings are about a class. They have one set of names, because they all state a share.
FINDINGS = dict.fromkeys(
    (code for code, record in REASONS.items() if record.leads),
    frozenset({"students", "size", "share"}),
)
# Every sentence of each part, with the names that it may use.
PARTS: dict[str, Mapping[str, frozenset[str]]] = {
    "reasons": {code: record.mentions for code, record in REASONS.items()},
    "improved": IMPROVED,
    "off_list": OFF_LIST,
    "findings": FINDINGS,
}


class Sentences(BaseModel):
    """`sentences.yml`: every sentence, by the code of what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: tuple[str, ...]
    week: str
    weeks: str
    # `and` is a keyword of Python, so the key in the file has an underscore too.
    and_: str
    reasons: dict[str, str]
    improved: dict[str, str]
    off_list: dict[str, str]
    findings: dict[str, str]

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        for part, known in PARTS.items():
            given: Mapping[str, str] = getattr(self, part)
            # Sets have no order: sorting makes the first error the same in every run.
            for name in sorted(known.keys() ^ given.keys()):
                raise ValueError(
                    f"{part}.{name} is {'missing' if name in known else 'not a known sentence'}"
                )
            for name, sentence in given.items():
                strange = sorted(_find_names(sentence, f"{part}.{name}") - known[name])
                if strange:
                    raise ValueError(
                        f"{part}.{name} uses {strange[0]}, which this sentence does not have"
                    )
        return self

    def say(self, part: str, name: str, **values: Any) -> str:
        """Return a sentence with its numbers filled in."""
        return self._templates[part, name].render(values)

    def say_number(self, count: float, *, capital: bool = False) -> str:
        """Return a number in words, as far as `numbers` goes."""
        number = round(count)
        if not 0 <= number < len(self.numbers):
            return str(number)
        word = self.numbers[number]
        # `capitalize` would also change the rest of the word to lower case.
        return word[0].upper() + word[1:] if capital else word

    @cached_property
    def _templates(self) -> dict[tuple[str, str], Template]:
        environment = _make_environment()
        environment.filters["in_words"] = self.say_number
        return {
            (part, name): environment.from_string(sentence)
            for part in PARTS
            for name, sentence in getattr(self, part).items()
        }

    def name_weeks(self, weeks: tuple[int, ...]) -> str:
        """Return weeks as people name them, such as "week 5", "weeks 3-6" or "weeks 5-7 and 9".

        `weeks` holds at least one week, in any order.
        """
        # The cache needs arguments with a hash: this model holds dicts, so it has none.
        return _format_weeks(tuple(sorted(weeks)), self.week, self.weeks, self.and_)


def _make_environment() -> SandboxedEnvironment:
    """Return the environment of sentences: colleges write them, so templates run no code."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, finalize=_round_number)
    environment.filters["plural"] = _choose_form
    environment.filters["in_words"] = str
    return environment


def _round_number(value: object) -> object:
    """Return a number as sentences have it: whole."""
    # Texts and whole numbers pass; numpy's floats are floats as well.
    return round(value) if isinstance(value, float) else value


def _choose_form(count: float, one: str, many: str) -> str:
    """Return the word that goes with a number."""
    return one if round(count) == 1 else many


def _find_names(sentence: str, where: str) -> set[str]:
    """Return the names that a sentence uses; raise ValueError, with `where`, if it is malformed."""
    environment = _make_environment()
    try:
        names = set(meta.find_undeclared_variables(environment.parse(sentence)))
        environment.from_string(sentence)
    except TemplateError as error:
        raise ValueError(f"{where}: {error.message}") from None
    if "{" in sentence.replace("{{", "").replace("{%", "").replace("{#", ""):
        raise ValueError(f"{where}: write {{{{ value }}}} with two braces on each side")
    return names


@lru_cache(maxsize=1024)
def _format_weeks(weeks: tuple[int, ...], one: str, many: str, and_: str) -> str:
    # Each run is a list of consecutive weeks.
    runs: list[list[int]] = []
    for week in weeks:
        if runs and week == runs[-1][-1] + 1:
            runs[-1].append(week)
        else:
            runs.append([week])
    parts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    listed = f"{', '.join(parts[:-1])} {and_} {parts[-1]}" if len(parts) > 1 else parts[0]
    return f"{one if len(weeks) == 1 else many} {listed}"
