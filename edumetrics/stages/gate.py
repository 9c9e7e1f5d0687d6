"""The gate between computing a week and mailing it: what in the data or the lists is not to be believed, by class.

Nothing here changes a score. A finding holds back the mail of its class; one that concerns the whole college, or too
many of its classes, holds back everyone's.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from edumetrics.analysis import runs
from edumetrics.analysis.runs import Run
from edumetrics.analysis.store import now
from edumetrics.college import arrivals, health, plausible, records
from edumetrics.college.health import EVERYWHERE, LABELS
from edumetrics.college.records import Work
from edumetrics.college.source import College, Term
from edumetrics.errors import Refused
from edumetrics.params import Gate
from edumetrics.stages.workspace import Workspace

STAGE = "gate"
# What follows it; entered into the ledger by `mail.delivery`.
MAIL = "mail"
SCHEMA = "schema: "
# A mapping is looked at in the first weeks of a term, once more after them, and whenever it changed.
MAPPING = "mapping: looked at"
FIRST_WEEKS = 4
TOLD = 3
NOTHING = "nothing"
USUAL_WEEKS = 4
# A jump must be more than chance would explain, in standard errors of the share before.
ERRORS = 3
# Registers with an absence of which so many are as they were the week before are last week's under a new number.
SAME_PCT, SAME_MISSED = 98, 20
# Loans imported twice are about twice as many as usual.
MANY = 1.6
# Work stopped coming where nothing came, and before at least so many pieces, and this share of what fell due.
HANDED_IN_LEAST, HANDED_IN_PCT = 10, 30
UNDATED = 0.5
WORK: dict[Work, str] = {"assignment": "assignment_submissions", "quiz": "quiz_submissions"}


@dataclass(frozen=True)
class Verdict:
    """What the gate found in one week of a term.

    Attributes:
        findings: as `health.findings`, status `block` (holds mail back) or `ok` (remembered for the next time).
        classes: those whose mail is held.
        everyone: whether all mail is held.
    """

    term: str
    week: int
    findings: pd.DataFrame
    classes: tuple[str, ...]
    everyone: bool

    @property
    def told(self) -> str:
        """What was found, in a few sentences; empty where there is nothing."""
        blocked = self.findings[self.findings["status"] == "block"]
        first = blocked.sort_values("class_id", key=lambda ids: ids != EVERYWHERE, kind="stable")[
            "message"
        ]
        more = f" And {len(first) - TOLD} more like these." if len(first) > TOLD else ""
        return " ".join(first.head(TOLD)) + more


def examine(
    workspace: Workspace, college: College, term: Term, week: int, *, back_to: int | None = None
) -> Verdict:
    """Look at a computed week before its mail goes out; changes nothing.

    Args:
        workspace: where.
        college: the college, open.
        term: the week's term.
        week: a teaching week whose lists are stored.
        back_to: the semester week that the college's clock has gone back to since the last run, if it has.
    """
    gate, calendar = workspace.params.batch.gate, workspace.params.calendar
    window = calendar.last_teaching_weeks(week, USUAL_WEEKS + 1)
    so_far = calendar.last_teaching_weeks(week, calendar.weeks_per_semester)
    found = [
        *(_feed(college, term, feed, so_far, gate) for feed in arrivals.FEEDS),
        _last_week_again(college, term, window),
        _handed_in(college, term, window),
        _flagged(workspace, term, window, gate),
        _schema(workspace, college),
        _mapping(workspace, college, term, week) if back_to is None else health.nothing(),
        _clock(college, term, back_to) if back_to is not None else health.nothing(),
    ]
    findings = pd.concat(found, ignore_index=True)
    findings = pd.concat([findings, _too_many(findings, term, gate)], ignore_index=True)
    blocked = set(findings.loc[findings["status"] == "block", "class_id"])
    return Verdict(
        term.name, week, findings, tuple(sorted(blocked - {EVERYWHERE})), EVERYWHERE in blocked
    )


def record(workspace: Workspace, run: Run, verdict: Verdict, *, force: bool = False) -> None:
    """Enter a verdict: its findings, and in the ledger whether mail is held (`refused`), or was to be (forced)."""
    frame = verdict.findings.assign(run_id=run.run_id, computed_at=now())
    with workspace.store.transaction() as connection:
        workspace.store.replace(connection, "data_health", frame, run_id=run.run_id)
        if force or (not verdict.classes and not verdict.everyone):
            told = f"Forced: {verdict.told}" if verdict.told else None
            runs.done(connection, run, len(frame), told)
    if not force and (verdict.classes or verdict.everyone):
        runs.failed(workspace.store, run, Refused(verdict.told))


def awaited(workspace: Workspace) -> bool:
    """Whether a week was computed, or refused unseen, and has not come to the gate since."""
    newest = workspace.store.newest("run_log", "started_at", 1, stage=STAGE)
    # A refusal without a term is that of a college whose columns had changed.
    return len(newest) > 0 and (
        newest["status"].iloc[0] in ("started", "failed") or not newest["term"].iloc[0]
    )


def unmailed(workspace: Workspace) -> bool:
    """Whether mail is to be seen to: the last round failed, or since then a week was judged or a review made."""
    store, calendar = workspace.store, workspace.params.calendar
    last = store.newest("run_log", "started_at", 1, stage=MAIL)
    if len(last) and last["status"].iloc[0] == "failed":
        return True
    done = [store.highest("run_log", "started_at", stage=STAGE, status=["done", "refused"])]
    position = store.position()
    if position is not None:
        # A review of the batch is entered under the week in which it was made, after that week was scored.
        here = {"stage": "post_analysis", "status": "done", "sem_week": position.week(calendar)}
        scored = store.highest("run_log", "started_at", stage="weekly", status="done")
        review = store.highest("run_log", "started_at", **here)
        done.append(
            review if review is not None and scored is not None and review > scored else None
        )
    newest = max((moment for moment in done if moment is not None), default=None)
    return newest is not None and (last.empty or last["started_at"].iloc[0] < newest)


def judged(workspace: Workspace, term: str, week: int) -> bool:
    """Whether the newest verdict is on that week."""
    newest = workspace.store.newest("run_log", "started_at", 1, stage=STAGE)
    row = newest.iloc[0] if len(newest) else {"term": "", "sem_week": 0, "status": ""}
    return (row["term"], row["sem_week"]) == (term, week) and row["status"] in ("done", "refused")


def blocked(workspace: Workspace) -> dict[str, str]:
    """Whose mail the newest verdict holds and why, by class (`all` for everyone's); nobody's where all is well."""
    newest = workspace.store.newest("run_log", "started_at", 1, stage=STAGE)
    if newest.empty or newest["status"].iloc[0] == "done":
        return {}
    run_id = newest["run_id"].iloc[0]
    found = workspace.store.read(
        "data_health", ("class_id", "message"), run_id=run_id, status="block"
    )
    return {str(name): " ".join(texts) for name, texts in found.groupby("class_id")["message"]}


def held(workspace: Workspace) -> str:
    """Whose mail the newest verdict holds, and why, in a sentence."""
    newest = workspace.store.newest("run_log", "started_at", 1, stage=STAGE)
    if newest.empty or newest["status"].iloc[0] == "done":
        return NOTHING
    if newest["status"].iloc[0] != "refused":
        return "all mail: the gate was not come to; `edumetrics run` looks at the week again."
    told, run_id = newest["error"].iloc[0], newest["run_id"].iloc[0]
    blocked = workspace.store.read("data_health", ("class_id",), run_id=run_id, status="block")[
        "class_id"
    ]
    classes = sorted(set(blocked) - {EVERYWHERE})
    some = classes and EVERYWHERE not in set(blocked)
    return f"the mail of {', '.join(classes)}: {told}" if some else f"all mail: {told}"


def _told(
    check: str, hit: pd.Series, sentence: str, *, count: pd.Series, **values: object
) -> pd.DataFrame:
    """Findings about the classes hit: the sentence may use {whose}, {count} and the values, which may be by class."""
    rows: list[tuple[object, ...]] = []
    # What holds of the college as a whole need not be said of each class.
    for name in [EVERYWHERE] if hit.get(EVERYWHERE, False) else hit.index[hit]:
        own = {
            key: value[name] if isinstance(value, pd.Series) else value
            for key, value in values.items()
        }
        whose = "" if name == EVERYWHERE else f" of {name}"
        text = sentence.format(whose=whose, count=int(count[name]), **own)
        rows.append((check, name, "block", int(count[name]), [], text))
    return pd.DataFrame(rows, columns=list(health.COLUMNS))


def _feed(
    college: College, term: Term, feed: str, weeks: tuple[int, ...], gate: Gate
) -> pd.DataFrame:
    """A feed that stopped, as a whole or for a class, or that came twice; registers that nobody marked."""
    week, before = weeks[0], list(weeks[1:])
    counted = arrivals.rows_by_week(college, term, feed, weeks)
    if counted.empty:
        return health.nothing()
    newest = counted[counted["week"] == week].set_index("class_id")
    share = 100 * newest["unmarked"] / newest["rows"]
    sentence = "Nobody marked {share:.0f}% of the registers{whose} in week {week}."
    unmarked = (share > gate.unmarked_pct) & (newest["rows"] >= gate.feed_rows)
    marked = _told(
        f"{feed}: unmarked", unmarked, sentence, count=newest["unmarked"], share=share, week=week
    )
    by_class = counted.pivot_table(
        index="class_id", columns="week", values="rows", aggfunc="sum", fill_value=0
    )
    by_class = by_class.reindex(columns=list(weeks), fill_value=0)
    by_class.loc[EVERYWHERE] = by_class.sum()
    # A feed that stays away must not come to be usual: weeks without a row do not count.
    usual = by_class[before].where(by_class[before] > 0).median(axis=1)
    # Registers come every week alike. Of visits and loans few are no wonder: only none at all is.
    least = gate.feed_stopped_pct / 100 * usual if feed == "attendance" else 1
    stopped = (usual >= gate.feed_rows) & (by_class[week] < least)
    sentence = LABELS[feed] + "{whose}: {count} rows in week {week}, {usual:.0f} in a usual week."
    quiet = _told(
        f"{feed}: stopped", stopped, sentence, count=by_class[week], usual=usual, week=week
    )
    return pd.concat([marked, quiet, _repeated(college, term, feed, week, usual, gate)])


def _repeated(
    college: College, term: Term, feed: str, week: int, usual: pd.Series, gate: Gate
) -> pd.DataFrame:
    """A week of a feed that was imported twice: it then says everything twice, so half of its rows are repetitions.

    Of loans only so many say so: that a class borrows two books each is nothing odd, but for the same class in a week.
    """
    counted = arrivals.repeated(college, term, feed, week).set_index("class_id")
    loans = feed == "book_borrows"
    least = SAME_PCT if loans else gate.repeated_pct
    many = counted["rows"] >= MANY * usual.reindex(counted.index) if loans else counted["rows"] > 0
    twice = (
        (200 * counted["repeated"] >= least * counted["rows"])
        & (counted["rows"] >= gate.feed_rows)
        & many
    )
    sentence = (
        LABELS[feed]
        + "{whose}: {count} of the {rows} rows of week {week} repeat another; imported twice?"
    )
    return _told(
        f"{feed}: imported twice",
        twice,
        sentence,
        count=counted["repeated"],
        rows=counted["rows"],
        week=week,
    )


def _last_week_again(college: College, term: Term, window: tuple[int, ...]) -> pd.DataFrame:
    """Registers that are those of the week before, to the lecture: one file under two numbers."""
    if len(window) < 2:
        return health.nothing()
    week, before = window[:2]
    sums = arrivals.as_before(college, term, week, before).set_index("class_id")
    sums.loc[EVERYWHERE] = sums.sum()
    same = (100 * sums["same"] >= SAME_PCT * sums["missed"]) & (sums["missed"] >= SAME_MISSED)
    sentence = "Attendance{whose}: week {week} is week {before} again, register by register; imported twice?"
    return _told(
        "attendance: last week's", same, sentence, count=sums["same"], week=week, before=before
    )


def _handed_in(college: College, term: Term, window: tuple[int, ...]) -> pd.DataFrame:
    """Work that fell due, and not one piece of it recorded, in classes where much used to be."""
    week, day = window[0], term.week_ends(window[0])["week_end"].max().date()
    by_subject, found = college.relations["enrolments"] is not None, []
    for work, feed in WORK.items():
        items = records.items(college, term, work)
        done = records.done(college, term, work, day, by_subject=by_subject)
        # Without dates work counts once it is marked: this week's cannot be known yet.
        if items.empty or done.empty or done["last_date"].isna().mean() > UNDATED:
            continue
        due, before = (
            items[items["due_week"].isin(weeks)].groupby("class_id").size()
            for weeks in ([week], window[1:])
        )
        came, earlier = (
            done[done["week"].isin(weeks)]
            .groupby("class_id")["done"]
            .sum()
            .reindex(due.index, fill_value=0)
            for weeks in ([week], window[1:])
        )
        size = done.groupby("class_id")["student_id"].nunique()
        usual = HANDED_IN_PCT / 100 * (before * size).reindex(due.index, fill_value=0)
        silent = (came == 0) & (earlier >= HANDED_IN_LEAST) & (earlier >= usual)
        sentence = LABELS[feed] + "{whose}: nothing in week {week}, in which {count} fell due."
        found.append(_told(f"{feed}: stopped", silent, sentence, count=due, week=week))
    return pd.concat(found) if found else health.nothing()


def _flagged(workspace: Workspace, term: Term, window: tuple[int, ...], gate: Gate) -> pd.DataFrame:
    """A share on the lists that jumped, of a class or of the college, by more than chance."""
    if len(window) < 2:
        return health.nothing()
    week, before = window[:2]
    size, listed = (
        workspace.store.read(
            table, ("class_id", "sem_week"), term=term.name, sem_week=[week, before]
        )
        .value_counts()
        .unstack()
        .reindex(columns=[week, before])
        .fillna(0)
        for table in ("weekly_metrics", "weekly_flags")
    )
    listed = listed.reindex(size.index, fill_value=0)
    for frame in (size, listed):
        frame.loc[EVERYWHERE] = frame.sum()
    share = 100 * listed / size.where(size > 0)
    # One more listed and one more not: that there was none before is no certainty.
    guess = (listed[before] + 1) / (size[before] + 2)
    chance = 100 * ERRORS * np.sqrt(guess * (1 - guess) / size[week].where(size[week] > 0))
    jumped = (
        (share[week] - share[before] >= np.maximum(gate.flagged_jump, chance))
        & (share[week] >= gate.flagged_times * share[before])
        & (size[week] >= gate.flagged_students)
    )
    sentence = "The share on the lists{whose} jumped from {then:.0f}% to {now:.0f}% in week {week}."
    return _told(
        "lists: jump", jumped, sentence, count=listed[week], then=share[before], now=share[week], week=week
    )  # fmt: skip


def _too_many(findings: pd.DataFrame, term: Term, gate: Gate) -> pd.DataFrame:
    """What holds so many classes back is not about classes."""
    held = findings.loc[
        (findings["status"] == "block") & (findings["class_id"] != EVERYWHERE), "class_id"
    ].nunique()
    count, running = pd.Series({EVERYWHERE: held}), term.pairings["class_id"].nunique()
    sentence = "That concerns {count} of {running} classes."
    return _told(
        "gate: classes",
        100 * count > gate.classes_pct * running,
        sentence,
        count=count,
        running=running,
    )


def _schema(workspace: Workspace, college: College) -> pd.DataFrame:
    """The columns that the college has of each relation, remembered; a finding where one that was there is gone."""
    rows: list[tuple[object, ...]] = []
    then = workspace.store.remembered(STAGE, SCHEMA)
    for name, relation in college.relations.items():
        columns = relation.present if relation is not None else frozenset()
        rows.append((SCHEMA + name, EVERYWHERE, "ok", len(columns), [], ", ".join(sorted(columns))))
        gone = sorted(set(filter(None, then.get(SCHEMA + name, "").split(", "))) - columns)
        if gone:
            what = f"no longer has {', '.join(gone)}" if columns else "is gone"
            sentence = f"The college's {name} {what}: correct its mapping."
            rows.append(
                (
                    f"{name}: columns gone",
                    EVERYWHERE,
                    "block",
                    len(gone),
                    gone[: health.EXAMPLES],
                    sentence,
                )
            )
    return pd.DataFrame(rows, columns=list(health.COLUMNS))


def _mapping(workspace: Workspace, college: College, term: Term, week: int) -> pd.DataFrame:
    """What only a wrong mapping explains; once nothing is found, that is remembered for the rest of the term."""
    said = json.dumps([dict(college.params.college.relations), dict(college.params.college.views)])
    seen = f"{hashlib.sha256(said.encode()).hexdigest()}, {term.name}, {week > FIRST_WEEKS}"
    counter = college.position(workspace.today).week(college.params.calendar)
    counted = not college.counter.empty
    found = health.nothing()
    if counted and college.params.calendar.last_teaching_weeks(counter, 1) != (week,):
        # An earlier week looked at again: what has come since would only seem to be too early.
        return found
    if week <= FIRST_WEEKS or workspace.store.remembered(STAGE, MAPPING).get(MAPPING) != seen:
        found = plausible.findings(college, term, week)
        found = found[found["status"] == "block"]
    if len(found):
        return found
    return pd.DataFrame([(MAPPING, EVERYWHERE, "ok", 0, [], seen)], columns=list(health.COLUMNS))


def _clock(college: College, term: Term, week: int) -> pd.DataFrame:
    """A clock that went back while the records did not."""
    newest = pd.Series(
        {EVERYWHERE: max(arrivals.newest_week(college, term, feed) for feed in arrivals.FEEDS)}
    )
    sentence = "The college's clock went back to week {week}, but its records go on to week {count}: set it right."
    return _told("sim_state: clock", newest > week, sentence, count=newest, week=week)
