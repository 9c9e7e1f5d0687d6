"""Small weeks to triage, made from a few words through scoring, without any database.

Everyone attends all `HELD` lectures of every teaching week, and hands in all work on the last day
of its week, with the mark `MARK`. A test names only what is different.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from edumetrics.fields import COUNTED_FEEDS, RELATIONS
from edumetrics.fields.reasons import RULES
from edumetrics.params import Calendar, Params, Scoring, Triage, load
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.observed import observe
from edumetrics.scoring.risk import BASELINE_METRICS
from edumetrics.scoring.weekly import ScoredWeek, score_week
from edumetrics.settings import PROJECT
from edumetrics.triage import by_model, flags, rules
from edumetrics.triage.flags import ListDecision
from edumetrics.triage.reasons import ReasonBuilder
from edumetrics.triage.situation import METRICS, Memory, Ranking, Situation

HELD, MARK, SEMESTER, CLASS, ADVISOR = 10, 70.0, 2, "C", "ADV"
START = pd.Timestamp("2026-01-05")
# A mark that says: this work was not handed in.
NOT_IN = "not in"
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
"""Lists without any hard rule."""
QUIET = "zyxwvutsrq"
"""Students about whom there is nothing to say."""

Students = str | Sequence[str] | Mapping[str, Mapping[str, Any]]
Attended = int | tuple[int, int]
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
    contacts: Iterable[tuple[str, int, str, str | None]] = (),
    watchlist: Iterable[str] = (),
    out_of_reach: Iterable[str] = (),
    calendar: Calendar | None = None,
    scoring: Scoring | None = None,
    triage: Triage | None = None,
    model: Ranking | None = None,
    **facts: Any,
) -> Situation:
    """Return a week to triage, which remembers some weeks before it.

    Args:
        week: the semester week.
        past: how many teaching weeks before it are scored and remembered as well.
        last_list: by student, what differs from an entry on last week's list: a new one at Watch.
        earlier: by student, the weeks of older lists.
        contacts: student, week, kind, and the date until which it counts.
        watchlist: who is on the watchlist of the term.
        out_of_reach: for whom the attendance rule was out of reach in an earlier week.
        calendar, scoring, triage: the parameters; as shipped when None.
        model: what ranks the lists.
        facts: as `make_facts`.
    """
    calendar = calendar or Calendar()
    scoring = scoring or Scoring()
    history, before = EMPTY_HISTORY, None
    for earlier_week in calendar.get_teaching_weeks_before(week, past)[::-1]:
        before = _score(earlier_week, history, calendar, scoring, facts)
        history = _remember(history, before)
    last = calendar.get_teaching_weeks_before(week, 1)
    listed = {student: {"sem_week": w, **entry} for w in last
              for student, entry in (last_list or {}).items()}  # fmt: skip
    places = [(student, w) for student, weeks in (earlier or {}).items() for w in weeks]
    return Situation(
        scored=_score(week, history, calendar, scoring, facts),
        history=history,
        memory=Memory(
            lists=_make_places([*places, *((s, entry["sem_week"]) for s, entry in listed.items())]),
            last=_make_last_list(listed),
            metrics=_make_metrics(before),
            out_of_reach=pd.Series(list(out_of_reach), dtype="object"),
            watchlist=pd.Series(list(watchlist), dtype="object"),
            contacts=_make_contacts(contacts),
        ),
        calendar=calendar,
        scoring=scoring,
        triage=triage or Triage(),
        sentences=shipped().sentences,
        model=model,
    )


def follow(weeks: Sequence[int], **given: Any) -> dict[int, pd.DataFrame]:
    """Return the lists of some weeks by student, each of which remembers those before it.

    Args:
        weeks: ascending semester weeks, without a gap; the first has no list before it.
        given: as `situation`.
    """
    found: dict[int, pd.DataFrame] = {}
    earlier: dict[str, list[int]] = {}
    gone: set[str] = set()
    last: dict[str, dict[str, Any]] = {}
    for n, week in enumerate(weeks):
        now = situation(week=week, past=n, last_list=last, earlier=earlier, out_of_reach=gone,
                        **given)  # fmt: skip
        found[week] = make_list(now)
        gone |= set(now.students[rules.is_out_of_reach(now.scored)])
        last = found[week].to_dict("index")
        for student in last:
            earlier.setdefault(student, []).append(week)
    return found


def decide(**given: Any) -> tuple[Situation, ListDecision]:
    """Return a situation and what the rules decide in it."""
    now = situation(**given)
    return now, flags.apply_rules(now)


def make_list(now: Situation) -> pd.DataFrame:
    """Return the list by student, with its reasons but without what would take someone off."""
    standing = flags.apply_rules(now)
    findings = flags.find_class_findings(now, standing)
    if now.model is not None:
        standing = by_model.rank_by_model(now, standing)
    listed = flags.build_list(now, standing, findings)
    reasons = ReasonBuilder(now, standing, listed)
    records = [reasons.build_records(n) for n in range(len(listed))]
    return listed.assign(reasons=pd.Series(records, dtype="object")).set_index("student_id")


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
        "students": "".join(risks) + QUIET[: len(risks) + 1],
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


def make_facts(
    week: int,
    *,
    students: Students = "ab",
    attendance: Mapping[str, Mapping[int, Attended]] | None = None,
    due: Sequence[int] = (),
    quizzes: Sequence[int] = (),
    skipped: Mapping[str, Sequence[int]] | None = None,
    marks: Mapping[str, Mapping[int, float | str | None]] | None = None,
    similarity: Mapping[str, float] | None = None,
    active_days: Mapping[str, Mapping[int, int]] | None = None,
    dated: bool = True,
    early: Mapping[str, int] | None = None,
    midterms: Mapping[str, float] | None = None,
) -> Facts:
    """Return what the college knew at the end of a week.

    Args:
        week: the semester week.
        students: their ids, or by id what differs: class_id, advisor_id, withdrawn_on, joined_on.
        attendance: by student and week, lectures attended of `HELD`, or attended and held.
        due: the week of each assignment.
        quizzes: the week of each quiz.
        skipped: by student, the weeks whose quizzes were not attempted.
        marks: by student and week, the mark of all assignments of the week; `NOT_IN` where they
            were not handed in, None where they have no mark.
        similarity: by student, the similarity report of the work of this week, percent.
        active_days: by student and week, days on the learning platform.
        dated: whether submissions have a date.
        early: by student, how many days before the last day of its week work is handed in.
        midterms: by student, the midterm score.
    """
    people = {s: {} for s in students} if not isinstance(students, Mapping) else students
    roll = pd.DataFrame(
        [
            {"student_id": student, "class_id": CLASS, "advisor_id": ADVISOR,
             "joined_on": pd.NaT, "withdrawn_on": pd.NaT, **more}
            for student, more in people.items()
        ]
    ).astype({"joined_on": "datetime64[us]", "withdrawn_on": "datetime64[us]"})  # fmt: skip
    classes = dict(zip(roll["student_id"], roll["class_id"], strict=True))
    names = sorted(set(classes.values()))
    known = _get_last_day(week)

    def on(student: str, due_week: int) -> Any:
        day = _get_last_day(due_week) - pd.Timedelta(days=(early or {}).get(student, 0))
        return day if dated else pd.NaT

    handed_in = [
        {**_make_done(student, classes[student], w, due.count(w), mark, on(student, w)),
         "similarity": (similarity or {}).get(student) if w == week else None}
        for student in classes
        for w in sorted(set(due))
        if w <= week and (mark := (marks or {}).get(student, {}).get(w, MARK)) != NOT_IN
    ]  # fmt: skip
    attempted = [
        _make_done(student, classes[student], w, quizzes.count(w), MARK, on(student, w))
        for student in classes
        for w in sorted(set(quizzes))
        if w <= week and w not in (skipped or {}).get(student, ())
    ]
    return Facts(
        week=week,
        students=roll,
        class_semesters=pd.DataFrame({"class_id": names, "semester": SEMESTER}),
        dates=pd.DataFrame(
            [(name, SEMESTER, w, _get_last_day(w) - pd.Timedelta(days=6))
             for name in names for w in range(1, week + 1)],
            columns=["class_id", "semester", "week", "week_date"],
        ),
        attendance=_make_registers(classes, attendance or {}, week),
        double_registers=_make_frame("student_id", week="int64", class_id="str"),
        assignments=_make_items("A", names, due),
        quizzes=_make_items("Q", names, quizzes),
        assignments_done=_make_done_frame(handed_in, known),
        quizzes_done=_make_done_frame(attempted, known),
        extensions=_make_frame("student_id", item_id="str", week="int64"),
        excuses=None,
        enrolments=None,
        weekly={feed: _make_feed(feed, active_days or {}) for feed in COUNTED_FEEDS},
        midterms=pd.DataFrame(
            [(s, score, known) for s, score in (midterms or {}).items()],
            columns=["student_id", "score", "known_by"],
        ).astype({"known_by": "datetime64[us]", "score": "float64"}),
    )  # fmt: skip


EMPTY_HISTORY = pd.DataFrame(
    {"student_id": pd.Series(dtype="str"), "sem_week": pd.Series(dtype="int64")}
    | {name: pd.Series(dtype="float64") for name in (*BASELINE_METRICS, "lms_events", "library_visits")}
)  # fmt: skip


def score(
    week: int, *, calendar: Calendar | None = None, scoring: Scoring | None = None, **facts: Any
) -> ScoredWeek:
    """Return a scored week without any history; `facts` as `make_facts`."""
    return _score(week, EMPTY_HISTORY, calendar or Calendar(), scoring or Scoring(), facts)


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


def _get_last_day(week: int) -> pd.Timestamp:
    return START + pd.Timedelta(days=7 * week - 1)


def _make_frame(first: str, **columns: str) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series(dtype=kind) for name, kind in ({first: "str"} | columns).items()}
    )


def _make_registers(
    classes: Mapping[str, str], attendance: Mapping[str, Mapping[int, Attended]], week: int
) -> pd.DataFrame:
    rows = []
    for student, name in classes.items():
        for w in range(1, week + 1):
            said = attendance.get(student, {}).get(w, HELD)
            present, held = said if isinstance(said, tuple) else (said, HELD)
            rows.append((student, name, SEMESTER, w, held, present))
    return pd.DataFrame(
        rows, columns=["student_id", "class_id", "semester", "week", "held", "present"]
    )


def _make_items(kind: str, names: Sequence[str], weeks: Sequence[int]) -> pd.DataFrame:
    rows = [(f"{kind}{name}{n}", name, SEMESTER, "S", float(w)) for name in names
            for n, w in enumerate(weeks)]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["item_id", "class_id", "semester", "subject_id", "due_week"]
    ).astype({"class_id": "str", "semester": "int64", "due_week": "float64"})


def _make_done(
    student: str, name: str, week: int, count: int, mark: Any, on: Any
) -> dict[str, Any]:
    marked = 0 if mark is None else count
    return {
        "student_id": student, "class_id": name, "semester": SEMESTER, "week": float(week),
        "done": count, "marked": marked, "mark_sum": float(mark or 0) * marked,
        "last_date": on,
        "judged": 0, "quality_sum": 0.0, "similarity": None,
    }  # fmt: skip


def _make_done_frame(rows: list[dict[str, Any]], known_by: pd.Timestamp) -> pd.DataFrame:
    columns = list(_make_done("", "", 1, 0, 0.0, pd.NaT))
    frame = pd.DataFrame(rows, columns=columns).assign(known_by=known_by)
    return frame.astype({"last_date": "datetime64[us]", "similarity": "float64", "week": "float64"})


def _make_feed(feed: str, active_days: Mapping[str, Mapping[int, int]]) -> pd.DataFrame:
    metrics = [count.metric for count in RELATIONS[feed].counts]
    rows = [(student, SEMESTER, w, *(days if name == "lms_active_days" else 0 for name in metrics))
            for student, weeks in active_days.items() for w, days in weeks.items()
            if "lms_active_days" in metrics]  # fmt: skip
    return pd.DataFrame(rows, columns=["student_id", "semester", "week", *metrics])


def _make_places(places: Iterable[tuple[str, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(sorted(set(places)), columns=["student_id", "sem_week"])
    return frame.astype({"student_id": "object", "sem_week": "int64"})


def _make_last_list(listed: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    usual = {"semester": SEMESTER, "class_id": CLASS, "advisor_id": ADVISOR, "risk_tier": "watch",
             "escalation_level": 1, "looked_after": False, "reasons": []}  # fmt: skip
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
