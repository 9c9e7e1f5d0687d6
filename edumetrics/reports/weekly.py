"""Build the weekly report of an advisor.

It says who to start with, who comes next, who is looked after, who left the list, and how the class
does in numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import pandas as pd

from edumetrics.reports import cards
from edumetrics.reports.context import Occasion, build_table_row, format_cell, round_value
from edumetrics.reports.galaxy import build_galaxy
from edumetrics.reports.model import (
    NumberRow,
    Numbers,
    Prose,
    Report,
    Section,
    Students,
    StudentTable,
    TableRow,
)
from edumetrics.reports.moments import Sections, sort_by_roll_number
from edumetrics.reports.sparklines import Panel, build_panel
from edumetrics.triage.flags import CONTACTS
from edumetrics.types import Row

# Phrase of the label, column of weekly_metrics, unit.
MEASURES = (("label_activity", "effort_score", ""),
            ("label_performance", "academic_performance", ""),
            ("label_attendance", "weekly_att_pct", "%"),
            ("label_work", "submission_pct", "%"))  # fmt: skip
# `_build_row` has the cells in this order.
COLUMNS = ("column_attended", "column_attended_to_date", "column_can_miss", "column_work",
           "label_activity", "label_performance")  # fmt: skip
# `college.health` writes this into its messages about feeds, and `_describe_health` splits them
# here: change both together.
UP_TO = ": recorded up to "
NOTHING_MORE: Sections = MappingProxyType({})


@dataclass(frozen=True)
class WeekRows:
    """The stored rows of a week, and of the weeks before it.

    Attributes:
        metrics, last: weekly_metrics of the week and of the teaching week before.
        flags, exits, findings: weekly_flags, list_exits and class_findings of the week.
        courses: weekly_metrics of the weeks so far, of students on the lists, in any order.
        contacts: the intervention log of the term, without notes.
        health: data-health findings of the newest finished run of the week.
    """

    metrics: pd.DataFrame
    last: pd.DataFrame
    flags: pd.DataFrame
    exits: pd.DataFrame
    findings: pd.DataFrame
    courses: pd.DataFrame
    contacts: pd.DataFrame
    health: pd.DataFrame


def build_weekly_reports(
    occasion: Occasion, stored: WeekRows, moments: Sections = NOTHING_MORE
) -> list[Report]:
    """Return one report for every advisor with students on the week's roll.

    Students without an advisor have one report together (`UNASSIGNED`).

    Args:
        occasion: the moment.
        stored: the rows of the week.
        moments: by advisor_id, the sections that other stages of the week add to the list.

    Returns:
        The reports, in order of advisor_id.

    Raises:
        SettingsError: the template of the letter cannot be used.
    """
    mine = dict(occasion.group_by_advisor(stored.flags.sort_values("triage_rank")))
    left = dict(occasion.group_by_advisor(stored.exits.sort_values("student_id")))
    calendar, week = occasion.calendar, occasion.week
    # A card shows the last contact of any kind; care follows only from some kinds of contact.
    known = stored.contacts, stored.contacts[stored.contacts["kind"].isin(CONTACTS)]
    latest, caring = (
        cards.find_last_contacts(some, stored.courses, week, calendar) for some in known
    )
    # Only cards have a panel, so only students within capacity need one.
    shown = stored.flags.loc[stored.flags["within_capacity"], "student_id"]
    courses = stored.courses[stored.courses["student_id"].isin(shown)].groupby("student_id")
    sentences = occasion.params.sentences
    panels = {
        str(student): build_panel(sentences, course, week, calendar) for student, course in courses
    }
    # Empty slices keep their columns: an advisor without a list is no special case below.
    empty, nobody = stored.flags.iloc[:0], stored.exits.iloc[:0]
    by_class: dict[Any, pd.DataFrame] = dict(list(stored.metrics.groupby("class_id")))
    reports = []
    for advisor, group in occasion.group_by_advisor(stored.metrics):
        flags = mine.get(advisor, empty)
        lists = (
            *_build_lists(occasion, advisor, flags, latest, caring, panels),
            *moments.get(advisor, ()),
            *_build_departures(occasion, left.get(advisor, nobody)),
        )
        reports.append(_build_report(occasion, stored, advisor, group, flags, lists, by_class))
    return reports


def build_held_report(report: Report, why: str) -> Report:
    """Return what an advisor receives instead of a report that is held back.

    Args:
        report: the report; its reader and its moment stay.
        why: the reason, in whole sentences.
    """
    say = partial(report.sentences.say, "reports")
    # The sections name students, so a held report has none.
    return replace(
        report,
        subject=say("held_subject", week=report.week),
        headline=say("held_headline"),
        lead=say("held_lead", why=why),
        sections=(),
    )


def _build_report(
    occasion: Occasion,
    stored: WeekRows,
    advisor: str,
    group: pd.DataFrame,
    flags: pd.DataFrame,
    lists: tuple[Section, ...],
    by_class: dict[Any, pd.DataFrame],
) -> Report:
    """Return the report of one advisor; `group` has all students, `flags` those on the list."""
    say, classes = occasion.say, group["class_id"]
    new = int((flags["status"] == "new").sum())
    findings = tuple(stored.findings.loc[stored.findings["class_id"].isin(classes), "text"])
    about = (Prose(say("class_title"), (*findings, say("class_note"))),) if findings else ()
    fresh = _describe_health(occasion, stored.health, set(classes))
    return Report(
        stage=occasion.stage,
        term=occasion.term,
        week=occasion.week,
        advisor_id=advisor,
        reader=occasion.get_reader(advisor),
        classes=tuple(sorted(classes.unique())),
        subject=say(
            "weekly_subject",
            week=occasion.week,
            listed=len(flags),
            students=len(group),
            new=new,
        ),
        kicker=occasion.format_kicker(classes),
        headline=_build_headline(occasion, advisor, flags, len(group)),
        lead=_build_lead(occasion, flags, new, len(findings)),
        sections=(
            *lists,
            *about,
            _build_numbers(occasion, stored, group, flags, by_class),
            _build_table(occasion, group),
            Prose(say("freshness_title"), (fresh,)),
            occasion.build_closing(say("reading_activity")),
        ),
        sentences=occasion.params.sentences,
    )


def _build_headline(occasion: Occasion, advisor: str, flags: pd.DataFrame, students: int) -> str:
    """Return in a sentence how many of the advisor's students to start with."""
    first = int(flags["within_capacity"].sum())
    if first:
        who = occasion.describe_count(advisor, first, students)
        return occasion.say("weekly_headline", who=who)
    # `triage.flags.rank` gives the most urgent student a place unless everyone is looked after.
    return occasion.say("weekly_cared" if len(flags) else "weekly_nobody")


