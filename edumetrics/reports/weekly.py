"""Build the weekly report of an advisor: one mail a Monday, whatever ran.

It says what the week was and what is ahead, who to start with, who comes next, who is looked after,
who left the list, and how the class does in numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import pandas as pd

from edumetrics.reports import cards
from edumetrics.reports.cards import CardBuilder
from edumetrics.reports.class_numbers import build_numbers, build_table, describe_freshness
from edumetrics.reports.context import Occasion, find_next_exam, get_exam_week, round_value
from edumetrics.reports.conversations import describe_conversations, find_last_week
from edumetrics.reports.model import Prose, Report, Section, StudentEntry, Students
from edumetrics.reports.moments import Sections, sort_by_roll_number
from edumetrics.reports.shared import build_shared, build_shared_report, group_shared
from edumetrics.reports.sparklines import build_panel
from edumetrics.reports.week_rows import WeekRows
from edumetrics.triage.exits import LEFT, NOT_LISTED, WITHDRAWN
from edumetrics.triage.rules import is_out_of_reach

# In weeks: how near an exam is named in the subject.
NEAR = 3


@dataclass(frozen=True)
class AdvisorWeek:
    """The rows of one advisor's week, with the names of students.

    Attributes:
        advisor: advisor_id.
        group: weekly_metrics of all students.
        flags: weekly_flags, in order of rank.
        exits, shared: list_exits; flags of those of whom the advisor is the second, with `first`.
        cards: student_id of those who had a card on the list of the teaching week before.
    """

    advisor: str
    group: pd.DataFrame
    flags: pd.DataFrame
    exits: pd.DataFrame
    shared: pd.DataFrame
    cards: pd.Series

    @cached_property
    def inside(self) -> pd.DataFrame:
        """Those to start with."""
        return self.flags[self.flags["within_capacity"].astype(bool)]

    @cached_property
    def cared(self) -> pd.DataFrame:
        """Those who are looked after; they have no place."""
        return self.flags[self.flags["looked_after"].astype(bool)]

    @cached_property
    def waiting(self) -> pd.DataFrame:
        """Those who come next."""
        taken = self.flags["within_capacity"].astype(bool) | self.flags["looked_after"].astype(bool)
        return self.flags[~taken]

    @cached_property
    def kept(self) -> frozenset[str]:
        """Those whose place was kept for a new name: by urgency alone they would have none."""
        places = self.flags[~self.flags["looked_after"].astype(bool)]["student_id"]
        first = set(places.head(len(self.inside)))
        return frozenset(set(self.inside["student_id"]) - first)


def build_weekly_reports(
    occasion: Occasion, stored: WeekRows, moments: Sections | None = None
) -> list[Report]:
    """Return one report for every advisor with students on the week's roll, or shared ones listed.

    Students without an advisor have one report together (`UNASSIGNED`).

    Args:
        occasion: the moment.
        stored: the rows of the week.
        moments: what a moment of the semester adds, by advisor_id.

    Returns:
        The reports, first of those with students of their own, each in order of advisor_id.

    Raises:
        SettingsError: the template of the letter cannot be used.
    """
    builder = _make_card_builder(occasion, stored)
    by_class: dict[Any, pd.DataFrame] = dict(list(stored.metrics.groupby("class_id")))
    shared = group_shared(occasion, stored)
    own = [
        _build_report(
            occasion, stored, week, builder, by_class, (moments or {}).get(week.advisor, ())
        )
        for week in _split_by_advisor(occasion, stored, shared)
    ]
    there = {report.advisor_id for report in own}
    return own + [
        build_shared_report(occasion, builder, advisor, rows)
        for advisor, rows in shared.items()
        if advisor not in there
    ]


def build_held_report(report: Report, why: str) -> Report:
    """Return what an advisor receives instead of a report that is held back.

    Args:
        report: the report; its reader and its moment stay.
        why: the reason, in whole sentences.
    """
    say = partial(report.sentences.say, "reports")
    return replace(
        report,
        subject=say("held_subject", week=report.week),
        headline=say("held_headline"),
        lead=say("held_lead", why=why),
        preheader="",
        # The report's own sections name students.
        sections=(Prose(say("reading_title"), (say("reading"),)),),
    )


def _split_by_advisor(
    occasion: Occasion, stored: WeekRows, shared: dict[str, pd.DataFrame]
) -> Iterator[AdvisorWeek]:
    """Yield the rows of each advisor, in order of advisor_id; `shared` as `group_shared`."""
    ranked = stored.flags.sort_values("triage_rank")
    mine = dict(occasion.group_by_advisor(ranked))
    exits = stored.exits.sort_values("student_id")
    left = dict(occasion.group_by_advisor(exits))
    last = stored.last_flags[stored.last_flags["within_capacity"].astype(bool)]
    places = dict(occasion.group_by_advisor(last))
    for advisor, group in occasion.group_by_advisor(stored.metrics):
        # Empty slices keep their columns: an advisor without a list is no special case.
        yield AdvisorWeek(
            advisor,
            group,
            mine.get(advisor, ranked.iloc[:0]),
            left.get(advisor, exits.iloc[:0]),
            shared.get(advisor, ranked.iloc[:0]),
            places.get(advisor, last.iloc[:0])["student_id"],
        )


def _make_card_builder(occasion: Occasion, stored: WeekRows) -> CardBuilder:
    """Return what the cards of all advisors are built from."""
    calendar, week, sentences = occasion.calendar, occasion.week, occasion.params.sentences
    # A card shows the last contact of any kind; care follows only from some kinds of contact.
    latest, caring = (
        cards.find_last_contacts(some, stored.courses, week, calendar)
        for some in (stored.contacts, cards.select_caring(stored.contacts))
    )
    middles = dict(list(stored.middles.groupby("class_id")))
    classes = dict(zip(stored.flags["student_id"], stored.flags["class_id"], strict=True))
    nothing = stored.middles.iloc[:0]
    panels = {
        str(student): build_panel(
            sentences, course, week, calendar, middles.get(classes.get(student, ""), nothing)
        )
        for student, course in stored.courses.groupby("student_id")
    }
    outlook = {str(row["student_id"]): row for row in stored.outlook.to_dict("records")}
    return CardBuilder(occasion, latest, caring, panels, outlook)


def _build_report(
    occasion: Occasion,
    stored: WeekRows,
    week: AdvisorWeek,
    builder: CardBuilder,
    by_class: dict[Any, pd.DataFrame],
    added: tuple[Section, ...],
) -> Report:
    """Return the report of one advisor; `added` are the sections of a moment of the semester."""
    classes, group = week.group["class_id"], week.group
    lists = _number_entries(_build_lists(occasion, week, builder))
    own = pd.concat([by_class[name] for name in classes.unique()])
    fresh = describe_freshness(occasion, stored, week.flags, set(classes))
    return Report(
        stage=occasion.stage,
        term=occasion.term,
        week=occasion.week,
        advisor_id=week.advisor,
        reader=occasion.get_reader(week.advisor),
        # What the gate finds about a class holds whatever is told of its students.
        classes=tuple(sorted({*classes, *week.shared["class_id"]})),
        subject=_build_subject(occasion, week),
        kicker=occasion.format_kicker(classes),
        headline=_build_headline(occasion, week),
        lead=_build_lead(occasion, stored, week),
        sections=(
            *_build_findings(occasion, stored, classes),
            *lists,
            *added,
            *_build_exits(occasion, week),
            *_build_names(occasion, stored, week),
            build_numbers(occasion, group, stored.last, own, _list_tiers(week)),
            build_table(occasion, group, week.flags),
            Prose(occasion.say("freshness_title"), fresh),
            occasion.build_closing(occasion.say("reading_activity")),
        ),
        sentences=occasion.params.sentences,
        preheader=_build_preheader(occasion, stored, week),
        college=occasion.params.mail.college_name,
    )


def _build_subject(occasion: Occasion, week: AdvisorWeek) -> str:
    name = find_next_exam(occasion.week, occasion.calendar)
    away = get_exam_week(name, occasion.calendar) - occasion.week if name else 0
    return occasion.say(
        "weekly_subject",
        week=occasion.week,
        listed=len(week.inside),
        students=len(week.group),
        new=int((week.inside["status"] == "new").sum()),
        exam=occasion.say(f"exam_{name}") if name and away <= NEAR else "",
        away=away,
    )


def _build_preheader(occasion: Occasion, stored: WeekRows, week: AdvisorWeek) -> str:
    """Return what changed since last week; the subject already says how many are new."""
    status = week.flags["status"]
    last = stored.last[stored.last["student_id"].isin(week.group["student_id"])]
    return occasion.say(
        "weekly_preheader",
        back=int((status == "returned").sum()),
        gone=len(week.exits),
        raised=int((status == "escalated").sum()),
        now=round_value(week.group["weekly_att_pct"].mean()),
        before=round_value(last["weekly_att_pct"].mean()),
    ).strip()


def _build_headline(occasion: Occasion, week: AdvisorWeek) -> str:
    """Return in a sentence how many of the advisor's students to start with."""
    first = len(week.inside)
    if first:
        who = occasion.describe_count(week.advisor, first, len(week.group))
        return occasion.say("weekly_headline", who=who)
    # The most urgent student has a place unless everyone is looked after.
    return occasion.say("weekly_cared" if len(week.flags) else "weekly_nobody")


