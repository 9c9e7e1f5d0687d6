"""Mail the operator one line about each run."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP

from edumetrics.errors import EduMetricsError
from edumetrics.mail.messages import add_headers, parse_address
from edumetrics.mail.smtp import NotSent, Server
from edumetrics.params import MailParams
from edumetrics.settings import Settings, create_private_folder, write_private_file


def mail_operator(chosen: Settings, outcome: str, line: str) -> None:
    """Mail the operator one line about a run; do nothing where no operator is named.

    The mail is tried once. Without SMTP_URL it is a file in the outbox of the home folder.

    Args:
        chosen: the settings, with `operator_email`.
        outcome: done, held, refused or failed.
        line: what happened, in a sentence; it names no student.

    Raises:
        SettingsError: SMTP_URL cannot be used.
        EduMetricsError: the mail could not be sent.
    """
    if not chosen.operator_email:
        return
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"EduMetrics: {outcome}"
    message["From"] = parse_address("EduMetrics", chosen.mail_from or chosen.operator_email)
    message["To"] = parse_address("", chosen.operator_email)
    message.set_content(line)
    now = datetime.now(UTC)
    add_headers(message, now)
    if not chosen.smtp_url:
        # Microseconds keep two runs within a second from writing one file.
        path = create_private_folder(chosen.home / "outbox") / f"{now:%Y%m%dT%H%M%S%f}.eml"
        write_private_file(path, bytes(message))
        return
    try:
        # One attempt: a server that does not answer must not hold up the end of a run.
        with Server(chosen.smtp_url, MailParams(attempts=1)) as server:
            server.send(message)
    except NotSent as error:
        raise EduMetricsError(f"{error} Check SMTP_URL.") from error
