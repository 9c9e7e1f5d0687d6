"""What all commands share: the group, errors as one sentence and an exit status, the workspace."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from edumetrics import __version__
from edumetrics.errors import EduMetricsError

if TYPE_CHECKING:
    from edumetrics.stages.workspace import Workspace

DAY = click.DateTime(["%Y-%m-%d"])
AS_OF = click.option(
    "--as-of", type=DAY, help="Count weeks from this day (colleges without a week counter)."
)
LOG_FORMAT = click.option(
    "--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True
)
FORMAT = click.option(
    "--format",
    "fmt",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
)


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
            f"Unexpected {kind.__name__}: run `edumetrics --debug ...` for the traceback, and report it.",
            err=True,
        )


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Tell each advisor who to reach this week, why, and in time."""
    # What is written here is about people: folders and files are their owner's alone.
    os.umask(0o077)


def workspace_of(changed: dict[str, Any] | None = None) -> Workspace:
    """The workspace of the settings, some of them changed."""
    from dataclasses import replace

    from edumetrics import settings
    from edumetrics.stages.workspace import open_workspace

    return open_workspace(replace(settings.load(), **(changed or {})))


def day_of(moment: datetime | None) -> date | None:
    """The day of an option."""
    return None if moment is None else moment.date()
