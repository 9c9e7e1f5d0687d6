"""The seven questions: what `queries` answers, in pages, to whom it is for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from threading import Lock
from typing import Any

import pandas as pd
import sqlalchemy as sa
from pydantic import BaseModel, Field, create_model

from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.analysis.week_state import (
    GATE,
    MAIL,
    MOMENTS,
    PRE_ENDTERM,
    PRE_MIDTERM,
    PRE_SEMESTER,
    WEEKLY,
)
from edumetrics.analyst import queries
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.fields.record import Field as Column
from edumetrics.service import access
from edumetrics.service.accounts import Account
from edumetrics.workspace import Workspace

PAGE = 100
# Answers kept in memory: a hundred rows each, some ten to a hundred kilobytes.
MOST_KEPT = 512
# The stages of the ledger that change one table each, or none.
KNOWN = (WEEKLY, *MOMENTS, GATE, MAIL)
RUNS = SQL_TABLES["run_log"]
# The types of JSON; records are objects whose keys the data dictionary lists.
TYPES: dict[str, Any] = {"text": str, "int": int, "float": float, "bool": bool, "date": date,
                         "time": datetime, "json": Any}  # fmt: skip


class NotThere(SettingsError):
    """What is asked for does not exist."""


@dataclass(frozen=True)
class ServedQuestion:
    """One question.

    Attributes:
        answer: the function of `queries`.
        about: what it answers, in a sentence.
        table: the table whose rows it gives; of `class_performance`, the rows are medians.
        stages: the stages that write the table.
    """

    answer: Callable[..., pd.DataFrame]
    about: str
    table: str
    stages: tuple[str, ...]

    @property
    def row(self) -> type[BaseModel]:
        """The row of an answer, as OpenAPI describes it."""
        fields: dict[str, Any] = {}
        if self.answer is queries.class_performance:
            metrics = TABLES["weekly_metrics"]
            keys = ("term", "sem_week", "class_id", "semester")
            fields |= {name: _describe(metrics[name]) for name in keys}
            fields["students"] = int, Field(description="how many students")
            for name in queries.MEDIANS:
                said = f"median: {metrics[name].meaning}"
                fields[name] = float | None, Field(description=said)
        else:
            kept = (one for one in TABLES[self.table].fields
                    if one.name not in ("run_id", "computed_at"))  # fmt: skip
            fields |= {one.name: _describe(one) for one in kept}
        name = "".join(word.title() for word in self.answer.__name__.split("_"))
        return create_model(name, **fields)


def _describe(column: Column) -> tuple[Any, Any]:
    """Return the type of a column in JSON, and what it means."""
    kind = TYPES[column.kind]
    said = f"{column.meaning}; null: {column.null}" if column.null else column.meaning
    return (kind | None if column.null else kind), Field(description=said)


# The route of each question, and the record that makes it.
QUESTIONS = {
    "flagged": ServedQuestion(
        queries.flagged, "Who was on a list, and why.", "weekly_flags", (WEEKLY,)
    ),
    "class-performance": ServedQuestion(
        queries.class_performance, "The medians of classes.", "weekly_metrics", (WEEKLY,)
    ),
    "student-performance": ServedQuestion(
        queries.student_performance, "The weekly metrics of students.", "weekly_metrics",
        (WEEKLY,),
    ),
    "pre-midterm": ServedQuestion(
        queries.pre_midterm, "Predicted midterm scores.", "pre_mid_term", (PRE_MIDTERM,)
    ),
    "pre-endterm": ServedQuestion(
        queries.pre_endterm, "Predicted end-term scores.", "pre_end_term", (PRE_ENDTERM,)
    ),
    "risk-of-failing": ServedQuestion(
        queries.risk_of_failing, "The chance of failing each subject.",
        "risk_of_failing_prediction", (PRE_MIDTERM, PRE_ENDTERM),
    ),
    "watchlist": ServedQuestion(
        queries.watchlist, "Who to watch from week 1; `week` has no meaning.",
        "pre_sem_watchlist", (PRE_SEMESTER,),
    ),
}  # fmt: skip


def cut_page(frame: pd.DataFrame, page: int) -> tuple[pd.DataFrame, int]:
    """Return the rows of a page, from 1, and how many pages there are; beyond them are no rows."""
    return frame.iloc[(page - 1) * PAGE : page * PAGE], -(-len(frame) // PAGE)


@dataclass(frozen=True)
class Answer:
    """A page of an answer as JSON, and which students of which term it is about."""

    content: str
    students: tuple[str, ...]
    term: str


@dataclass(frozen=True)
class Asked:
    """A question of an account, with everything that its answer depends on.

    Attributes:
        name: the question.
        account: who asks.
        filters: the filters of `queries`, and the page.
        limit: the rows that the account may read, as `Store.limited` has it.
        hidden: students whose rows nobody is shown.
        runs: the newest runs that changed what is asked about.
    """

    name: str
    account: Account
    filters: tuple[tuple[str, Any], ...]
    limit: tuple[str, frozenset[str]] | None
    hidden: frozenset[str]
    runs: tuple[int, ...]

    @property
    def tag(self) -> str:
        """The entity tag of the answer: it changes with those runs, and with who may read what."""
        column, values = self.limit or ("", frozenset())
        parts = (self.name, self.account.role, column, *sorted(values), "", *sorted(self.hidden),
                 *map(str, self.filters), *map(str, self.runs))  # fmt: skip
        digest = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()
        return f'"{digest[:32]}"'


class Answers:
    """Answers what was asked before from memory, as long as no run has changed what is stored."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        # First answers take turns: side by side they share one core, and all of them come late.
        self._turn = Lock()
        # What an answer depends on is part of the key: after a run nothing kept is found any more.
        self._limit = lru_cache(MOST_KEPT)(self._find_limit)
        self._answer = lru_cache(MOST_KEPT)(self._read)

    def ask(self, account: Account, name: str, filters: Mapping[str, Any]) -> Asked:
        """Return a question of an account; `filters` are those of `queries`, and the page."""
        newest = self._find_newest()
        # Whatever is no stage may have changed everything: an erasure, a calibration.
        other = max((seq for stage, seq in newest.items() if stage not in KNOWN), default=0)
        # Whom a report names is known when the gate has judged its week.
        runs = newest.get(WEEKLY, 0), newest.get(GATE, 0), other
        # Whose students are an advisor's is known from the newest week.
        stages = {*QUESTIONS[name].stages, *((WEEKLY,) if "advisor" in filters else ())}
        wrote = (*(newest.get(stage, 0) for stage in sorted(stages)), other)
        limit, hidden = self._limit(account, runs), self.workspace.store.hidden
        return Asked(name, account, tuple(filters.items()), limit, hidden, wrote)

    def answer(self, asked: Asked) -> str:
        """Return a page of an answer as JSON: count, page, pages, results; the reading is recorded.

        Of `class_performance` an advisor has the medians of own students.

        Raises:
            UnknownStudent: the student asked for is not among the account's.
            NotThere: there is no such week, or nothing has been analysed yet.
        """
        found, store = self._answer(asked), self.workspace.store
        access.record_reads(store, asked.account, found.students, found.term, asked.name)
        return found.content

    def _find_newest(self) -> dict[str, int]:
        """Return the place in the ledger of the newest run of each stage that was done."""
        select = sa.select(RUNS.c.stage, sa.func.max(RUNS.c.seq)).where(RUNS.c.status == "done")
        with self.workspace.store.connect() as connection:
            rows = connection.execute(select.group_by(RUNS.c.stage)).all()
        return {str(stage): int(seq) for stage, seq in rows}

    def _find_limit(
        self, account: Account, _: tuple[int, ...]
    ) -> tuple[str, frozenset[str]] | None:
        return access.limit_store(self.workspace, account).limited

    def _read(self, asked: Asked) -> Answer:
        filters, store = dict(asked.filters), self.workspace.store
        page, student = filters.pop("page"), filters.get("student")
        limited = store if asked.limit is None else store.limit_to(*asked.limit)
        if student is not None:
            access.require_student(limited, student)
        try:
            with self._turn:
                frame = QUESTIONS[asked.name].answer(**filters, store=limited)
        except SettingsError as error:
            raise NotThere(str(error)) from error
        shown, pages = cut_page(frame, page)
        # Fifteen digits give back the number that was stored.
        rows = shown.to_json(orient="records", date_format="iso", double_precision=15)
        content = f'{{"count":{len(frame)},"page":{page},"pages":{pages},"results":{rows}}}'
        # Numbers of one student are read of that student, whether or not a column says so.
        told = {str(student)} if student is not None else set()
        told |= set(shown["student_id"]) if "student_id" in shown else set()
        if shown.empty or not told:
            return Answer(content, (), "")
        term = next((name for name in ("term", "target_term") if name in shown), None)
        return Answer(content, tuple(sorted(told)), str(shown[term].iloc[0]) if term else "")
