"""What a model is asked: facts by their forms and directions, never a value, a name or an id."""

from __future__ import annotations

import hashlib
import json

from edumetrics.briefing.check import list_forms
from edumetrics.briefing.facts import BriefingRecord
from edumetrics.params.briefing import Briefing


def write_prompt(record: BriefingRecord, params: Briefing) -> str:
    """Return the question about a record as JSON.

    Of a fact it has the kind, where its value is beside what it is compared with, and its forms. So
    all records of the same kinds and turns have byte-equal prompts, whoever they are about.
    """
    facts = [
        {"fact": fact.kind.name, "turn": fact.turn or None, "forms": forms}
        for fact, forms in zip(record.facts, list_forms(record, params), strict=True)
    ]
    asked = {
        "facts": facts,
        "openings": params.openings,
        "links": params.links,
        "closings": params.closings,
        "most_words": getattr(params.most_words, record.about),
    }
    return json.dumps(asked, ensure_ascii=False, sort_keys=True)


def compute_prompt_hash(prompt: str, params: Briefing) -> str:
    """Return a hexadecimal fingerprint of a question, whom it is put to, and how it is put."""
    parts = (params.provider, params.model, params.prompt, prompt)
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
