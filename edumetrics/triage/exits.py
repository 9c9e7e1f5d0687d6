"""Who is no longer on the list: what improved, and what remains."""

from __future__ import annotations

from typing import Any

import pandas as pd

from edumetrics.fields import TABLES
from edumetrics.fields.reasons import REASONS
from edumetrics.triage.choice import Record, choose_facts, get_kind
from edumetrics.triage.evidence import CHANGES, measure_changes
from edumetrics.triage.situation import Situation
from edumetrics.types import Row

LEFT, NOT_LISTED, WITHDRAWN = "left", "no longer listed", "withdrawn"
# By topic of a reason: the improvements that answer it.
ANSWERS = {
    "attendance": {"attendance", "spare"},
    "work": {"work", "handed_in"},
    "marks": {"marks"},
    "activity": {"activity"},
}
# How many facts are told of what remains.
REMAINING = 2


def find_exits(
    situation: Situation, listed: pd.Series, reasons: dict[str, list[Record]]
) -> pd.DataFrame:
    """Return who was on last week's list and is not on this one, and what improved.

    Someone has *left* where the measure of last week's strongest reason is better by more than its
    reading error, and no longer bad in itself. Else the student is *no longer listed*: others are
    more urgent. Bad in itself is attendance of the week under half, or the rule out of reach; an
    average mark below the pass mark; an assignment that is open.

    Args:
        situation: the week.
        listed: student_id of this week's list.
        reasons: by student, this week's facts about those who are not on it any more.

    Returns:
        Rows of list_exits in order of student_id.
    """
    last = situation.memory.last
    gone = last[~last["student_id"].isin(listed)].sort_values("student_id")
    now = _index_rows(situation.scored.metrics, gone["student_id"])
    before = _index_rows(situation.memory.metrics, gone["student_id"])
    counts = situation.memory.lists.groupby("student_id").size()
    rows = []
    for was in gone.to_dict("records"):
        student = was["student_id"]
        mine, then = now.get(student), before.get(student)
        facts = reasons.get(student, [])
        improved = _list_improvements(situation, mine, then, was["reasons"], facts)
        # A student who moved to another class or advisor is reported there; the old place serves
        # only for students who are no longer on the roll.
        place = {name: (mine or was)[name] for name in ("semester", "class_id", "advisor_id")}
        rows.append(
            {
                **place,
                "student_id": student,
                "sem_week": situation.week,
                "kind": _classify_exit(situation, mine, was["reasons"], improved, facts),
                "weeks_on_list": int(counts[student]),
                "improved": improved,
                "remaining": _list_remaining(facts),
            }
        )
    return pd.DataFrame(rows, columns=TABLES["list_exits"].computed)


def _index_rows(metrics: pd.DataFrame, students: pd.Series) -> dict[str, Row]:
    rows = metrics[metrics["student_id"].isin(students)].to_dict("records")
    return {str(row["student_id"]): row for row in rows}


def _classify_exit(
    situation: Situation,
    now: Row | None,
    told: list[Record],
    improved: list[Record],
    facts: list[Record],
) -> str:
    """Return left, no longer listed, or withdrawn (no longer on the roll)."""
    if now is None:
        return WITHDRAWN
    topic = _find_strongest_topic(told)
    better = {record["code"] for record in improved}
    # Where the strongest reason has no measure of its own, any improvement answers it.
    answered = better & ANSWERS[topic] if topic else better
    return NOT_LISTED if not answered or _is_still_bad(situation, topic, now, facts) else LEFT


def _find_strongest_topic(told: list[Record]) -> str:
    """Return what last week's strongest reason was about; empty where no topic is known."""
    known = [REASONS[record["code"]].topic for record in told if record["code"] in REASONS]
    return next(iter(filter(None, known)), "")


def _is_still_bad(situation: Situation, topic: str, now: Row, facts: list[Record]) -> bool:
    """Return whether the measure of a topic is bad in itself this week, whatever improved."""
    # Comparisons with NaN are False: what is not known is not held against the student.
    if topic == "attendance":
        few = 2 * now["week_lectures_attended"] < now["week_lectures_held"]
        return bool(few or now["lectures_to_attend"] > now["lectures_left"])
    if topic == "marks":
        return bool(now["academic_performance"] < situation.scoring.pass_mark)
    return topic == "work" and _is_work_open(facts)


def _is_work_open(facts: list[Record]) -> bool:
    """Return whether the facts name an assignment that can still be handed in."""
    return any(item["open"] for record in facts for item in record.get("items", ()))


def _list_remaining(facts: list[Record]) -> list[Record]:
    """Return the strongest facts that remain."""
    return choose_facts(facts)[:REMAINING]


def _list_improvements(
    situation: Situation,
    now: Row | None,
    before: Row | None,
    told: list[Record],
    facts: list[Record],
) -> list[Record]:
    """Return records of what improved since last week, the largest first."""
    if now is None:
        return [_make_record(situation, "off_roll", None, None)]
    if before is None:
        return []
    found = measure_changes(
        now, before, situation.triage.reading_error, situation.scoring.least_coverage
    )
    names = [name for name in sorted(found, key=lambda name: -found[name]) if found[name] > 0]
    records = [_describe_improvement(situation, name, now, before) for name in names]
    idle, idle_before = now["days_since_submission"], before["days_since_submission"]
    # Handed in this week, after at least a week without.
    if idle < 7 <= idle_before:
        records.append(_make_record(situation, "work", idle, idle_before))
    handed_in, asked = _count_handed_in(situation, told, facts)
    if idle < 7 and handed_in:
        records.append(_make_record(situation, "handed_in", handed_in, asked))
    spare, spare_before = now["lectures_can_miss"], before["lectures_can_miss"]
    if any(get_kind(record) == "ahead" for record in told) and spare > spare_before:
        records.append(_make_record(situation, "spare", spare, spare_before))
    return records


def _count_handed_in(
    situation: Situation, told: list[Record], facts: list[Record]
) -> tuple[int, int]:
    """Return how many of last week's open items are in now, and how many were open."""
    days = situation.triage.late_days
    was = [item for record in told for item in record.get("items", ()) if item["open"]]
    # An item that is too old to be open any more has not been handed in.
    lately = [item for item in was if 7 * (situation.week - item["week"]) <= days]
    missing = {item["name"] for record in facts for item in record.get("items", ())}
    return sum(item["name"] not in missing for item in lately), len(was)


def _describe_improvement(situation: Situation, name: str, now: Row, before: Row) -> Record:
    """Return the record of one improved measure; `name` is a key of `CHANGES`."""
    metric = CHANGES[name]
    if name != "attendance":
        return _make_record(situation, name, now[metric], before[metric])
    # The sentence needs the counts too: a percentage alone hides a week with one lecture.
    return _make_record(
        situation, name, now[metric], before[metric],
        attended=now["week_lectures_attended"], held=now["week_lectures_held"],
        attended_before=before["week_lectures_attended"], held_before=before["week_lectures_held"],
    )  # fmt: skip


def _make_record(
    situation: Situation, code: str, value: float | None, baseline: float | None, **more: Any
) -> Record:
    """Return a record {code, text, value, baseline, points}; its points are 0."""
    sentences = situation.sentences
    # A sentence is formatted with numbers; those of students who left the roll mention none.
    text = sentences.say(
        "improved", code, value=value or 0, baseline=baseline or 0, week=situation.last_week, **more
    )
    return {"code": code, "text": text, "value": value, "baseline": baseline, "points": 0.0}
