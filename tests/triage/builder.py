"""Small weeks to triage, made from a few words through scoring, without any database.

A test names only what is different from the week of `tests.triage.facts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.fields.reasons import RULES
from edumetrics.params import Calendar, Params, Scoring, Triage, load
from edumetrics.scoring.observed import observe
from edumetrics.scoring.risk import BASELINE_METRICS
from edumetrics.scoring.weekly import ScoredWeek, score_week
from edumetrics.settings import PROJECT
from edumetrics.triage import flags
from edumetrics.triage.flags import ListDecision
from edumetrics.triage.lists import build_lists
from edumetrics.triage.situation import METRICS, Memory, Ranking, Situation, build_thresholds
from tests.triage.facts import ADVISOR, CLASS, SEMESTER, make_facts

KEEP = 0.3
ATTENDANCE_ONLY = Scoring(
    effort_weights={"library_visits": 0, "book_borrows": 0, "assignment_quality": 0,
                    "clean_work": 0, "attendance": 1, "submission": 0},
    risk_weights={"attendance_standing": 0, "academic_level": 0, "missed_work": 0,
                  "attendance_fall": 0, "effort_level": 1, "effort_fall": 0, "academic_fall": 0,
                  "platform_silence": 0},
    risk_scales={"effort_level": 100},
)  # fmt: skip
"""With these weights the risk score is the class's attendance (its median) less one's own."""
SCORE_ALONE = Triage(rules={name: {"enabled": False} for name in RULES})
"""Lists without any rule."""
QUIET = "zyxwvutsrq"
"""Students about whom there is nothing to say."""

Reason = dict[str, Any]


@cache
def shipped() -> Params:
    """The parameters as shipped."""
    return load(PROJECT / "params", "native")


def situation(
    *,
    week: int = 6,
    past: int = 0,
    last_list: Mapping[str, Mapping[str, Any]] | None = None,
    earlier: Mapping[str, Iterable[int]] | None = None,
    places: Mapping[str, Iterable[int]] | None = None,
    cared: Mapping[str, Iterable[int]] | None = None,
    contacts: Iterable[tuple[str, int, str, str | None]] = (),
    cards: Iterable[tuple[str, int, list[Reason]]] = (),
    watchlist: Mapping[str, float] | str = "",
    not_on_it: Mapping[str, float] | None = None,
    watched_for: Mapping[str, list[Reason]] | None = None,
    recorded: Iterable[str] = (),
    prior: Mapping[str, float] | None = None,
    calendar: Calendar | None = None,
    scoring: Scoring | None = None,
    triage: Triage | None = None,
    list_at: float = 45,
    model: Ranking | None = None,
    **facts: Any,
) -> Situation:
    """Return a week to triage, which remembers some weeks before it.

    Args:
        week: the semester week.
        past: how many teaching weeks before it are scored and remembered as well.
        last_list: by student, what differs from an entry on last week's list: a new one, Keep in
            view.
        earlier: by student, the weeks of older lists.
        places: by student, the weeks in which they also had a place.
        cared: by student, the weeks of older lists in which they were looked after.
        contacts: student, week, kind, and the date until which it counts.
        cards: student, week, reasons of cards whose flag was called wrong.
        watchlist: who is on the watchlist of the term, with the risk; 50 where none is given.
        not_on_it: whose risk was told before the term, but is too low for the watchlist.
        watched_for: by student, the reasons of the watchlist.
        recorded: of whom an earlier week holds something.
        prior: by student, the mean of the semester before.
        calendar, scoring, triage: the parameters; as shipped when None.
        list_at: the list threshold.
        model: what ranks the lists of this week and of the next.
        facts: as `make_facts`.
    """
    calendar = calendar or Calendar()
    # The students of these tests have few signals, of which activity is told all the same.
    scoring, triage = scoring or Scoring(least_coverage=0), triage or Triage()
    history, before = EMPTY_HISTORY, None
    for earlier_week in calendar.get_teaching_weeks_before(week, past)[::-1]:
        before = _score(earlier_week, history, calendar, scoring, facts)
        history = _remember(history, before)
    last = calendar.get_teaching_weeks_before(week, 1)
    listed = {student: {"sem_week": w, **entry} for w in last
              for student, entry in (last_list or {}).items()}  # fmt: skip
    there = [(s, w) for given in (earlier, places) for s, weeks in (given or {}).items()
             for w in weeks]  # fmt: skip
    there += [(s, entry["sem_week"]) for s, entry in listed.items()]
    inside = {(s, w) for s, weeks in (places or {}).items() for w in weeks}
    kept = {(s, w) for s, weeks in (cared or {}).items() for w in weeks}
    kept |= {(s, entry["sem_week"]) for s, entry in listed.items() if entry.get("looked_after")}
    risks = dict.fromkeys(watchlist, 50.0) if isinstance(watchlist, str) else dict(watchlist)
    return Situation(
        facts=make_facts(week, **facts),
        scored=_score(week, history, calendar, scoring, facts),
        history=history,
        memory=Memory(
            lists=_make_places(there, inside, kept),
            last=_make_last_list(listed),
            metrics=_make_metrics(before),
            watchlist=_make_watchlist(risks, not_on_it or {}, watched_for or {}),
            contacts=_make_contacts(contacts),
            cards=pd.DataFrame(list(cards), columns=["student_id", "sem_week", "reasons"]),
            recorded=pd.Series(list(recorded), dtype="object"),
            scores=history[["student_id", "sem_week", "risk_score"]].assign(p_fail=np.nan),
        ),
        prior_mean=pd.DataFrame(
            list((prior or {}).items()), columns=["student_id", "prior_mean"]
        ).astype({"student_id": "object", "prior_mean": "float64"}),
        calendar=calendar,
        scoring=scoring,
        triage=triage,
        keep=KEEP,
        sentences=shipped().sentences,
        thresholds=build_thresholds(list_at, triage),
        model=model,
        next_model=model,
    )


def follow(weeks: Sequence[int], **given: Any) -> dict[int, pd.DataFrame]:
    """Return the lists of some weeks by student, each of which remembers those before it.

    Args:
        weeks: ascending semester weeks, without a gap; the first has no list before it.
        given: as `situation`.
    """
    found: dict[int, pd.DataFrame] = {}
    earlier: dict[str, list[int]] = {}
    places: dict[str, list[int]] = {}
    cared: dict[str, list[int]] = {}
    last: dict[str, dict[str, Any]] = {}
    for n, week in enumerate(weeks):
        now = situation(
            week=week, past=n, last_list=last, earlier=earlier, places=places, cared=cared, **given
        )
        found[week] = make_list(now)
        last = found[week].to_dict("index")
        for student, entry in last.items():
            earlier.setdefault(student, []).append(week)
            if entry["within_capacity"]:
                places.setdefault(student, []).append(week)
            if entry["looked_after"]:
                cared.setdefault(student, []).append(week)
    return found


def decide(**given: Any) -> tuple[Situation, ListDecision]:
    """Return a situation and what is decided in it."""
    now = situation(**given)
    return now, flags.decide(now)


def make_list(now: Situation) -> pd.DataFrame:
    """Return the list by student."""
    return build_lists(now).flags.set_index("student_id")


def draw(**given: Any) -> pd.DataFrame:
    """Return the list of a situation, as `make_list`."""
    return make_list(situation(**given))


def by_score(risks: Mapping[str, Mapping[int, int]], **more: Any) -> dict[str, Any]:
    """Return what makes a situation in which some students have these risk scores, and no rule.

    Args:
        risks: by student and week, the risk score; 0 in other weeks.
        more: what else is different.
    """
    return {
        "students": "".join(risks) + QUIET[: max(len(risks) + 1, 2)],
        "attendance": {s: {w: (100 - risk, 100) for w, risk in weeks.items()}
                       for s, weeks in risks.items()},
        "scoring": ATTENDANCE_ONLY,
        "triage": SCORE_ALONE,
    } | more  # fmt: skip


def pick(now: Situation, chosen: Any) -> str:
    """Return the ids of the students for whom something is true, in one word: they are letters."""
    return "".join(now.students[np.asarray(chosen, dtype=bool)])


def tell(records: Iterable[Reason]) -> dict[str, str]:
    """Return the sentences of some reasons by code."""
    return {record["code"]: record["text"] for record in records}


EMPTY_HISTORY = pd.DataFrame(
    {"student_id": pd.Series(dtype="str"), "sem_week": pd.Series(dtype="int64")}
    | {name: pd.Series(dtype="float64")
       for name in (*BASELINE_METRICS, "lms_events", "library_visits", "risk_score")}
)  # fmt: skip


def score(
    week: int, *, calendar: Calendar | None = None, scoring: Scoring | None = None, **facts: Any
) -> ScoredWeek:
    """Return a scored week without any history; `facts` as `make_facts`."""
    return _score(
        week, EMPTY_HISTORY, calendar or Calendar(), scoring or Scoring(least_coverage=0), facts
    )


# Many tests look at one week in different ways: it is scored once.
_SCORED: dict[str, ScoredWeek] = {}


def _score(
    week: int, history: pd.DataFrame, calendar: Calendar, scoring: Scoring, facts: dict[str, Any]
) -> ScoredWeek:
    key = repr((week, history["sem_week"].unique().tolist(), calendar, scoring, facts))
    if key not in _SCORED:
        observed = observe(make_facts(week, **facts), calendar, scoring)
        _SCORED[key] = score_week(observed, history, calendar, scoring)
    return _SCORED[key]


def _remember(history: pd.DataFrame, scored: ScoredWeek) -> pd.DataFrame:
    rows = scored.metrics.assign(sem_week=scored.week)[history.columns]
    return rows if history.empty else pd.concat([history, rows], ignore_index=True)


def _make_places(
    there: Iterable[tuple[str, int]], inside: set[tuple[str, int]], kept: set[tuple[str, int]]
) -> pd.DataFrame:
    rows = [(*place, place in inside, place in kept) for place in sorted(set(there))]
    kinds = {"student_id": "object", "sem_week": "int64", "within_capacity": "bool",
             "looked_after": "bool"}  # fmt: skip
    return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)


def _make_watchlist(
    listed: Mapping[str, float],
    others: Mapping[str, float],
    reasons: Mapping[str, list[Reason]],
) -> pd.DataFrame:
    columns = ["student_id", "risk_probability_pct", "on_watchlist", "reasons"]
    rows = [(student, risk, on, reasons.get(student, []))
            for on, risks in ((True, listed), (False, others))
            for student, risk in risks.items()]  # fmt: skip
    frame = pd.DataFrame(rows, columns=columns)
    return frame.astype({"risk_probability_pct": "float64", "on_watchlist": "bool"})


def _make_last_list(listed: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    usual = {"semester": SEMESTER, "class_id": CLASS, "advisor_id": ADVISOR, "risk_tier": "watch",
             "escalation_level": 1, "looked_after": False, "reasons": [], "rules": []}  # fmt: skip
    rows = [{"student_id": student, **usual, **entry} for student, entry in listed.items()]
    return pd.DataFrame(rows, columns=["student_id", *usual])


def _make_metrics(before: ScoredWeek | None) -> pd.DataFrame:
    columns = ["student_id", *METRICS]
    if before is not None:
        return before.metrics[columns]
    return pd.DataFrame(columns=columns).astype(dict.fromkeys(METRICS, "float64"))


def _make_contacts(contacts: Iterable[tuple[str, int, str, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(list(contacts), columns=["student_id", "sem_week", "kind", "until"])
    return frame.astype({"sem_week": "int64", "until": "datetime64[us]"})
