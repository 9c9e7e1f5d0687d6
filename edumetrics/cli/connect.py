"""Commands that connect a college: map, check."""

from __future__ import annotations

from datetime import date, datetime

import click

from edumetrics.cli.base import AS_OF, day_of, main


@main.command("map")
@click.argument("url", required=False)
@click.option(
    "--explain",
    is_flag=True,
    help="What the mapping in use reads, by which grants and at what load.",
)
@AS_OF
def map_(url: str | None, explain: bool, as_of: datetime | None) -> None:
    """Draft a mapping for the database at URL (that of CLIENT_DB_URL by default), from its tables and columns."""
    if explain and url:
        raise click.UsageError(
            "--explain is about the mapping in use, for CLIENT_DB_URL: give no URL."
        )
    if explain:
        from edumetrics.stages import contract

        for line in contract.contract(day_of(as_of)):
            click.echo(line)
        return
    from edumetrics.stages import connecting

    click.echo(connecting.drafted(url, day_of(as_of) or date.today()), nl=False)


@main.command()
@AS_OF
def check(as_of: datetime | None) -> None:
    """Look at connections, mapping, read-only role, samples and data health; change nothing."""
    from edumetrics.stages import checking

    for line in checking.report(day_of(as_of)):
        click.echo(line)
