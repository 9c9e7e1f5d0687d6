"""The week's lists, put together: who is on them and why, who left, and what concerns a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.fields import TABLES
from edumetrics.triage import by_model, flags, what_if
from edumetrics.triage.evidence import measure_changes
from edumetrics.triage.reasons import ReasonBuilder, Record
from edumetrics.triage.situation import Situation
from edumetrics.types import Row


@dataclass(frozen=True)
class TriageLists:
    """One week's lists, with the columns of their tables except term, run_id and computed_at.

    Attributes:
        flags: rows of weekly_flags, in order of student_id; `reasons` are lists of records.
        exits: rows of list_exits, in order of student_id; `improved` are lists of records.
        findings: rows of class_findings.
    """

    flags: pd.DataFrame
    exits: pd.DataFrame
    findings: pd.DataFrame


def build_lists(situation: Situation) -> TriageLists:
    """Return the week's lists. The function is pure: the same situation gives the same lists."""
    standing = flags.apply_rules(situation)
    findings = flags.find_class_findings(situation, standing)
    # The findings above always come from the rules: a forecast has no leading reason to share.
    if situation.model is not None:
        standing = by_model.rank_by_model(situation, standing)
    listed = flags.build_list(situation, standing, findings)
    steps = what_if.find_steps(situation, standing, listed["row"].to_numpy())
    reasons = ReasonBuilder(situation, standing, listed)
    records = [reasons.build_records(n) for n in range(len(listed))]
    # With dtype "object" None stays None: pandas would infer strings, and make NaN of it.
    listed = listed.assign(
        reasons=pd.Series(records, dtype="object"),
        diagnosis=pd.Series(map(reasons.format_paragraph, records, steps), dtype="object"),
        off_list_if=pd.Series(steps, dtype="object"),
    )
    return TriageLists(
        flags=listed[TABLES["weekly_flags"].computed],
        exits=_find_exits(situation, listed["student_id"]),
        findings=_describe_findings(situation, findings),
    )


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


def _find_exits(situation: Situation, listed: pd.Series) -> pd.DataFrame:
    """Return who was on last week's list and is not on this one, and what improved.

    Returns:
        Rows of list_exits in order of student_id.
    """
    last = situation.memory.last
    left = last[~last["student_id"].isin(listed)].sort_values("student_id")
    now = {
        row["student_id"]: row
        for row in _select_records(situation.scored.metrics, left["student_id"])
    }
    before = {
        row["student_id"]: row
        for row in _select_records(situation.memory.metrics, left["student_id"])
    }
    lists = situation.memory.lists
    weeks = (
        lists[lists["student_id"].isin(left["student_id"])]
        .groupby("student_id")["sem_week"]
        .agg(set)
    )
    rows = [
        {
            # A student who moved to another class or advisor is reported there; the old place
            # serves only for students who are no longer on the roll.
            **{
                name: now.get(was["student_id"], was)[name]
                for name in ("semester", "class_id", "advisor_id")
            },
            "student_id": was["student_id"],
            "sem_week": situation.week,
            "weeks_on_list": _count_running_weeks(situation, weeks[was["student_id"]]),
            "improved": _list_improvements(
                situation, now.get(was["student_id"]), before.get(was["student_id"])
            ),
        }
        for was in left.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=TABLES["list_exits"].computed)


def _select_records(metrics: pd.DataFrame, students: pd.Series) -> list[Row]:
    return list(metrics[metrics["student_id"].isin(students)].to_dict("records"))


def _count_running_weeks(situation: Situation, weeks: set[int]) -> int:
    """Return how many teaching weeks running, ending with last week, are among some weeks.

    Grace weeks count, although escalation_level does not count them.
    """
    before = situation.calendar.get_teaching_weeks_before(situation.week, situation.week)
    return next((n for n, week in enumerate(before) if week not in weeks), len(before))


def _list_improvements(situation: Situation, now: Row | None, before: Row | None) -> list[Record]:
    """Return records of what improved since last week, the largest first; never empty."""
    if now is None:
        return [_make_record(situation, "off_roll", None, None)]
    if before is None:
        return [_make_record(situation, "nothing", None, None)]
    found = measure_changes(now, before)
    names = [name for name in sorted(found, key=lambda name: -found[name]) if found[name] > 0]
    records = [_describe_improvement(situation, name, now, before) for name in names]
    idle, idle_before = now["days_since_submission"], before["days_since_submission"]
    # Handed in this week, after at least two weeks without: a shorter gap is no news.
    if idle < 7 <= idle_before - 7:
        records.append(_make_record(situation, "work", idle, idle_before))
    return records or [_make_record(situation, "nothing", None, None)]


def _describe_improvement(situation: Situation, name: str, now: Row, before: Row) -> Record:
    """Return the record of one improved measure; `name` is a key of `CHANGES`."""
    if name == "attendance":
        # The sentence needs the counts too: a percentage alone hides a week with one lecture.
        return _make_record(
            situation, name, now["weekly_att_pct"], before["weekly_att_pct"],
            attended=now["week_lectures_attended"], held=now["week_lectures_held"],
            attended_before=before["week_lectures_attended"],
            held_before=before["week_lectures_held"],
        )  # fmt: skip
    metric = {"marks": "academic_performance", "activity": "effort_score"}[name]
    return _make_record(situation, name, now[metric], before[metric])


def _make_record(
    situation: Situation, code: str, value: float | None, baseline: float | None, **more: Any
) -> Record:
    """Return a record {code, text, value, baseline, points}; its points are 0."""
    sentences = situation.sentences
    # A sentence is formatted with numbers; those of students who left the roll mention none.
    text = sentences.say(
        "improved",
        code,
        value=value or 0,
        baseline=baseline or 0,
        week=situation.last_week,
        **more,
    )
    return {"code": code, "text": text, "value": value, "baseline": baseline, "points": 0.0}
