"""Keep a copy of each message, and publish pages for the college's web server."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from edumetrics import settings
from edumetrics.errors import SettingsError
from edumetrics.reports import render

if TYPE_CHECKING:
    from edumetrics.mail.queue import Letter

FOLDER = "outbox"
# In a folder for each week: erasure finds what is about a week by the names of folders.
PAGE = "index.html"
# The web server reads through its group, which the operator gives to PAGES_DIR. The setgid bit (2)
# hands the group down to everything below a folder.
FOLDERS, FILES = 0o2750, 0o640


def get_outbox_path(letter: Letter) -> Path:
    """Return the path of a message's copy."""
    return letter.folder / FOLDER / f"{render.escape_file_name(letter.report.advisor_id)}.eml"


def keep_copy(letter: Letter, message: bytes) -> None:
    """Write a copy of a message that is (or would be) mailed, readable by its owner only."""
    path = get_outbox_path(letter)
    settings.create_private_folder(path.parent)
    settings.write_private_file(path, message)


def get_page_path(letter: Letter) -> Path:
    """Return a page's path below PAGES_DIR.

    Each advisor has a folder there, so that the web server can keep everyone else out of it.
    """
    # The last folders of a week's reports are <year>-<slot> and week-NN.
    term, week = letter.folder.parts[-2:]
    return Path(render.escape_file_name(letter.report.advisor_id), term, week, PAGE)


def publish_page(letter: Letter, root: Path) -> None:
    """Copy a letter's page below PAGES_DIR.

    A letter that is held, or has no page, publishes nothing; an earlier copy of its page stays.

    Raises:
        SettingsError: PAGES_DIR cannot be written to.
    """
    path = root / get_page_path(letter)
    try:
        if letter.why_held or not letter.page.exists():
            return
        root.mkdir(parents=True, exist_ok=True)
        # The mode is set explicitly: the umask of a command takes every right from the group.
        for folder in (path.parents[2], path.parents[1], path.parent):
            folder.mkdir(exist_ok=True)
            folder.chmod(FOLDERS)
        # The web server must never serve half a page: the rename replaces the old one at once.
        draft = path.with_suffix(".part")
        shutil.copyfile(letter.page, draft)
        draft.chmod(FILES)
        draft.replace(path)
    except OSError as error:
        raise SettingsError(
            f"Cannot write to PAGES_DIR ({error.strerror}): make it writable."
        ) from error
