"""The parts that all commands share: the group, its handling of errors, and the workspace."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from edumetrics import __version__
from edumetrics.errors import EduMetricsError

# Heavy modules are imported inside the functions that use them: `--help` must stay quick.
if TYPE_CHECKING:
    from edumetrics.workspace import Workspace

DAY = click.DateTime(["%Y-%m-%d"])
AS_OF = click.option(
    "--as-of",
    type=DAY,
    help="Take this day as today (only for colleges without a week counter).",
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


class CommandGroup(click.Group):
    """A group of commands that prints our errors as one sentence and sets the exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an `EduMetricsError` ends it with the exit status of the error."""
        # As a hook, not an `except`: click must still see its own exceptions, and Ctrl-C.
        sys.excepthook = _print_unexpected
        try:
            return super().invoke(ctx)
        except EduMetricsError as error:
            if ctx.params.get("debug"):
                traceback.print_exc()
            # Standard output is for results: a pipe must not read an error as one.
            click.echo(str(error), err=True)
            ctx.exit(error.exit_status)


def _print_unexpected(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Print a defect of ours as one line; the traceback is shown only with --debug."""
    # From `sys.argv`, because a hook has no click context. Python prints Ctrl-C in its own way.
    if "--debug" in sys.argv or isinstance(error, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
    else:
        click.echo(
            f"Unexpected {kind.__name__}: "
            "run `edumetrics --debug ...` for the traceback, and report it.",
            err=True,
        )


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Tell each advisor who to reach this week, why, and in time."""
    # All output is about people: only the owner may read the files and folders that are written.
    os.umask(0o077)


def load_workspace(changed: dict[str, Any] | None = None) -> Workspace:
    """Return the workspace of the settings; `changed` replaces settings by name."""
    from dataclasses import replace

    from edumetrics import settings
    from edumetrics.workspace import open_workspace

    return open_workspace(replace(settings.load(), **(changed or {})))


def get_day(moment: datetime | None) -> date | None:
    """Return the day that an option gives; None if the option is not given."""
    return None if moment is None else moment.date()
