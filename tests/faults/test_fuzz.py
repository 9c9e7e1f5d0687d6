"""Three hundred random faults over simulated weeks: nothing lost, nothing twice, nothing half-written, all told.

Two machines with clocks of their own, kills, signals, full disks, servers that refuse or break off, bad addresses, junk among
the replies, rows that change while they are read, backups that are restored, data that is wrong for a week.
"""

from __future__ import annotations

import mailbox
import multiprocessing
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from edumetrics import analysis, erasure, mail  # noqa: F401 - imported before the children are forked
from edumetrics.analysis import delivery_log, run_log, store, written
from edumetrics.batch import backfill, pipeline, progress
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.mail import delivery  # noqa: F401 - the same
from edumetrics.params import Calendar
from edumetrics.simulator import generate, write
from edumetrics.stages import base
from edumetrics.workspace import Workspace, open_workspace
from tests import in_process
from tests.conftest import workspace_at
from tests.faults.test_killed import contents, same
from tests.mail.conftest import SECRET, set_mail
from tests.mail.server import Inbox, serving

WEEKS, EACH = (3, 4, 5, 6), 25
# What a command may end with: done, failed, refused, or another run at work; never a traceback.
STATUSES = (0, 1, 2, 3, 4)
Fork = multiprocessing.get_context("fork")


@dataclass
class Trial:
    """A college, its analysis and its mail, and the fault that is next."""

    workspace: Workspace
    inbox: Inbox
    dice: random.Random
    folder: Path
    backups: list[Path] = field(default_factory=list)
    seen: Counter[int] = field(default_factory=Counter)
    deaf: bool = False
    week: int = 0

    @property
    def work(self) -> tuple[str, ...]:
        """What a scheduler or a person may run at any time."""
        week = ("run", "--week", str(self.week))
        return self.dice.choice([("run",), week, week, ("send",)])

    @property
    def database(self) -> Path:
        return self.workspace.settings.home / "analysis.db"

    def run(
        self,
        *args: str,
        before: Callable[[], None] = lambda: None,
        meanwhile: Callable[[Any], None] = lambda _: None,
    ) -> int | None:
        """A command in a process of its own; its exit status, or minus the signal that ended it."""
        log = self.folder / "said.txt"

        def act() -> None:
            file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(file, 1)
            os.dup2(file, 2)
            pipeline.DEFAULT_EXECUTOR = in_process.executor
            before()
            main(list(args))

        heard = self.count_operator_mails()
        child = Fork.Process(target=act)
        child.start()
        meanwhile(child)
        child.join(120)
        assert child.exitcode is not None, "it hangs"
        said = log.read_text()
        assert "Traceback" not in said, said
        if child.exitcode >= 0:
            assert child.exitcode in STATUSES, said
        # A server that refuses, or a disk that is full, may keep the operator's mail from going.
        if args[0] == "run" and child.exitcode in (1, 2, 3) and not self.deaf:
            assert self.count_operator_mails() == heard + 1, said
        self.seen[child.exitcode] += 1
        return child.exitcode

    def count_operator_mails(self) -> int:
        return len(self.inbox.to("operator@college.example"))

    # ------------------------------------------------------------ faults

    def kill(self) -> None:
        def later(child: Any) -> None:
            child.join(self.dice.uniform(0, 3))
            child.kill()

        self.run(*self.work, meanwhile=later)

    def terminate(self) -> None:
        def later(child: Any) -> None:
            child.join(self.dice.uniform(0, 3))
            asked = time.monotonic()
            child.terminate()
            child.join(20)
            assert time.monotonic() - asked < 5, "a signal is answered within five seconds"

        self.run(*self.work, meanwhile=later)

    def blocked(self) -> None:
        """Somebody locks the college, and whoever waits for it is told to end."""
        with closing(self.college()) as college:
            college.isolation_level = None
            college.execute("BEGIN EXCLUSIVE")
            self.terminate()
            college.execute("ROLLBACK")

    def other_clock(self) -> None:
        """Another machine, whose clock is up to two weeks ahead or behind."""
        apart = timedelta(days=self.dice.uniform(-14, 14))

        def shift() -> None:
            now, today = store.get_utc_now, Workspace.today.fget
            for module in (store, run_log, delivery_log, written, base):
                if hasattr(module, "get_utc_now"):
                    module.get_utc_now = lambda: now() + apart  # type: ignore[attr-defined]
            Workspace.today = property(lambda self: today(self) + apart)  # type: ignore[assignment, misc]

        self.run(*self.work, before=shift)

    def full_disk(self) -> None:
        size = self.dice.randrange(500, 400_000)

        def limit() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        self.run(*self.work, before=limit)

    def bad_server(self) -> None:
        self.inbox.answers = [self.dice.choice(["451 later", "554 no", None]) for _ in range(4)]
        self.run(*self.work)
        self.inbox.answers = []

    def bad_address(self) -> None:
        bad = self.dice.choice(
            ["nobody", "jörg@x.example", "a@b@c", "", "a@x.example\nBcc: b@y.example"]
        )
        with self.college() as college:
            advisor, before = college.execute(
                "SELECT advisor_id, email FROM advisors ORDER BY advisor_id LIMIT 1"
            ).fetchone()
            college.execute("UPDATE advisors SET email = ? WHERE advisor_id = ?", (bad, advisor))
            college.commit()
            self.run(*self.work)
            college.execute("UPDATE advisors SET email = ? WHERE advisor_id = ?", (before, advisor))
            college.commit()

    def junk_reply(self) -> None:
        box = mailbox.Maildir(self.folder / "box")
        content = self.dice.choice([
            b"Subject: =?\xc3\xbc?q?abc?=\r\n\r\n", b"\0" * 50, b"Subject: Talked [7-2N4-AAAA-BBBB-CCCC-DDDD]\r\n\r\n",
            self.dice.randbytes(200), b"Subject: =?undefined?q?x?=\r\n\r\nx",
        ])  # fmt: skip
        box.lock()
        (self.folder / "box" / "new" / f"{self.dice.randrange(10**9)}.M1.h").write_bytes(content)
        box.unlock()
        self.run("log", "--from-mail", str(self.folder / "box"))

    def changing_rows(self) -> None:
        """Somebody writes into the college while it is read: visits of a class that nobody is in."""

        def write_on(child: Any) -> None:
            with self.college() as college:
                while child.is_alive():
                    try:
                        college.execute("UPDATE sim_state SET current_week = current_week")
                        college.commit()
                    except sqlite3.OperationalError:
                        college.rollback()
                    child.join(0.05)

        self.run(*self.work, meanwhile=write_on)

    def restored(self) -> None:
        """The analysis as it was some faults ago."""
        backup = self.folder / f"backup-{len(self.backups)}.db"
        shutil.copy(self.database, backup)
        self.backups.append(backup)
        self.run("run")
        shutil.copy(self.dice.choice(self.backups[-4:]), self.database)

    def college(self) -> sqlite3.Connection:
        path = self.workspace.settings.home / "college.db"
        return sqlite3.connect(path, timeout=0.2)


