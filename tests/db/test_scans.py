"""How often a week reads each large relation: counted by the server itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from edumetrics import database
from edumetrics.analysis import run_log
from edumetrics.college.terms import College
from edumetrics.inputs.terms import find_term
from edumetrics.inputs.week import Week
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from edumetrics.stages import weekly
from edumetrics.workspace import Workspace
from tests.conftest import workspace_at
from tests.db.test_in_chunks import in_chunks

ONCE = ("attendance",)
TWICE = (
    # Their rows, and what each item sums up to: where a college is computed in parts, no process
    # reads the rows of all.
    "assignment_submissions", "quiz_submissions", "exam_results",
    # What is counted reaches back a few weeks; what is wrong is looked for in the whole term.
    "library_visits", "book_borrows",
)  # fmt: skip
SUMMED = ("assignment_submissions", "quiz_submissions")


def simulate(url: str, home: Path, weeks: int) -> Workspace:
    """A college of 120 students, so many weeks into its second semester."""
    plan = generate.plan_demo(120, 1, Calendar(), weeks=weeks, semesters=1)
    write.write_simulation(database.create_writable_engine(url), plan, quiet=True)
    return workspace_at(home, url)


def read_week(workspace: Workspace, college: College, number: int) -> Week:
    term = find_term(college, "", college.find_college_week(workspace.today))
    return weekly.read_week(workspace, college, term, number, Path(), replay=False)


def test_a_week_reads_each_large_relation_once_or_twice(
    postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    workspace = simulate(postgres_url(), tmp_path, weeks=7)
    # Week 6 first: what was known before the semester is stored with the week before.
    _analyse(workspace, 6)
    scans = _analyse(workspace, 7)
    assert {name: scans[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert {name: scans[name] for name in TWICE} == dict.fromkeys(TWICE, 2)


def _analyse(workspace: Workspace, number: int) -> dict[str, int]:
    """Compute and store a week, and return how often each table was scanned for it."""
    with workspace.open_college() as college:
        college.expect_whole_week()
        week = read_week(workspace, college, number)
        scores = weekly.compute(week)
        # Before exams everything is asked for: the outlook needs the subjects, too.
        assert not week.parts[0].read(week).subjects.empty
        scans = _count_scans(college)
    entry = run_log.start_run(workspace.store, workspace.params, "weekly", week.term, number)
    weekly.STAGE.save(entry, weekly.make_lists(scores))
    return scans


def _count_scans(college: College) -> dict[str, int]:
    """Return how often each table was scanned in this transaction, so that no other test counts."""
    counted = college.sources.find_connection("attendance").exec_driver_sql(
        "SELECT relname, seq_scan + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables"
    )
    return {str(name): int(times) for name, times in counted}


def test_nobody_reads_all_rows_of_a_large_college(
    postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    """What is judged of the whole college needs what each item sums up to, and nothing else."""
    workspace = in_chunks(simulate(postgres_url(), tmp_path, weeks=5), 60)
    with workspace.open_college() as college:
        week = read_week(workspace, college, 5)
        scans = _count_scans(college)
    assert len(week.parts) > 1
    assert {name: scans[name] for name in SUMMED} == dict.fromkeys(SUMMED, 1)
