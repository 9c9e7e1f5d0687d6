"""Check completeness: whether a mapping leaves out classes, students, weeks, subjects or work."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import sqlalchemy as sa

from edumetrics.college.checks.finding import MISSING, MappingFinding
from edumetrics.college.checks.weeks import (
    check_feed_weeks,
    check_running_totals,
    check_week_counter,
)
from edumetrics.college.counts import count_rows
from edumetrics.college.mapping import Relation
from edumetrics.college.terms import College, Term
from edumetrics.college.work import read_done_work
from edumetrics.college.work_items import read_items
from edumetrics.fields import RELATIONS
from edumetrics.types import DEFINITIONS, WORKS, Work
from edumetrics.weeks import CLASS_SEMESTER

# Thresholds in percent of students and of subjects. Below these, records may be missing by chance.
STUDENTS, SUBJECTS = 20, 50
# Whether a class has quizzes at all is its own way of teaching: only most of them are a sign.
WITHOUT = 51
# Fewer students are no sign of a wrong mapping.
STUDENTS_LEAST = 5
# A feed may begin some weeks after the semester, so earlier weeks are not checked.
FROM_WEEK = 3
# Percent handed in below which work was not read right, how much work must be due before that can
# be said, and how many weeks late submissions may take.
HANDED_IN, DUE_LEAST, SINCE_WEEKS = 10, 400, 2
PLURAL = {"assignment": "assignments", "quiz": "quizzes"}
# The column that says whether work was handed in: the first one to look at in the mapping.
HANDED = {"assignment": "submission_date", "quiz": "attempted"}
# Relations with a class and semester in each row. Attendance is left out: the others are compared
# with it.
PLACED = tuple(name for name, record in RELATIONS.items() if record.week and name != "attendance")


def check_coverage(college: College, term: Term, week: int) -> Iterator[MappingFinding]:
    """Yield what is missing in the term's records up to a week, judged by other records."""
    if college.relations["attendance"] is None:
        return  # everything below compares with registers
    week = max(week, 1)  # week 0 has no rows
    yield from check_week_counter(college, term, week)
    read = college.read_registers(term.class_semesters, week)
    own = read[read["class_id"].isin(term.class_semesters["class_id"])]
    yield from _check_classes(college, term, own, week)
    # Everything below compares with registers: without any, it would only repeat that.
    if own.empty:
        return
    if "present" not in college.relation("attendance").present:
        yield MappingFinding(
            "attendance",
            "present",
            len(own),
            "It is not mapped, so that every register counts as unmarked.",
        )
    yield from _check_students(college, term, own)
    yield from check_feed_weeks(college, term, week)
    yield from check_running_totals(own)
    yield from _check_subjects(college, term)
    if week >= FROM_WEEK:
        for name in PLACED:
            relation = college.relations[name]
            if relation is not None:
                yield from _check_other_classes(college, term, relation, own)
    for work in WORKS:
        yield from _check_handed_in(college, term, own, work, week)


def _check_classes(
    college: College, term: Term, own: pd.DataFrame, week: int
) -> Iterator[MappingFinding]:
    """Yield a finding if classes in session have no register.

    Then class_id or semester is another kind of number than in `classes`.
    """
    running = set(term.class_semesters["class_id"])
    silent = sorted(running - set(own["class_id"].unique()))
    # After the first week, registers may only be late.
    if week < 2 or not silent:
        return
    relation = college.relation("attendance")
    c = relation.c
    # Registers of another semester show that the ids fit and the semesters do not.
    newest = sa.select(c.class_id, sa.func.max(c.semester).label("semester")).where(
        c.class_id.in_(silent)
    )
    semesters = college.read_frame(newest.group_by(c.class_id), "attendance").dropna()
    # One class of a few may be late with its registers.
    stops = len(silent) == len(running) or (
        len(silent) >= 2 and 100 * len(silent) >= MISSING * len(running)
    )
    number = f"{len(silent)} of {len(running)} classes in session, such as {silent[0]},"
    if semesters.empty:
        said = (
            f"{number} have no register: "
            "is it one kind of id with classes.class_id, and is no class left out?"
        )
        yield MappingFinding("attendance", "class_id", len(silent), said, stops)
    else:
        first = semesters.iloc[0]
        says = term.class_semesters.set_index("class_id").loc[first["class_id"], "semester"]
        said = (
            f"{number} have no register in this term: "
            f"of {first['class_id']} classes say semester {says:.0f},"
            f" the registers go up to {first['semester']:.0f}."
        )
        yield MappingFinding("attendance", "semester", len(silent), said, stops)


