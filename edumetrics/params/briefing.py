"""`briefing.yml`: whether a language model writes paragraphs, which one, and what it may say."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, PositiveInt, model_validator

from edumetrics.fields.briefed import FACT_KINDS
from edumetrics.params.base import ParameterModel

_ADDRESS = r"^https?://\S+$"


def _split_phrases(given: object) -> object:
    """Return the phrases of a text with commas between them, in lower case."""
    if not isinstance(given, str):
        return given
    return tuple(" ".join(phrase.lower().split()) for phrase in given.split(","))


# Words of letters, with apostrophes or hyphens inside: so no vocabulary can hold a digit.
_WORD = r"[^\W\d_]+(?:['-][^\W\d_]+)*"
Phrase = Annotated[str, Field(pattern=rf"^{_WORD}(?: {_WORD})*$")]
Phrases = Annotated[tuple[Phrase, ...], BeforeValidator(_split_phrases)]


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


class FactWords(ParameterModel):
    """What a sentence about a kind of fact must have one of, and what it may have besides."""

    needs: Annotated[Phrases, Field(min_length=1)]
    words: Phrases = ()


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
    words: Phrases = ()
    up: Phrases = ()
    down: Phrases = ()
    before_baseline: Phrases = ()
    # By the name of a kind of fact: the words that only its sentences may have.
    facts: dict[str, FactWords] = {}

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
        if both := set(self.up) & set(self.down):
            raise ValueError(f"{min(both)} is both under up and under down")
        return self
