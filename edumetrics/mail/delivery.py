"""Send the newest week's reports once each, by SMTP or into the outbox; publish their pages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path

from edumetrics.analysis import delivery_log, run_log
from edumetrics.analysis.delivery_log import FAILED, HELD, OUTBOX, SENT, SMTP, UNCONFIRMED, Delivery
from edumetrics.analysis.week_state import MAIL, WEEKLY
from edumetrics.analysis.written import ChangedFile, FileKind
from edumetrics.boundaries import set_aside
from edumetrics.errors import EduMetricsError, SettingsError
from edumetrics.inputs import parts
from edumetrics.mail import outbox, tokens
from edumetrics.mail.envelopes import make_envelope
from edumetrics.mail.handed_over import REFUSED, HandedOver
from edumetrics.mail.messages import (
    Envelope,
    MailBody,
    add_deputy_line,
    add_headers,
    build_message,
    prepare_body,
    try_rendering,
)
from edumetrics.mail.queue import Letter, list_letters
from edumetrics.mail.recipients import Recipients
from edumetrics.mail.result import MailResult
from edumetrics.mail.smtp import NotSent, Server, Unconfirmed
from edumetrics.reports import from_store, frozen
from edumetrics.reports.model import Report
from edumetrics.reports.weekly import build_held_report
from edumetrics.types import Row
from edumetrics.weeks import CollegeWeek
from edumetrics.workspace import Workspace

# The stage of the ledger's entry which says that someone has released the first mail.
RELEASE = "release"
# Entries of the log by the values of `Delivery.key`.
Entries = dict[tuple[object, ...], list[Row]]


class MailRound:
    """One round of mail: the letters that go out now, each once; `posted` counts the results.

    The letters are built once, when the round begins: what is shown is what is sent. The caller
    must hold the lock of the analysis database from then on.
    """

    def __init__(
        self,
        workspace: Workspace,
        position: CollegeWeek,
        *,
        advisor: str = "",
        again: bool = False,
    ) -> None:
        """Collect the letters of the newest week.

        Args:
            workspace: the settings, the parameters and both databases.
            position: the college's position.
            advisor: only this advisor's mail, without releasing the others'; all mail when empty.
            again: also send what was sent before; where the server never confirmed some of it,
                only that.

        Raises:
            Refused: the gate has not checked the newest week, or the week was not analysed.
            SettingsError: there is no such advisor, or the secret of the replies is too short.
        """
        self.workspace, self.advisor, self.again = workspace, advisor, again
        self.settings, self.mail = workspace.settings, workspace.params.mail
        # A secret that is too short must be reported before the first mail is out.
        tokens.check_secret(self.settings.secret_key)
        with workspace.open_college() as college:
            self.recipients = Recipients(workspace, college)
            letters = list_letters(workspace, college, position)
        self.letters = [one for one in letters if advisor in ("", one.report.advisor_id)]
        if advisor and not self.letters:
            raise SettingsError(f"There is no report for {advisor}: check the advisor's id.")
        self.handed_over = HandedOver(workspace.settings.home)
        self.posted = MailResult()
        self._entries = self._read_log()
        # By id of a letter: whether it is in doubt, and what was rendered before its turn.
        self._doubtful: set[int] = set()
        self._bodies: dict[int, MailBody] = {}

    def describe(self) -> Iterator[str]:
        """Yield a line for each letter, then one mail as it would be sent; changes nothing."""
        for letter in self.letters:
            to = self.recipients.find_address(letter.report.advisor_id)
            subject = f"held: {letter.why_held}" if letter.why_held else letter.report.subject
            mark = "  (sent before)" if self.is_sent(letter) else ""
            yield f"{letter.report.advisor_id}  {to or 'no address'}  {subject}{mark}"
        for letter in self.letters:
            if letter.why_held or self.is_sent(letter):
                continue
            with suppress(SettingsError):  # a missing address is reported when the mail is sent
                message, _ = build_message(letter.report, self._make_envelope(letter))
                body = message.get_body(("plain",))
                assert body is not None
                yield from (
                    "",
                    f"A sample, to {message['To']}:",
                    "",
                    # Messages have the line ends of mail, a terminal wants its own.
                    body.get_content().replace("\r\n", "\n"),
                )
                return

    def send(self, *, approve: bool = False) -> MailResult:
        """Send the letters and enter the round in the ledger; with `approve`, release the first.

        Returns:
            The result of the round.

        Raises:
            SettingsError: MAIL_FROM is missing, or the mail server cannot be used.
            Unreachable: the mail server cannot be reached; mail that was sent stays sent.
        """
        if self.advisor:
            return self._send_all(approve=approve)
        store, params = self.workspace.store, self.workspace.params
        if approve and self.by_smtp and self.settings.mail_from:
            entry = run_log.start_run(store, params, RELEASE, "", 0)
            with store.start_transaction() as connection:
                run_log.mark_done(connection, entry, 0)
        # Only a round for all advisors completes the week, so only that one is entered.
        about = self.letters[-1].answers if self.letters else ("", 0)
        with run_log.watch_run(store, params, MAIL, *about) as entry:
            posted = self._send_all(approve=approve)
            if posted.broken:
                told = (
                    f"{len(posted.failed)} of {len(self.letters)} mails failed, "
                    f"{len(posted.doubtful)} were not confirmed."
                )
                # A failed entry makes the next run send the rest; what was sent is not sent twice.
                run_log.mark_failed(store, entry, EduMetricsError(told))
                return posted
            with store.start_transaction() as connection:
                run_log.mark_done(connection, entry, posted.sent + posted.written)
        return posted

    @property
    def by_smtp(self) -> bool:
        """Whether the settings and parameters want mail to go out by SMTP."""
        return self.mail.mode == "send" and bool(self.settings.smtp_url)

    @property
    def released(self) -> bool:
        """Whether someone has released this college's first mail."""
        return self.workspace.store.has_rows("run_log", stage=RELEASE, status="done")

    def is_sent(self, letter: Letter) -> bool:
        """Return whether a letter was sent by SMTP in an earlier round, confirmed or not."""
        # A copy in the outbox does not count: when SMTP is switched on, the letter is still due.
        # A database that was restored has forgotten what the file of the home remembers.
        return self._has_left(letter, SENT)

    def _has_left(self, letter: Letter, status: str) -> bool:
        logged = any(row["status"] == status for row in self._list_entries(letter, SMTP))
        return logged or self.handed_over.has(self._make_delivery(letter, SMTP), status)

    def _send_all(self, *, approve: bool) -> MailResult:
        """Send the letters and publish their pages; a letter that was sent before is left out.

        With `approve` they are sent although the first mail was not released.
        """
        sends = self.by_smtp and (approve or self.released)
        mailed = [letter for letter in self.letters if not letter.published]
        self.posted.letters, self.posted.leaves = len(mailed), sends
        self.posted.waiting = self.by_smtp and not sends and bool(mailed)
        if sends and not self.settings.mail_from:
            raise SettingsError("MAIL_FROM is not set: set it to the sender of advisors' mail.")
        # This is read before the first letter is sent: a sending of this round is not yet in doubt.
        self._doubtful = {
            id(letter) for letter in self.letters if sends and self._is_in_doubt(letter)
        }
        # No server waits while letters are rendered.
        self._bodies = self._render_ahead(sends=sends)
        with Server(self.settings.smtp_url, self.mail) if sends else nullcontext() as server:
            for letter in self.letters:
                # Whoever lost the lock must leave the rest to the run that has it now.
                self.workspace.store.confirm_lock()
                set_aside(
                    partial(self._deliver, letter, server),
                    partial(self._fail, letter),
                    (ChangedFile,),
                )
        return self.posted

    def _deliver(self, letter: Letter, server: Server | None) -> None:
        """Publish, send, write or hold one letter, whichever is due."""
        # The page comes first, because the mail links to it.
        if self.posted.leaves and self.settings.pages_dir is not None:
            files = self.workspace.files
            copy = outbox.publish_page(files, letter, self.settings.pages_dir)
            if copy is not None:
                self._record_file(letter, copy, "published")
        if letter.published:
            return
        if letter.why_held:
            self._record_held_letter(letter, server)
        elif not self._is_due(letter, sends=server is not None):
            if id(letter) in self._doubtful:
                self.posted.doubtful.append(letter.report.advisor_id)
        elif server is None:
            self._write_letter(letter)
        else:
            self._send_letter(letter, server, SENT)

    def _is_due(self, letter: Letter, *, sends: bool) -> bool:
        """Return whether a message about a letter is written or sent in this round."""
        if letter.published:
            return False
        sent = self.is_sent(letter)
        if letter.why_held:
            # Advisors are told once, of a list only. They are not told where all mail is held,
            # nor where the list was sent before.
            told = letter.everyone or sent or self._has_left(letter, HELD)
            return sends and letter.report.stage == WEEKLY and not told
        # With --again and letters in doubt, only those are repeated: the others arrived.
        repeated = not self._doubtful or id(letter) in self._doubtful
        return not sent or (sends and self.again and repeated)

    def _record_file(self, letter: Letter, path: Path, kind: FileKind) -> None:
        """Record a copy of a letter: it is about whom its page is about."""
        self.workspace.files.add({path: frozen.get_subject(letter.report)}, kind)

    def _fail(self, letter: Letter, why: str) -> None:
        """Record that a letter could not be sent, and why; the others go on."""
        delivery = self._make_delivery(letter, SMTP if self.posted.leaves else OUTBOX)
        delivery_log.record_delivery(self.workspace.store, delivery, FAILED, why)
        self.posted.failed.append((letter.report.advisor_id, why))

    def _record_held_letter(self, letter: Letter, server: Server | None) -> None:
        """Record that a letter is held, and tell its advisor why where that is due."""
        self.posted.held += 1
        if server and self._is_due(letter, sends=True):
            self._send_letter(letter, server, HELD)
            return
        # A copy from an earlier run would look like a mail that is ready to be sent.
        if not self.is_sent(letter):
            outbox.get_outbox_path(letter).unlink(missing_ok=True)
        if not self._has_left(letter, HELD):
            delivery = self._make_delivery(letter, SMTP if server else OUTBOX)
            delivery_log.replace_delivery(self.workspace.store, delivery, HELD)

    def _write_letter(self, letter: Letter) -> None:
        """Write a letter to the outbox only; an earlier entry of the same letter is replaced."""
        delivery = self._make_delivery(letter, OUTBOX)
        composed = self._make_message(letter, delivery)
        if composed is not None:
            message, content = composed
            self._record_file(letter, outbox.keep_copy(letter, message.as_bytes()), "mail")
            delivery = replace(delivery, content_sha256=content)
            delivery_log.replace_delivery(self.workspace.store, delivery, SENT)
            self.posted.written += 1

    def _send_letter(self, letter: Letter, server: Server, status: str) -> None:
        """Send a letter by SMTP, or (status `HELD`) the message that it is held."""
        delivery = self._make_delivery(letter, SMTP)
        composed = self._make_message(letter, delivery)
        if composed is None:
            return
        message, content = composed
        self._record_file(letter, outbox.keep_copy(letter, message.as_bytes()), "mail")
        # The entry says "sent, not confirmed" from just before the last line is handed over. A run
        # that is killed at any moment therefore sends no letter twice.
        delivery = replace(delivery, content_sha256=content)
        entry = delivery_log.DeliveryEntry(self.workspace.store, delivery)

        def record_handover() -> None:
            entry.record_status(status, UNCONFIRMED)
            self.handed_over.record(delivery, status)

        try:
            server.send(message, record_handover)
        except Unconfirmed:
            # The entry stays as it is. A message that only says "held" is not worth a question.
            if status == SENT:
                self.posted.doubtful.append(delivery.advisor_id)
        except NotSent as error:
            # This letter failed; the server can still take the others.
            if self.handed_over.has(delivery, status):
                self.handed_over.record(delivery, status, REFUSED)
            entry.record_status(FAILED, str(error))
            self.posted.failed.append((delivery.advisor_id, str(error)))
        except EduMetricsError as error:
            # The server cannot be used, so that no other letter can be sent either.
            entry.record_status(FAILED, str(error))
            raise
        else:
            entry.record_status(status)
            self.posted.sent += status == SENT

    # ------------------------------------------------------------ what a letter becomes

    def _make_message(self, letter: Letter, delivery: Delivery) -> tuple[EmailMessage, str] | None:
        """Return a letter's message and the hash of its content.

        None is returned where it has no valid address; the failure is recorded.
        """
        try:
            report, envelope = self._address(letter), self._make_envelope(letter)
            message, content = build_message(report, envelope, self._bodies.get(id(letter)))
        except SettingsError as error:
            self._fail(letter, str(error))
            return None
        # A letter that is tried again keeps its Message-ID, and a mailbox then shows it once. One
        # that is sent again on purpose gets a new one.
        sents = sum(row["status"] == SENT for row in self._list_entries(letter, delivery.channel))
        identity = hashlib.sha256(f"{delivery.key}{content}{sents}".encode()).hexdigest()
        add_headers(message, datetime.now(UTC), identity)
        return message, content

    def _address(self, letter: Letter) -> Report:
        """Return what a letter says to whoever gets it: why it is held, whose deputy reads it."""
        report = letter.report
        if letter.why_held:
            report = build_held_report(report, letter.why_held)
        if deputy := self.recipients.find_deputy(report.advisor_id):
            report = add_deputy_line(report, deputy.until)
        return report

    def _make_envelope(self, letter: Letter) -> Envelope:
        return make_envelope(self.workspace, self.recipients, letter)

    def _render_ahead(self, *, sends: bool) -> dict[int, MailBody]:
        """Render the letters that are due in several processes, where there are many of them.

        A letter that cannot be rendered is left out: it fails by itself when its turn comes.
        """
        due = [one for one in self.letters if self._is_due(one, sends=sends)]
        if len(due) < from_store.MANY:
            return {}
        tasks = {}
        for letter in due:
            with suppress(SettingsError):  # a missing address is reported in its turn
                envelope = self._make_envelope(letter)
                tasks[id(letter)] = prepare_body(self._address(letter), envelope)
        bodies = parts.map_parts(self.settings, try_rendering, tasks.values())
        return {key: body for key, body in zip(tasks, bodies, strict=True) if body is not None}

    def _make_delivery(self, letter: Letter, channel: str) -> Delivery:
        """Return the entry of a letter for the log of deliveries, without its content's hash."""
        report = letter.report
        to = self.recipients.find_address(report.advisor_id)
        return Delivery(report.advisor_id, report.stage, report.term, report.week, channel, to, "")

    def _read_log(self) -> Entries:
        """Return what the log has about the weeks of the letters, oldest first."""
        found: Entries = {}
        for term, week in {letter.answers for letter in self.letters}:
            for row in delivery_log.read_entries(self.workspace.store, term=term, sem_week=week):
                key = (row["advisor_id"], term, week, row["channel"])
                found.setdefault(key, []).append(row)
        return found

    def _list_entries(self, letter: Letter, channel: str) -> list[Row]:
        """Return what the log had about a letter by one channel when the round began."""
        key = self._make_delivery(letter, channel).key
        return self._entries.get(tuple(key.values()), [])

    def _is_in_doubt(self, letter: Letter) -> bool:
        """Return whether the server never confirmed a letter's last sending."""
        sent = [row for row in self._list_entries(letter, SMTP) if row["status"] == SENT]
        return bool(sent) and sent[-1]["error"] == UNCONFIRMED
