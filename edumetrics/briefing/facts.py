"""The facts that a briefing may tell: what the model sees of them, and what fills them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from edumetrics.fields.briefed import FACT_KINDS, KIND_OF_REASON, About, FactKind
from edumetrics.sentences import Sentences


@dataclass(frozen=True)
class BriefingFact:
    """A fact of one record.

    Attributes:
        kind: what kind of fact it is.
        values: what its phrases mention; these never reach a model.
    """

    kind: FactKind
    values: Mapping[str, Any]

    @property
    def turn(self) -> str:
        """Where the value is beside the baseline: up, down, or empty where nothing can be said."""
        if self.kind.turn != "sign":
            return self.kind.turn
        value, baseline = self.values["value"], self.values["baseline"]
        # Told as whole numbers: two that read alike have no direction.
        if round(value) == round(baseline):
            return ""
        return "up" if value > baseline else "down"

    def fill(self, sentences: Sentences, field: str) -> str:
        """Return the phrase that stands for a field."""
        return sentences.say("briefing", f"{self.kind.name}_{field}", **self.values)


@dataclass(frozen=True)
class BriefingRecord:
    """What one paragraph is about: `facts` are told as r1, r2 and so on."""

    about: About
    facts: tuple[BriefingFact, ...]


def make_fact(kind: str, **values: Any) -> BriefingFact | None:
    """Return a fact of a kind; None where a number that it tells is not known."""
    known = FACT_KINDS[kind]
    needed = ("value", "baseline") if known.turn == "sign" else ("value",)
    if any(values.get(name) is None for name in needed):
        return None
    return BriefingFact(known, values)


def read_reasons(records: Iterable[Mapping[str, Any]]) -> BriefingRecord:
    """Return what the paragraph of a card is about, from the reasons that the card shows.

    A reason of a kind that is not for a model to tell is left out.
    """
    facts = []
    for record in records:
        kind = KIND_OF_REASON.get(record["code"])
        values = {name: record.get(name) for name in ("value", "baseline", "names")}
        needed = {"value", "baseline"} if kind and kind.turn else set(kind.fields if kind else ())
        # Of nothing there is nothing to tell: a reason may outlast the lectures that it is about.
        nothing = values["baseline"] == 0
        if kind and not nothing and all(values[name] is not None for name in needed):
            facts.append(BriefingFact(kind, values))
    return BriefingRecord("card", tuple(facts))
