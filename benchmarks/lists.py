"""What the shipped lists are worth on simulated colleges whose outcome is known: `python -m benchmarks.lists`.

Each line is the completed semester of a college of its own; the first seed is the one that
thresholds are looked at with, the others are held out.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pandas as pd

from edumetrics import database
from edumetrics.analyst import policy as stage
from edumetrics.batch import backfill, progress
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.triage import policy
from edumetrics.triage.stability import measure_stability
from edumetrics.workspace import open_workspace


def judged_college(home: Path, seed: int, students: int) -> pd.Series:
    """Simulate a college, analyse its completed semester, and judge the lists that were stored."""
    home.mkdir(parents=True, exist_ok=True)
    urls = [f"sqlite:///{home / name}.db" for name in ("college", "analysis")]
    workspace = open_workspace(Settings(home, "native", *urls))
    plan = generate.plan_demo(students, seed, Calendar(), weeks=1)
    write.write_simulation(database.create_writable_engine(urls[0]), plan, quiet=True)
    backfill.calibrate(workspace, progress.skip_line, completed_only=True)
    past = stage.load(workspace=workspace)
    flags = workspace.store.read("weekly_flags")
    found = policy.measure_lists(past, flags)
    flips = measure_stability(flags[["student_id", "sem_week"]], past.calendar)[
        "flips_per_student"
    ].iloc[-1]
    found["lift"] = found["precision_at_capacity"] / found["base_rate"]
    return pd.concat([pd.Series({"seed": seed}), found, pd.Series({"flips": flips})])


def main() -> None:
    """Print one line per seed, and their mean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--students", type=int, default=600)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = pd.DataFrame(
            [judged_college(Path(folder) / str(s), s, chosen.students) for s in chosen.seeds]
        )
    table = table.astype({"seed": "int64"}).set_index("seed").round(3)
    table.loc["mean of the others"] = table.iloc[1:].mean().round(3)
    print(table.T.to_string())


if __name__ == "__main__":
    main()
