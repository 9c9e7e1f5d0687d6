"""A small simulated college, all its classes in one frame per relation."""

from __future__ import annotations

from functools import cache

import pandas as pd

from edumetrics.params import Calendar
from edumetrics.simulator import generate
from edumetrics.simulator.cohort import Frames, SimulationPlan


def plan(students: int = 60, seed: int = 3, weeks: int = 10, semesters: int = 0) -> SimulationPlan:
    return generate.plan_demo(students, seed, Calendar(), weeks=weeks, semesters=semesters)


@cache
def simulate(chosen_seed: int = 3, weeks: int = 10, semesters: int = 0) -> Frames:
    """Return the relations of a college of sixty. Read them; do not change them."""
    parts = list(
        generate.simulate_classes(plan(seed=chosen_seed, weeks=weeks, semesters=semesters))
    )
    names = {name for part in parts for name in part}
    return {
        name: pd.concat([part[name] for part in parts if name in part], ignore_index=True)
        for name in sorted(names)
    }
