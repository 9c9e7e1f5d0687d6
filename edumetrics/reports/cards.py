"""Cards: what a page says of each student on an advisor's list, and of those who left it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from edumetrics.triage.lists import Lists
from edumetrics.triage.reasons import OUT_OF_REACH, told
from edumetrics.triage.situation import Row

# Urgency is a word and a shape; colour only repeats it.
URGENCY = {"critical": ("Urgent", "◆"), "high": ("Soon", "▲"), "watch": ("Keep in view", "●")}
AHEAD = (
    "forecast",
    "forecast_drift",
    "attendance_standing",
    "attendance_out_of_reach",
    "out_of_reach_week",
    "open_work",
)
REASONS = 3
# Stands for an advisor where students have none: their list is one, for whoever looks after it.
UNASSIGNED = "unassigned"


@dataclass(frozen=True)
class Card:
    """One student on the list: how urgent, for how long, why, what is ahead, and what would take the student off."""

    name: str
    roll_number: str
    class_id: str
    urgency: str
    shape: str
    since: str
    reasons: tuple[str, ...]
    ahead: tuple[str, ...]
    off_list_if: str


@dataclass(frozen=True)
class Departure:
    """One student who left the list, and what improved."""

    name: str
    roll_number: str
    improved: tuple[str, ...]


@dataclass(frozen=True)
class AdvisorList:
    """One advisor's list, in the order in which it is read."""

    start_here: tuple[Card, ...] = ()
    next: tuple[Card, ...] = ()
    looked_after: tuple[Card, ...] = ()
    left: tuple[Departure, ...] = ()

    @property
    def new(self) -> int:
        """How many are new."""
        return sum(card.since == "new" for card in (*self.start_here, *self.next, *self.looked_after))

    @property
    def length(self) -> int:
        """How many are on the list."""
        return len(self.start_here) + len(self.next) + len(self.looked_after)


def advisor_lists(lists: Lists, names: pd.DataFrame) -> dict[str, AdvisorList]:
    """Each advisor's list, by advisor_id (`UNASSIGNED` for students without one); none for advisors without a list.

    Args:
        lists: the week's lists.
        names: student_id, name, roll_number.
    """
    flags = lists.flags.merge(names, on="student_id", how="left").sort_values("triage_rank")
    left = lists.exits.merge(names, on="student_id", how="left").sort_values("student_id")
    flags, left = (frame.fillna({"advisor_id": UNASSIGNED}) for frame in (flags, left))
    advisors = sorted({*flags["advisor_id"], *left["advisor_id"]})
    return {
        advisor: _one(flags[flags["advisor_id"] == advisor], left[left["advisor_id"] == advisor])
        for advisor in advisors
    }


def _one(flags: pd.DataFrame, left: pd.DataFrame) -> AdvisorList:
    inside, cared_for = flags["within_capacity"], flags["looked_after"]
    return AdvisorList(
        start_here=_cards(flags[inside]),
        next=_cards(flags[~inside & ~cared_for]),
        looked_after=_cards(flags[cared_for]),
        left=tuple(_departure(row) for row in left.to_dict("records")),
    )


def _cards(flags: pd.DataFrame) -> tuple[Card, ...]:
    return tuple(_card(row) for row in flags.to_dict("records"))


def _card(row: Row) -> Card:
    urgency, shape = URGENCY[row["risk_tier"]]
    reasons = told(row["reasons"], REASONS)
    codes = {record["code"] for record in reasons}
    # Who has just been told that the rule is out of reach need not read it again.
    said = codes | (OUT_OF_REACH if codes & OUT_OF_REACH else set())
    ahead = [record for record in row["reasons"] if record["code"] in AHEAD and record["code"] not in said]
    ahead.sort(key=lambda record: AHEAD.index(record["code"]))
    return Card(
        name=shown_name(row),
        roll_number=words(row["roll_number"]),
        class_id=str(row["class_id"]),
        urgency=urgency,
        shape=shape,
        since=_since(row),
        reasons=tuple(record["text"] for record in reasons),
        ahead=tuple(record["text"] for record in ahead),
        off_list_if=words(row["off_list_if"]),
    )


def _since(row: Row) -> str:
    if row["status"] == "new":
        return "new"
    if row["status"] == "returned":
        return "back on the list"
    weeks = int(row["escalation_level"])
    return f"{weeks} weeks running" if weeks > 1 else "since last week"


def _departure(row: Row) -> Departure:
    return Departure(shown_name(row), words(row["roll_number"]), tuple(record["text"] for record in row["improved"]))


def shown_name(row: Row) -> str:
    """A student's name; the id where the college gives none."""
    return words(row["name"]) or str(row["student_id"])


def words(value: Any) -> str:
    """A text; empty where there is none."""
    return "" if pd.isna(value) else str(value)
