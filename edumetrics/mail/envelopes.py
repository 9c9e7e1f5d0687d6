"""The addresses, links and options of a letter's message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from edumetrics.analysis.store import UNASSIGNED
from edumetrics.errors import SettingsError
from edumetrics.mail import outbox, tokens
from edumetrics.mail.messages import Envelope
from edumetrics.mail.queue import Letter
from edumetrics.mail.recipients import Recipients
from edumetrics.reports.model import StudentEntry
from edumetrics.settings import Settings
from edumetrics.workspace import Workspace

# The sender of a message that only goes into the outbox, where MAIL_FROM may be missing.
LOCAL = "edumetrics@localhost"


def make_envelope(workspace: Workspace, recipients: Recipients, letter: Letter) -> Envelope:
    """Return the addresses, links and options of a letter's message.

    Raises:
        SettingsError: no address is known.
        ChangedFile: the page that is attached is not the one that was written.
    """
    chosen, mail = workspace.settings, workspace.params.mail
    advisor = letter.report.advisor_id
    to = recipients.find_address(advisor)
    unnamed = advisor == UNASSIGNED or recipients.find_deputy(advisor) is not None
    if not to:
        nobody = advisor == UNASSIGNED
        hint = ": set unassigned_to in triage.yml, or OPERATOR_EMAIL." if nobody else "."
        raise SettingsError(f"No mail address is known{hint}")
    shown = outbox.has_page(workspace.files, letter)
    # The page of a head names nobody, and is all that the mail is for.
    attached = shown and (mail.attach_page or advisor in recipients.heads)
    page = outbox.get_page_path(letter).as_posix() if shown else ""
    root = chosen.pages_dir
    scorecard = outbox.find_scorecard(root, letter.report.term) if root else ""
    return Envelope(
        sender=chosen.mail_from or LOCAL,
        to=to,
        name="" if unnamed else letter.report.reader,
        reply_to=chosen.reply_to,
        page_url=_make_page_url(chosen, page),
        scorecard_url=_make_page_url(chosen, scorecard),
        college=mail.college_name,
        level=mail.mail_detail,
        picture=mail.pictures,
        page=workspace.files.read_unchanged(letter.page).decode() if attached else "",
        code=_make_signer(workspace, letter) if chosen.secret_key else None,
        service_url=chosen.service_url,
    )


def _make_page_url(chosen: Settings, path: str) -> str:
    """Return the address of a file below PAGES_DIR; empty for none, or if it has no address."""
    published = path and chosen.pages_dir and chosen.pages_url
    return f"{chosen.pages_url.rstrip('/')}/{path}" if published else ""


def _make_signer(workspace: Workspace, letter: Letter) -> Callable[[StudentEntry], str]:
    last_day = workspace.today + timedelta(days=workspace.params.mail.reply_days)

    def signed(entry: StudentEntry) -> str:
        about = tokens.ReplyTarget(letter.report.advisor_id, entry.student_id, *letter.answers)
        return tokens.sign_token(workspace.settings.secret_key, about, last_day)

    return signed
