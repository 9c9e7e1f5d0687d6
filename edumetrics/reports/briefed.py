"""Add to a report what a language model wrote from its facts; the facts stay beneath it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from edumetrics.briefing.facts import BriefingFact, BriefingRecord, make_fact, read_reasons
from edumetrics.briefing.kept import Briefings
from edumetrics.reports.class_numbers import compute_means
from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Prose, Report, StudentEntry, Students
from edumetrics.reports.week_rows import WeekRows
from edumetrics.triage.choice import Record

CARDS = "cards"
# The kinds of fact about the means of a week, by the metric.
MEANS = {"weekly_att_pct": "week_attendance", "effort_score": "week_activity",
         "academic_performance": "week_marks"}  # fmt: skip
# The topics of leading reasons that a week's paragraph may count.
TOPICS = ("attendance", "work", "marks", "activity")


def add_to_reports(
    occasion: Occasion, stored: WeekRows, reports: list[Report], briefings: Briefings
) -> list[Report]:
    """Return reports with the paragraph of the week, and one on each card, where there is one."""
    if not briefings.params.enabled:
        return reports
    records = dict(zip(stored.flags["student_id"], stored.flags["reasons"], strict=True))
    return [_add_to_report(occasion, stored, report, records, briefings) for report in reports]


def _add_to_report(
    occasion: Occasion,
    stored: WeekRows,
    report: Report,
    records: dict[str, list[Record]],
    briefings: Briefings,
) -> Report:
    def add(entry: StudentEntry, section: Students) -> StudentEntry:
        shown = _select_shown(entry, records) if section.kind == CARDS else []
        return replace(entry, briefing=briefings.tell(read_reasons(shown))) if shown else entry

    facts = tuple(_find_week_facts(occasion, stored, report, records))
    told = briefings.tell(BriefingRecord("week", facts))
    briefed = report.with_entries(add)
    if not told:
        return briefed
    say = occasion.say
    paragraph = Prose(say("briefing_title"), (told, say("briefing_by")))
    return replace(briefed, sections=(paragraph, *briefed.sections))


def _select_shown(entry: StudentEntry, records: dict[str, list[Record]]) -> list[Record]:
    """Return the reasons that a card shows, in their order: nothing else is in its paragraph."""
    mine = records.get(entry.student_id, [])
    by_text = {text: one for one in mine for text in (one["text"], one.get("short")) if text}
    return [by_text[text] for text in entry.reasons if text in by_text]


def _find_week_facts(
    occasion: Occasion, stored: WeekRows, report: Report, records: dict[str, list[Record]]
) -> Iterator[BriefingFact]:
    """Yield what is counted over the students of a report's reader."""
    cards = [
        entry
        for section in report.sections
        if isinstance(section, Students) and section.kind == CARDS
        for entry in section.entries
    ]
    group = dict(occasion.group_by_advisor(stored.metrics)).get(report.advisor_id)
    if not cards or group is None:
        return
    status = dict(zip(stored.flags["student_id"], stored.flags["status"], strict=True))
    new = sum(status[card.student_id] == "new" for card in cards)
    led = [_select_shown(card, records)[:1] for card in cards]
    topics = pd.Series([one.get("topic", "") for first in led for one in first], dtype="str")
    found = [
        make_fact("week_start", value=len(cards), size=len(group)),
        make_fact("week_new", value=new or None),
        *(
            make_fact(f"topic_{topic}", value=int((topics == topic).sum()) or None)
            for topic in TOPICS
        ),
        *(
            make_fact(MEANS[column], value=row.now, baseline=row.before)
            for row, column in compute_means(occasion, group, stored.last)
            if column in MEANS
        ),
    ]
    yield from filter(None, found)
