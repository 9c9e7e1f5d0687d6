"""Commands about people: log contacts, export or erase one student, prune old data."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from edumetrics.cli.base import DAY, get_day, load_workspace, main, say
from edumetrics.errors import SettingsError


@main.command()
@click.argument("student")
@click.option(
    "--export",
    "folder",
    type=click.Path(path_type=Path),
    help="Write everything held on the student into this folder.",
)
@click.option(
    "--erase",
    is_flag=True,
    help="Remove the student from tables, log, reports, outbox and executed notebooks.",
)
@click.option(
    "--page", is_flag=True, help="Write the page that the student can read, into exports/."
)
def subject(student: str, folder: Path | None, erase: bool, page: bool) -> None:
    """Show the student, export or erase everything held on one STUDENT (an id)."""
    from edumetrics import erasure, privacy

    # Exactly one of them: an erasure cannot be undone, so that no default is safe.
    if [folder is not None, erase, page].count(True) != 1:
        raise SettingsError(
            "Say what to do: `--page` writes a page for the student, `--export DIR` writes what is"
            " held on the student, `--erase` removes it."
        )
    workspace = load_workspace()
    if page:
        from edumetrics.mail.student_page import write_student_page

        say(str(write_student_page(workspace, student)))
        return
    if folder is not None:
        say("\n".join(str(path) for path in privacy.export_student(workspace, student, folder)))
        return
    removed = erasure.erase_student(workspace, student)
    say("Removed:")
    say("\n".join(removed.format_lines()))
    if privacy.is_scored_again(workspace, student):
        say(
            "The college still lists the student, so the next run will score the student again. "
            "To prevent this, add the id to"
        )
        say(f"`exclusions` in {workspace.settings.params / 'scoring.yml'}.")


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def dossier(folder: Path) -> None:
    """Write into FOLDER what the college shows an authority: the EU AI Act, GDPR, notices, log.

    It is filled from the ledger, the parameters and the documentation; what only the college can
    say is named as missing.
    """
    from edumetrics.dossier import write_dossier

    made = write_dossier(load_workspace(), folder)
    say("\n".join(map(str, made.files)))
    say(f"{made.filled} of {made.items} items are filled; the others are the college's to say.")


@main.command()
@click.option("--dry-run", is_flag=True, help="Print what would be deleted; delete nothing.")
@click.option("--as-of", type=DAY, help="Count the retention up to this day (default: today).")
def prune(dry_run: bool, as_of: datetime | None) -> None:
    """Delete the data on students of terms that are past their retention."""
    from edumetrics import retention

    workspace = load_workspace()
    removed = retention.prune_terms(workspace, get_day(as_of) or workspace.today, dry_run=dry_run)
    say("Would remove:" if dry_run else "Removed:")
    say("\n".join(removed.format_lines()))


@main.command()
@click.argument("student", default="")
@click.option(
    "--kind",
    default="",
    help="talked, emailed, called, referred, no answer, known reason or wrong flag.",
)
@click.option("--notes", default="", help="Notes on the contact; they never leave the log.")
@click.option("--outcome", default="", help="The outcome in a few words.")
@click.option(
    "--helpful/--not-helpful", default=None, help="Whether the contact helped, if that is known."
)
@click.option(
    "--until",
    type=DAY,
    help="The student is looked after until this day (default: for two teaching weeks).",
)
@click.option("--by", default="", help="Who made the contact.")
@click.option(
    "--referral", default="", help="Whom the student was referred to, with --kind referred."
)
@click.option("--week", type=int, help="The week whose list it answers (default: the newest).")
@click.option(
    "--from-mail",
    type=click.Path(path_type=Path),
    help="Read replies of advisors from a Maildir or an mbox file.",
)
@click.option(
    "--from-csv",
    type=click.Path(path_type=Path),
    help="Read a CSV file with the columns student_id, kind, notes, outcome, ...",
)
def log(
    student: str,
    from_mail: Path | None,
    from_csv: Path | None,
    until: datetime | None,
    kind: str,
    **said: Any,
) -> None:
    """Record what was done for a STUDENT (an id), or for many at once."""
    from edumetrics import interventions

    many = {interventions.import_mail: from_mail, interventions.import_csv: from_csv}
    if sum((bool(student), *(path is not None for path in many.values()))) != 1:
        raise SettingsError("Name a student with --kind, or give --from-mail or --from-csv.")
    if student:
        entry = interventions.log(student, kind, until=get_day(until), **said)
        say(f"Logged: {entry.kind}, {entry.student_id}, on the list of week {entry.sem_week}.")
        return
    taken = next(take(path, load_workspace()) for take, path in many.items() if path is not None)
    say("\n".join(taken.format_lines()))
    if taken.refused:
        raise SettingsError(f"{len(taken.refused)} entries were refused: the lines above say why.")
