"""Commands that make a home and connect a college: init, map, check."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from edumetrics.cli.base import AS_OF, get_day, main, say


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Make FOLDER a home: a place for settings, parameters, the analysis and reports."""
    from edumetrics.onboarding.home import create_home
    from edumetrics.settings import PROJECT

    home = create_home(folder)
    say(f"{home} is a home: `cd {home}`, then `edumetrics demo` for a college to try things on,")
    say("or set CLIENT_DB_URL in its .env and `edumetrics map` for your own.")
    say(f"Parameters are read from {PROJECT / 'params'}; a file of the same name in the home's")
    say("params/ goes before it, and so does a notebook in its notebooks/.")


@main.command("map")
@click.argument("url", required=False)
@click.option(
    "--explain",
    is_flag=True,
    help="Print what the current mapping reads, the grants it needs, and its load.",
)
@click.option("--like", help="Draft on top of a ready mapping: moodle, canvas, koha.")
@AS_OF
def map_(url: str | None, explain: bool, like: str | None, as_of: datetime | None) -> None:
    """Draft a mapping from the tables of the database at URL (default: CLIENT_DB_URL).

    URL may also be the name of a setting that holds it, such as LMS_DB_URL.
    """
    if explain and (url or like):
        raise click.UsageError(
            "--explain describes the current mapping of CLIENT_DB_URL: give no URL."
        )
    if explain:
        from edumetrics.onboarding import access_report

        for line in access_report.build_contract(get_day(as_of)):
            say(line)
        return
    from edumetrics.onboarding import draft, ready

    if like:
        say(ready.create_file(like, url), nl=False)
        return
    # The machine's day will do, whatever the college's time zone: only the year is used.
    say(draft.create_draft(url, get_day(as_of) or date.today()), nl=False)


@main.command()
@AS_OF
def check(as_of: datetime | None) -> None:
    """Check connections, mapping, read-only role, samples and data health; change nothing."""
    from edumetrics.onboarding import check

    # Printed as they come: a slow server, or an error, leaves the lines before it readable.
    for line in check.check_college(get_day(as_of)):
        say(line)
