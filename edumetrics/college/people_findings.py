"""The findings about people and items: what stands twice, and classes of several advisors."""

from __future__ import annotations

from itertools import chain

import pandas as pd

from edumetrics.college.findings import make_empty_findings
from edumetrics.college.people import PEOPLE
from edumetrics.college.terms import College, Term
from edumetrics.college.work_items import find_repeated_items
from edumetrics.fields import EVERYWHERE, EXAMPLES, FINDING_COLUMNS, RELATIONS
from edumetrics.types import WORKS, Work

# Where rows of one person differ in these, nobody knows to whom a list belongs.
DECIDING = {
    "students": ("class_id", "advisor_id", "second_advisor_id", "email"),
    "advisors": ("email",),
}


def check_people(college: College, term: Term) -> pd.DataFrame:
    """Return the findings about the people of the classes in session, and about their work.

    Returns:
        As `health.check_health`, with counts already in the sentences. The status is `block` where
        a list could go to somebody else.
    """
    found = [_check_repeated(college, name) for name in PEOPLE]
    found.append(_check_several_advisors(college, term))
    found += [_check_repeated_items(college, term, work) for work in WORKS]
    return pd.concat(found, ignore_index=True)


def _check_repeated(college: College, name: str) -> pd.DataFrame:
    rows = college.read_repeated(name)
    key, record = RELATIONS[name].key[0], RELATIONS[name]
    found = []
    for number, own in rows.groupby(key):
        differing = [column for column in own.columns if own[column].nunique(dropna=False) > 1]
        decided = set(differing) & set(DECIDING.get(name, ()))
        sentence = (
            f"{record.name}: one stands {len(own)} times with another {', '.join(differing)}; "
            + ("nobody knows whose list it is." if decided else "one row counts.")
        )
        for class_id in _find_classes(college, name, str(number), own):
            status = "block" if decided else "warn"
            found.append((f"{name}: twice", class_id, status, 1, [str(number)], sentence))
    frame = pd.DataFrame(found, columns=list(FINDING_COLUMNS))
    # One row per class: of several people the first ids are examples.
    groups = frame.groupby(["check", "class_id"], as_index=False)
    return (
        groups.agg(
            status=("status", "min"),
            count=("count", "sum"),
            examples=("examples", lambda lists: sorted(chain.from_iterable(lists))[:EXAMPLES]),
            message=("message", "first"),
        )[list(FINDING_COLUMNS)]
        if len(frame)
        else make_empty_findings()
    )


def _check_repeated_items(college: College, term: Term, work: Work) -> pd.DataFrame:
    """Return a finding per class with items that stand more than once."""
    name = f"{work}_definitions"
    rows = find_repeated_items(college, term, work)
    found = [
        (f"{name}: twice", class_id, "warn", len(ids), sorted(ids)[:EXAMPLES],
         f"{name}: {len(ids)} of this class stand more than once; one row of each counts.")
        for class_id, ids in rows.groupby("class_id")["item_id"]
    ]  # fmt: skip
    return pd.DataFrame(found, columns=list(FINDING_COLUMNS))


def _find_classes(college: College, name: str, number: str, rows: pd.DataFrame) -> list[str]:
    """Return the classes that a person's rows concern; `all` where there is none."""
    classes = set(rows["class_id"].dropna()) if "class_id" in rows else set()
    if name == "advisors":
        students = college.students
        classes |= set(students.loc[students["advisor_id"] == number, "class_id"].dropna())
    return sorted(classes) or [EVERYWHERE]


def _check_several_advisors(college: College, term: Term) -> pd.DataFrame:
    """Return a finding per class with several advisors between whom students had to be divided."""
    advisors = college.advisors.dropna(subset="class_id")
    students = college.students
    own = students["advisor_id"].isin(college.advisors["advisor_id"])
    alone = students[~own].groupby("class_id").size()
    several = advisors.groupby("class_id").size()
    found = []
    for class_id in sorted(set(several.index[several > 1]) & set(alone.index)):
        if class_id not in set(term.class_semesters["class_id"]):
            continue
        count = int(alone[class_id])
        message = (
            f"students.advisor_id: {count} of this class name no advisor, and it has "
            f"{several[class_id]}; they were divided between them."
        )
        ids = sorted(advisors.loc[advisors["class_id"] == class_id, "advisor_id"])[:EXAMPLES]
        found.append(("advisors: several", class_id, "warn", count, ids, message))
    return pd.DataFrame(found, columns=list(FINDING_COLUMNS))
