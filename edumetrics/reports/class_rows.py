"""The stored rows that the page about classes is built from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

FLAGS = ("student_id", "class_id", "status", "looked_after", "hand_over")
# How many lectures a student must still attend for the attendance rule, and how many are left.
STANDING = ("lectures_to_attend", "lectures_left")
# What a panel shows of a class: means by week.
COURSE = ("weekly_att_pct", "overall_att_pct", "academic_performance")


@dataclass(frozen=True)
class ClassLists:
    """What a week stored of all classes.

    Attributes:
        metrics: student_id, class_id, and the columns of `STANDING` and `week_rows.MEASURES`.
        flags: the columns of `FLAGS`.
        exits: class_id of each student who is no longer listed.
        contacts: student_id of everyone about whom something was entered on the list before.
    """

    metrics: pd.DataFrame
    flags: pd.DataFrame
    exits: pd.DataFrame
    contacts: pd.Series


@dataclass(frozen=True)
class ClassRows:
    """The rows of a week, and those that they are compared with.

    Attributes:
        now, before, earlier: the week, the teaching week before, and the same week of the term
            before; a week that was not analysed has no rows.
        courses: class_id, sem_week, students and means of `COURSE`, of the weeks so far.
        findings: class_id and text.
        health: data-health findings of the newest finished run of the week.
    """

    now: ClassLists
    before: ClassLists
    earlier: ClassLists
    courses: pd.DataFrame
    findings: pd.DataFrame
    health: pd.DataFrame
