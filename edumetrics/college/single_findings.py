"""Findings about one odd item or register, which the share of all such rows would hide."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.feeds import find_newest_week
from edumetrics.college.item_sums import sum_up_items
from edumetrics.college.terms import College, Term
from edumetrics.college.work import find_best_marks
from edumetrics.fields import EVERYWHERE, EXAMPLES, FINDING_COLUMNS, RELATIONS
from edumetrics.types import WORKS

# So many marks of one item say something about the item.
MARKS, MANY_MARKS = 5, 10
# So many times the lectures of classmates, or of the other weeks of the subject.
TIMES, TIMES_OTHER_WEEKS = 2, 4
# So many equal registers outweigh a few odd ones in a median.
REPEATED = 50
# Weeks of a subject, and classmates, that show what is usual.
LEAST = 3
# From this week on a relation that is mapped has rows.
BEGUN = 4


def check_single_ones(college: College, term: Term, week: int) -> pd.DataFrame:
    """Return the findings about single items and registers, and about relations without a row.

    Returns:
        As `health.check_health`, with counts already in the sentences. All are warnings.
    """
    found = [*_check_items(college, term, week), *_check_registers(college, term, week)]
    if week >= BEGUN:
        found += _check_empty(college, term, week)
    rows = [(check, where, "warn", count, ids, said) for check, where, count, ids, said in found]
    return pd.DataFrame(rows, columns=list(FINDING_COLUMNS))


Told = tuple[str, str, int, list[str], str]


def _check_items(college: College, term: Term, week: int) -> Iterator[Told]:
    for work in WORKS:
        marks = find_best_marks(college, term, work, week)
        share = marks["best"] / marks["out_of"]
        enough = marks["marks"] >= MARKS
        usual = 2 * share[enough].median() >= 1
        scale = (marks["marks"] >= MANY_MARKS) & (2 * share < 1) & usual
        kinds = {
            "all marks 0": (enough & (marks["best"] == 0), "with marks of 0 only"),
            "low marks": (
                enough & (marks["best"] > 0) & ((3 * share < 1) | scale),
                "without a mark near the maximum, as if on another scale",
            ),
        }
        for kind, (odd, said) in kinds.items():
            for class_id, own in marks[odd].groupby("class_id"):
                ids = sorted(own["item_id"])[:EXAMPLES]
                message = (
                    f"{work}_definitions: {len(own)} item{'s' if len(own) > 1 else ''} of this "
                    f"class {said}."
                )
                yield f"{work}_definitions: {kind}", str(class_id), len(own), ids, message


def _check_registers(college: College, term: Term, week: int) -> Iterator[Told]:
    held = college.read_lectures_held(term.class_semesters, week).rename(
        columns={"lectures_held": "held"}
    )
    if held.empty:
        return
    # Most registers of a class agree: a median needs them no more than a few times.
    held = held.loc[held.index.repeat(held["times"].clip(upper=REPEATED))].reset_index(drop=True)
    subject = ["class_id", "subject_id"]
    here = held.groupby([*subject, "week"])["held"]
    others, size = here.transform("median"), here.transform("size")
    beside = (held["held"] > TIMES * others) & (size > LEAST) & (others > 0)
    for class_id, own in held.assign(others=others)[beside].groupby("class_id"):
        first = own.iloc[0]
        message = (
            f"attendance.lectures_held: {len(own)} of this class more than twice that of "
            f"classmates in the same subject and week, such as {first['held']:g} where others had "
            f"{first['others']:g}."
        )
        ids = _find_registers(college, term, own)
        yield "attendance: more held than classmates", str(class_id), len(own), ids, message
    weeks = held.groupby([*subject, "week"])["held"].median().rename("held").reset_index()
    usual = weeks.groupby(subject)["held"]
    far = (weeks["held"] > TIMES_OTHER_WEEKS * usual.transform("median")) & (
        usual.transform("size") >= LEAST
    )
    for class_id, own in weeks[far].groupby("class_id"):
        first = own.iloc[0]
        message = (
            f"attendance.lectures_held: in week {first['week']:.0f} it is {first['held']:g} in "
            f"subject {first['subject_id']}, more than {TIMES_OTHER_WEEKS} times its other weeks."
        )
        ids = sorted(own["subject_id"].astype("str"))[:EXAMPLES]
        yield "attendance: more held than in other weeks", str(class_id), len(own), ids, message


def _find_registers(college: College, term: Term, odd: pd.DataFrame) -> list[str]:
    """Return the ids of a few of the registers of some classes, subjects and weeks."""
    relation = college.relation("attendance")
    c, keys = relation.c, ["class_id", "subject_id", "week", "held"]
    # Numbers of numpy are unknown to some drivers.
    each = [
        sa.and_(c.class_id == one, c.subject_id == subject, c.week == int(week),
                c.lectures_held == float(held))
        for one, subject, week, held in odd[keys].drop_duplicates().head(EXAMPLES).itertuples(
            index=False
        )
    ]  # fmt: skip
    wanted = sa.select(sa.func.max(c.id, type_=sa.Text).label("id")).where(
        term.build_condition(relation), sa.or_(sa.false(), *each)
    )
    groups = wanted.group_by(c.class_id, c.subject_id, c.week, c.lectures_held)
    return sorted(college.read_frame(groups, "attendance")["id"])


def _check_empty(college: College, term: Term, week: int) -> Iterator[Told]:
    """Yield the relations that are mapped and have no row, or none this term.

    Exams come late in a term, and of feeds that stopped `check_feeds` tells.
    """
    for name, relation in college.relations.items():
        if relation is None or name.startswith("exam") or RELATIONS[name].essential:
            continue
        if _has_rows(college, term, week, name):
            continue
        probe = sa.select(relation.c[relation.table.key[0]]).limit(1)
        if college.read_frame(probe, name).empty:
            message = (
                f"{name}: it is mapped and has no row; map it to null if the college has none."
            )
            yield f"{name}: no row", EVERYWHERE, 0, [], message
            continue
        if not RELATIONS[name].week or RELATIONS[name].feed:
            continue
        if college.read_frame(probe.where(term.build_condition(relation)), name).empty:
            message = f"{name}: it has no row of this term, although it had some before."
            yield f"{name}: no row this term", EVERYWHERE, 0, [], message


def _has_rows(college: College, term: Term, week: int, name: str) -> bool:
    """Return whether what the week reads anyway shows a row of a relation in the term."""
    if RELATIONS[name].parent:
        return bool(sum_up_items(college, term, name, week)["item_id"].notna().any())
    weeks = college.list_feed_weeks(week)
    return bool(RELATIONS[name].feed and find_newest_week(college, term, name, weeks))
