"""The work of the last weeks that is not done, item by item: what people ask for by name."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.params.calendar import Calendar
from edumetrics.scoring.facts import Facts
from edumetrics.scoring.roll import NO_CLASS, Flags, Roll, is_enrolled
from edumetrics.types import Work

COLUMNS = ["row", "kind", "item_id", "subject_id", "title", "number", "week"]


def list_missing_items(roll: Roll, facts: Facts, calendar: Calendar, days: int) -> pd.DataFrame:
    """Return the items that fell due lately and are not done, by the rules of `work.collect_work`.

    Args:
        roll: the students asked about; a part of the week's roll, or all of it.
        facts: what the college knew at the end of the week.
        calendar: which weeks count.
        days: how many days before the week's end the week of an item may have ended.

    Returns:
        row (in the roll), kind (assignment or quiz), item_id, subject_id, title (null for none),
        number (the item's place among those of its kind in the subject, by due week, from 1), week
        (when it fell due). Ordered by row, week, kind, subject and number: a college's own ids of
        items say nothing to a reader.
    """
    lately = find_late_weeks(roll, calendar, days)
    parts = [
        _list_missing(roll, facts, "assignment", facts.assignments, lately),
        _list_missing(roll, facts, "quiz", facts.quizzes, lately),
    ]
    found = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    return found.sort_values(
        ["row", "week", "kind", "subject_id", "number", "item_id"], ignore_index=True
    )[COLUMNS]


def find_late_weeks(roll: Roll, calendar: Calendar, days: int) -> Flags:
    """Return whose teaching weeks ended at most some days before the end of this one.

    Weeks of a college need not be seven days apart: the dates decide, students by weeks. Weeks that
    do not count for a student are not among them: nobody waits for their work.
    """
    lately = roll.starts[:, [roll.week]] - roll.starts <= days
    taught = np.isin(np.arange(roll.week + 1), calendar.teaching_weeks)
    return np.asarray(lately & taught & (roll.classes != NO_CLASS) & ~roll.away)


def _list_missing(
    roll: Roll,
    facts: Facts,
    kind: Work,
    items: pd.DataFrame,
    lately: Flags,
) -> pd.DataFrame:
    numbered = _number_items(roll, items)
    due = _list_due(roll, numbered, facts.extensions[kind], lately).assign(kind=kind)
    if facts.enrolments is not None and len(due):
        due = due[is_enrolled(roll, facts.enrolments, due)]
    done = facts.done_items.get(kind, pd.DataFrame())
    if due.empty or done.empty:
        return due
    row = roll.find_rows(done["student_id"])
    ends = roll.frame["week_end"].to_numpy()
    known = (row >= 0) & (done["known_by"].to_numpy() == ends[row])
    handed_in = pd.MultiIndex.from_arrays([row[known], done["item_id"][known]])
    return due[~pd.MultiIndex.from_frame(due[["row", "item_id"]]).isin(handed_in)]


def _number_items(roll: Roll, items: pd.DataFrame) -> pd.DataFrame:
    """Return the dated items with the code of their class, and a number in their subject."""
    dated = items[items["due_week"].notna()].astype({"due_week": "int64"})
    dated = dated.assign(code=roll.find_class_semesters(dated))
    ordered = dated[dated["code"] >= 0].sort_values(["code", "subject_id", "due_week", "item_id"])
    number = ordered.groupby(["code", "subject_id"]).cumcount() + 1
    return ordered.assign(number=number, title=ordered.get("title"))


def _list_due(
    roll: Roll, items: pd.DataFrame, extensions: pd.DataFrame, lately: Flags
) -> pd.DataFrame:
    """Return row, week and the items' columns: what fell due in the weeks asked about."""
    columns = ["code", "item_id", "subject_id", "title", "number"]
    row, week = np.nonzero(lately)
    asked = pd.DataFrame({"row": row, "week": week, "code": roll.classes[row, week]})
    due = asked.merge(items.rename(columns={"due_week": "week"}), on=["code", "week"])
    if extensions.empty:
        return due[["row", "week", *columns]]
    moved = extensions.assign(row=roll.find_rows(extensions["student_id"])).query("row >= 0")
    # An extension takes the item out of the week that it was set for.
    pairs = pd.MultiIndex.from_frame(moved[["row", "item_id"]])
    stays = due[~pd.MultiIndex.from_frame(due[["row", "item_id"]]).isin(pairs)]
    later = moved.loc[moved["week"].isin(np.unique(week)), ["row", "week", "item_id"]]
    later = later.astype({"week": "int64"}).merge(items[columns], on="item_id")
    here = lately[later["row"], later["week"]]
    here &= roll.classes[later["row"], later["week"]] == later["code"].to_numpy()
    return pd.concat([stays, later[here]], ignore_index=True)[["row", "week", *columns]]
