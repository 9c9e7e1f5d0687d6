"""Commands of the weekly work: run, send, calibrate, evaluate, evaluate-briefings, status."""

from __future__ import annotations

import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edumetrics.boundaries import set_aside
from edumetrics.cli.base import (
    AS_OF,
    FORMAT,
    LOG_FORMAT,
    get_day,
    load_workspace,
    main,
    on_failure,
    say,
)
from edumetrics.cli.tables import print_table
from edumetrics.errors import EduMetricsError, Locked, Refused, SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from edumetrics.batch.progress import Reporter
    from edumetrics.settings import Settings
    from edumetrics.workspace import Workspace


@main.command()
@click.option("--week", type=click.IntRange(1), help="Run this semester week again.")
@click.option("--stage", help="Run only this stage.")
@AS_OF
@click.option("--dry-run", is_flag=True, help="Print what a run would do; change nothing.")
@click.option(
    "--force",
    is_flag=True,
    help="Release the mail that the gate would hold; the ledger records it.",
)
@click.option(
    "--roll-back",
    is_flag=True,
    help="Where the college went back, remove the later weeks; a dump in the home keeps them.",
)
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Number of processes for parallel work; 0 for one per core.",
)
@click.option(
    "--backend",
    type=click.Choice(["loky", "dask"]),
    help="loky: local processes; dask: an existing Dask cluster.",
)
@click.option("--scheduler", help="Address of the Dask cluster, such as tcp://host:8786.")
@LOG_FORMAT
def run(
    week: int | None,
    stage: str | None,
    as_of: datetime | None,
    dry_run: bool,
    force: bool,
    roll_back: bool,
    log_format: str,
    **fan: Any,
) -> None:
    """Bring the analysis up to date with the college, week by week."""
    if not dry_run:
        _tell_failures(log_format)
    # Only options that were given: the others must not replace the settings.
    workspace = load_workspace({name: value for name, value in fan.items() if value is not None})
    if dry_run:
        from edumetrics.batch import schedule

        due = schedule.plan_run(workspace, week=week, stage=stage, as_of=get_day(as_of))
        say("\n".join(schedule.describe_plan(due)))
        return
    from edumetrics.batch import progress
    from edumetrics.batch.idle import NOTHING, is_up_to_date

    tell = progress.choose_reporter(log_format)
    # Most nightly runs end here, before the heavy libraries of the pipeline are loaded.
    if week is None and stage is None and not force and is_up_to_date(workspace, get_day(as_of)):
        tell(NOTHING)
        _tell_changed(workspace, tell)
        return
    from edumetrics.batch import pipeline

    outcome = pipeline.run(
        workspace,
        tell,
        week=week,
        stage=stage,
        as_of=get_day(as_of),
        force=force,
        roll_back=roll_back,
    )
    tell(outcome.line)
    _tell_changed(workspace, tell)
    _mail_operator(workspace.settings, outcome.kind, outcome.line)


def _tell_failures(log_format: str) -> None:
    """Have the operator told of an error, also of parameters or a database that cannot be read."""
    from edumetrics import settings

    if log_format == "json":
        from edumetrics.batch import progress

        on_failure(progress.log_error)
    on_failure(partial(_mail_failure, settings.load()))


def _tell_changed(workspace: Workspace, tell: Reporter) -> None:
    """Say so where parameters changed since the newest week was computed."""
    if changed := workspace.read_week_state().describe_parameters(workspace.params.hash_values()):
        tell(changed)


@main.command()
@click.option("--advisor", default="", help="Send only to this advisor (an id).")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show who would get mail, and one sample; change nothing.",
)
@click.option(
    "--approve",
    is_flag=True,
    help="Release the college's first mail: show the same, then send.",
)
@click.option("--again", is_flag=True, help="Also send what was sent before.")
def send(advisor: str, dry_run: bool, approve: bool, again: bool) -> None:
    """Send the newest week's reports to the advisors, each report once."""
    from edumetrics import erasure
    from edumetrics.analysis import run_log
    from edumetrics.batch.interrupts import handle_interrupts
    from edumetrics.mail import delivery

    workspace = load_workspace()
    # Under the lock of a run: two processes must never mail the same report.
    with workspace.store.require_lock(), handle_interrupts():
        if not dry_run:
            # The lock is held, so any run that the ledger still calls started was killed.
            run_log.end_stale(workspace.store)
        erasure.repeat_erasures(workspace)
        with workspace.open_college() as college:
            position = college.find_college_week(workspace.today)
        post = delivery.MailRound(workspace, position, advisor=advisor, again=again)
        if dry_run or approve:
            say("\n".join(post.describe()))
        if dry_run:
            return
        posted = post.send(approve=approve)
    # The line is the same; the exit status says whether it was a failure, a refusal or a success.
    if posted.broken:
        raise EduMetricsError(posted.format_line())
    if posted.waiting or posted.all_held:
        raise Refused(posted.format_line())
    say(posted.format_line())


