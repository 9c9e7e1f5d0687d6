"""The week's lists, put together: who is on them and why, who left, and what concerns a class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.fields import TABLES
from edumetrics.triage import best_step, flags, places
from edumetrics.triage.choice import Record, collect_topics
from edumetrics.triage.draws import draw_places
from edumetrics.triage.exits import find_exits
from edumetrics.triage.reasons import ReasonBuilder
from edumetrics.triage.situation import Situation
from edumetrics.triage.work_by_name import Item, find_missing_items


@dataclass(frozen=True)
class TriageLists:
    """One week's lists, with the columns of their tables except term, run_id and computed_at.

    Attributes:
        flags: rows of weekly_flags, in order of student_id; `reasons` are lists of records.
        exits: rows of list_exits, in order of student_id; `improved` are lists of records.
        findings: rows of class_findings.
        draws: rows of drawn_places, in order of student_id.
    """

    flags: pd.DataFrame
    exits: pd.DataFrame
    findings: pd.DataFrame
    draws: pd.DataFrame


def build_lists(situation: Situation) -> TriageLists:
    """Return the week's lists. The function is pure: the same situation gives the same lists."""
    decision = flags.decide(situation)
    listed = places.build_rows(situation, decision)
    row, gone = listed["row"].to_numpy(), _find_gone(situation, listed["student_id"])
    # Whoever has left the list is asked about together with those who are on it.
    told, missing, builder = _build_reasons(situation, decision, np.concatenate([row, gone]))
    records, missing = told[: len(row)], missing[: len(row)]
    remaining = dict(zip(situation.students[gone], told[len(row) :], strict=True))
    steps = best_step.find_best_steps(situation, decision, row, missing)
    topics = [collect_topics(mine) for mine in records]
    # With dtype "object" None stays None: pandas would infer strings, and make NaN of it.
    listed = listed.assign(
        reasons=pd.Series(records, dtype="object"),
        diagnosis=pd.Series(map(builder.format_paragraph, records), dtype="object"),
        best_step=pd.Series(steps, dtype="object"),
        looked_after=places.find_looked_after(situation, decision, topics, row),
    )
    listed = places.rank(listed, situation.triage)
    # In grace weeks the order mixes two scales: nearness means nothing.
    triage = situation.triage
    if situation.is_in_grace(situation.week):
        triage = triage.model_copy(update={"drawn_places": 0})
    listed = draw_places(listed, triage, situation.term, situation.week)
    listed = listed.assign(hand_over=places.find_hand_over(situation, listed))
    return TriageLists(
        flags=listed[TABLES["weekly_flags"].computed],
        # The facts that remain are this week's, of the same kinds.
        exits=find_exits(situation, listed["student_id"], remaining),
        findings=_describe_findings(situation, decision.findings),
        draws=_list_draws(listed),
    )


def _list_draws(listed: pd.DataFrame) -> pd.DataFrame:
    drawn = listed[listed["drawn"]].rename(columns={"within_capacity": "place"})
    return drawn[TABLES["drawn_places"].computed].reset_index(drop=True)


def _build_reasons(
    situation: Situation, decision: flags.ListDecision, row: np.ndarray
) -> tuple[list[list[Record]], list[list[Item]], ReasonBuilder]:
    """Return reasons and missing items of some students of the roll, and what built them."""
    missing = find_missing_items(situation, row)
    builder = ReasonBuilder(situation, decision, row, missing)
    return [builder.build_records(n) for n in range(len(row))], missing, builder


def _find_gone(situation: Situation, listed: pd.Series) -> np.ndarray:
    """Return the rows in the roll of the students who have left the list since last week."""
    was = situation.memory.last["student_id"]
    return np.flatnonzero(situation.students.isin(was[~was.isin(listed)]))


def _describe_findings(situation: Situation, found: pd.DataFrame) -> pd.DataFrame:
    sentences = situation.sentences
    texts = [
        sentences.say("findings", code, students=students, size=size, share=100 * students / size)
        for code, students, size in zip(
            found["code"], found["students_affected"], found["size"], strict=True
        )
    ]
    return found.assign(sem_week=situation.week, text=pd.Series(texts, dtype="object"))[
        TABLES["class_findings"].computed
    ]
