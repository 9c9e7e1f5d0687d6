"""Run the tasks of a week, each as one notebook, and enter them into the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from edumetrics.analysis import run_log
from edumetrics.analysis.written import Subject
from edumetrics.batch.progress import Reporter
from edumetrics.errors import EduMetricsError, Refused
from edumetrics.inputs import terms
from edumetrics.reports import from_store
from edumetrics.stages import BY_NAME
from edumetrics.workspace import Workspace

if TYPE_CHECKING:
    # Only the types of a plan are needed here.
    from edumetrics.batch.schedule import Step, Task

# Carries out one task, as `notebook.run_notebook` does.
Execute = Callable[..., dict[str, int]]
# How long a notebook may take where batch.yml does not say.
TIMEOUT_MINUTES = 30


def run_tasks(
    workspace: Workspace, step: Step, execute: Execute, tell: Reporter, place: str
) -> list[EduMetricsError]:
    """Run the tasks of a week; return the error of each that failed without ending the run.

    Without its scores a week is nothing. Any other stage adds a section to the week's mail, which
    goes out without it and says so.
    """
    failed: list[EduMetricsError] = []
    for task in step.tasks:
        try:
            _run_task(workspace, task, execute, tell, place)
        except EduMetricsError as error:
            if BY_NAME[task.stage].analyses or isinstance(error, Refused):
                raise
            teaching = task.week in workspace.params.calendar.teaching_weeks
            only = f" --week {task.week} --stage {task.stage}" if teaching else ""
            # The class of an error is the exit status of the command.
            failed.append(
                type(error)(f"{task}: {error} Correct the cause, then run `edumetrics run{only}`.")
            )
            tell(f"{place} {failed[-1]}", stage=task.stage, term=task.term, week=task.week)
    if failed and step.term:
        # The stages before may have rendered pages, which do not say yet what is missing.
        with workspace.open_college() as college:
            term = terms.find_term(college, step.term, college.find_college_week(workspace.today))
            week = step.position.compute_week(workspace.params.calendar)
            from_store.render_week(workspace, college, term, week, step.folder)
    return failed


def _run_task(
    workspace: Workspace, task: Task, execute: Execute, tell: Reporter, place: str
) -> None:
    """Run the notebook of a task; enter it into the ledger, and tell its rows and pages."""
    store, began = workspace.store, time.monotonic()
    # What comes must be stored once only: not by two runs at the same time.
    store.confirm_lock()
    minutes = workspace.params.batch.timeout_minutes.get(task.stage, TIMEOUT_MINUTES)
    # The notebook itself marks the entry as done, in the transaction that stores its rows. Where
    # someone ends the run it may still be at work; an entry that has failed lets it store nothing.
    with run_log.watch_run(store, workspace.params, task.stage, task.term, task.week) as entry:
        summary = execute(
            task.stage,
            {**task.parameters, "run_id": entry.run_id},
            task.folder,
            environ=workspace.settings.environ,
            seconds=60 * minutes,
            code=workspace.params.batch.report_code,
        )
    about = Subject(task.term, task.week, f"notebook of {task.stage}")
    written = (task.folder / name for name in ("run.ipynb", "run.html"))
    workspace.files.add({path: about for path in written if path.exists()}, "notebook")
    seconds = round(time.monotonic() - began, 1)
    fields = {
        "stage": task.stage,
        "term": task.term,
        "week": task.week,
        "run_id": entry.run_id,
        "seconds": seconds,
    }
    tell(f"{place} {task}: {_format_counts(summary)}.", **fields, **summary)


def _format_counts(summary: dict[str, int]) -> str:
    """Return the counts of a notebook in words, such as "1 row, 12 pages"."""
    # The names are plural; one of a kind loses its s.
    return ", ".join(
        f"{count} {name if count != 1 else name[:-1]}" for name, count in summary.items()
    )