def _build_lead(occasion: Occasion, flags: pd.DataFrame, new: int, findings: int) -> str:
    """Return sentences on who is new, who comes next, the next exam, and the whole class."""
    first = int(flags["within_capacity"].sum())
    # Students who are looked after have no place within capacity: nobody is subtracted twice.
    rest = len(flags) - first - int(flags["looked_after"].sum())
    told = []
    if new:
        told.append(occasion.say("weekly_new", count=new))
    if rest:
        told.append(occasion.say("weekly_more", count=rest))
    if len(flags) and occasion.week <= occasion.calendar.grace_weeks:
        told.append(occasion.say("weekly_early", week=occasion.week))
    told.append(occasion.describe_next_exam())
    if findings:
        told.append(occasion.say("weekly_findings", count=findings))
    return " ".join(filter(None, told))


def _build_lists(
    occasion: Occasion,
    advisor: str,
    flags: pd.DataFrame,
    latest: dict[str, Row],
    caring: dict[str, Row],
    panels: dict[str, Panel | None],
) -> tuple[Section, ...]:
    """Return the sections of the list; a section without students is left out."""
    inside, cared_for = flags["within_capacity"].astype(bool), flags["looked_after"].astype(bool)
    found = (
        Students(
            occasion.say("start_title"),
            occasion.say("start_note"),
            cards.build_cards(occasion, advisor, flags[inside], latest, panels),
        ),
        Students(
            occasion.say("briefly_title"),
            "",
            cards.build_lines(occasion, flags[~inside & ~cared_for]),
            brief=True,
        ),
        Students(
            occasion.say("cared_title"),
            "",
            cards.build_care_lines(occasion, flags[cared_for], caring),
            brief=True,
        ),
    )
    return tuple(section for section in found if section.entries)