def _check_students(college: College, term: Term, own: pd.DataFrame) -> Iterator[MappingFinding]:
    """Yield findings about students of classes in session, and about their advisors."""
    here = college.students[college.students["class_id"].isin(own["class_id"].unique())]
    yield from _check_leavers(here, term)
    # From here on only students who were there all the time: others may have no register.
    # A null date must stay, and `~(null > day)` keeps it, while `null <= day` would drop it.
    here = here[here["withdrawn_on"].isna() & ~(here["joined_on"] > pd.Timestamp(term.name))]
    # The latest register decides, so that a student who changed class in the term is not counted.
    latest = own.sort_values("week").drop_duplicates("student_id", keep="last")
    yield from _check_homes(here, latest)
    yield from _check_silent_students(here, latest)
    yield from _check_addresses(college)
    yield from _check_advisors(college, here)


def _check_leavers(here: pd.DataFrame, term: Term) -> Iterator[MappingFinding]:
    """Yield a finding if too many students left before the term."""
    gone = int((here["withdrawn_on"] < pd.Timestamp(term.name)).sum())
    if gone >= STUDENTS_LEAST and 2 * gone >= len(here):
        said = (
            f"{gone} of {len(here)} students of classes in session left before the term began: "
            "is that another date?"
        )
        yield MappingFinding("students", "withdrawn_on", gone, said)


def _check_homes(here: pd.DataFrame, latest: pd.DataFrame) -> Iterator[MappingFinding]:
    """Yield a finding if too many students attend another class than their own."""
    attended = here["student_id"].map(latest.set_index("student_id")["class_id"])
    moved = int((attended.notna() & (attended != here["class_id"])).sum())
    if moved >= STUDENTS_LEAST and 2 * moved >= len(here):
        said = (
            f"{moved} of {len(here)} students attend another class than this one: "
            "is it that of another year?"
        )
        yield MappingFinding("students", "class_id", moved, said, stops=False)


def _check_silent_students(here: pd.DataFrame, latest: pd.DataFrame) -> Iterator[MappingFinding]:
    """Yield a finding if too many students have no register."""
    missing = (~here["student_id"].isin(latest["student_id"])).sum()
    if missing >= STUDENTS_LEAST and 100 * missing >= STUDENTS * len(here):
        said = (
            f"{missing} of {len(here)} students of its classes have none: "
            "does a condition leave rows out?"
        )
        yield MappingFinding("attendance", "student_id", int(missing), said)


def _check_addresses(college: College) -> Iterator[MappingFinding]:
    # Even a college with a single advisor is checked: what advisors receive is confidential.
    emails = college.advisors["email"].dropna().str.lower()
    theirs = int(emails.isin(college.addresses["email"].dropna().str.lower()).sum())
    if theirs >= 1 and 2 * theirs >= len(emails):
        said = (
            f"{theirs} of {len(emails)} are addresses of students, "
            "who would be sent what is written for advisors."
        )
        yield MappingFinding("advisors", "email", theirs, said)


def _check_advisors(college: College, here: pd.DataFrame) -> Iterator[MappingFinding]:
    """Yield a finding if too many students have no advisor."""
    nobodys = here["advisor_id"].isna() & ~here["class_id"].isin(college.advisors["class_id"])
    if 2 * nobodys.sum() >= len(here) > 0:
        said = (
            f"{nobodys.sum()} of {len(here)} students have no advisor, "
            "neither of their own nor of their class."
        )
        yield MappingFinding("students", "advisor_id", int(nobodys.sum()), said)


def _check_subjects(college: College, term: Term) -> Iterator[MappingFinding]:
    """Yield a finding if subjects with exams or work have no register."""
    registers = _read_class_subjects(college, term, "attendance")
    others = pd.concat(
        [
            _read_class_subjects(college, term, name)
            for name in ("assignment_definitions", "exam_schedule")
        ]
    )
    others = others.drop_duplicates()
    # Classes without any register are a finding of `_check_classes`.
    others = others[others["class_id"].isin(registers["class_id"])]
    silent = others.merge(registers, how="left", indicator="found").query("found == 'left_only'")
    if len(silent) >= 2 and 100 * len(silent) >= SUBJECTS * len(others):
        said = (
            f"{len(silent)} of {len(others)} subjects with work or exams have no register: "
            "is it one kind of id?"
        )
        yield MappingFinding("attendance", "subject_id", len(silent), said, stops=False)


