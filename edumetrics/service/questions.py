"""The seven questions: what `queries` answers, in pages, to whom it is for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
from pydantic import BaseModel, Field, create_model

from edumetrics.analysis.store import Store
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.analyst import queries
from edumetrics.errors import SettingsError
from edumetrics.fields import TABLES
from edumetrics.fields.record import Field as Column
from edumetrics.service import access
from edumetrics.service.accounts import Account
from edumetrics.workspace import Workspace

PAGE = 100
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
    """

    answer: Callable[..., pd.DataFrame]
    about: str
    table: str

    @property
    def has_advisor(self) -> bool:
        """Whether its rows say whose advisees they are, so that it can be asked about one."""
        return "advisor_id" in TABLES[self.table].names

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
    "flagged": ServedQuestion(queries.flagged, "Who was on a list, and why.", "weekly_flags"),
    "class-performance": ServedQuestion(
        queries.class_performance, "The medians of classes.", "weekly_metrics"
    ),
    "student-performance": ServedQuestion(
        queries.student_performance, "The weekly metrics of students.", "weekly_metrics"
    ),
    "pre-midterm": ServedQuestion(queries.pre_midterm, "Predicted midterm scores.", "pre_mid_term"),
    "pre-endterm": ServedQuestion(
        queries.pre_endterm, "Predicted end-term scores.", "pre_end_term"
    ),
    "risk-of-failing": ServedQuestion(
        queries.risk_of_failing, "The chance of failing each subject.",
        "risk_of_failing_prediction",
    ),
    "watchlist": ServedQuestion(
        queries.watchlist, "Who to watch from week 1; `week` has no meaning.", "pre_sem_watchlist"
    ),
}  # fmt: skip


def answer_question(
    workspace: Workspace, account: Account, name: str, page: int, **filters: Any
) -> str:
    """Return a page of an answer as JSON: count, page, pages, results; the reading is recorded.

    Of `class_performance` an advisor has the medians of own students.

    Args:
        workspace: the settings, the parameters and the analysis database.
        account: who asks.
        name: the question.
        page: the page, from 1; beyond the last one there are no results.
        filters: those of `queries`, None for any.

    Raises:
        UnknownStudent: the student asked for is not among the account's.
        NotThere: there is no such week, or nothing has been analysed yet.
    """
    limited = access.limit_store(workspace, account)
    student = filters.get("student")
    if student is not None and not access.knows_student(limited, student):
        raise access.UnknownStudent
    try:
        frame = QUESTIONS[name].answer(**filters, store=limited)
    except SettingsError as error:
        raise NotThere(str(error)) from error
    shown = frame.iloc[(page - 1) * PAGE : page * PAGE]
    if "student_id" in shown and len(shown):
        term = shown["term" if "term" in shown else "target_term"].iloc[0]
        access.record_reads(workspace.store, account, shown["student_id"], str(term), name)
    # Fifteen digits give back the number that was stored.
    rows = shown.to_json(orient="records", date_format="iso", double_precision=15)
    pages = -(-len(frame) // PAGE)
    return f'{{"count":{len(frame)},"page":{page},"pages":{pages},"results":{rows}}}'


def compute_tag(store: Store, account: Account, url: str) -> str:
    """Return the entity tag of an answer: it changes with the newest run, the account and the URL.

    An account is part of it because two accounts have different answers to one URL.
    """
    newest = sa.select(RUNS.c.run_id).where(RUNS.c.status == "done").order_by(RUNS.c.seq.desc())
    with store.connect() as connection:
        run_id = connection.execute(newest.limit(1)).scalar()
    parts = "\x1f".join((str(run_id), account.username, account.role, account.person, url))
    return f'"{hashlib.sha256(parts.encode()).hexdigest()[:32]}"'
