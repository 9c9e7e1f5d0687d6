"""A made-up college worth trusting: its records behave as published studies say that records behave.

Each student has a latent ability and diligence; each semester adds a mood and a trajectory (steady, collapse,
recover, fade, surge) to a weekly engagement that wanders. Attendance, work, library use and marks follow from these
with noise, so that no record gives a student away. `tests/unit/college/test_simulator.py` holds the result to
published values. Whole semesters are generated and then cut at the current week as a college would know them, so that
a college advanced by a week only ever gains what that week brought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from edumetrics.college.cohort import AREAS, BRANCHES, YEARS, Frames, Plan, batches, latent, people
from edumetrics.college.semester import Semester
from edumetrics.params import Calendar
from edumetrics.weeks import Position

DEMO_YEAR = 2025


def demo_plan(
    students: int, seed: int, calendar: Calendar, *, weeks: int = 10, semesters: int = 1
) -> Plan:
    """A college in its even semester, after so many complete weeks of it."""
    offset = calendar.slots["even"].offset
    return Plan(students, seed, Position(DEMO_YEAR, offset + weeks), semesters, calendar)


def advanced(plan: Plan, weeks: int) -> Plan:
    """The same college so many weeks later; what has become past since then is kept."""
    end = Position(plan.position.year + 1 + weeks // 36, 36)
    later = list(plan.position.until(end, plan.calendar))[weeks - 1]
    moved = replace(plan, position=later)
    return replace(moved, semesters=plan.semesters + moved.term - plan.term)


def generate(plan: Plan) -> Iterator[Frames]:
    """The college, class by class: frames of the canonical relations, ready to be appended to their tables."""
    yield _shared(plan)
    for batch in batches(plan):
        drives = latent(batch)
        leaving = np.full(batch.size, np.datetime64("NaT", "D"))
        frames: Frames = {}
        for term in range(max(plan.term - plan.semesters, 2 * batch.year), plan.term + 1):
            if batch.semester(term) <= 2 * YEARS:
                part = Semester(batch, term, drives, leaving).frames()
                frames = {
                    name: pd.concat([frames[name], f]) if name in frames else f
                    for name, f in part.items()
                }
        frames |= people(batch, leaving)
        yield {name: _known(name, frame, plan) for name, frame in frames.items()}


def _shared(plan: Plan) -> Frames:
    """What belongs to no class: the subjects and the week counter."""
    rows = [
        (f"{branch}{semester}{place + 1:02d}", f"{area} {semester}", semester, 4.0, difficulty)
        for branch in BRANCHES
        for semester in range(1, 2 * YEARS + 1)
        for place, (area, difficulty, _) in enumerate(AREAS)
    ]
    subjects = pd.DataFrame(
        rows, columns=["subject_id", "subject_name", "semester", "credits", "difficulty"]
    )
    state = pd.DataFrame(
        {
            "id": [1],
            "current_week": [plan.position.global_week],
            "sim_year": [plan.position.year],
            "last_updated": [np.datetime64(plan.today, "D")],
        }
    )
    return {"subjects": subjects, "sim_state": state}


def _known(name: str, frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """What the college knows of a relation on the plan's last day: later rows do not exist, later marks are null."""
    today = np.datetime64(plan.today, "D")
    dates = {
        "attendance": "week_date",
        "library_visits": "week_date",
        "book_borrows": "borrow_date",
        "assignment_submissions": "submission_date",
        "quiz_submissions": "attempt_date",
        "exam_results": "result_date",
    }
    if name in dates:
        frame = frame[frame[dates[name]] <= today]
    later = {
        "return_date": ("return_date", "return_week"),
        "marked_on": ("marked_on", "marks_obtained", "quality_pct", "plagiarism_pct", "score_pct"),
        "withdrawn_on": ("withdrawn_on",),
    }
    for column, hidden in later.items():
        if column in frame.columns:
            open_ = frame[column] > today
            frame = frame.assign(
                **{h: frame[h].where(~open_) for h in hidden if h in frame.columns}
            )
    return frame