def _build_lead(occasion: Occasion, stored: WeekRows, week: AdvisorWeek) -> str:
    """Return what is ahead, with its date, and last week's conversations in plain numbers."""
    early = len(week.flags) and occasion.week <= occasion.calendar.grace_weeks
    watchlist = occasion.params.triage.uses_models
    told = (
        occasion.say("weekly_early", week=occasion.week, watchlist=watchlist) if early else "",
        occasion.describe_next_exam(),
        describe_conversations(occasion, stored, week.advisor, week.group, week.cards),
    )
    return " ".join(filter(None, told))


def _build_findings(
    occasion: Occasion, stored: WeekRows, classes: pd.Series
) -> tuple[Section, ...]:
    """Return the section of what concerns a whole class; no section without a finding."""
    found = tuple(stored.findings.loc[stored.findings["class_id"].isin(classes), "text"])
    say = occasion.say
    return (Prose(say("class_title"), (*found, say("class_note"))),) if found else ()


def _build_lists(
    occasion: Occasion, week: AdvisorWeek, builder: CardBuilder
) -> tuple[Students, ...]:
    """Return the sections of the list; a section without students is left out."""
    say, kept, drawn = occasion.say, week.kept, week.flags[week.flags["drawn"]]
    early = occasion.week <= occasion.calendar.grace_weeks
    places = int(drawn["within_capacity"].sum())
    note = say("start_note", kept=len(kept), early=early, places=places, pool=len(drawn))
    start = tuple(
        builder.build_card(week.advisor, row, kept=row["student_id"] in kept)
        for row in week.inside.to_dict("records")
    )
    waiting, cared = (rows.to_dict("records") for rows in (week.waiting, week.cared))
    found = (
        Students(say("start_title"), note, start),
        _make_lines(say("briefly_title"), map(builder.build_line, waiting)),
        _make_lines(say("cared_title"), map(builder.build_care_line, cared)),
        build_shared(occasion, builder, week.shared),
    )
    return tuple(section for section in found if section.entries)


