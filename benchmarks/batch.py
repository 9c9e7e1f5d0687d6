"""What the batch adds to the work itself: start-up of kernels, nothing to do, and `--help`.

The same catch-up of the demo college with kernels forked from a pre-imported process and with
papermill's own: overhead is the stages' time on the wall less the cells' own, the importing cell
being start-up. Usage: python -m benchmarks.batch [--weeks 17]
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from edumetrics import database
from edumetrics.batch import backfill, kernels, pipeline, progress
from edumetrics.params import Calendar
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.workspace import Workspace, open_workspace

REPEATS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weeks", type=int, default=17)
    weeks = parser.parse_args().weeks
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "start"
        first = workspace(home)
        plan = generate.plan_demo(600, 1, Calendar(), weeks=weeks)
        write.write_simulation(
            database.create_writable_engine(first.settings.client_db_url), plan, quiet=True
        )
        backfill.calibrate(first, progress.skip_line, completed_only=True)
        print("| kernels | stages | wall, s | cells, s | overhead, s |\n|---|---:|---:|---:|---:|")
        overhead = {}
        for name, fork in (("forked", True), ("papermill's own", False)):
            kernels.CAN_FORK = fork
            copied = Path(folder) / name.split("'")[0]
            shutil.copytree(home, copied)
            overhead[fork] = catch_up(workspace(copied), name)
        print(
            f"overhead, forked / papermill's own: {overhead[True] / overhead[False]:.2f} (asked: at most 0.33)"
        )
        environ = {**os.environ, **workspace(Path(folder) / "forked").settings.environ}
        bare = command([sys.executable, "-c", "pass"], environ)
        edumetrics = [sys.executable, "-m", "edumetrics"]
        print("| command | s | / starting Python |\n|---|---:|---:|")
        for name, arguments in (
            ("edumetrics --help", ["--help"]),
            ("edumetrics run, nothing to do", ["run"]),
        ):
            seconds = command([*edumetrics, *arguments], environ)
            print(f"| {name} | {seconds:.2f} | {seconds / bare:.0f} |")


def workspace(home: Path) -> Workspace:
    home.mkdir(exist_ok=True)
    return open_workspace(
        Settings(home, "native", f"sqlite:///{home}/college.db", f"sqlite:///{home}/analysis.db")
    )


def catch_up(at: Workspace, name: str) -> float:
    """The overhead of a catch-up: of its stages' time on the wall, what is not their cells' own.

    The first cell imports what the others use: that is start-up, too.
    """
    told: list[float] = []

    def tell(line: str, /, **fields: object) -> None:
        if "stage" in fields:
            told.append(float(str(fields["seconds"])))

    pipeline.run(at, tell)
    notebooks = [
        nbformat.read(path, as_version=4) for path in at.settings.reports.rglob("run.ipynb")
    ]
    cells = sum(
        cell.metadata["papermill"]["duration"] or 0
        for book in notebooks
        for cell in [one for one in book.cells if one.cell_type == "code"][1:]
    )
    print(
        f"| {name} | {len(told)} | {sum(told):.1f} | {cells:.1f} | {sum(told) - cells:.1f} |",
        flush=True,
    )
    return sum(told) - cells


def command(arguments: list[str], environ: dict[str, str]) -> float:
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(arguments, env=environ, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
