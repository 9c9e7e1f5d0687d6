"""Commands for a trial college: simulated, moved on in time, or loaded from public data."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edumetrics.cli.base import load_workspace, main, say
from edumetrics.cli.serve import DEMO_ADVISOR, HOST, PORT, add_demo_account
from edumetrics.errors import SettingsError

if TYPE_CHECKING:
    from edumetrics.workspace import Workspace


STUDENTS = click.option(
    "--students",
    default=600,
    show_default=True,
    type=click.IntRange(1),
    help="Number of students in a new college.",
)
SEED = click.option(
    "--seed", default=1, show_default=True, help="Seed of a new college; each seed gives another."
)


@main.command()
@STUDENTS
@SEED
def demo(students: int, seed: int) -> None:
    """Simulate a college (if there is none) and run it up to its current week."""
    from edumetrics import database
    from edumetrics.batch import backfill, pipeline, progress
    from edumetrics.simulator import contacts, generate, write

    workspace = load_workspace()
    url = workspace.settings.client_db_url
    calendar = workspace.params.calendar
    engine = database.create_writable_engine(url, "CLIENT_DB_URL")
    # A second `demo` goes on with the college of the first, whatever its options are.
    plan = write.read_simulation_plan(engine, calendar)
    if plan is None:
        plan = generate.plan_demo(students, seed, calendar, demo=True)
        written = write.write_simulation(engine, plan)
        say(f"Simulated a college of {written['students']} students: {sum(written.values())} rows.")
    # Completed semesters first: forecasts learn from them.
    if workspace.store.read_college_week() is None:
        backfill.calibrate(workspace, progress.print_line, completed_only=True)
    tell: progress.Reporter = progress.print_line
    if plan.demo:
        workspace = _let_mails_be_answered(workspace)
        tell = contacts.follow_lists(workspace, plan, tell)
    say(pipeline.run(workspace, tell).line)
    _print_locations(workspace)
    if made := add_demo_account(workspace):
        say(f"Service:  run `edumetrics serve`, and sign in as {DEMO_ADVISOR} with {made}")


@main.command()
@click.argument("url")
@STUDENTS
@SEED
@click.option(
    "--weeks",
    default=10,
    show_default=True,
    type=click.IntRange(0),
    help="Complete weeks of the current semester.",
)
@click.option(
    "--semesters",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Completed semesters before the current one.",
)
@click.option("--force", is_flag=True, help="Replace a college that EduMetrics made there.")
def simulate(url: str, students: int, seed: int, weeks: int, semesters: int, force: bool) -> None:
    """Write a simulated college into the database at URL."""
    from edumetrics import database
    from edumetrics.params import Calendar
    from edumetrics.simulator import generate, write

    # The default calendar: this URL need not be the college of the settings.
    calendar = Calendar()
    if weeks > calendar.weeks_per_semester:
        raise SettingsError(f"A semester has {calendar.weeks_per_semester} weeks: ask for fewer.")
    plan = generate.plan_demo(students, seed, calendar, weeks=weeks, semesters=semesters)
    written = write.write_simulation(database.create_writable_engine(url, "URL"), plan, force=force)
    say("\n".join(f"{rows:>10,}  {name}" for name, rows in written.items()))


@main.command()
@click.option(
    "--weeks",
    default=1,
    show_default=True,
    # Ten years: each week takes a while.
    type=click.IntRange(1, 520),
    help="How many weeks further.",
)
def advance(weeks: int) -> None:
    """Move the simulated college forward in time."""
    from edumetrics import database
    from edumetrics.simulator import generate, write

    workspace = load_workspace()
    engine = database.create_writable_engine(workspace.settings.client_db_url, "CLIENT_DB_URL")
    plan = write.read_simulation_plan(engine, workspace.params.calendar)
    if plan is None:
        raise SettingsError(
            "The college database is not a simulation: "
            "only a simulated college can be moved forward in time."
        )
    later = generate.plan_weeks_later(plan, weeks)
    # The whole college is written again: the same seed gives the same earlier weeks.
    write.write_simulation(engine, later, force=True)
    calendar = workspace.params.calendar
    say(
        f"The college has completed week {later.position.compute_week(calendar)} "
        f"of {later.position.format_label(calendar)}."
    )


@main.group("import")
def import_() -> None:
    """Load files or public data sets into a database."""


@import_.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("url")
@click.option("--force", is_flag=True, help="Replace what EduMetrics made there.")
def oulad(path: Path, url: str, force: bool) -> None:
    """Load the OULAD files at PATH (folder of CSV or Parquet, or zip of CSV) into URL."""
    from edumetrics import database
    from edumetrics.onboarding import import_oulad as dataset  # this command is called oulad
    from edumetrics.simulator import write

    written = write.write_tables(
        database.create_writable_engine(url, "URL"),
        "oulad",
        dataset.read_dataset(path),
        force=force,
    )
    say("\n".join(f"{rows:>10,}  {name}" for name, rows in written.items()))
    say(
        "Now set CLIENT_DB_URL to this URL and EDUMETRICS_COLLEGE to oulad, "
        "then run `edumetrics calibrate`."
    )


@import_.command("tables")
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("url")
@click.option("--encoding", help="Of text files, such as cp1252; found where it is UTF-8.")
@click.option("--separator", help="Between cells; found where it is clear.")
@click.option("--header", type=click.IntRange(1), help="The line with the names of the columns.")
@click.option("--replace", is_flag=True, help="Take a table that lost columns or half its rows.")
def tables(
    path: Path,
    url: str,
    encoding: str | None,
    separator: str | None,
    header: int | None,
    replace: bool,
) -> None:
    """Load the CSV, Excel and Parquet files at PATH (file, folder, zip) into URL, each a table."""
    from edumetrics.onboarding import import_tables, table_files

    reading = table_files.Reading(encoding, separator, header)
    for line in import_tables.import_tables(path, url, reading, replace=replace):
        say(line)


def _let_mails_be_answered(workspace: Workspace) -> Workspace:
    """Give the home of a demo college a `.env` with a key, so that its mails have reply links.

    A home that has settings of its own keeps them.
    """
    from edumetrics.settings import write_private_file

    path = workspace.settings.home / ".env"
    if path.exists() or workspace.settings.secret_key:
        return workspace
    # The links of its mails open in `edumetrics serve`.
    lines = f"SECRET_KEY={secrets.token_urlsafe(32)}\nSERVICE_URL=http://{HOST}:{PORT}\n"
    write_private_file(path, lines.encode())
    return load_workspace()


def _print_locations(workspace: Workspace) -> None:
    """Print where the databases, the pages and the mails are, with one example of each."""
    position, calendar = workspace.store.read_college_week(), workspace.params.calendar
    weeks = calendar.get_last_teaching_weeks(position.compute_week(calendar), 1) if position else ()
    week = (
        f"{position.format_label(calendar)}/week-{weeks[0]:02d}" if position and weeks else "none"
    )
    # Before the first teaching week there is no folder, and both lists are empty.
    folder = workspace.settings.reports / week
    pages, mails = (sorted(folder.glob(name)) for name in ("advisors/*.html", "outbox/*.eml"))
    say(f"College:  {_redact_password(workspace.settings.client_db_url)}")
    say(f"Analysis: {_redact_password(workspace.settings.default_db_url)}")
    if pages:
        say(f"Pages:    {len(pages)} advisors in {pages[0].parent}")
        say(f"Open      {pages[0]}")
    if mails:
        say(f"and       {mails[0]}")


def _redact_password(url: str) -> str:
    from sqlalchemy.engine import make_url

    return make_url(url).render_as_string(hide_password=True)
