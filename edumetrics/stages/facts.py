"""Reading a week: from the college's records to the facts that scoring starts from."""

from __future__ import annotations

import pandas as pd

from edumetrics.college import records
from edumetrics.college.source import College, Term
from edumetrics.scoring.facts import Facts


def read_facts(
    college: College,
    term: Term,
    week: int,
    students: pd.DataFrame,
    until: int | None = None,
    feeds: frozenset[str] | None = None,
) -> Facts:
    """The college's frames as known at the end of a week.

    `until` reads weekly counts further, to be kept for later; `feeds` are those that are present, where a part of the
    classes cannot tell.
    """
    # A feed is present when it has a row in the last few weeks: one week alone needs no more of it than those.
    since = 1 if until else min(college.feed_window(week))
    until = until or week
    by_subject = college.relations["enrolments"] is not None
    ends = term.week_ends(week)["week_end"].drop_duplicates().sort_values()
    # Classes of one term may end the week on different days: what is known is asked once for each such day.
    done = {
        work: _tagged(
            [
                (day, records.done(college, term, work, day.date(), by_subject=by_subject))
                for day in ends
            ]
        )
        for work in ("assignment", "quiz")
    }
    midterms = _tagged([(day, records.midterms(college, term, day.date(), week)) for day in ends])
    pairings = term.pairings if term.current else term.pairings[term.pairings["last_week"] >= week]
    attendance = records.attendance(college, term, until)
    return Facts(
        week=week,
        students=students,
        pairings=pairings.drop_duplicates("class_id", keep="last"),
        dates=term.dates,
        attendance=attendance,
        double_registers=records.double_registers(
            college, term, until, _in_two_classes(attendance)
        ),
        assignments=records.items(college, term, "assignment"),
        quizzes=records.items(college, term, "quiz"),
        assignments_done=done["assignment"],
        quizzes_done=done["quiz"],
        extensions=records.extensions(college, term),
        excuses=_optional(college, "excuses"),
        enrolments=_optional(college, "enrolments"),
        library=records.per_week(college, term, "library_visits", since, until),
        loans=records.per_week(college, term, "book_borrows", since, until),
        platform=records.per_week(college, term, "lms_activity", since, until),
        midterms=midterms,
        feeds=feeds,
    )


def _tagged(parts: list[tuple[pd.Timestamp, pd.DataFrame]]) -> pd.DataFrame:
    return (
        pd.concat([frame.assign(known_by=day) for day, frame in parts], ignore_index=True)
        if parts
        else pd.DataFrame()
    )


def _in_two_classes(attendance: pd.DataFrame) -> list[str]:
    repeated = attendance.duplicated(["student_id", "week"])
    return sorted(set(attendance.loc[repeated, "student_id"]))


def _optional(college: College, name: str) -> pd.DataFrame | None:
    relation = college.relations[name]
    return None if relation is None else college.whole(name, *relation.table.names)