def _read_class_subjects(college: College, term: Term, name: str) -> pd.DataFrame:
    """Return class_id and subject_id of a relation's rows in the term, each pair once."""
    return count_rows(college, term, name)[["class_id", "subject_id"]].drop_duplicates().dropna()


def _check_other_classes(
    college: College, term: Term, relation: Relation, own: pd.DataFrame
) -> Iterator[MappingFinding]:
    """Yield a finding if a relation has rows of none, or of few, of the classes with registers."""
    name, classes = relation.table.name, own[CLASS_SEMESTER].drop_duplicates()
    counted = count_rows(college, term, name)[CLASS_SEMESTER].drop_duplicates()
    there = classes.merge(counted, on=CLASS_SEMESTER)
    if there.empty and len(strange := _select_other_semesters(college, relation)):
        first = strange.iloc[0]
        said = (
            "No row is of a class and semester in session; "
            f"{first['class_id']} has some of {first['semester']:.0f}:"
        )
        yield MappingFinding(
            name, "semester", len(strange), f"{said} is it the semester that attendance has?"
        )
        return
    silent = len(classes) - len(there)
    least = WITHOUT if name in DEFINITIONS else MISSING
    # Without any row in the term, the relation may not have begun.
    if RELATIONS[name].label and len(there) and 100 * silent >= least * len(classes):
        said = (
            f"{silent} of {len(classes)} classes with registers have none: "
            "does a condition leave them out?"
        )
        yield MappingFinding(name, "class_id", silent, said, stops=False)


def _select_other_semesters(college: College, relation: Relation) -> pd.DataFrame:
    """Return a relation's classes and semesters for which attendance never had a register.

    A pair with registers in the past is an earlier semester, and no sign of a wrong mapping.
    """
    c = relation.c
    mine = sa.select(c.class_id, c.semester).where(college.is_known_class(relation)).distinct()
    known = college.read_frame(mine, relation.table.name)
    registers = college.relation("attendance").c
    pairs = sa.select(registers.class_id, registers.semester).distinct()
    ever = college.read_frame(pairs, "attendance")
    merged = known.merge(ever, on=CLASS_SEMESTER, how="left", indicator="found")
    return merged.query("found == 'left_only'")


def _check_handed_in(
    college: College, term: Term, own: pd.DataFrame, work: Work, week: int
) -> Iterator[MappingFinding]:
    """Yield a finding if nearly nothing was handed in, or everything by everyone."""
    day = term.list_week_ends(week)["week_end"].max().date()
    size = own.groupby("class_id")["student_id"].nunique()
    items = read_items(college, term, work)
    due = items[items["due_week"] <= week - SINCE_WEEKS]
    # Each item is due once for every student of its class. With enrolments that is not so, and how
    # much is due cannot be told from the class.
    wanted = due["class_id"].map(size).astype("float64").sum()
    if wanted < DUE_LEAST or college.relations["enrolments"] is not None:
        return
    done = read_done_work(college, term, work, day)
    came = _count_done(done, set(size.index), week - SINCE_WEEKS)
    due_so_far = f"{wanted:.0f} {PLURAL[work]} due up to week {week - SINCE_WEEKS}"
    if 100 * came < HANDED_IN * wanted:
        said = (
            f"Of {due_so_far} only {came:.0f} are read as handed in: "
            "does a condition leave rows out?"
        )
        yield MappingFinding(f"{work}_submissions", f"{work}_id", int(wanted - came), said)
    elif came >= wanted:
        said = (
            f"All {due_so_far} are read as handed in, by everyone: "
            "do rows of missing work count as work?"
        )
        yield MappingFinding(f"{work}_submissions", HANDED[work], int(came), said, stops=False)


def _count_done(done: pd.DataFrame, classes: set[str], until: int) -> int:
    """Return how much work of the classes that was due until a week is done."""
    # Without such work the frame has no columns.
    if done.empty:
        return 0
    counted = done[done["class_id"].isin(classes) & (done["week"] <= until)]
    return int(counted["done"].sum())