def _build_departures(occasion: Occasion, left: pd.DataFrame) -> tuple[Section, ...]:
    """Return the section of students who left the list; no section where nobody did."""
    title, note = occasion.say("left_title"), occasion.say("left_note")
    return (
        (Students(title, note, cards.build_departure_lines(occasion, left), brief=True),)
        if len(left)
        else ()
    )


def _build_numbers(
    occasion: Occasion,
    stored: WeekRows,
    group: pd.DataFrame,
    flags: pd.DataFrame,
    by_class: dict[Any, pd.DataFrame],
) -> Numbers:
    """Return medians of the advisor's students this week and last week, with the galaxy."""
    # The same students in both weeks: a change is never a change of who is counted.
    last = stored.last[stored.last["student_id"].isin(group["student_id"])]
    classes = pd.concat([by_class[name] for name in group["class_id"].unique()])
    # Classmates with another advisor are the background of the galaxy.
    others = classes[~classes["student_id"].isin(group["student_id"])]
    return Numbers(
        title=occasion.say("numbers_title"),
        about=occasion.say("numbers_about"),
        now=occasion.say("this_week"),
        before=occasion.say("last_week"),
        rows=tuple(
            NumberRow(
                occasion.say(label),
                round_value(group[name].median()),
                round_value(last[name].median()),
                unit,
            )
            for label, name, unit in MEASURES
            # A college without such records has no row for the measure.
            if group[name].notna().any() or last[name].notna().any()
        ),
        galaxy=build_galaxy(
            occasion.params.sentences,
            group,
            flags.set_index("student_id")["risk_tier"],
            last,
            others,
        ),
    )


def _build_table(occasion: Occasion, group: pd.DataFrame) -> StudentTable:
    rows = tuple(_build_row(occasion, row) for row in sort_by_roll_number(group))
    return StudentTable(occasion.say("table_title"), tuple(map(occasion.say, COLUMNS)), rows)


def _build_row(occasion: Occasion, row: Row) -> TableRow:
    return build_table_row(
        row,
        format_cell(row["weekly_att_pct"], "%"),
        format_cell(row["overall_att_pct"], "%"),
        _format_can_miss(occasion, row),
        format_cell(row["submission_pct"], "%"),
        format_cell(row["effort_score"]),
        format_cell(row["academic_performance"]),
    )


def _format_can_miss(occasion: Occasion, row: Row) -> str:
    """Return how many of the lectures left a student can miss; empty where it is not known."""
    left, needed = round_value(row["lectures_left"]), round_value(row["lectures_to_attend"])
    if left is None or needed is None:
        return ""
    count = format_cell(row["lectures_can_miss"])
    return occasion.say("can_miss", count=count, left=left, needed=needed)


def _describe_health(occasion: Occasion, health: pd.DataFrame, classes: set[str]) -> str:
    """Return how fresh each feed is, and what was wrong with the data, as one paragraph.

    Args:
        occasion: the moment.
        health: check, class_id (`all` for every class), count, message.
        classes: class_id of the advisor's students.
    """
    mine = health[health["class_id"].isin(classes | {"all"})]
    feeds = mine.loc[mine["check"].str.endswith(": feed"), "message"]
    # Feeds with the same newest week share one sentence; a feed without a week keeps its own.
    fresh: dict[str, list[str]] = {}
    told = []
    for message in feeds:
        name, found, week = message.partition(UP_TO)
        if found:
            fresh.setdefault(week, []).append(name)
        else:
            told.append(message)
    said = [
        occasion.say("recorded_up_to", week=week.rstrip("."), feeds=", ".join(names).lower())
        for week, names in fresh.items()
    ]
    other = mine[(mine["count"] > 0) & ~mine["check"].str.endswith(": feed")]["message"]
    # The same message may be stored for several classes: it is said once.
    return " ".join(dict.fromkeys([*said, *told, *other])) or occasion.say("freshness_unknown")
