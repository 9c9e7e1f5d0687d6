"""Keep a copy of each message, and publish pages for the college's web server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edumetrics import settings
from edumetrics.errors import SettingsError
from edumetrics.forecast import public_scorecard
from edumetrics.reports import frozen, render

if TYPE_CHECKING:
    from edumetrics.analysis.written import FileRecord
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


def keep_copy(letter: Letter, message: bytes) -> Path:
    """Write a copy of a message that is (or would be) mailed, for its owner only; its path."""
    path = get_outbox_path(letter)
    settings.create_private_folder(path.parent)
    return settings.write_private_file(path, message)


def get_page_path(letter: Letter) -> Path:
    """Return a page's path below PAGES_DIR.

    Each advisor has a folder there, so that the web server can keep everyone else out of it.
    """
    # The last folders of a week's reports are <year>-<slot> and week-NN.
    term, week = letter.folder.parts[-2:]
    return Path(render.escape_file_name(letter.report.advisor_id), term, week, PAGE)


def find_scorecard(root: Path, term: str) -> str:
    """Return the file below PAGES_DIR with the scorecard of the last term before another.

    It is empty where `edumetrics scorecard` has published none.
    """
    names = sorted(path.name for path in root.glob(public_scorecard.PAGE.format(term="*")))
    before = [name for name in names if name < public_scorecard.PAGE.format(term=term)]
    return before[-1] if before else ""


def has_page(files: FileRecord, letter: Letter) -> bool:
    """Return whether a letter has a page to show.

    That of a held letter shows what the gate does not trust, and one that names someone who was
    excluded after it was written is shown to nobody.
    """
    if letter.why_held or not letter.page.exists():
        return False
    return not files.names_hidden(frozen.get_subject(letter.report))


def publish_page(files: FileRecord, letter: Letter, root: Path) -> Path | None:
    """Copy a letter's page below PAGES_DIR, and return the path of the copy.

    A letter that is held, or has no page to show, publishes nothing. An earlier copy of its page
    stays, unless it names someone who was excluded since.

    Args:
        files: the record of files.
        letter: the letter.
        root: PAGES_DIR.

    Raises:
        SettingsError: PAGES_DIR cannot be written to.
        ChangedFile: the page is not the one that was written.
    """
    path = root / get_page_path(letter)
    try:
        if files.names_hidden(frozen.get_subject(letter.report)):
            path.unlink(missing_ok=True)
        if not has_page(files, letter):
            return None
        content = files.read_unchanged(letter.page)
        root.mkdir(parents=True, exist_ok=True)
        # The mode is set explicitly: the umask of a command takes every right from the group.
        for folder in (path.parents[2], path.parents[1], path.parent):
            folder.mkdir(exist_ok=True)
            folder.chmod(FOLDERS)
        # The web server must never serve half a page: the rename replaces the old one at once.
        return settings.write_private_file(path, content, FILES)
    except OSError as error:
        raise SettingsError(
            f"Cannot write to PAGES_DIR ({error.strerror}): make it writable."
        ) from error
