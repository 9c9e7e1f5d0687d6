"""`briefing.yml`: whether a language model writes paragraphs, which one, and what it may say."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from edumetrics.fields.briefed import FACT_KINDS
from edumetrics.params.base import ParameterModel

_ADDRESS = r"^https?://\S+$"


# What a form is made of: words, choices in (this|that), and fields. No digit can stand in one.
_FORM = r"^(?:[^\W\d_]|[ ,;:'()|-]|\{[a-z]+\})+$"
FIELD = re.compile(r"\{([a-z]+)\}")
# What stands between the forms of a sentence: words and marks of punctuation.
Joint = Annotated[str, Field(pattern=r"^(?:[^\W\d_]|[ ,;:'-])+$")]
Form = Annotated[str, Field(pattern=_FORM)]


class Shown(ParameterModel):
    """Where paragraphs are shown."""

    weeks: bool = True
    cards: bool = True
    heads: bool = True


class MostWords(ParameterModel):
    """How many words a paragraph may have, by what it is about."""

    card: PositiveInt = 60
    week: PositiveInt = 40
    classes: PositiveInt = 60


class FactForms(ParameterModel):
    """The forms in which a kind of fact may be told: in any case, and where it went down or up."""

    any: Annotated[tuple[Form, ...], Field(min_length=1)]
    down: tuple[Form, ...] = ()
    up: tuple[Form, ...] = ()

    def list_forms(self, turn: str) -> tuple[str, ...]:
        """Return the forms that are true of a fact whose value went down, up or neither way."""
        return (*self.any, *(getattr(self, turn) if turn else ()))


class Briefing(ParameterModel):
    """`briefing.yml`."""

    enabled: bool = False
    provider: Literal["anthropic", "openai"] = "anthropic"
    model: str = ""
    base_url: str | None = Field(default=None, pattern=_ADDRESS)
    timeout_seconds: float = Field(default=20, gt=0)
    retries: int = Field(default=2, ge=0)
    budget_seconds: float = Field(default=300, gt=0)
    budget_tokens: PositiveInt = 200_000
    at_once: PositiveInt = 4
    shown: Shown = Shown()
    most_words: MostWords = MostWords()
    prompt: str = ""
    openings: tuple[Joint, ...] = ()
    links: tuple[Joint, ...] = ()
    closings: tuple[Joint, ...] = ()
    # By the name of a kind of fact.
    facts: dict[str, FactForms] = {}

    @model_validator(mode="after")
    def _check_complete(self) -> Self:
        if not self.enabled:
            return self
        if not self.model:
            raise ValueError("model: name the model that writes, or set enabled to false")
        if not self.prompt.strip():
            raise ValueError("prompt is empty: take the one that is shipped")
        for name in sorted(FACT_KINDS.keys() ^ self.facts.keys()):
            raise ValueError(f"facts.{name} is {'missing' if name in FACT_KINDS else 'unknown'}")
        for name, forms in self.facts.items():
            for form in (*forms.any, *forms.down, *forms.up):
                _check_form(name, form)
        return self


def _check_form(name: str, form: str) -> None:
    """Make sure that a form has the fact's own value once, and no field that the fact lacks."""
    fields, known = FIELD.findall(form), FACT_KINDS[name].fields
    if fields[:1] != [known[0]] or len(fields) != len(set(fields)) or not set(fields) <= set(known):
        raise ValueError(f"facts.{name}: a form needs {{{known[0]}}} first, and each field once")
    if form.count("(") != form.count(")"):
        raise ValueError(f"facts.{name}: a form has a bracket that is not closed")
