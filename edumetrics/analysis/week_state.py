"""What is known of a week: computed, judged, held, mailed. It is read here and nowhere else.

The ledger's `seq` is the only order: no clock, and no difference between the clocks of two
machines, decides anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from edumetrics.analysis.store import Store, match_values
from edumetrics.analysis.tables import SQL_TABLES
from edumetrics.fields import EVERYWHERE
from edumetrics.types import Row

# The ledger's stages after a week is computed: the gate judges it, then its mail goes out.
GATE, MAIL = "gate", "mail"
# The ledger's stage of a recalculation of all terms.
CALIBRATE = "calibrate"
WEEKLY, REVIEW = "weekly", "post_analysis"
PRE_SEMESTER, PRE_MIDTERM, PRE_ENDTERM = "pre_sem", "pre_mid", "pre_end"
# The stages that add a section to the mail of the week in which they run.
MOMENTS = (PRE_SEMESTER, PRE_MIDTERM, PRE_ENDTERM, REVIEW)
JUDGED = ("done", "refused")
# What is asked of an entry of the ledger.
ENTRY = ("seq", "run_id", "stage", "term", "sem_week", "status", "error", "by_hand",
         "params_sha256")  # fmt: skip
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
        changed: whether the week was computed again after it was judged: by hand, or by a run that
            was killed before its gate.
        replayed: whether `calibrate` computed the newest week, so that it has no reports yet.
        computed_with: the fingerprint of the parameters that the newest week was computed with;
            empty where no week was.
    """

    term: str = ""
    week: int = 0
    status: str = ""
    error: str = ""
    held: Mapping[str, str] | None = None
    mail_due: bool = False
    changed: bool = False
    replayed: bool = False
    computed_with: str = ""

    @property
    def check_due(self) -> bool:
        """Whether a week was computed, or refused unseen, and still has to be judged."""
        # A refusal without a term was entered before any stage: the college's columns had changed.
        unseen = self.status in ("started", "failed") or (self.status != "" and not self.term)
        return unseen or self.changed

    def is_judged(self, term: str, week: int) -> bool:
        """Return whether the newest verdict is about this week of this term."""
        same = (self.term, self.week) == (term, week)
        return same and self.status in JUDGED and not self.changed

    def find_why_held(self, classes: Iterable[str]) -> str:
        """Return why what is about some classes is held back; empty where it is not."""
        held = self.held or {}
        return held.get(EVERYWHERE) or " ".join(held[name] for name in classes if name in held)

    def describe_held(self) -> str:
        """Return in a sentence whose mail is held, and why."""
        if self.status in ("", "done") and not self.changed:
            return NOTHING
        if self.status != "refused" or self.changed:
            # There is no verdict on what is stored now: the run had none, or the week was changed.
            return "all mail: the gate has not checked the week yet; run `edumetrics run`."
        classes = sorted(set(self.held or {}) - {EVERYWHERE})
        # A finding about the whole college outweighs those about single classes.
        whose = (
            f"the mail of {', '.join(classes)}"
            if classes and EVERYWHERE not in (self.held or {})
            else "all mail"
        )
        return f"{whose}: {self.error}"

    def describe_parameters(self, in_force: str) -> str:
        """Return in a sentence that parameters changed since the newest week; empty if not.

        Args:
            in_force: their fingerprint.
        """
        if self.computed_with in ("", in_force):
            return ""
        return (
            "The parameters have changed since the newest week was computed: `edumetrics run --week"
            " N` applies them to a week, `edumetrics calibrate` to all."
        )


def read_week_state(store: Store, college_week: int | None) -> WeekState:
    """Return the state of the newest week; `college_week` is how far the analysis has come."""
    newest = find_last_run(store, GATE)
    scored = find_last_run(store, WEEKLY, status="done")
    state = WeekState(
        mail_due=_is_mail_due(store, college_week, scored),
        replayed=_is_replayed(store, scored, newest),
        computed_with=str(scored["params_sha256"] or "") if scored else "",
    )
    if newest is None:
        return state
    held: dict[str, str] = {}
    if newest["status"] != "done":
        found = store.read(
            "data_health", ("class_id", "message"), run_id=newest["run_id"], status="block"
        )
        held = {str(name): " ".join(texts) for name, texts in found.groupby("class_id")["message"]}
    return replace(
        state,
        term=str(newest["term"] or ""),
        week=int(newest["sem_week"] or 0),
        status=str(newest["status"]),
        error=str(newest["error"] or ""),
        held=held,
        changed=_is_changed(store, newest),
    )


def _is_replayed(store: Store, scored: Row | None, verdict: Row | None) -> bool:
    """Return whether the newest scores are those of `calibrate`, and were not judged since."""
    replay = find_last_run(store, CALIBRATE, status="done")
    if replay is None or scored is None or scored["by_hand"]:
        return False
    judged = verdict["seq"] if verdict is not None else 0
    return bool(scored["seq"] > max(replay["seq"], judged))


def _is_changed(store: Store, verdict: Row) -> bool:
    """Return whether what the mail of a week says was computed again after a verdict on it."""
    about = {"term": verdict["term"], "sem_week": verdict["sem_week"], "status": "done"}
    scored = find_last_run(store, WEEKLY, **about)
    by_hand = find_last_run(store, list(MOMENTS), by_hand=True, **about)
    return any(run is not None and run["seq"] > verdict["seq"] for run in (scored, by_hand))


