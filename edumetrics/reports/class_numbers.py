"""Build what the weekly report says of all the reader's students: numbers, table, freshness."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from edumetrics.fields import UP_TO
from edumetrics.reports.context import (
    SHAPES,
    Occasion,
    build_table_row,
    format_cell,
    round_value,
)
from edumetrics.reports.galaxy import build_galaxy
from edumetrics.reports.model import NumberRow, Numbers, StudentTable, TableRow
from edumetrics.reports.moments import sort_by_roll_number
from edumetrics.reports.week_rows import MEASURES, WeekRows
from edumetrics.types import Row

# `_build_row` has the cells in this order.
COLUMNS = ("column_attended", "column_attended_to_date", "column_can_miss", "column_work",
           "label_activity", "label_performance")  # fmt: skip
# The newest day in the message of a feed.
DAY = re.compile(re.escape(UP_TO) + r"(\d{4}-\d{2}-\d{2})")
FEED = ": feed"


def build_numbers(
    occasion: Occasion,
    group: pd.DataFrame,
    last: pd.DataFrame,
    classes: pd.DataFrame,
    tiers: pd.Series,
) -> Numbers:
    """Return means of the advisor's students this week and last week, with the galaxy.

    Args:
        occasion: the moment.
        group: weekly_metrics of the advisor's students, with names.
        last: weekly_metrics of the teaching week before.
        classes: weekly_metrics of all students of their classes.
        tiers: risk_tier by student_id of those on the list, in its order.
    """
    # Classmates with another advisor are the background of the galaxy.
    others = classes[~classes["student_id"].isin(group["student_id"])]
    return Numbers(
        title=occasion.say("numbers_title"),
        about=occasion.say("numbers_about"),
        now=occasion.say("this_week"),
        before=occasion.say("last_week"),
        rows=tuple(row for row, _ in compute_means(occasion, group, last)),
        galaxy=build_galaxy(
            occasion.params.sentences, group, tiers, _select_same(group, last), others
        ),
    )


def compute_means(
    occasion: Occasion, group: pd.DataFrame, last: pd.DataFrame
) -> Iterator[tuple[NumberRow, str]]:
    """Yield the mean of each measure this week and last, of the same students, and its column.

    Args:
        occasion: the moment.
        group, last: weekly_metrics of some students, and of the teaching week before.
    """
    before = _select_same(group, last)
    for label, name, unit in MEASURES:
        # A college without such records has no row for the measure.
        if group[name].notna().any() or before[name].notna().any():
            now, past = (round_value(frame[name].mean()) for frame in (group, before))
            yield NumberRow(occasion.say(label), now, past, unit), name


def _select_same(group: pd.DataFrame, last: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the same students: a change is never a change of who is counted."""
    return last[last["student_id"].isin(group["student_id"])]


def build_table(occasion: Occasion, group: pd.DataFrame, flags: pd.DataFrame) -> StudentTable:
    """Return every student side by side, with those on the list marked."""
    tiers = dict(zip(flags["student_id"], flags["risk_tier"], strict=True))
    rows = tuple(
        _build_row(occasion, row, tiers.get(row["student_id"], ""))
        for row in sort_by_roll_number(group)
    )
    return StudentTable(occasion.say("table_title"), tuple(map(occasion.say, COLUMNS)), rows)


def _build_row(occasion: Occasion, row: Row, tier: str) -> TableRow:
    made = build_table_row(
        row,
        format_cell(row["weekly_att_pct"], "%"),
        format_cell(row["overall_att_pct"], "%"),
        _format_can_miss(occasion, row),
        format_cell(row["submission_pct"], "%"),
        format_cell(row["effort_score"]),
        format_cell(row["academic_performance"]),
    )
    if tier not in SHAPES:
        return made
    return replace(made, tier=tier, urgency=occasion.say(f"tier_{tier}"), shape=SHAPES[tier])


def _format_can_miss(occasion: Occasion, row: Row) -> str:
    """Return how many of the lectures left a student can miss; empty where it is not known."""
    left, needed = round_value(row["lectures_left"]), round_value(row["lectures_to_attend"])
    if left is None or needed is None:
        return ""
    count = format_cell(row["lectures_can_miss"])
    return occasion.say("can_miss", count=count, left=left, needed=needed)


def describe_freshness(
    occasion: Occasion, stored: WeekRows, flags: pd.DataFrame, classes: set[str]
) -> tuple[str, ...]:
    """Return how fresh the data is, what was wrong with it, and what the order goes by.

    Args:
        occasion: the moment.
        stored: its health has check, class_id (`all` for every class), count, message.
        flags: weekly_flags of the advisor.
        classes: class_id of the advisor's students.
    """
    health = stored.health
    paragraph = describe_health(occasion, health[health["class_id"].isin(classes | {"all"})])
    order = _describe_order(occasion, stored, flags)
    return tuple(filter(None, (paragraph, order)))


def describe_health(occasion: Occasion, mine: pd.DataFrame) -> str:
    """Return the newest day of each feed, and what was wrong with the data, as one paragraph.

    Args:
        occasion: the moment.
        mine: check, class_id, count, message of the findings that concern the reader.
    """
    feeds = mine[mine["check"].str.endswith(FEED)]
    # Feeds with the same newest day share one sentence; a feed without a day keeps its own.
    fresh: dict[str, list[str]] = {}
    missing, told = [], []
    for row in feeds.to_dict("records"):
        day, label = DAY.search(row["message"]), f"feed_{row['check'].removesuffix(FEED)}"
        if label not in occasion.params.sentences.reports or (not day and UP_TO in row["message"]):
            told.append(row["message"])
        elif day:
            fresh.setdefault(day[1], []).append(occasion.say(label))
        else:
            missing.append(occasion.say(label))
    join = occasion.params.sentences.join_words
    if missing:
        told.append(occasion.say("feeds_missing", feeds=join(missing)))
    said = [
        occasion.say("recorded_up_to", day=occasion.format_day(day), feeds=join(names))
        for day, names in sorted(fresh.items(), reverse=True)
    ]
    other = mine[(mine["count"] > 0) & ~mine["check"].str.endswith(FEED)]["message"]
    # The same message may be stored for several classes: it is said once.
    paragraph = " ".join(dict.fromkeys([*said, *told, *other]))
    return paragraph or occasion.say("freshness_unknown")


def _describe_order(occasion: Occasion, stored: WeekRows, flags: pd.DataFrame) -> str:
    """Return what the order of the list goes by; empty without a list."""
    if flags.empty:
        return ""
    ranked_by = str(flags["ranked_by"].iloc[0])
    return occasion.say("order", ranked_by=ranked_by, right=stored.precision)
