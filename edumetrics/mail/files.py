"""What the mail leaves in folders: a copy of each message, and pages for the college's web server."""

from __future__ import annotations

import shutil
from pathlib import Path

from edumetrics import settings
from edumetrics.errors import SettingsError
from edumetrics.mail.due import Letter
from edumetrics.reports import render

FOLDER = "outbox"
# The web server reads what its group may read: whoever sets PAGES_DIR up gives that folder its group.
FOLDERS, FILES = 0o2750, 0o640


def outbox(letter: Letter) -> Path:
    """Where the copy of a message is kept."""
    return letter.due.folder / FOLDER / f"{render.file_name(letter.report.advisor_id)}.eml"


def keep(letter: Letter, message: bytes) -> None:
    """Keep what is (or would be) mailed, readable by its owner only."""
    path = outbox(letter)
    settings.private_folder(path.parent)
    settings.private_write(path, message)


def place(letter: Letter) -> Path:
    """A page's place below PAGES_DIR: a folder for each advisor, into which the web server lets no one else."""
    term, week = letter.due.folder.parts[-3:-1]
    return Path(render.file_name(letter.report.advisor_id), term, week, f"{letter.due.stage}.html")


def publish(letter: Letter, root: Path) -> None:
    """Copy a page to where the web server finds it; one that is there stays while its class is held.

    Raises:
        SettingsError: PAGES_DIR cannot be written to.
    """
    path = root / place(letter)
    try:
        if letter.why_held or not letter.page.exists():
            return
        root.mkdir(parents=True, exist_ok=True)
        for folder in (path.parents[2], path.parents[1], path.parent):
            folder.mkdir(exist_ok=True)
            folder.chmod(FOLDERS)
        draft = path.with_suffix(".part")
        shutil.copyfile(letter.page, draft)
        draft.chmod(FILES)
        draft.replace(path)
    except OSError as error:
        raise SettingsError(
            f"Cannot write to PAGES_DIR ({error.strerror}): make it writable."
        ) from error