FAULTS = (
    Trial.kill, Trial.kill, Trial.terminate, Trial.blocked, Trial.other_clock, Trial.full_disk, Trial.bad_server,
    Trial.bad_address, Trial.junk_reply, Trial.changing_rows, Trial.restored,
)  # fmt: skip


@pytest.fixture
def trial(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Trial]:
    home = tmp_path / "home"
    shutil.copytree("params", home / "params")
    workspace = workspace_at(home)
    plan = generate.plan_demo(130, 5, Calendar(), weeks=WEEKS[0] - 1)
    write.write_simulation(
        create_writable_engine(workspace.settings.client_db_url), plan, quiet=True
    )
    set_mail(workspace, mode="send", attempts=2, backoff_seconds=0.01, timeout_seconds=60)
    with serving() as (inbox, port):
        for name, value in {
            "EDUMETRICS_HOME": str(home), "CLIENT_DB_URL": workspace.settings.client_db_url,
            "DEFAULT_DB_URL": workspace.settings.default_db_url, "MAIL_FROM": "edumetrics@college.example",
            "SMTP_URL": f"smtp://127.0.0.1:{port}", "REPLY_TO": "early-alert@college.example",
            "SECRET_KEY": SECRET, "OPERATOR_EMAIL": "operator@college.example",
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        backfill.calibrate(open_workspace(), progress.skip_line)
        yield Trial(open_workspace(), inbox, random.Random(request.param), tmp_path)


@pytest.mark.prove
@pytest.mark.parametrize("trial", range(3), indirect=True)
def test_nothing_is_lost_twice_or_half(trial: Trial, tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(trial.workspace.settings.home, undisturbed)
    calm = workspace_at(undisturbed)
    calm = replace(calm, settings=replace(calm.settings, smtp_url=""))
    # Somebody has released the first mail of the college, before anything goes wrong.
    assert trial.run("run", "--week", str(WEEKS[0] - 1)) in (0, 1)
    assert trial.run("send", "--approve") == 0
    trial.inbox.messages.clear()
    with trial.workspace.open_college() as college:
        advisors = dict(zip(college.advisors["advisor_id"], college.advisors["email"], strict=True))
    expected: Counter[tuple[str, int]] = Counter()
    for week in WEEKS:
        for workspace in (trial.workspace, calm):
            advance(workspace)
        held, trial.week = week == WEEKS[1], week
        if held:
            change_visits(trial, -1)
        for _ in range(EACH):
            fault = trial.dice.choice(FAULTS)
            trial.deaf = fault in (Trial.full_disk, Trial.bad_server)
            fault(trial)
            trial.deaf = False
        trial.backups.clear()
        if held:
            assert trial.run("run") in (0, 3)
            # Nobody puts it right before the next week: then its mail never goes.
            assert not told(trial, advisors, week)
            change_visits(trial, 1)
            continue
        # Twice: the first may only take back what a restored backup has forgotten.
        trial.run("run")
        if trial.run("run"):
            settle_doubts(trial, advisors, week)
        expected.update((advisor, week) for advisor in told(trial, advisors, week))
        assert told(trial, advisors, week) == Counter(dict.fromkeys(advisors, 1)), week
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pipeline, "DEFAULT_EXECUTOR", in_process.executor)
        pipeline.run(calm, progress.skip_line)
        # What was computed while its data was wrong is computed again from the data as it is.
        pipeline.run(trial.workspace, progress.skip_line, week=WEEKS[1])
        for week in WEEKS[2:]:
            pipeline.run(trial.workspace, progress.skip_line, week=week)
        pipeline.run(calm, progress.skip_line, week=WEEKS[1])
        for week in WEEKS[2:]:
            pipeline.run(calm, progress.skip_line, week=week)
    mine, other = contents(trial.workspace.store), contents(calm.store)
    for name in ("written_files", "written_about", "intervention_log", "data_health"):
        mine.pop(name, None)
        other.pop(name, None)
    same(other, mine)
    assert "started" not in set(trial.workspace.store.read("run_log")["status"])
    assert {0, 1, 2, -signal.SIGKILL} <= set(trial.seen), trial.seen
    left = [
        path for path in trial.workspace.settings.home.rglob("*") if path.name.endswith(".part")
    ]
    assert len(left) <= 3 * EACH, "what a kill leaves behind has a name that nobody reads"


def settle_doubts(trial: Trial, advisors: dict[str, str], week: int) -> None:
    """Do what the line asks for: send again what a kill left in doubt and did not arrive."""
    said = (trial.folder / "said.txt").read_text()
    doubtful = set(re.findall(r"send --again --advisor (\S+) to send", said))
    assert doubtful, said
    for advisor in doubtful - set(told(trial, advisors, week)):
        assert trial.run("send", "--again", "--advisor", advisor) == 0


def advance(workspace: Workspace) -> None:
    engine = create_writable_engine(workspace.settings.client_db_url)
    plan = write.read_simulation_plan(engine, workspace.params.calendar)
    assert plan is not None
    write.write_simulation(engine, generate.plan_weeks_later(plan, 1), force=True, quiet=True)
    engine.dispose()


def change_visits(trial: Trial, sign: int) -> None:
    """Hide the visits to the library of the newest week, or show them again: the gate holds all mail without them."""
    with trial.college() as college:
        college.execute(
            "UPDATE library_visits SET week = ? * week WHERE abs(week) = ? AND semester % 2 = 0",
            (-1, WEEKS[1]) if sign else (),
        )
        college.commit()


def told(trial: Trial, advisors: dict[str, str], week: int) -> Counter[str]:
    """How many mails about the list of a week each advisor has."""
    found: Counter[str] = Counter()
    names = {address: advisor for advisor, address in advisors.items()}
    for message in trial.inbox.messages:
        to = message["To"].addresses[0].addr_spec
        if to in names and f"Week {week}" in str(message["Subject"]):
            found[names[to]] += 1
    return found
