"""The sentences that people read: one catalogue, `params/sentences.yml`, of Jinja templates.

An analyst can edit or translate the catalogue. It is checked whole when parameters load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, lru_cache, partial
from typing import Any, Self

from jinja2 import StrictUndefined, Template, TemplateAssertionError, TemplateError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment
from pydantic import BaseModel, ConfigDict, model_validator

from edumetrics.fields.briefed import FACT_PHRASES
from edumetrics.fields.phrases import PHRASES
from edumetrics.fields.reasons import REASONS
from edumetrics.fields.relations import FEEDS


def _split_names(sentences: dict[str, str]) -> dict[str, frozenset[str]]:
    """Return the names that each sentence may use, split at blanks."""
    return {name: frozenset(words.split()) for name, words in sentences.items()}


IMPROVED = _split_names(
    {
        "attendance": "attended held attended_before held_before week",
        "marks": "value baseline week",
        "activity": "value baseline week",
        "work": "value baseline",
        "handed_in": "value baseline week",
        "spare": "value baseline week",
        "off_roll": "",
    }
)
# How work is named, and a day.
ITEMS = _split_names(
    {
        "assignment": "count numbers",
        "quiz": "count numbers",
        "subject": "subject items",
        "numbered": "subject numbers",
        "day": "day month",
    }
)
# The step that helps most; the last two end the sentence.
BEST_STEP = _split_names(
    {
        "attend": "week attended held",
        "hand_in": "names",
        "do_work": "week done due",
        "attend_and_hand_in": "week attended held",
        "attend_and_do_work": "week attended held",
        "hand_in_and_do_work": "week open",
        "helps": "step",
        "off_list": "step",
    }
)
# Findings are about a class. They have one set of names, because they all state a share.
FINDINGS = dict.fromkeys(
    (code for code, record in REASONS.items() if record.leads),
    frozenset({"students", "size", "share"}),
)
# The reasons that have a shorter sentence, too: it may use the same names.
SHORT = {code: record.mentions for code, record in REASONS.items() if record.short}
# Every sentence of each part, with the names that it may use.
PARTS: dict[str, Mapping[str, frozenset[str]]] = {
    "reasons": {code: record.mentions for code, record in REASONS.items()},
    "short": SHORT,
    "improved": IMPROVED,
    "items": ITEMS,
    "best_step": BEST_STEP,
    "findings": FINDINGS,
    # What a mail calls each feed follows from the relations.
    "reports": PHRASES | {f"feed_{name}": frozenset[str]() for name in FEEDS},
    "briefing": FACT_PHRASES,
}

# What sentences are made of. Nothing of it gives a name a value, so that every name is one that the
# sentence is told. To compile what has more takes ten times as long as to parse it, and every
# process reads the whole catalogue.
PLAIN = {
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Const, nodes.Name, nodes.Filter,
    nodes.Test, nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or,
    nodes.Not, nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Mod, nodes.Neg, nodes.Concat,
    nodes.Keyword, nodes.Tuple, nodes.List, nodes.Getitem, nodes.Slice,
}  # fmt: skip


class Sentences(BaseModel):
    """`sentences.yml`: every sentence, by the code of what it says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    numbers: tuple[str, ...]
    week: str
    weeks: str
    # `and` is a keyword of Python, so the key in the file has an underscore too.
    and_: str
    months: tuple[str, ...]
    reasons: dict[str, str]
    short: dict[str, str]
    improved: dict[str, str]
    items: dict[str, str]
    best_step: dict[str, str]
    findings: dict[str, str]
    reports: dict[str, str]
    briefing: dict[str, str]

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
                used = _find_names(sentence, self.numbers, f"{part}.{name}")
                strange = sorted(used - known[name])
                if strange:
                    raise ValueError(
                        f"{part}.{name} uses {strange[0]}, which this sentence does not have"
                    )
        return self

    def say(self, part: str, name: str, /, **values: Any) -> str:
        """Return a sentence with its values filled in."""
        # The templates are kept outside of this model: reports hold it, and other processes get
        # reports, but a template cannot be sent to another process.
        return _fill_in(getattr(self, part)[name], self.numbers, **values)

    def name_weeks(self, weeks: tuple[int, ...]) -> str:
        """Return weeks as people name them, such as "week 5", "weeks 3-6" or "weeks 5-7 and 9".

        `weeks` holds at least one week, in any order.
        """
        # The cache needs arguments with a hash: this model holds dicts, so it has none.
        return _format_weeks(tuple(sorted(weeks)), self.week, self.weeks, self.and_)

    def join_words(self, words: Sequence[str]) -> str:
        """Return words as a list in a sentence, such as "3, 4 and 7"; at least one word."""
        *first, last = words
        return f"{', '.join(first)} {self.and_} {last}" if first else last

    def format_day(self, day: date) -> str:
        """Return a day as people write it, without the year, such as "2 March"."""
        return self.say("items", "day", day=day.day, month=self.months[day.month - 1])


