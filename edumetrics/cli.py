"""Commands and exit codes, nothing else."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edumetrics import __version__
from edumetrics.errors import EduMetricsError, Locked, Refused, SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from edumetrics.stages.workspace import Workspace

DAY = click.DateTime(["%Y-%m-%d"])
LOG_FORMAT = click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
# What a terminal has room for; csv and json have every column.
SHOWN = ("term", "sem_week", "student_id", "class_id", "semester", "students", "weekly_att_pct", "overall_att_pct",
         "lectures_can_miss", "submission_pct", "effort_score", "academic_performance", "risk_score",
         "advisor_id", "triage_rank", "risk_tier", "urgency_score", "status", "escalation_level", "within_capacity",
         "looked_after", "predicted_midterm_score", "predicted_endterm_score", "low", "high", "p_fail", "at_risk",
         "outlook", "subject_id", "risk_label", "target_term", "risk_probability_pct", "on_watchlist")  # fmt: skip


class Commands(click.Group):
    """A group that turns our errors into one sentence and an exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        sys.excepthook = _unexpected
        try:
            return super().invoke(ctx)
        except EduMetricsError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            click.echo(str(error), err=True)
            ctx.exit(error.exit_status)


def _unexpected(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """A defect of ours: one line, and where to look; the traceback only with --debug."""
    if "--debug" in sys.argv or isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        click.echo(
            f"Unexpected {kind.__name__}: run `edumetrics --debug ...` for the traceback, and report it.", err=True
        )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Tell each advisor who to reach this week, why, and in time."""
    # What is written here is about people: folders and files are their owner's alone.
    os.umask(0o077)


@main.command()
@click.option("--students", default=600, show_default=True, type=click.IntRange(1), help="How many, in a new college.")
@click.option("--seed", default=1, show_default=True, help="Another seed is another college; for a new one.")
def demo(students: int, seed: int) -> None:
    """Simulate a college (if there is none) and run it up to its current week."""
    from edumetrics import database
    from edumetrics.batch import calibration, journal, pipeline
    from edumetrics.college import made, simulator

    workspace = _workspace()
    url = workspace.settings.client_db_url
    calendar = workspace.params.calendar
    engine = database.writable_engine(url, "CLIENT_DB_URL")
    if made.simulated(engine, calendar) is None:
        written = made.simulate(engine, simulator.demo_plan(students, seed, calendar))
        click.echo(f"Simulated a college of {written['students']} students: {sum(written.values())} rows.")
    if workspace.store.position() is None:
        calibration.calibrate(workspace, journal.plain, completed_only=True)
    click.echo(pipeline.run(workspace, journal.plain).line)
    _say_what_there_is(workspace)


@main.command()
@click.argument("url")
@click.option("--students", default=600, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--weeks", default=10, show_default=True, type=click.IntRange(0), help="Complete weeks of the current semester."
)
@click.option(
    "--semesters", default=1, show_default=True, type=click.IntRange(0), help="Completed semesters behind it."
)
@click.option("--force", is_flag=True, help="Replace a college that EduMetrics made here.")
def simulate(url: str, students: int, seed: int, weeks: int, semesters: int, force: bool) -> None:
    """Write a simulated college into the database at URL."""
    from edumetrics import database
    from edumetrics.college import made, simulator
    from edumetrics.params import Calendar

    calendar = Calendar()
    plan = simulator.demo_plan(students, seed, calendar, weeks=weeks, semesters=semesters)
    written = made.simulate(database.writable_engine(url, "URL"), plan, force=force)
    click.echo("\n".join(f"{rows:>10,}  {name}" for name, rows in written.items()))


@main.command()
@click.option("--weeks", default=1, show_default=True, type=click.IntRange(1))
def advance(weeks: int) -> None:
    """Move the demo college on in time."""
    from edumetrics import database
    from edumetrics.college import made, simulator

    workspace = _workspace()
    engine = database.writable_engine(workspace.settings.client_db_url, "CLIENT_DB_URL")
    plan = made.simulated(engine, workspace.params.calendar)
    if plan is None:
        raise SettingsError("The college database is no simulation: only a simulated college can be moved on in time.")
    later = simulator.advanced(plan, weeks)
    made.simulate(engine, later, force=True)
    calendar = workspace.params.calendar
    click.echo(f"The college has completed week {later.position.week(calendar)} of {later.position.label(calendar)}.")


@main.group("import")
def import_() -> None:
    """Load public data sets into a college database."""


@import_.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("url")
@click.option("--force", is_flag=True, help="Replace what EduMetrics made here.")
def oulad(path: Path, url: str, force: bool) -> None:
    """Load the OULAD files at PATH (folder of CSV or Parquet, or zip of CSV) into URL."""
    from edumetrics import database
    from edumetrics.college import made
    from edumetrics.college import oulad as dataset

    written = made.load(database.writable_engine(url, "URL"), "oulad", dataset.load(path), force=force)
    click.echo("\n".join(f"{rows:>10,}  {name}" for name, rows in written.items()))
    click.echo("Now set CLIENT_DB_URL to it and EDUMETRICS_COLLEGE=oulad, and run `edumetrics calibrate`.")


@main.command()
def check() -> None:
    """Look at connections, mapping, read-only role and data health; change nothing."""
    from edumetrics.stages import checking

    for line in checking.report():
        click.echo(line)


@main.command()
@click.option("--week", type=click.IntRange(1), help="Do this semester week again.")
@click.option("--stage", help="Only this stage.")
@click.option("--as-of", type=DAY, help="Count weeks from this day (colleges without a week counter).")
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@click.option("--force", is_flag=True, help="Release the mail that the gate would hold; the ledger says so.")
@click.option("--workers", type=click.IntRange(0), help="Processes for work that fans out; 0: one for each core.")
@click.option("--backend", type=click.Choice(["loky", "dask"]), help="Local processes, or an existing Dask cluster.")
@click.option("--scheduler", help="The cluster's address, such as tcp://host:8786.")
@LOG_FORMAT
def run(
    week: int | None, stage: str | None, as_of: datetime | None, dry_run: bool, force: bool, log_format: str, **fan: Any
) -> None:
    """Catch the analysis up with the college, week by week."""
    workspace = _workspace({name: value for name, value in fan.items() if value is not None})
    if dry_run:
        from edumetrics.batch import planning

        due = planning.plan(workspace, week=week, stage=stage, as_of=_day(as_of))
        click.echo("\n".join(planning.described(due)))
        return
    from edumetrics.batch import journal
    from edumetrics.batch.idle import NOTHING, idle

    tell = journal.teller(log_format)
    with journal.logged(log_format), _operator_told(workspace):
        if week is None and stage is None and not force and idle(workspace, _day(as_of)):
            tell(NOTHING)
            return
        from edumetrics.batch import pipeline

        outcome = pipeline.run(workspace, tell, week=week, stage=stage, as_of=_day(as_of), force=force)
        tell(outcome.line)
        _to_operator(workspace, outcome.kind, outcome.line)


@main.command()
@click.option("--from-scratch", is_flag=True, help="Delete everything derived first; what people entered stays.")
@click.option("--as-of", type=DAY, help="Count weeks from this day (colleges without a week counter).")
@LOG_FORMAT
def calibrate(from_scratch: bool, as_of: datetime | None, log_format: str) -> None:
    """Recompute every completed and current semester from the college database."""
    from edumetrics.batch import calibration, journal

    tell = journal.teller(log_format)
    with journal.logged(log_format):
        rows = calibration.calibrate(_workspace(), tell, from_scratch=from_scratch, as_of=_day(as_of))
        tell(f"{rows} rows written.", rows=rows)


@main.command()
@click.option("--format", "fmt", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def evaluate(fmt: str) -> None:
    """Try forecasts on each past term as if it were live, and hold them against what happened."""
    from edumetrics.stages import evaluation

    table = evaluation.evaluate(_workspace())
    if fmt != "table":
        click.echo(_formatted(table, fmt), nl=False)
        return
    for (term, trained), rows in table.groupby(["term", "trained_terms"]):
        click.echo(f"Term of {term}, learnt from {trained}:")
        measures = rows.drop(columns=["term", "trained_terms"])
        click.echo(_lines(measures[measures["champion"]].drop(columns=["champion"])))
        click.echo("Means over weeks, of every candidate and baseline:")
        click.echo(_lines(measures.drop(columns=["champion", "sem_week", "n"]).groupby("model").mean().reset_index()))


def _lines(frame: pd.DataFrame) -> str:
    return frame.to_string(index=False, float_format="{:.3f}".format, na_rep="-") + "\n"


@main.command()
def status() -> None:
    """Where the college is, where the analysis is, the last runs, and the feeds."""
    from edumetrics.stages import checking

    for line in checking.status():
        click.echo(line)


@main.command()
@click.argument("student")
@click.option("--export", "folder", type=click.Path(path_type=Path), help="Write it into this folder.")
@click.option("--erase", is_flag=True, help="Remove it from tables, log, reports, outbox and executed notebooks.")
def subject(student: str, folder: Path | None, erase: bool) -> None:
    """Everything held on one STUDENT (an id): export it, erase it."""
    from edumetrics import privacy

    if (folder is None) == (not erase):
        raise SettingsError("Say what to do: `--export DIR` writes what is held on the student, `--erase` removes it.")
    workspace = _workspace()
    if folder is not None:
        click.echo("\n".join(str(path) for path in privacy.export(workspace, student, folder)))
        return
    click.echo("Removed:")
    click.echo("\n".join(privacy.erase(workspace, student).lines()))
    if privacy.scored_again(workspace, student):
        click.echo("The college still lists the student: lest the next run score the student again, add the id to")
        click.echo(f"`exclusions` in {workspace.settings.params / 'scoring.yml'}.")


@main.command()
@click.option("--dry-run", is_flag=True, help="Say what would go; delete nothing.")
@click.option("--as-of", type=DAY, help="Count from this day.")
def prune(dry_run: bool, as_of: datetime | None) -> None:
    """Delete what was written about the students of terms that are past their retention."""
    from edumetrics import privacy

    workspace = _workspace()
    removed = privacy.prune(workspace, _day(as_of) or workspace.today, dry_run=dry_run)
    click.echo("Would remove:" if dry_run else "Removed:")
    click.echo("\n".join(removed.lines()))


@main.group()
def show() -> None:
    """Answer a question from the analysis database."""


def _question(name: str, *filters: str, without: tuple[str, ...] = ()) -> None:
    """Add a `show` command for a function of `queries`; `without` names common filters that it has not."""

    def ask(fmt: str, **given: Any) -> None:
        from edumetrics import queries

        click.echo(_formatted(getattr(queries, name)(**given), fmt), nl=False)

    options = [
        click.Option(["--term"], help="ISO date of the term's first week; default: the newest."),
        click.Option(["--semester"], type=int),
        click.Option(["--week"], type=int, help="Semester week; default: the newest."),
        click.Option(["--class-id"]),
        click.Option(["--advisor"]),
        *(click.Option([f"--{name}"]) for name in filters),
        click.Option(
            ["--format", "fmt"], type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
        ),
    ]
    options = [option for option in options if option.name not in without]
    command = name.replace("_", "-")
    show.add_command(
        click.Command(command, callback=ask, params=list(options), help=f"Show {command.replace('-', ' ')} by week.")
    )


_question("flagged", "student", "tier")
_question("student_performance", "student")
_question("class_performance")
_question("pre_midterm", "student", without=("advisor",))
_question("pre_endterm", "student", without=("advisor",))
_question("risk_of_failing", "student", "subject", "label", without=("advisor",))
_question("watchlist", "student", without=("advisor", "week"))


def _formatted(frame: pd.DataFrame, fmt: str) -> str:
    if fmt == "json":
        return str(frame.to_json(orient="records", date_format="iso", indent=1, force_ascii=False)) + "\n"
    if fmt == "csv":
        from edumetrics.reports.render import safe_csv

        return safe_csv(frame)
    if frame.empty:
        return "Nothing matches.\n"
    return (
        frame[[name for name in SHOWN if name in frame]].to_string(
            index=False, float_format="{:.1f}".format, na_rep="-", formatters={"p_fail": _chance}
        )
        + "\n"
    )


def _chance(p: float) -> str:
    return "-" if p != p else f"{p:.2f}"  # noqa: PLR0124 - NaN


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
    from edumetrics import mail

    if not outcome:
        return
    try:
        mail.to_operator(workspace.settings, outcome, line)
    except EduMetricsError as error:
        click.echo(f"The operator was not told: {error}", err=True)


def _workspace(changed: dict[str, Any] | None = None) -> Workspace:
    from dataclasses import replace

    from edumetrics import settings
    from edumetrics.stages.workspace import open_workspace

    return open_workspace(replace(settings.load(), **(changed or {})))


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _say_what_there_is(workspace: Workspace) -> None:
    position, calendar = workspace.store.position(), workspace.params.calendar
    weeks = calendar.last_teaching_weeks(position.week(calendar), 1) if position else ()
    folder = f"{position.label(calendar)}/week-{weeks[0]:02d}/weekly/advisors" if position and weeks else "none"
    pages = sorted((workspace.settings.reports / folder).glob("*.html"))
    click.echo(f"College:  {_shown(workspace.settings.client_db_url)}")
    click.echo(f"Analysis: {_shown(workspace.settings.default_db_url)}")
    if pages:
        click.echo(f"Pages:    {len(pages)} advisors in {pages[0].parent}")
        click.echo(f"Open      {pages[0]}")


def _shown(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
