"""Simulate a college whose records behave as published studies say that records behave.

Each student has a latent ability and diligence. Each semester adds a mood and a trajectory (steady,
collapse, recover, fade, surge) to a weekly engagement that varies at random. Attendance, work,
library use and marks follow from these with noise, so that no single record reveals a student's
traits. `tests/unit/college/test_simulator.py` compares the result with published values. Whole
semesters are generated and then cut at the current week to what a college would know, so that a
college that moves on by a week gains only what that week brought.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd

from edumetrics.fields import RELATIONS
from edumetrics.params import Calendar
from edumetrics.simulator.cohort import (
    AREAS,
    BRANCHES,
    DEMO_YEAR,
    YEARS,
    Frames,
    SimulationPlan,
    build_class_tables,
    draw_traits,
    list_classes,
)
from edumetrics.simulator.demo import add_extras
from edumetrics.simulator.semester import Semester
from edumetrics.weeks import CollegeWeek


def plan_demo(
    students: int,
    seed: int,
    calendar: Calendar,
    *,
    weeks: int = 10,
    semesters: int = 1,
    demo: bool = False,
) -> SimulationPlan:
    """Return the plan of a college in its even semester, after `weeks` complete weeks of it."""
    position = CollegeWeek(DEMO_YEAR, calendar.slots["even"].offset + weeks)
    return SimulationPlan(students, seed, position, semesters, calendar, demo)


def plan_weeks_later(plan: SimulationPlan, weeks: int) -> SimulationPlan:
    """Return the plan of the same college `weeks` weeks later; every semester it has is kept."""
    # Far enough ahead for any number of weeks: a year has 36 global weeks.
    end = CollegeWeek(plan.position.year + 1 + weeks // 36, 36)
    later = list(plan.position.iter_until(end, plan.calendar))[weeks - 1]
    moved = replace(plan, position=later)
    # A term that ends on the way becomes a completed semester, so that no record is lost.
    return replace(moved, semesters=plan.semesters + moved.term - plan.term)


def simulate_classes(plan: SimulationPlan) -> Iterator[Frames]:
    """Yield the college class by class, as frames to append to the canonical relations.

    The first frames are those that belong to no class. One class at a time keeps memory bounded.
    """
    yield _build_shared_tables(plan)
    for batch in list_classes(plan):
        # Once for all semesters: a student stays the same person.
        drives = draw_traits(batch)
        # Each semester enters its leavers here, so that later ones do not count them.
        leaving = np.full(batch.size, np.datetime64("NaT", "D"))
        frames: Frames = {}
        for term in range(max(plan.term - plan.semesters, 2 * batch.year), plan.term + 1):
            # A class that has finished its last semester is in no later one.
            if batch.compute_semester(term) <= 2 * YEARS:
                part = Semester(batch, term, drives, leaving).build_frames()
                frames = {
                    name: pd.concat([frames[name], f]) if name in frames else f
                    for name, f in part.items()
                }
        # Last, when every leaver is known.
        frames |= build_class_tables(batch, leaving)
        if plan.demo:
            frames = add_extras(batch, frames)
        yield {name: _cut_at_today(name, frame, plan) for name, frame in frames.items()}


def _build_shared_tables(plan: SimulationPlan) -> Frames:
    """Return the relations that belong to no class: the subjects and the week counter."""
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


def _cut_at_today(name: str, frame: pd.DataFrame, plan: SimulationPlan) -> pd.DataFrame:
    """Return what the college knows on the plan's last day: no later rows, and later marks null."""
    today = np.datetime64(plan.today, "D")
    record = RELATIONS[name]
    # Rows of feeds, work and results come into being on their day; definitions are there before.
    if record.feed or record.parent:
        frame = frame[frame[record.day] <= today]
    # The day on which columns of a row become known, and the columns that are null until then.
    later = {
        "return_date": ("return_date", "return_week"),
        "marked_on": ("marked_on", "marks_obtained", "quality_pct", "plagiarism_pct", "score_pct"),
        "withdrawn_on": ("withdrawn_on",),
    }
    for column, hidden in later.items():
        if column in frame.columns:
            # A comparison with NaT is False: what has no day stays as it is.
            open_ = frame[column] > today
            frame = frame.assign(
                **{h: frame[h].where(~open_) for h in hidden if h in frame.columns}
            )
    return frame
