"""What the demo college has beyond a simulated one, so that every part of a report has a case.

It has an advisor with a known name, parents, and a class with trouble: it stays away from lectures
and hands in little. Each has random numbers of its own, so that all other rows are those of the
same plan without extras.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from edumetrics.simulator.cohort import (
    DEMO_YEAR,
    YEARS,
    Frames,
    SimulatedClass,
    SimulationPlan,
    list_classes,
)

# The even semester of `DEMO_YEAR`, as `SimulationPlan.term` counts. It is a constant, because the
# extras must stay where they are when the college moves on.
TERM = 2 * DEMO_YEAR + 1
# The advisor of examples and documents, whatever the number of students and the seed are.
ADVISOR_ID, ADVISOR_NAME = "ADV001", "Dr. Priya Mehta"
# Two weeks, because the gate takes a list that grows by half a class for a fault of the data where
# that happens in the newest week: the mail of the class would be held.
TROUBLE_WEEKS = (9, 10)
# In these weeks one in five remains of the lectures that a student would have attended, and of the
# work that he or she would have handed in. So nearly the whole class attends at most 30%, which is
# the limit of the rule on attendance, and the score alone would list most of it too.
REMAINS = 0.2
# The parents of some students are known. Of these half may be written to; the others said no, or
# were never asked, which counts as no.
KNOWN_PARENTS = 0.6
PERMISSIONS, PERMISSION_SHARES = (True, False, None), (0.5, 0.25, 0.25)
# By kind of work: the column of its definitions that says in which week it is due.
WORK = {"assignment": "due_week", "quiz": "scheduled_week"}
# Numbers of the random streams: other than a term, and than those that `cohort` uses.
_PARENTS, _LECTURES, _WORK = 101, 102, 103


def add_extras(batch: SimulatedClass, frames: Frames) -> Frames:
    """Return the frames of a class of the demo college with its extras."""
    troubled, advised = _find_chosen_classes(batch.plan)
    added = {**frames, "students": _add_parents(batch, frames["students"])}
    if batch == advised:
        added["students"] = added["students"].assign(advisor_id=ADVISOR_ID)
        added["advisors"] = frames["advisors"].assign(
            advisor_id=ADVISOR_ID, name=ADVISOR_NAME, email=f"{ADVISOR_ID.lower()}@college.example"
        )
    if batch == troubled:
        added["attendance"] = _thin_attendance(batch, frames["attendance"])
        for number, (work, due) in enumerate(WORK.items()):
            added[f"{work}_submissions"] = _thin_work(batch, frames, work, due, number)
    return added


def _find_chosen_classes(plan: SimulationPlan) -> tuple[SimulatedClass | None, SimulatedClass]:
    """Return the class with trouble and the class of the known advisor.

    A college with only one class has none with trouble: the gate would hold all of its mail.
    """
    running = [
        batch for batch in list_classes(plan) if 1 <= batch.compute_semester(TERM) <= 2 * YEARS
    ]
    # The last ones are of the newest intakes, which the college keeps longest when it moves on.
    return running[-2] if len(running) > 1 else None, running[-1]


def _add_parents(batch: SimulatedClass, students: pd.DataFrame) -> pd.DataFrame:
    """Return the students with the address of a parent, and whether parents may be written to."""
    rng = batch.create_rng(_PARENTS)
    known = rng.random(batch.size) < KNOWN_PARENTS
    answer = rng.choice(len(PERMISSIONS), batch.size, p=PERMISSION_SHARES)
    emails = students["student_id"].str.lower() + "@parents.example"
    permitted = pd.Series([PERMISSIONS[n] for n in answer], index=students.index, dtype="boolean")
    return students.assign(
        parent_email=emails.where(known), parent_contact_permitted=permitted.where(known)
    )


def _thin_attendance(batch: SimulatedClass, registers: pd.DataFrame) -> pd.DataFrame:
    """Return the registers of a class that stays away from most lectures in `TROUBLE_WEEKS`."""
    troubled = _is_in_trouble(batch, registers["semester"], registers["week"])
    present = registers["present"].to_numpy(copy=True)
    # Drawn for these rows only: later semesters add rows, and must change nothing here.
    present[troubled] = batch.create_rng(_LECTURES).binomial(present[troubled], REMAINS)
    return registers.assign(present=present)


def _thin_work(
    batch: SimulatedClass, frames: Frames, work: str, due: str, number: int
) -> pd.DataFrame:
    """Return the submissions of a class that hands in little of what is due in `TROUBLE_WEEKS`.

    Args:
        batch: the class.
        frames: its frames.
        work: assignment or quiz.
        due: the column of the definitions with the week in which the work is due.
        number: the number of the kind of work, from 0.
    """
    items, rows = frames[f"{work}_definitions"], frames[f"{work}_submissions"]
    chosen = items.loc[_is_in_trouble(batch, items["semester"], items[due]), f"{work}_id"]
    troubled = rows[f"{work}_id"].isin(chosen).to_numpy()
    missing = troubled.copy()
    draws = batch.create_rng(_WORK, number).random(troubled.sum())
    missing[troubled] = draws >= REMAINS
    return rows[~missing]


def _is_in_trouble(batch: SimulatedClass, semester: pd.Series, week: pd.Series) -> np.ndarray:
    """Return which rows are of a week of trouble."""
    return np.asarray((semester == batch.compute_semester(TERM)) & week.isin(TROUBLE_WEEKS))
