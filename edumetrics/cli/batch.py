"""Commands of the week: run, send, calibrate, evaluate, status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from edumetrics.cli.base import AS_OF, FORMAT, LOG_FORMAT, day_of, main, workspace_of
from edumetrics.cli.show import formatted
from edumetrics.errors import EduMetricsError, Locked, Refused

if TYPE_CHECKING:
    import pandas as pd

    from edumetrics.stages.workspace import Workspace


@main.command()
@click.option("--week", type=click.IntRange(1), help="Do this semester week again.")
@click.option("--stage", help="Only this stage.")
@AS_OF
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option(
    "--force", is_flag=True, help="Release the mail that the gate would hold; the ledger says so."
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Processes for work that fans out; 0: one for each core.",
)
@click.option(
    "--backend",
    type=click.Choice(["loky", "dask"]),
    help="Local processes, or an existing Dask cluster.",
)
@click.option("--scheduler", help="The cluster's address, such as tcp://host:8786.")
@LOG_FORMAT
def run(
    week: int | None,
    stage: str | None,
    as_of: datetime | None,
    dry_run: bool,
    force: bool,
    log_format: str,
    **fan: Any,
) -> None:
    """Catch the analysis up with the college, week by week."""
    workspace = workspace_of({name: value for name, value in fan.items() if value is not None})
    if dry_run:
        from edumetrics.batch import planning

        due = planning.plan(workspace, week=week, stage=stage, as_of=day_of(as_of))
        click.echo("\n".join(planning.described(due)))
        return
    from edumetrics.batch import journal
    from edumetrics.batch.idle import NOTHING, idle

    tell = journal.teller(log_format)
    with journal.logged(log_format), _operator_told(workspace):
        if week is None and stage is None and not force and idle(workspace, day_of(as_of)):
            tell(NOTHING)
            return
        from edumetrics.batch import pipeline

        outcome = pipeline.run(
            workspace, tell, week=week, stage=stage, as_of=day_of(as_of), force=force
        )
        tell(outcome.line)
        _to_operator(workspace, outcome.kind, outcome.line)


@main.command()
@click.option("--advisor", default="", help="Only this advisor's.")
@click.option(
    "--dry-run", is_flag=True, help="Show who would be written to, and one sample; change nothing."
)
@click.option(
    "--approve", is_flag=True, help="Release a college's first mail: show the same, and send."
)
@click.option("--again", is_flag=True, help="Also what was sent before.")
def send(advisor: str, dry_run: bool, approve: bool, again: bool) -> None:
    """Send the newest week's reports to advisors, each once."""
    from edumetrics.mail import delivery

    workspace = workspace_of()
    with workspace.store.exclusive():
        with workspace.college() as college:
            position = college.position(workspace.today)
        if dry_run or approve:
            click.echo("\n".join(delivery.described(workspace, position, advisor)))
        if dry_run:
            return
        posted = delivery.deliver(
            workspace, position, advisor=advisor, approve=approve, again=again
        )
    if posted.broken:
        raise EduMetricsError(posted.line())
    if posted.waiting or posted.all_held:
        raise Refused(posted.line())
    click.echo(posted.line())


@main.command()
@click.option(
    "--from-scratch",
    is_flag=True,
    help="Delete everything derived first; what people entered stays.",
)
@AS_OF
@LOG_FORMAT
def calibrate(from_scratch: bool, as_of: datetime | None, log_format: str) -> None:
    """Recompute every completed and current semester from the college database."""
    from edumetrics.batch import calibration, journal

    tell = journal.teller(log_format)
    with journal.logged(log_format):
        rows = calibration.calibrate(
            workspace_of(), tell, from_scratch=from_scratch, as_of=day_of(as_of)
        )
        tell(f"{rows} rows written.", rows=rows)


@main.command()
@FORMAT
def evaluate(fmt: str) -> None:
    """Try forecasts on each past term as if it were live, and hold them against what happened."""
    from edumetrics.stages import evaluation

    table = evaluation.evaluate(workspace_of())
    if fmt != "table":
        click.echo(formatted(table, fmt), nl=False)
        return
    for (term, trained), rows in table.groupby(["term", "trained_terms"]):
        click.echo(f"Term of {term}, learnt from {trained}:")
        measures = rows.drop(columns=["term", "trained_terms"])
        click.echo(_lines(measures[measures["champion"]].drop(columns=["champion"])))
        click.echo("Means over weeks, of every candidate and baseline:")
        click.echo(
            _lines(
                measures.drop(columns=["champion", "sem_week", "n"])
                .groupby("model")
                .mean()
                .reset_index()
            )
        )


def _lines(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, float_format="{:.3f}".format, na_rep="-") + "\n"


@main.command()
def status() -> None:
    """Where the college is, where the analysis is, the last runs, and the feeds."""
    from edumetrics.stages import status as story

    for line in story.status():
        click.echo(line)


@contextmanager
def _operator_told(workspace: Workspace) -> Iterator[None]:
    """What went wrong with a run goes to the operator, too; that another is at work went not wrong."""
    try:
        yield
    except Locked:
        raise
    except EduMetricsError as error:
        _to_operator(workspace, "refused" if isinstance(error, Refused) else "failed", str(error))
        raise


def _to_operator(workspace: Workspace, outcome: str, line: str) -> None:
    """Mail the operator; a mail that cannot be sent changes nothing about the run."""
    from edumetrics.mail.operator import to_operator

    if not outcome:
        return
    try:
        to_operator(workspace.settings, outcome, line)
    except EduMetricsError as error:
        click.echo(f"The operator was not told: {error}", err=True)
