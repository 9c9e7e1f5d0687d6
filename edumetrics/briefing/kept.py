"""What models answered before, by the fingerprint of the question; nothing in it is about anyone.

An answer has references in the place of values, so that the table holds no number, name or id. The
values of a record fill it in whenever a report is made.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from edumetrics.analysis.store import Store, get_utc_now
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.briefing.check import (
    NO_ANSWER,
    SHOWN,
    Unfit,
    Verdict,
    check_sentences,
    fill_sentences,
)
from edumetrics.briefing.facts import BriefingRecord
from edumetrics.briefing.prompt import compute_prompt_hash, write_prompt
from edumetrics.fields.briefed import About
from edumetrics.params.briefing import Briefing
from edumetrics.sentences import Sentences

TABLE = SQL_TABLES["briefings"]
Answered = tuple[str, ...] | None


@dataclass
class Briefings:
    """The paragraphs that can be shown, and the questions to which there is no answer yet.

    Attributes:
        params: whether and where paragraphs are shown.
        sentences: the catalogue, for the phrases of facts.
        kept: the sentences by fingerprint; None where the answer was refused.
        wanted: the records that were asked for in vain, by fingerprint.
    """

    params: Briefing
    sentences: Sentences
    kept: dict[str, Answered]
    wanted: dict[str, BriefingRecord] = field(default_factory=dict)

    def tell(self, record: BriefingRecord) -> str:
        """Return the paragraph of a record; empty where none can be shown."""
        shown = {"card": "cards", "week": "weeks", "classes": "heads"}[record.about]
        if not (self.params.enabled and getattr(self.params.shown, shown) and record.facts):
            return ""
        question = compute_prompt_hash(write_prompt(record, self.params), self.params)
        if question not in self.kept:
            self.wanted[question] = record
            return ""
        answered = self.kept[question]
        if answered is None:
            return ""
        try:
            # What an earlier version let pass is looked at again.
            check_sentences(answered, record, self.params)
        except Unfit:
            return ""
        return fill_sentences(answered, record, self.sentences)


def read_briefings(store: Store, params: Briefing, sentences: Sentences) -> Briefings:
    """Return what the model in use answered before; nothing is read where briefings are off."""
    kept: dict[str, Answered] = {}
    if params.enabled:
        rows = store.read("briefings", model=params.model)
        # What got no answer is asked again.
        for row in rows[rows["verdict"] != NO_ANSWER].to_dict("records"):
            shown = row["verdict"] == SHOWN
            kept[row["prompt_sha256"]] = tuple(row["sentences"]) if shown else None
    return Briefings(params, sentences, kept)


def store_verdict(
    store: Store,
    question: str,
    about: About,
    model: str,
    verdict: Verdict,
    sentences: Answered,
    tokens: int,
) -> None:
    """Store what came of a question, in the place of an earlier answer to it.

    What was refused is not kept: only why.
    """
    values = {
        "prompt_sha256": question, "model": model, "about": about, "verdict": verdict,
        "sentences": list(sentences) if sentences else sa.null(),
        "tokens": tokens, "asked_at": get_utc_now(),
    }  # fmt: skip
    with store.start_transaction() as connection:
        connection.execute(sa.delete(TABLE).where(TABLE.c.prompt_sha256 == question))
        connection.execute(sa.insert(TABLE).values(values))
