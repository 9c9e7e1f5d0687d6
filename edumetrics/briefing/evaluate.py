"""Try a model on stored lists: which share of its answers would be shown, and why not."""

from __future__ import annotations

import pandas as pd

from edumetrics.analysis.store import Store
from edumetrics.briefing.asking import Asking
from edumetrics.briefing.facts import BriefingRecord, read_reasons
from edumetrics.briefing.prompt import compute_prompt_hash, write_prompt
from edumetrics.briefing.provider import Ask
from edumetrics.errors import SettingsError
from edumetrics.params.briefing import Briefing

# How many reasons a card shows.
SHOWN = 3


def list_questions(store: Store, params: Briefing, most: int) -> dict[str, BriefingRecord]:
    """Return the different questions of all stored lists, by fingerprint; the first `most`.

    Raises:
        SettingsError: no list is stored.
    """
    found: dict[str, BriefingRecord] = {}
    for reasons in store.read("weekly_flags", ("reasons",))["reasons"]:
        # The start of a card's reasons, in each length that a card may have.
        for count in range(1, SHOWN + 1):
            record = read_reasons(reasons[:count])
            if record.facts:
                question = compute_prompt_hash(write_prompt(record, params), params)
                found.setdefault(question, record)
    if not found:
        raise SettingsError("There are no lists to ask about: run `edumetrics calibrate` first.")
    return dict(list(found.items())[:most])


def evaluate_briefings(ask: Ask, store: Store, params: Briefing, most: int) -> pd.DataFrame:
    """Put the questions of stored lists to a model, keep nothing, and count the verdicts.

    Returns:
        verdict, answers, share (of 1): the most frequent first.

    Raises:
        SettingsError: no list is stored.
    """
    asking = Asking(ask, params)
    asking.ask_all(list_questions(store, params, most))
    counted = pd.DataFrame(asking.verdicts.most_common(), columns=["verdict", "answers"])
    return counted.assign(share=counted["answers"] / max(int(counted["answers"].sum()), 1))
