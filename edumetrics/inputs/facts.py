"""Reading the college's records of a week into the facts that scoring starts from."""

from __future__ import annotations

import pandas as pd

from edumetrics.college.exams import read_midterms
from edumetrics.college.feeds import (
    find_seats,
    read_attendance,
    read_early_clicks,
    read_unsure_registers,
    read_weekly_counts,
)
from edumetrics.college.terms import College, Term
from edumetrics.college.work import (
    read_done_items,
    read_done_work,
    read_extensions,
    read_known_marks,
    read_work_ahead,
)
from edumetrics.college.work_items import read_items
from edumetrics.fields import COUNTED_FEEDS
from edumetrics.scoring.facts import Facts
from edumetrics.types import WORKS, Work


def read_facts(
    college: College,
    term: Term,
    week: int,
    students: pd.DataFrame,
    until: int | None = None,
    feeds: frozenset[str] | None = None,
) -> Facts:
    """Return the college's records as they were known at the end of a week.

    Args:
        college: the college's database, open.
        term: the week's term, or some classes of it.
        week: the semester week.
        students: student_id, class_id, advisor_id, joined_on, withdrawn_on.
        until: the last week of the weekly counts; `week` when None. A later one lets a replay read
            the counts of all weeks once.
        feeds: the feeds that are present; None where the records themselves show it. A chunk of
            classes cannot tell, because its own classes may have no row.
    """
    # A feed is present when it has a row in the last few weeks, so one week needs no earlier rows.
    since = 1 if until else min(college.list_feed_weeks(week))
    until = until or week
    ends = term.list_week_ends(week)["week_end"].drop_duplicates().sort_values()
    midterms = _merge_days([(day, read_midterms(college, term, day.date(), week)) for day in ends])
    attendance = read_attendance(college, term, until)
    assignments, quizzes = (read_items(college, term, work) for work in WORKS)
    return Facts(
        week=week,
        students=students,
        class_semesters=_select_running_classes(term, week),
        dates=term.dates,
        attendance=attendance,
        seats=find_seats(college, term, week, students),
        unsure_registers=read_unsure_registers(college, term, until),
        assignments=assignments,
        quizzes=quizzes,
        assignments_done=_read_done_by_day(college, term, "assignment", ends),
        quizzes_done=_read_done_by_day(college, term, "quiz", ends),
        done_items=_read_done_items(college, term, week, ends),
        early=read_early_clicks(college, term),
        ahead=_read_ahead(college, term, week, ends),
        subjects=_read_subject_names(college),
        extensions={work: read_extensions(college, term, work) for work in WORKS},
        known_marks={
            work: _merge_days(
                [(day, read_known_marks(college, term, work, day.date())) for day in ends]
            )
            for work in WORKS
        },
        excuses=_read_optional(college, "excuses"),
        enrolments=_read_enrolments(college, assignments, quizzes),
        weekly={
            feed: read_weekly_counts(college, term, feed, since, until) for feed in COUNTED_FEEDS
        },
        midterms=midterms,
        feeds=feeds,
    )


def _select_running_classes(term: Term, week: int) -> pd.DataFrame:
    """Return the class-semesters of the classes that had not ended by a week, one per class."""
    running = term.class_semesters
    # In a past term a class without data from this week on had ended; in the current term its data
    # may still arrive.
    if not term.current:
        running = running[running["last_week"] >= week]
    # Where a class runs in two semesters of the term, its last row counts.
    return running.drop_duplicates("class_id", keep="last")


def _read_done_by_day(college: College, term: Term, work: Work, ends: pd.Series) -> pd.DataFrame:
    """Return the work done by each of the days on which classes end their week."""
    # Once for each day, so that no class sees work that was marked after its own week.
    return _merge_days([(day, read_done_work(college, term, work, day.date())) for day in ends])


def _read_done_items(
    college: College, term: Term, week: int, ends: pd.Series
) -> dict[Work, pd.DataFrame]:
    """Return which items of the last weeks were done, by kind of work."""
    # Twice the weeks that items stay open for: the weeks of a class need not be seven days apart.
    since = week - 2 * (college.params.triage.late_days // 7) - 1
    return {
        work: _merge_days(
            [(day, read_done_items(college, term, work, day.date(), since)) for day in ends]
        )
        for work in WORKS
    }


def _read_ahead(college: College, term: Term, week: int, ends: pd.Series) -> pd.DataFrame:
    """Return the work done ahead by each of the days on which classes end their week."""
    return _merge_days(
        [
            (day, read_work_ahead(college, term, work, day.date(), week))
            for day in ends
            for work in WORKS
        ]
    )


def _read_subject_names(college: College) -> dict[str, str]:
    """Return the name of each subject that has one, by subject_id."""
    names = college.read_columns("subjects", "subject_id", "subject_name").dropna()
    return dict(zip(names["subject_id"], names["subject_name"], strict=True))


def _read_enrolments(college: College, *items: pd.DataFrame) -> pd.DataFrame | None:
    """Return the enrolments of students who are enrolled in some subject that the college has.

    Those of a student none of whose subjects is listed, or has any of the `items`, say nothing:
    their ids are of another kind. None where students take all subjects.
    """
    enrolments = _read_optional(college, "enrolments")
    if enrolments is None:
        return None
    listed = college.read_columns("subjects", "subject_id")["subject_id"]
    known = enrolments["subject_id"].isin(
        {*listed, *(s for one in items for s in one["subject_id"])}
    )
    some = known.groupby([enrolments["student_id"], enrolments["semester"]]).transform("any")
    return enrolments[some].reset_index(drop=True)


def _merge_days(parts: list[tuple[pd.Timestamp, pd.DataFrame]]) -> pd.DataFrame:
    """Return the rows of all days, with the day in `known_by`."""
    dated = [frame.assign(known_by=day) for day, frame in parts]
    if len(dated) == 1:  # as in most terms: the rows are many, and are not copied
        return dated[0].reset_index(drop=True)
    return pd.concat(dated, ignore_index=True) if dated else pd.DataFrame()


def _read_optional(college: College, name: str) -> pd.DataFrame | None:
    """Return all rows of a relation; None where the college does not have it."""
    relation = college.relations[name]
    return None if relation is None else college.read_columns(name, *relation.table.names)
