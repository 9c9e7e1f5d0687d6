"""Who is mailed what: released once, sent once, held where the gate says so, and told of when it fails."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.inputs import parts
from edumetrics.mail import messages
from edumetrics.mail.outbox import find_scorecard
from edumetrics.reports import from_store
from edumetrics.reports.model import Report
from edumetrics.settings import Settings
from edumetrics.workspace import Workspace
from tests.mail.conftest import set_mail
from tests.mail.server import Inbox, free_port

NOW = "week = 10 AND semester % 2 = 0"


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def advisors(workspace: Workspace) -> dict[str, str]:
    with workspace.open_college() as college:
        return dict(zip(college.advisors["advisor_id"], college.advisors["email"], strict=True))


def change(workspace: Workspace, statement: str) -> None:
    with create_writable_engine(workspace.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(statement)


def log(workspace: Workspace) -> pd.DataFrame:
    return workspace.store.read("delivery_log")


def outbox(workspace: Workspace) -> list[Path]:
    return sorted(workspace.settings.reports.glob("*/week-10/outbox/*.eml"))


def check_once_each(inbox: Inbox, workspace: Workspace) -> None:
    addresses = advisors(workspace).values()
    assert {one: len(inbox.to(one)) for one in addresses} == dict.fromkeys(addresses, 1)


@pytest.mark.slow
def test_nothing_leaves_by_default(ready: Workspace, inbox: Inbox) -> None:
    assert edumetrics("run", "--week", "10").exit_code == 0
    result = edumetrics("send", "--approve")
    assert result.exit_code == 0
    assert inbox.messages == []
    assert [path.stem for path in outbox(ready)] == sorted(advisors(ready))
    assert all(path.stat().st_mode & 0o077 == 0 for path in outbox(ready))
    rows = log(ready)
    assert set(rows["channel"] + rows["status"]) == {"outboxsent"}
    assert len(rows) == len(advisors(ready)), "a mail once, however often it is written"


@pytest.mark.slow
def test_many_letters_are_rendered_by_several_processes_and_are_the_same(
    ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send() -> dict[str, str]:
        assert edumetrics("send").exit_code == 0
        return dict(zip(log(ready)["advisor_id"], log(ready)["content_sha256"], strict=True))

    alone, real, counts = send(), parts.map_parts, list[int]()

    def count(settings: Settings, work: Any, tasks: Any) -> list[Any]:
        counts.append(len(tasks))
        return real(settings, work, tasks)

    monkeypatch.setattr(parts, "map_parts", count)
    monkeypatch.setattr(from_store, "MANY", 2)
    assert send() == alone
    assert counts == [len(advisors(ready))]


@pytest.mark.slow
def test_a_letter_that_cannot_be_rendered_fails_by_itself(
    ready: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = messages.render_body, min(advisors(ready))

    def render(shown: Report, *more: Any) -> messages.MailBody:
        if shown.advisor_id == broken:
            raise ZeroDivisionError
        return real(shown, *more)

    monkeypatch.setattr(messages, "render_body", render)
    monkeypatch.setattr(from_store, "MANY", 2)
    # One process, which is this one.
    monkeypatch.setenv("EDUMETRICS_WORKERS", "1")
    edumetrics("send")
    statuses = dict(zip(log(ready)["advisor_id"], log(ready)["status"], strict=True))
    assert statuses == {one: "failed" if one == broken else "sent" for one in advisors(ready)}


def test_the_first_mail_waits_until_it_is_approved(sending: Workspace, inbox: Inbox) -> None:
    asked = edumetrics("send")
    assert asked.exit_code == 3
    assert "edumetrics send --approve" in asked.stderr
    assert edumetrics("run", "--week", "10").exit_code == 0
    assert inbox.messages == []
    looked = edumetrics("send", "--dry-run")
    assert looked.exit_code == 0
    assert inbox.messages == []
    approved = edumetrics("send", "--approve")
    assert approved.exit_code == 0, approved.stderr
    for advisor, address in advisors(sending).items():
        assert f"{advisor}  {address}  Week 10" in approved.output
        assert f"{advisor}  {address}  Week 10" in looked.output
    assert "START HERE" in approved.output, "one sample"
    check_once_each(inbox, sending)


@pytest.mark.slow
def test_a_mail_is_sent_once_however_often_it_is_asked_for(
    sending: Workspace, inbox: Inbox
) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    for _ in range(2):
        again = edumetrics("send")
        assert again.exit_code == 0
        assert "nothing to send" in again.output
    assert edumetrics("run", "--week", "10").exit_code == 0
    check_once_each(inbox, sending)
    one = next(iter(advisors(sending)))
    assert "1 sent" in edumetrics("send", "--again", "--advisor", one).output
    first, second = inbox.to(advisors(sending)[one])
    assert first["Message-ID"] != second["Message-ID"], "asked for, so not taken for a repetition"


@pytest.mark.slow
def test_approving_one_advisors_mail_releases_no_other(sending: Workspace, inbox: Inbox) -> None:
    one = next(iter(advisors(sending)))
    assert edumetrics("send", "--approve", "--advisor", one).exit_code == 0
    assert len(inbox.messages) == 1
    assert edumetrics("send").exit_code == 3
    assert len(inbox.messages) == 1
    assert edumetrics("send", "--approve").exit_code == 0
    check_once_each(inbox, sending)


@pytest.mark.slow
def test_once_approved_a_run_sends_by_itself(sending: Workspace, inbox: Inbox) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    with sending.store.start_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM delivery_log")
        connection.exec_driver_sql("DELETE FROM run_log WHERE stage = 'mail'")
    (sending.settings.home / "handed-over.log").unlink()
    inbox.messages.clear()
    result = edumetrics("run")
    assert result.exit_code == 0
    assert f"{len(advisors(sending))} sent" in result.output
    check_once_each(inbox, sending)
    assert "Nothing to do" in edumetrics("run").output


@pytest.mark.slow
def test_a_restored_database_mails_nobody_again(sending: Workspace, inbox: Inbox) -> None:
    file = sending.settings.home / "analysis.db"
    backup = file.read_bytes()
    assert edumetrics("send", "--approve").exit_code == 0
    sending.store.engine.dispose()
    file.write_bytes(backup)
    result = edumetrics("send", "--approve")
    assert (result.exit_code, result.output.splitlines()[-1]) == (0, "Mail: nothing to send.")
    check_once_each(inbox, sending)
    remembered = (sending.settings.home / "handed-over.log").read_text()
    assert not any(one in remembered for pair in advisors(sending).items() for one in pair)


@pytest.mark.slow
def test_an_advisor_at_a_domain_in_another_script_and_one_who_cannot_be_reached(
    sending: Workspace, inbox: Inbox
) -> None:
    (there, foreign, broken), rest = list(advisors(sending))[:3], list(advisors(sending))[3:]
    with sa.create_engine(sending.settings.client_db_url).begin() as connection:
        for advisor, address in ((foreign, "jo@münchen.example"), (broken, "jörg@münchen.example")):
            connection.exec_driver_sql(
                "UPDATE advisors SET email = ? WHERE advisor_id = ?", (address, advisor)
            )
    result = edumetrics("send", "--approve")
    assert result.exit_code == 1
    assert f"{broken}: The mail address has letters beyond ASCII" in result.stderr
    assert "münchen" not in result.stderr
    got = {str(message["To"].addresses[0].addr_spec) for message in inbox.messages}
    assert "jo@xn--mnchen-3ya.example" in got
    assert got > {advisors(sending)[one] for one in (there, *rest)}


@pytest.mark.slow
def test_a_deputy_has_the_mail_and_is_told(sending: Workspace, inbox: Inbox) -> None:
    away, *_ = advisors(sending)
    until = sending.today + timedelta(days=3)
    set_mail(sending, deputies=[
        {"advisor": away, "address": "deputy@college.example", "until": until}])  # fmt: skip
    assert edumetrics("send", "--approve").exit_code == 0
    (mine,) = [one for one in inbox.messages if "deputy@college.example" in str(one["To"])]
    body = mine.get_body(("plain",)).get_content()
    assert "You have this as the deputy of " in body
    assert advisors(sending)[away] not in {
        one["To"].addresses[0].addr_spec for one in inbox.messages
    }
    set_mail(sending, deputies=[
        {"advisor": away, "address": "deputy@college.example", "until": sending.today - timedelta(days=1)}])  # fmt: skip
    edumetrics("send", "--again", "--advisor", away)
    assert inbox.messages[-1]["To"].addresses[0].addr_spec == advisors(sending)[away]


@pytest.mark.slow
def test_a_first_mail_that_failed_is_tried_again_by_the_next_run(
    sending: Workspace, inbox: Inbox
) -> None:
    assert edumetrics("run", "--week", "10").exit_code == 0
    inbox.answers = ["554 no"] * len(advisors(sending))
    assert edumetrics("send", "--approve").exit_code == 1
    assert inbox.messages == []
    assert edumetrics("run").exit_code == 0, "what was released stays released"
    check_once_each(inbox, sending)


@pytest.mark.slow
def test_only_the_newest_week_is_mailed(sending: Workspace, inbox: Inbox) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    count = len(inbox.messages)
    for _ in range(2):
        assert edumetrics("run", "--week", "9").exit_code == 0
    assert len(inbox.messages) == count
    past = log(sending).query("status == 'not sent: past'")
    assert sorted(past["advisor_id"]) == sorted(advisors(sending))
    assert set(past["sem_week"]) == {9}
    assert set(past["recipient"]) == set(advisors(sending).values())


@pytest.mark.slow
def test_a_held_class_is_told_why_and_follows_when_it_is_put_right(
    sending: Workspace, inbox: Inbox
) -> None:
    one, address = next(iter(advisors(sending).items()))
    with sending.open_college() as college:
        held = college.advisors.set_index("advisor_id").loc[one, "class_id"]
    kept = f"CREATE TABLE kept AS SELECT id, present FROM attendance WHERE {NOW} AND class_id = '{held}'"
    change(sending, kept)
    change(sending, f"UPDATE attendance SET present = NULL WHERE {NOW} AND class_id = '{held}'")
    assert edumetrics("run", "--week", "10").exit_code == 0
    for _ in range(2):
        result = edumetrics("send", "--approve")
        assert result.exit_code == 0, result.stderr
        assert "1 held" in result.output
    # The others have their list, and one is told, once.
    check_once_each(inbox, sending)
    (told,) = inbox.to(address)
    assert told["Subject"] == "Week 10 · held back"
    body = told.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert f"Nobody marked 100% of the registers of {held} in week 10." in text
    with sending.open_college() as college:
        assert not any(name in text for name in college.names["name"])
    assert log(sending).query("status == 'held' and channel == 'smtp'")["advisor_id"].tolist() == [
        one
    ]
    change(
        sending,
        "UPDATE attendance SET present = (SELECT present FROM kept WHERE kept.id = attendance.id) "
        "WHERE id IN (SELECT id FROM kept)",
    )
    assert edumetrics("run", "--week", "10").exit_code == 0
    assert [message["Subject"].startswith("Week 10 · held") for message in inbox.to(address)] == [
        True,
        False,
    ]


@pytest.mark.slow
def test_where_everyones_mail_is_held_nobody_is_written_to(
    sending: Workspace, inbox: Inbox
) -> None:
    change(sending, f"DELETE FROM library_visits WHERE {NOW}")
    assert edumetrics("run", "--week", "10").exit_code == 3
    result = edumetrics("send", "--approve")
    assert result.exit_code == 3
    assert inbox.messages == []
    assert set(log(sending)["status"]) == {"held"}
    assert edumetrics("run", "--force").exit_code == 0
    assert edumetrics("send", "--approve").exit_code == 0
    check_once_each(inbox, sending)


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong",
    [
        "x@y.example\\r\\nBcc: all@college.example",
        None,
        pytest.param("nobody", marks=pytest.mark.prove),
        pytest.param("a@b@c.example", marks=pytest.mark.prove),
    ],
)
def test_a_wrong_address_fails_that_one_advisor(
    wrong: str | None, sending: Workspace, inbox: Inbox
) -> None:
    one, right = next(iter(advisors(sending).items()))
    with create_writable_engine(sending.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE advisors SET email = ? WHERE advisor_id = ?",
            (wrong and wrong.encode().decode("unicode_escape"), one),
        )
    result = edumetrics("send", "--approve")
    assert result.exit_code == 1
    assert f"1 failed. {one}: " in result.stderr
    assert len(inbox.messages) == len(advisors(sending)) - 1
    assert log(sending).query("status == 'failed'")["advisor_id"].tolist() == [one]
    change(sending, f"UPDATE advisors SET email = '{right}' WHERE advisor_id = '{one}'")
    assert "1 sent" in edumetrics("send").output
    check_once_each(inbox, sending)


@pytest.mark.slow
def test_a_refused_recipient_is_not_tried_again_at_once(sending: Workspace, inbox: Inbox) -> None:
    one, address = next(iter(advisors(sending).items()))
    inbox.refused[address] = "550 5.1.1 no such user hunter2"
    result = edumetrics("send", "--approve")
    assert result.exit_code == 1
    assert f"{one}: The mail server refused the mail (550)." in result.stderr
    assert "hunter2" not in result.stderr
    assert inbox.tries == len(advisors(sending)) - 1
    inbox.refused.clear()
    assert edumetrics("send").exit_code == 0
    check_once_each(inbox, sending)


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        ["451 later", None],
        pytest.param(["451 4.7.1 try later"], marks=pytest.mark.prove),
        pytest.param([None], marks=pytest.mark.prove),
    ],
)
def test_trouble_that_passes_is_waited_for(
    trouble: list[str | None], sending: Workspace, inbox: Inbox
) -> None:
    inbox.answers = list(trouble)
    result = edumetrics("send", "--approve")
    assert result.exit_code == 0, result.stderr
    assert inbox.tries == len(advisors(sending)) + len(trouble)
    check_once_each(inbox, sending)
    assert set(log(sending)["status"]) == {"sent"}
    assert log(sending)["error"].isna().all()


@pytest.mark.slow
def test_trouble_that_does_not_pass_is_told_and_tried_again_by_the_next_run(
    sending: Workspace, inbox: Inbox
) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    with sending.store.start_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM delivery_log")
    (sending.settings.home / "handed-over.log").unlink()
    inbox.messages.clear()
    inbox.answers = ["451 later"] * 3
    result = edumetrics("run", "--week", "10")
    assert result.exit_code == 1
    assert "1 failed" in result.stderr
    assert "Run `edumetrics send` to try the failed mails again." in result.stderr
    assert len(inbox.messages) == len(advisors(sending)) - 1
    assert edumetrics("run").exit_code == 0
    check_once_each(inbox, sending)


@pytest.mark.slow
@pytest.mark.parametrize(
    "answers",
    [
        ["silence"],
        ["354 go on"],
        pytest.param(["ok queued"], marks=pytest.mark.prove),
        pytest.param([None, None], marks=pytest.mark.prove),
    ],
)
def test_a_server_that_never_says_whether_it_took_a_mail(
    answers: list[str | None], sending: Workspace, inbox: Inbox
) -> None:
    one, address = next(iter(advisors(sending).items()))
    set_mail(sending, timeout_seconds=1)
    inbox.answers = list(answers)
    result = edumetrics("send", "--approve")
    assert result.exit_code == 1
    assert "1 not confirmed" in result.stderr
    tries = inbox.tries
    assert tries == len(advisors(sending)) - 1 + len(answers), (
        "it may have arrived: it is not sent on and on"
    )
    for command in ("send", "run"):
        asked = edumetrics(command)
        assert asked.exit_code == 1
        assert f"edumetrics send --again --advisor {one}" in asked.stderr
    assert inbox.tries == tries
    assert edumetrics("send", "--again", "--advisor", one).exit_code == 0
    assert len(inbox.to(address)) == 1
    assert edumetrics("run").exit_code == 0


@pytest.mark.slow
def test_a_list_that_is_out_is_not_followed_by_a_word_that_it_is_held(
    sending: Workspace, inbox: Inbox
) -> None:
    assert edumetrics("send", "--approve").exit_code == 0
    with sending.open_college() as college:
        held = college.advisors["class_id"].iloc[0]
    change(sending, f"UPDATE attendance SET present = NULL WHERE {NOW} AND class_id = '{held}'")
    kept = {path: path.read_bytes() for path in outbox(sending)}
    assert edumetrics("run", "--week", "10").exit_code == 0
    check_once_each(inbox, sending)
    assert {path: path.read_bytes() for path in outbox(sending)} == kept


@pytest.mark.slow
def test_nobody_there(sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    right = os.environ["SMTP_URL"]
    monkeypatch.setenv("SMTP_URL", f"smtp://user:hunter2@127.0.0.1:{free_port()}")
    result = edumetrics("send", "--approve")
    assert result.exit_code == 1
    assert "ConnectionRefusedError" in result.stderr
    assert "hunter2" not in result.stderr
    assert len(result.stderr.splitlines()) == 1
    monkeypatch.setenv("SMTP_URL", right)
    assert edumetrics("send", "--approve").exit_code == 0
    check_once_each(inbox, sending)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["before it is handed over", "while the server has it"])
def test_killed_while_sending(moment: str, sending: Workspace, inbox: Inbox) -> None:
    """The server kills the sender in the middle of the third mail; asked again, each advisor has one mail."""
    third = sorted(advisors(sending))[2]

    class Killing(Inbox):
        pid = 0

    def killed(address: str) -> None:
        if address == advisors(sending)[third] and Killing.pid:
            os.kill(Killing.pid, signal.SIGKILL)
            Killing.pid = 0

    rcpt, data = inbox.handle_RCPT, inbox.handle_DATA

    async def handle_rcpt(
        server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if moment == "before it is handed over":
            killed(address)
        return await rcpt(server, session, envelope, address, options)

    async def handle_data(server: Any, session: Any, envelope: Any) -> str:
        if moment == "while the server has it":
            killed(envelope.rcpt_tos[0])
        return await data(server, session, envelope)

    inbox.handle_RCPT, inbox.handle_DATA = handle_rcpt, handle_data  # type: ignore[method-assign]
    with subprocess.Popen(
        [sys.executable, "-m", "edumetrics", "send", "--approve"], stdout=subprocess.DEVNULL
    ) as sender:
        Killing.pid = sender.pid
    assert sender.returncode == -signal.SIGKILL
    again = edumetrics("send", "--approve")
    check_once_each(inbox, sending)
    if moment == "while the server has it":
        assert (
            again.exit_code,
            f"{third}: The mail server had not confirmed it." in again.stderr,
        ) == (1, True)
    else:
        assert again.exit_code == 0


@pytest.mark.slow
def test_pages_are_published_by_advisor_and_linked(
    sending: Workspace, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGES_DIR", str(tmp_path / "pages"))
    monkeypatch.setenv("PAGES_URL", "https://reports.college.example/")
    set_mail(sending, attach_page=True)
    assert edumetrics("run", "--week", "10").exit_code == 0
    assert not (tmp_path / "pages").exists(), "nothing is published before someone approved"
    published = edumetrics("scorecard")
    assert published.stdout.strip() == str(tmp_path / "pages/scorecard-2025-07-14.html")
    assert edumetrics("send", "--approve").exit_code == 0
    for advisor, address in advisors(sending).items():
        place = f"{advisor}/2025-even/week-10/index.html"
        page = tmp_path / "pages" / place
        assert (
            page.read_text()
            == (sending.settings.reports / f"2025-even/week-10/advisors/{advisor}.html").read_text()
        )
        assert stat.S_IMODE(page.stat().st_mode) == 0o640
        for folder in list(page.parents)[:3]:
            assert stat.S_IMODE(folder.stat().st_mode) & 0o777 == 0o750, (
                "the web server's group can come in"
            )
        (message,) = inbox.to(address)
        html = message.get_body(("html",))
        assert html is not None
        for linked in (place, "scorecard-2025-07-14.html"):
            assert f'href="https://reports.college.example/{linked}"' in html.get_content()
        (attached,) = message.iter_attachments()
        assert attached.get_content().split() == page.read_text().split()


def test_only_a_scorecard_of_an_earlier_term_is_linked(tmp_path: Path) -> None:
    assert find_scorecard(tmp_path, "2026-01-05") == ""
    for term in ("2025-01-06", "2025-07-14", "2026-01-05"):
        (tmp_path / f"scorecard-{term}.html").touch()
    assert find_scorecard(tmp_path, "2026-01-05") == "scorecard-2025-07-14.html"
    assert find_scorecard(tmp_path, "2025-01-06") == ""


@pytest.mark.slow
def test_an_advisor_without_a_report_is_refused(sending: Workspace) -> None:
    result = edumetrics("send", "--advisor", "ADV0")
    assert result.exit_code == 2
    assert result.stderr == "There is no report for ADV0: check the advisor's id.\n"


def test_a_week_that_has_not_come_to_the_gate_is_not_sent(sending: Workspace, inbox: Inbox) -> None:
    with sending.store.start_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM run_log WHERE stage = 'gate'")
    result = edumetrics("send", "--approve")
    assert result.exit_code == 3
    assert "has not been checked yet: run `edumetrics run --week 10`." in result.stderr
    assert inbox.messages == []


def test_a_short_secret_is_refused(
    sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    result = edumetrics("send", "--approve")
    assert result.exit_code == 2
    assert "SECRET_KEY has fewer than 16 characters" in result.stderr
    assert inbox.messages == []
