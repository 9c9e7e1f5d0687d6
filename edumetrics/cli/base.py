"""The parts that all commands share: the group, its handling of errors, and the workspace."""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import click

from edumetrics import __version__
from edumetrics.errors import EduMetricsError, describe_error
from edumetrics.plain import mask_controls

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
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines for a person, or a JSON object on each line for a log.",
)
FORMAT = click.option(
    "--format",
    "fmt",
    type=click.Choice(["table", "csv", "json"]),
    default="table",
    show_default=True,
    help="A table for people; csv and json have every column.",
)


# The commands as `--help` shows them: whatever stands in no group comes last.
GROUPS = {
    "Every week": ("run", "send", "status", "show", "log"),
    "Connect a college": ("init", "map", "check", "calibrate", "evaluate", "import"),
    "Try it": ("demo", "advance", "simulate"),
    "Privacy and proof": ("subject", "prune", "scorecard", "dossier"),
    "Service and extras": ("serve", "account", "lab", "evaluate-briefings"),
}


# Called with the error that ends a command.
Teller = Callable[[EduMetricsError], None]
_TELLERS = "edumetrics.tellers"


class CommandGroup(click.Group):
    """A group of commands: whatever ends one becomes one sentence and the right exit status."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their groups."""
        left = dict(self.commands)
        for title, names in GROUPS.items():
            found = {name: left.pop(name) for name in names if name in left}
            self._write_commands(title, found, formatter)
        self._write_commands("More", left, formatter)

    @staticmethod
    def _write_commands(
        title: str, commands: dict[str, click.Command], formatter: click.HelpFormatter
    ) -> None:
        if commands:
            with formatter.section(title):
                rows = [(name, one.get_short_help_str(90)) for name, one in commands.items()]
                formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; any error ends it with the exit status of the error.

        This is the outermost handler: what any library raises is a failure like our own.
        """
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - the outermost handler
            if ctx.params.get("debug"):
                traceback.print_exc()
            ours = error if isinstance(error, EduMetricsError) else _translate_error(error)
            # Whoever has to hear of it: a log, and the operator.
            for tell in ctx.meta.get(_TELLERS, ()):
                tell(ours)
            # Standard output is for results: a pipe must not read an error as one.
            say(str(ours), err=True)
            ctx.exit(ours.exit_status)


def on_failure(tell: Teller) -> None:
    """Have someone told where the command ends with an error."""
    click.get_current_context().meta.setdefault(_TELLERS, []).append(tell)


def _translate_error(error: Exception) -> EduMetricsError:
    """Return a defect of ours, or trouble of the machine, as one sentence."""
    from edumetrics import settings
    from edumetrics.boundaries import keep_trace

    said = describe_error(error)
    if not said.startswith("Unexpected"):
        return EduMetricsError(said)
    try:
        home = settings.load().home
    except EduMetricsError:
        home = None
    kept = keep_trace(error, home)
    if kept is None:
        return EduMetricsError(f"{said} Run `edumetrics --debug ...` for the traceback.")
    return EduMetricsError(f"{said} Send us {kept}: it has no data, only places in the code.")


def say(text: str, *, err: bool = False, nl: bool = True) -> None:
    """Print a text, on standard error with `err`; nothing in it can act on a terminal."""
    click.echo(mask_controls(text), err=err, nl=nl)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Tell each advisor who to reach this week, why, and in time."""
    # All output is about people: only the owner may read the files and folders that are written.
    os.umask(0o077)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that knows fewer letters shows the others by their numbers.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def load_workspace(changed: dict[str, Any] | None = None) -> Workspace:
    """Return the workspace of the settings; `changed` replaces settings by name."""
    from dataclasses import replace

    from edumetrics import settings
    from edumetrics.workspace import open_workspace

    return open_workspace(replace(settings.load(), **(changed or {})))


def get_day(moment: datetime | None) -> date | None:
    """Return the day that an option gives; None if the option is not given."""
    return None if moment is None else moment.date()
