"""A model as the weeks of a term use it: what it is, since when it may rank, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edumetrics.forecast.models import Calibrated
from edumetrics.forecast.registry import StoredModel


@dataclass(frozen=True)
class ModelInUse:
    """A model in use.

    Attributes:
        model_id: its row in model_runs; empty if there is none, or it cannot be trusted.
        model: None if a baseline is in use, there is no model, or it cannot be trusted.
        trained_terms: the terms it learnt from, separated by commas.
        trouble: the data-health message about a model that cannot be trusted; else empty.
        reference: the distribution of the features in the terms it learnt from; empty where none
            was stored.
    """

    model_id: str = ""
    model: StoredModel | None = None
    trained_terms: str = ""
    trouble: str = ""
    reference: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Champion:
    """The forecast of failing in a term.

    Attributes:
        model_id: its row in model_runs; empty if there is none.
        model: None if there is none, or it cannot be trusted.
        trained_terms: the terms it learnt from, separated by commas.
        from_week: the first week in which it ranks the lists; None if the rules rank them all.
        trouble: the data-health message about a model that cannot be trusted; else empty.
        reference: the distribution of the features in the terms it learnt from.
    """

    model_id: str = ""
    model: Calibrated | None = None
    trained_terms: str = ""
    from_week: int | None = None
    trouble: str = ""
    reference: dict[str, dict[str, Any]] = field(default_factory=dict)

    def can_rank(self, week: int) -> bool:
        """Return whether it ranks the lists of a week."""
        return self.model is not None and self.from_week is not None and week >= self.from_week


class TermModels(NamedTuple):
    """The models that answer in a term: will a student fail, and which single subject."""

    champion: Champion
    subject: ModelInUse
