"""The week's lists, put together: who is on them and why, who left them, and what concerns a whole class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.fields import TABLES
from edumetrics.triage import by_model, flags, what_if
from edumetrics.triage.reasons import Reasons, Record, changes
from edumetrics.triage.situation import Row, Situation


@dataclass(frozen=True)
class Lists:
    """One week's lists, with the columns of their tables but term, run_id and computed_at.

    Attributes:
        flags: weekly_flags, in order of student_id; `reasons` are lists of records.
        exits: list_exits, in order of student_id; `improved` likewise.
        findings: class_findings.
    """

    flags: pd.DataFrame
    exits: pd.DataFrame
    findings: pd.DataFrame


def triage(situation: Situation) -> Lists:
    """Draw up the week's lists. Pure: the same situation gives the same lists."""
    standing = flags.stand(situation)
    findings = flags.class_findings(situation, standing)
    if situation.model is not None:
        standing = by_model.stand(situation, standing)
    listed = flags.flag(situation, standing, findings)
    steps = what_if.off_list_if(situation, standing, listed["row"].to_numpy())
    reasons = Reasons(situation, standing, listed)
    records = [reasons.records(n) for n in range(len(listed))]
    listed = listed.assign(
        reasons=pd.Series(records, dtype="object"),
        diagnosis=pd.Series(map(reasons.paragraph, records, steps), dtype="object"),
        off_list_if=pd.Series(steps, dtype="object"),
    )
    return Lists(
        flags=listed[TABLES["weekly_flags"].computed],
        exits=_exits(situation, listed["student_id"]),
        findings=_findings(situation, findings),
    )


def _findings(situation: Situation, found: pd.DataFrame) -> pd.DataFrame:
    sentences = situation.sentences
    texts = [
        sentences.say(
            sentences.findings[code], students=students, size=size, share=100 * students / size
        )
        for code, students, size in zip(
            found["code"], found["students_affected"], found["size"], strict=True
        )
    ]
    return found.assign(sem_week=situation.week, text=pd.Series(texts, dtype="object"))[
        TABLES["class_findings"].computed
    ]


def _exits(situation: Situation, listed: pd.Series) -> pd.DataFrame:
    """Who was on last week's list and is not on this one, and what improved."""
    last = situation.memory.last
    left = last[~last["student_id"].isin(listed)].sort_values("student_id")
    now = {row["student_id"]: row for row in _rows(situation.scored.metrics, left["student_id"])}
    before = {row["student_id"]: row for row in _rows(situation.memory.metrics, left["student_id"])}
    lists = situation.memory.lists
    weeks = (
        lists[lists["student_id"].isin(left["student_id"])]
        .groupby("student_id")["sem_week"]
        .agg(set)
    )
    rows = [
        {
            # Who moved to another class or advisor is told of there.
            **{
                name: now.get(was["student_id"], was)[name]
                for name in ("semester", "class_id", "advisor_id")
            },
            "student_id": was["student_id"],
            "sem_week": situation.week,
            "weeks_on_list": _running(situation, weeks[was["student_id"]]),
            "improved": _improved(
                situation, now.get(was["student_id"]), before.get(was["student_id"])
            ),
        }
        for was in left.to_dict("records")
    ]
    return pd.DataFrame(rows, columns=TABLES["list_exits"].computed)


def _rows(metrics: pd.DataFrame, students: pd.Series) -> list[Row]:
    return list(metrics[metrics["student_id"].isin(students)].to_dict("records"))


def _running(situation: Situation, weeks: set[int]) -> int:
    """How many teaching weeks running before this one, grace weeks included, are among some weeks."""
    before = situation.calendar.teaching_weeks_before(situation.week, situation.week)
    return next((n for n, week in enumerate(before) if week not in weeks), len(before))


def _improved(situation: Situation, now: Row | None, before: Row | None) -> list[Record]:
    """What improved since last week, most first; never empty."""
    if now is None:
        return [_record(situation, "off_roll", None, None)]
    if before is None:
        return [_record(situation, "nothing", None, None)]
    found = changes(now, before)
    names = [name for name in sorted(found, key=lambda name: -found[name]) if found[name] > 0]
    records = [_better(situation, name, now, before) for name in names]
    idle, idle_before = now["days_since_submission"], before["days_since_submission"]
    if idle < 7 <= idle_before - 7:
        records.append(_record(situation, "work", idle, idle_before))
    return records or [_record(situation, "nothing", None, None)]


def _better(situation: Situation, name: str, now: Row, before: Row) -> Record:
    if name == "attendance":
        return _record(
            situation, name, now["weekly_att_pct"], before["weekly_att_pct"],
            attended=now["week_lectures_attended"], held=now["week_lectures_held"],
            attended_before=before["week_lectures_attended"], held_before=before["week_lectures_held"],
        )  # fmt: skip
    metric = {"marks": "academic_performance", "activity": "effort_score"}[name]
    return _record(situation, name, now[metric], before[metric])


def _record(
    situation: Situation, code: str, value: float | None, baseline: float | None, **more: Any
) -> Record:
    sentences = situation.sentences
    text = sentences.say(
        sentences.improved[code],
        value=value or 0,
        baseline=baseline or 0,
        week=situation.last_week,
        **more,
    )
    return {"code": code, "text": text, "value": value, "baseline": baseline, "points": 0.0}