def _is_mail_due(store: Store, college_week: int | None, scored: Row | None) -> bool:
    last = find_last_run(store, MAIL)
    if last is not None and last["status"] == "failed":
        return True
    verdict = find_last_run(store, GATE, status=list(JUDGED))
    done = [verdict["seq"]] if verdict is not None else []
    if college_week is not None:
        # The batch enters a moment under the week in which it was made. One that is older than
        # the newest scores causes no mail; one that came late reaches the published pages.
        made = find_last_run(store, list(MOMENTS), status="done", sem_week=college_week)
        if made is not None and scored is not None and made["seq"] > scored["seq"]:
            judged = verdict is not None and verdict["seq"] > scored["seq"]
            done += [made["seq"]] if judged or made["stage"] == REVIEW else []
    return bool(done) and (last is None or last["seq"] < max(done))


def find_newest_week(store: Store) -> tuple[str, int]:
    """Return the newest analysed term and week; an empty text and 0 where there is none."""
    term = store.find_highest("weekly_metrics", "term")
    if term is None:
        return "", 0
    return str(term), int(store.find_highest("weekly_metrics", "sem_week", term=term))


def find_last_run(store: Store, stage: str | list[str], **equal: Any) -> Row | None:
    """Return the newest entry of a stage (or of several) with column = value; None without any.

    Its columns are `ENTRY`; null is None.

    Raises:
        EduMetricsError: the store is limited, so that the ledger is not for its reader.
    """
    log = SQL_TABLES["run_log"]
    matches = match_values(log, {"stage": stage, **equal})
    entries = sa.select(*(log.c[name] for name in ENTRY)).where(*matches)
    newest = entries.order_by(log.c.seq.desc()).limit(1)
    store.refuse_beyond_limit(newest)
    # No frame: a run asks some thirty times for a single row.
    with store.connect() as connection:
        row = connection.execute(newest).mappings().first()
    return None if row is None else dict(row)


@dataclass(frozen=True)
class MomentRun:
    """A stage that adds a section to the mail of a week: what the ledger says of it.

    Attributes:
        stage: its name.
        term: the term that it is about; of a review, the term of the exam.
        week: the semester week under which it was entered.
        run_ids: its runs that were done, oldest first; empty where it failed.
    """

    stage: str
    term: str
    week: int
    run_ids: tuple[str, ...] = ()


def list_moments(store: Store, term: str, week: int, before: int = 0) -> list[MomentRun]:
    """Return the moments of a week, in the order of `MOMENTS`.

    What was made after the mail of the week before had gone out belongs to this week. Reviews of
    the term before are returned with those of this one: the ledger does not say in which of the
    two terms they were made.

    Args:
        store: the analysis.
        term: the term.
        week: the semester week.
        before: the teaching week before it; 0 for none.
    """
    earlier = [name for name in store.list_terms() if name < term][-1:]
    runs = store.read("run_log", ("run_id", "seq", "stage", "term", "sem_week", "status"),
                      stage=list(MOMENTS), sem_week=[week, before], term=[term, *earlier],
                      status=["done", "failed"]).sort_values("seq")  # fmt: skip
    runs = runs[(runs["term"] == term) | (runs["stage"] == REVIEW)]
    mailed = _find_first_mail(store, term, before) if before else None
    found: dict[tuple[str, str], MomentRun] = {}
    # The week before comes first, so that what this week made anew takes its place.
    for number in (before, week):
        own = runs[runs["sem_week"] == number]
        for (stage, about), group in own.groupby(["stage", "term"]):
            done = group[group["status"] == "done"]
            late = mailed is not None and len(done) > 0 and done["seq"].min() > mailed
            if number == week or late:
                run_ids = tuple(done["run_id"])
                found[str(stage), str(about)] = MomentRun(str(stage), str(about), number, run_ids)
    return sorted(found.values(), key=lambda one: (MOMENTS.index(one.stage), one.term))


def _find_first_mail(store: Store, term: str, week: int) -> int | None:
    """Return the place in the ledger of the first round of a week's mail; None without any."""
    rounds = store.read("run_log", ("seq",), stage=MAIL, term=term, sem_week=week)["seq"]
    return None if rounds.empty else int(rounds.min())


def list_judged_weeks(store: Store, term: str) -> set[int]:
    """Return the weeks of a term whose reports were judged, so that somebody could read them.

    A week that was only replayed is none of them.
    """
    runs = store.read("run_log", ("sem_week",), stage=GATE, term=term, status=list(JUDGED))
    return {int(week) for week in runs["sem_week"].dropna()}


def list_failed(store: Store, week: int) -> set[tuple[str, str]]:
    """Return stage and term of the moments of a week whose newest run failed."""
    runs = store.read("run_log", ("seq", "stage", "term", "status"), stage=list(MOMENTS),
                      sem_week=week)  # fmt: skip
    newest = runs.sort_values("seq").drop_duplicates(["stage", "term"], keep="last")
    failed = newest[newest["status"] == "failed"]
    return set(zip(failed["stage"], failed["term"], strict=True))


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
    with store.connect() as connection:
        return {str(check): str(message) for check, message in connection.execute(select)}