def _build_exits(occasion: Occasion, week: AdvisorWeek) -> tuple[Section, ...]:
    """Return the sections of who is no longer listed; a section without students is left out."""

    def build(title: str, kind: str, note: str = "") -> Students:
        rows = week.exits[week.exits["kind"] == kind].to_dict("records")
        return _make_lines(
            occasion.say(title), (cards.build_exit_line(occasion, row) for row in rows), note
        )

    found = (
        build("left_title", LEFT),
        build("unlisted_title", NOT_LISTED, occasion.say("unlisted_note")),
    )
    return tuple(section for section in found if section.entries)


def _build_names(occasion: Occasion, stored: WeekRows, week: AdvisorWeek) -> tuple[Section, ...]:
    """Return the lines that only name students: who left, has no record, is out of reach."""
    own, ids = week.group, week.group["student_id"]
    gone = week.exits[week.exits["kind"] == WITHDRAWN]
    now, before = (
        set(stored.silent.loc[stored.silent["sem_week"] == number, "student_id"]) & set(ids)
        for number in (occasion.week, find_last_week(occasion))
    )
    # Told in the first teaching week, in which there is no week before, and when names change.
    silent = own[ids.isin(now if now != before else set())]
    out, last = is_out_of_reach(own), stored.last
    # Of whom last week is not known, nobody can say that it happened since.
    could = set(last.loc[last["lectures_to_attend"] <= last["lectures_left"], "student_id"])
    # Who has a card or a line is told of it there.
    told = week.exits[week.exits["remaining"].map(cards.tells_rule_lost).astype(bool)]
    named = {*week.flags["student_id"], *told["student_id"]}
    lost = own[out & ids.isin(could - named)]
    rule = occasion.calendar.attendance_rule_pct or 0
    say = occasion.say
    found = (
        _make_names(occasion, say("withdrawn_title"), "", gone),
        _make_names(occasion, say("silent_title"), say("silent_note"), silent),
        _make_names(occasion, say("lost_title", rule=f"{rule:g}"), "", lost),
    )
    return tuple(section for section in found if section.entries)


def _make_lines(title: str, entries: Any, note: str = "") -> Students:
    return Students(title, note, tuple(entries), brief=True)


def _make_names(occasion: Occasion, title: str, note: str, rows: pd.DataFrame) -> Students:
    # An advisor of whom nobody left has an empty frame, without the names to sort by.
    ordered = sort_by_roll_number(rows) if len(rows) else []
    entries = tuple(occasion.build_entry(row) for row in ordered)
    return Students(title, note, entries, brief=True, inline=True)


def _number_entries(sections: tuple[Students, ...]) -> tuple[Students, ...]:
    """Return the sections with the students on the reader's own list numbered in their order."""
    numbered, number = [], 0
    for section in sections:
        entries: list[StudentEntry] = []
        for entry in section.entries:
            number += bool(entry.handout)
            entries.append(replace(entry, number=number if entry.handout else 0))
        numbered.append(replace(section, entries=tuple(entries)))
    return tuple(numbered)


def _list_tiers(week: AdvisorWeek) -> pd.Series:
    """Return risk_tier by student_id in the order of the report; `cared` for those in care."""
    shown = pd.concat([week.inside, week.waiting, week.cared]).set_index("student_id")
    return shown["risk_tier"].mask(shown["looked_after"].astype(bool), "cared")
