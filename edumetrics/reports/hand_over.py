"""Build the mail about students whom nobody reached: who, since when, with which advisor."""

from __future__ import annotations

import pandas as pd

from edumetrics.reports.context import Occasion
from edumetrics.reports.model import Report, Students
from edumetrics.reports.moments import sort_by_roll_number

# The label of this mail in the log of deliveries.
STAGE = "hand_over"
# What the reader's id begins with: no advisor_id of a college begins like this.
READER = "handover:"


def get_hand_over_reader(address: str) -> str:
    """Return what the log of deliveries calls the person who is told at an address."""
    return f"{READER}{address}"


def build_hand_over_report(
    occasion: Occasion, flags: pd.DataFrame, last_flags: pd.DataFrame
) -> Report | None:
    """Return the report of the week for `hand_over_to`; None where there is nobody new to tell.

    It has neither scores nor reasons: the advisor knows them.

    Args:
        occasion: the moment.
        flags: student_id, advisor_id, class_id, hand_over: the lists of the week.
        last_flags: student_id, hand_over: those of the teaching week before.
    """
    triage, say = occasion.params.triage, occasion.say
    told = last_flags.loc[last_flags["hand_over"].astype(bool), "student_id"]
    new = flags[flags["hand_over"].astype(bool) & ~flags["student_id"].isin(told)]
    if triage.hand_over_to is None or new.empty:
        return None
    # Who is new has had a place in exactly these weeks since the last answer.
    weeks = occasion.calendar.get_last_teaching_weeks(occasion.week, triage.hand_over_after)
    since = occasion.first_day - pd.Timedelta(weeks=occasion.week - weeks[-1])
    day = occasion.format_day(since)
    fact = occasion.say_fact("hand_over_since", week=weeks[-1], day=day)
    numbers = {"week": occasion.week, "count": len(new), "weeks": triage.hand_over_after}
    return Report(
        stage=STAGE,
        term=occasion.term,
        week=occasion.week,
        advisor_id=get_hand_over_reader(triage.hand_over_to),
        reader=say("hand_over_reader"),
        classes=tuple(sorted(new["class_id"].unique())),
        subject=say("hand_over_subject", **numbers),
        kicker=occasion.format_kicker(new["class_id"]),
        headline=say("hand_over_headline", **numbers),
        lead=say("hand_over_lead"),
        sections=(
            *(
                Students(
                    say("hand_over_title", advisor=occasion.get_reader(advisor)),
                    "",
                    tuple(
                        occasion.build_entry(row, facts=(fact,))
                        for row in sort_by_roll_number(group)
                    ),
                    brief=True,
                )
                for advisor, group in occasion.group_by_advisor(new)
            ),
            occasion.build_closing(),
        ),
        sentences=occasion.params.sentences,
        college=occasion.params.mail.college_name,
    )