@cache
def _make_environment(numbers: tuple[str, ...]) -> SandboxedEnvironment:
    """Return the environment of sentences: colleges write them, so templates run no code."""
    environment = SandboxedEnvironment(undefined=StrictUndefined, finalize=_round_number)
    environment.filters["plural"] = _choose_form
    environment.filters["halves"] = _say_halves
    environment.filters["in_words"] = partial(_say_number, numbers)
    return environment


# Most words are said of many students: of items, subjects and weeks. The types are compared too,
# because 1 and True are equal and are written differently.
@lru_cache(maxsize=20_000, typed=True)
def _fill_in(sentence: str, numbers: tuple[str, ...], /, **values: Any) -> str:
    return _compile_sentence(sentence, numbers).render(values)


@cache
def _compile_sentence(sentence: str, numbers: tuple[str, ...]) -> Template:
    """Return the compiled template; the cache compiles it once for all students."""
    return _make_environment(numbers).from_string(sentence)


def _say_number(numbers: tuple[str, ...], count: float, *, capital: bool = False) -> str:
    """Return a number in words, as far as `numbers` goes; else in digits."""
    number = round(count)
    if not 0 <= number < len(numbers):
        return str(number)
    word = numbers[number]
    # `capitalize` would also change the rest of the word to lower case.
    return word[0].upper() + word[1:] if capital else word


def _round_number(value: object) -> object:
    """Return a number as sentences have it: whole."""
    # Texts and whole numbers pass; numpy's floats are floats as well.
    return round(value) if isinstance(value, float) else value


def _say_halves(count: float) -> str:
    """Return a number of lectures, of which some colleges count halves: 74, or 74.5."""
    return f"{count:.1f}".removesuffix(".0")


def _choose_form(count: float, one: str, many: str) -> str:
    """Return the word that goes with a number."""
    return one if round(count) == 1 else many


@cache
def _find_names(sentence: str, numbers: tuple[str, ...], where: str) -> frozenset[str]:
    """Return the names that a sentence uses; raise ValueError, with `where`, if it is malformed."""
    environment = _make_environment(numbers)
    try:
        parsed = environment.parse(sentence)
        if all(type(node) in PLAIN for node in parsed.find_all(nodes.Node)):
            _check_filters(parsed, environment)
            names = frozenset(node.name for node in parsed.find_all(nodes.Name))
        else:
            names = frozenset(meta.find_undeclared_variables(parsed))
            _compile_sentence(sentence, numbers)
    except TemplateError as error:
        raise ValueError(f"{where}: {error.message}") from None
    if "{" in sentence.replace("{{", "").replace("{%", "").replace("{#", ""):
        raise ValueError(f"{where}: write {{{{ value }}}} with two braces on each side")
    return names


def _check_filters(parsed: nodes.Template, environment: SandboxedEnvironment) -> None:
    """Raise TemplateAssertionError if a sentence uses a filter or a test that there is not."""
    for kind, known in ((nodes.Filter, environment.filters), (nodes.Test, environment.tests)):
        for node in parsed.find_all(kind):
            if node.name not in known:
                what = kind.__name__.lower()
                raise TemplateAssertionError(f"No {what} named {node.name!r}.", node.lineno)


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
