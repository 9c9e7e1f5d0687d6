"""What is known of a week: computed, judged, held, mailed. It is read here and nowhere else.

The ledger's `seq` is the only order: no clock, and no difference between the clocks of two
machines, decides anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from edumetrics import database
from edumetrics.analysis.store import SETTING, Store
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.fields import EVERYWHERE
from edumetrics.types import Row

# The ledger's stages after a week is computed: the gate judges it, then its mail goes out.
GATE, MAIL = "gate", "mail"
WEEKLY, REVIEW = "weekly", "post_analysis"
JUDGED = ("done", "refused")
# What `WeekState.describe_held` says where no mail is held.
NOTHING = "nothing"


@dataclass(frozen=True)
class WeekState:
    """What the ledger says of the newest week that came to the gate.

    Attributes:
        term, week: the week; empty and 0 where none did, or the college's columns had changed.
        status: that of the gate's newest entry; empty where there is none.
        error: what the gate refused, in words; empty where it refused nothing.
        held: why mail is held, by class; `all` stands for the whole college.
        mail_due: whether mail is to go out: the last round failed, or a verdict or a review was
            made after it.
    """

    term: str = ""
    week: int = 0
    status: str = ""
    error: str = ""
    held: Mapping[str, str] | None = None
    mail_due: bool = False

    @property
    def check_due(self) -> bool:
        """Whether a week was computed, or refused unseen, and still has to be judged."""
        # A refusal without a term was entered before any stage: the college's columns had changed.
        return self.status in ("started", "failed") or (self.status != "" and not self.term)

    def is_judged(self, term: str, week: int) -> bool:
        """Return whether the newest verdict is about this week of this term."""
        return (self.term, self.week) == (term, week) and self.status in JUDGED

    def describe_held(self) -> str:
        """Return in a sentence whose mail is held, and why."""
        if self.status in ("", "done"):
            return NOTHING
        if self.status != "refused":
            # Neither done nor refused: the run was killed or failed before it had a verdict.
            return "all mail: the gate has not checked the week yet; run `edumetrics run`."
        classes = sorted(set(self.held or {}) - {EVERYWHERE})
        # A finding about the whole college outweighs those about single classes.
        whose = (
            f"the mail of {', '.join(classes)}"
            if classes and EVERYWHERE not in (self.held or {})
            else "all mail"
        )
        return f"{whose}: {self.error}"


def read_week_state(store: Store, college_week: int | None) -> WeekState:
    """Return the state of the newest week; `college_week` is how far the analysis has come."""
    newest = find_last_run(store, GATE)
    due = _is_mail_due(store, college_week)
    if newest is None:
        return WeekState(mail_due=due)
    held: dict[str, str] = {}
    if newest["status"] != "done":
        found = store.read(
            "data_health", ("class_id", "message"), run_id=newest["run_id"], status="block"
        )
        held = {str(name): " ".join(texts) for name, texts in found.groupby("class_id")["message"]}
    return WeekState(
        term=str(newest["term"] or ""),
        week=int(newest["sem_week"] or 0),
        status=str(newest["status"]),
        error=str(newest["error"] or ""),
        held=held,
        mail_due=due,
    )


def _is_mail_due(store: Store, college_week: int | None) -> bool:
    last = find_last_run(store, MAIL)
    if last is not None and last["status"] == "failed":
        return True
    verdict = find_last_run(store, GATE, status=list(JUDGED))
    done = [verdict["seq"]] if verdict is not None else []
    if college_week is not None:
        # The batch enters a review under the week in which it was made, after that week was
        # scored. A review that is older than the newest scores causes no mail.
        scored = find_last_run(store, WEEKLY, status="done")
        review = find_last_run(store, REVIEW, status="done", sem_week=college_week)
        if review is not None and scored is not None and review["seq"] > scored["seq"]:
            done.append(review["seq"])
    return bool(done) and (last is None or last["seq"] < max(done))


def find_last_run(store: Store, stage: str, **equal: Any) -> Row | None:
    """Return the newest entry of a stage with column = value; None where there is none."""
    rows = store.read_newest("run_log", "seq", 1, stage=stage, **equal)
    # Null is None in a row, as in the database.
    return None if rows.empty else rows.astype("object").where(rows.notna(), None).iloc[0].to_dict()


def list_new_reviews(store: Store, term: str, week: int) -> list[Row]:
    """Return run_id and term of the reviews made since the newest week of a term was first scored.

    Args:
        store: the analysis.
        term: the term in session.
        week: the semester week under which the batch enters them.
    """
    scored = store.read("run_log", ("seq", "sem_week"), stage=WEEKLY, status="done", term=term)
    since = scored.loc[scored["sem_week"] == scored["sem_week"].max(), "seq"].min()
    made = store.read(
        "run_log", ("run_id", "term", "seq"), stage=REVIEW, status="done", sem_week=week
    )
    return list(made[made["seq"] > since].sort_values("seq").to_dict("records"))


def read_last_findings(store: Store, stage: str, prefix: str) -> dict[str, str]:
    """Return the messages of findings by check, from the newest run of a stage that was done.

    Only findings whose check begins with `prefix` count.
    """
    newest = find_last_run(store, stage, status="done")
    if newest is None:
        return {}
    found = SQL_TABLES["data_health"].c
    select = sa.select(found.check, found.message).where(
        found.run_id == newest["run_id"], found.check.startswith(prefix)
    )
    with database.open_connection(store.engine, SETTING) as connection:
        return {str(check): str(message) for check, message in connection.execute(select)}
