"""Commands about people: what is held on one student, its end, and the end of keeping."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from edumetrics.cli.base import DAY, day_of, main, workspace_of
from edumetrics.errors import SettingsError


@main.command()
@click.argument("student")
@click.option("--export", "folder", type=click.Path(path_type=Path), help="Write it into this folder.")
@click.option("--erase", is_flag=True, help="Remove it from tables, log, reports, outbox and executed notebooks.")
def subject(student: str, folder: Path | None, erase: bool) -> None:
    """Everything held on one STUDENT (an id): export it, erase it."""
    from edumetrics import privacy

    if (folder is None) == (not erase):
        raise SettingsError("Say what to do: `--export DIR` writes what is held on the student, `--erase` removes it.")
    workspace = workspace_of()
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

    workspace = workspace_of()
    removed = privacy.prune(workspace, day_of(as_of) or workspace.today, dry_run=dry_run)
    click.echo("Would remove:" if dry_run else "Removed:")
    click.echo("\n".join(removed.lines()))
