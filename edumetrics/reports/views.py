"""View models: what a page says, frozen, without any HTML."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.params import Calendar
from edumetrics.reports.cards import UNASSIGNED, AdvisorList, advisor_lists, shown_name, words
from edumetrics.triage.lists import Lists


@dataclass(frozen=True)
class Advisee:
    """One row of the table of advisees; numbers as they are read, None where the data cannot tell."""

    name: str
    roll_number: str
    class_id: str
    attendance: int | None
    attendance_to_date: int | None
    can_miss: str | None
    handed_in: int | None
    activity: int | None
    academic: int | None


@dataclass(frozen=True)
class AdvisorPage:
    """One advisor's page for one week."""

    advisor_id: str
    advisor_name: str
    dates: str
    headline: str
    ahead: str
    list: AdvisorList
    findings: tuple[str, ...]
    advisees: tuple[Advisee, ...]
    class_activity: int | None
    class_academic: int | None
    health: tuple[str, ...]


def advisor_pages(
    metrics: pd.DataFrame,
    lists: Lists,
    names: pd.DataFrame,
    advisors: pd.DataFrame,
    health: pd.DataFrame,
    week: int,
    first_day: pd.Timestamp,
    calendar: Calendar,
) -> list[AdvisorPage]:
    """One page for every advisor with advisees on this week's roll, and one for students without an advisor.

    Args:
        metrics: the week's metrics.
        lists: the week's lists.
        names: student_id, name, roll_number.
        advisors: advisor_id, name.
        health: data-health findings.
        week: semester week.
        first_day: its first day.
        calendar: which exam is ahead.
    """
    rows = metrics.merge(names, on="student_id", how="left").sort_values(["class_id", "roll_number", "student_id"])
    called = advisors.set_index("advisor_id")["name"]
    mine = advisor_lists(lists, names)
    pages = []
    for advisor_id, group in rows.fillna({"advisor_id": UNASSIGNED}).groupby("advisor_id"):
        known = called.get(str(advisor_id))
        pages.append(
            AdvisorPage(
                advisor_id=str(advisor_id),
                advisor_name=_reader(str(advisor_id), known),
                dates=week_dates(first_day),
                headline=_headline(week, mine.get(str(advisor_id), AdvisorList()), len(group)),
                ahead=exam_ahead(week, calendar),
                list=mine.get(str(advisor_id), AdvisorList()),
                findings=tuple(lists.findings.loc[lists.findings["class_id"].isin(group["class_id"]), "text"]),
                advisees=tuple(_advisee(row) for row in group.to_dict("records")),
                class_activity=_whole(group["effort_score"].median()),
                class_academic=_whole(group["academic_performance"].median()),
                health=_health_lines(health, set(group["class_id"])),
            )
        )
    return pages


def _reader(advisor_id: str, known: Any) -> str:
    if advisor_id == UNASSIGNED:
        return "whoever looks after students without an advisor"
    return advisor_id if pd.isna(known) else str(known)


def _headline(week: int, mine: AdvisorList, students: int) -> str:
    """How many are on the list, of how many, and how many of them are new."""
    of = f"{mine.length} of {students} {'student' if students == 1 else 'students'}"
    return f"Week {week} · {of}" + (f" · {mine.new} new" if mine.new else "")


def week_dates(first_day: pd.Timestamp) -> str:
    """Seven days as people write them.

    >>> week_dates(pd.Timestamp("2026-03-30"))
    '30 March to 5 April 2026'
    """
    last = first_day + pd.Timedelta(days=6)
    begins = f"{first_day.day}" if first_day.month == last.month else f"{first_day.day} {first_day:%B}"
    return f"{begins} to {last.day} {last:%B %Y}"


def exam_ahead(week: int, calendar: Calendar) -> str:
    """A sentence on the next exam; empty when none is ahead."""
    for name, exam in (("midterm", calendar.midterm_week), ("end-term exam", calendar.endterm_week)):
        if exam is not None and exam > week:
            away = exam - week
            return f"The {name} is in {away} {'week' if away == 1 else 'weeks'}, in week {exam}."
    return ""


def _advisee(row: Mapping[Hashable, Any]) -> Advisee:
    left, miss = _whole(row["lectures_left"]), _whole(row["lectures_can_miss"])
    return Advisee(
        name=shown_name(row),
        roll_number=words(row["roll_number"]),
        class_id=str(row["class_id"]),
        attendance=_whole(row["weekly_att_pct"]),
        attendance_to_date=_whole(row["overall_att_pct"]),
        can_miss=_can_miss(left, _whole(row["lectures_to_attend"]), miss),
        handed_in=_whole(row["submission_pct"]),
        activity=_whole(row["effort_score"]),
        academic=_whole(row["academic_performance"]),
    )


def _can_miss(left: int | None, needed: int | None, miss: int | None) -> str | None:
    if left is None or needed is None or miss is None:
        return None
    return "out of reach" if needed > left else f"{miss} of {left}"


def _health_lines(health: pd.DataFrame, classes: set[str]) -> tuple[str, ...]:
    """How fresh each feed is, and what was wrong with the data of these classes."""
    about = health[
        health["class_id"].isin(classes | {"all"}) & ((health["count"] > 0) | health["check"].str.endswith(": feed"))
    ]
    return tuple(dict.fromkeys(about["message"]))


def _whole(value: Any) -> int | None:
    return None if pd.isna(value) else round(float(value))