@main.command()
@click.option(
    "--from-scratch",
    is_flag=True,
    help="Compute all derived data and every model anew; keep what people entered.",
)
@click.option("--yes", is_flag=True, help="Do not ask before --from-scratch.")
@AS_OF
@LOG_FORMAT
def calibrate(from_scratch: bool, yes: bool, as_of: datetime | None, log_format: str) -> None:
    """Recompute every completed and current semester from the college database."""
    from edumetrics.batch import backfill, progress

    if from_scratch and not yes:
        if not sys.stdin.isatty():
            raise SettingsError("--from-scratch replaces the whole analysis: say so with --yes.")
        click.confirm("Replace the whole analysis and every model?", abort=True)
    tell = progress.choose_reporter(log_format)
    if log_format == "json":
        on_failure(progress.log_error)
    rows = backfill.calibrate(
        load_workspace(), tell, from_scratch=from_scratch, as_of=get_day(as_of)
    )
    tell(f"{rows} rows written.", rows=rows)


@main.command()
@FORMAT
def evaluate(fmt: str) -> None:
    """Forecast each past term as if it were live, and compare with what happened."""
    from edumetrics.modelling import evaluate

    workspace = load_workspace()
    table = evaluate.evaluate(workspace)
    # Programs get all rows; a terminal gets the champion's weeks, and the means of all models.
    if fmt != "table":
        print_table(table, fmt)
        return
    for (term, trained), rows in table.groupby(["term", "trained_terms"]):
        say(f"Term of {term}, trained on {trained}:")
        measures = rows.drop(columns=["term", "trained_terms"])
        say(_format_measures(measures[measures["champion"]].drop(columns=["champion"])))
        say("Means over weeks, of every candidate and baseline:")
        say(
            _format_measures(
                measures.drop(columns=["champion", "sem_week", "n"])
                .groupby("model")
                .mean()
                .reset_index()
            )
        )
    for term, (shares, said) in evaluate.measure_sent_lists(workspace).items():
        say(f"The lists of the term of {term}: shares that failed or left.")
        say(_format_measures(shares))
        say("\n".join(said))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def scorecard(folder: Path | None) -> None:
    """Write a page for each completed term that a stranger may read, into FOLDER.

    Nobody is on it, and no group so small that anybody could be recognised. Without FOLDER the
    pages are in PAGES_DIR, where mails link to the newest, or else in exports/ of the home.
    """
    from edumetrics.reports.public_scorecard import write_scorecards

    workspace = load_workspace()
    chosen = workspace.settings
    pages = write_scorecards(workspace, folder or chosen.pages_dir or chosen.home / "exports")
    say("\n".join(map(str, pages)))


@main.command("evaluate-briefings")
@click.option(
    "--most",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="The largest number of questions to ask.",
)
@FORMAT
def evaluate_briefings(most: int, fmt: str) -> None:
    """Put the questions of stored lists to the model of briefing.yml, and count what is refused.

    Nothing is kept, and nothing is shown to anyone.
    """
    from edumetrics.briefing.evaluate import evaluate_briefings
    from edumetrics.briefing.provider import make_asker

    workspace = load_workspace()
    params = workspace.params.briefing
    if not params.enabled:
        raise SettingsError("Briefings are off: set enabled and model in briefing.yml.")
    ask = make_asker(params, workspace.settings)
    print_table(evaluate_briefings(ask, workspace.store, params, most), fmt)


def _format_measures(frame: pd.DataFrame) -> str:
    """Return measures as a table of text, with "-" for null."""
    return frame.to_string(index=False, float_format="{:.3f}".format, na_rep="-") + "\n"


@main.command()
@click.option(
    "--check",
    is_flag=True,
    help="Only say what is overdue, mail it to the operator, and end with 1 where anything is.",
)
@AS_OF
def status(check: bool, as_of: datetime | None) -> None:
    """Show the weeks of the college and the analysis, the last runs, and the feeds."""
    from edumetrics import status as story

    if not check:
        for line in story.describe_status():
            say(line)
        return
    _tell_failures("text")
    workspace = load_workspace()
    if overdue := story.find_overdue(workspace, get_day(as_of)):
        raise EduMetricsError(" ".join(overdue))
    say("Nothing is overdue.")


def _mail_failure(chosen: Settings, error: EduMetricsError) -> None:
    """Mail the operator that a run failed or was refused."""
    # Another run is at work: nothing went wrong, and that run has its own mail.
    if not isinstance(error, Locked):
        outcome = "refused" if isinstance(error, Refused) else "failed"
        _mail_operator(chosen, outcome, str(error))


def _mail_operator(chosen: Settings, outcome: str, line: str) -> None:
    """Mail the operator one line about a run; without an outcome there is nothing to report."""
    from edumetrics.mail.operator import mail_operator

    if not outcome:
        return
    # Only a message: the run has done its work, whether or not the mail goes out.
    set_aside(
        lambda: mail_operator(chosen, outcome, line),
        lambda why: say(f"The operator was not told: {why}", err=True),
        (EduMetricsError,),
    )
