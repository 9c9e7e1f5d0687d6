"""What people enter: checked, refused in a sentence, never lost, and never entered twice."""

from __future__ import annotations

import mailbox
from datetime import date, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from edumetrics import interventions
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.errors import SettingsError
from edumetrics.interventions.form import enter
from edumetrics.mail import tokens
from edumetrics.workspace import Workspace
from tests.conftest import point_at, workspace_at
from tests.simulated import simulate

SECRET = "a long random secret for tests"
TERM = "2026-01-05"


def edumetrics(*args: str) -> Result:
    return CliRunner().invoke(main, list(args))


def log(workspace: Workspace) -> pd.DataFrame:
    return workspace.store.read("intervention_log")


def listed(workspace: Workspace) -> pd.DataFrame:
    flags = workspace.store.read("weekly_flags", term=TERM, sem_week=10)
    return flags[flags["within_capacity"]].reset_index(drop=True)


def subject_for(
    workspace: Workspace, n: int, kind: str = "Talked", *, days: int = 28, secret: str = SECRET
) -> str:
    row = listed(workspace).iloc[n]
    about = tokens.ReplyTarget(row["advisor_id"], row["student_id"], TERM, 10)
    return f"{kind} [{tokens.sign_token(secret, about, workspace.today + timedelta(days=days))}]"


def posted(box: mailbox.Mailbox[Any], *subjects: str) -> None:
    for subject in subjects:
        message = EmailMessage()
        message["Subject"], message["From"] = subject, "someone@else.example"
        message.set_content("The body is a secret and is never read.")
        box.add(message)
    box.flush()
    box.close()


# ------------------------------------------------------------ one at a time


def test_an_entry_and_what_it_says(environment: Workspace) -> None:
    student = listed(environment)["student_id"].iloc[0]
    until = (environment.today + timedelta(days=9)).isoformat()
    result = edumetrics("log", student, "--kind", "Talked", "--notes", "Bus strike", "--outcome", "will catch up",
                        "--helpful", "--until", until, "--by", "ADV1")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert result.output == f"Logged: talked, {student}, on the list of week 10.\n"
    (row,) = log(environment).to_dict("records")
    assert (row["kind"], row["notes"], row["outcome"], row["logged_by"]) == (
        "talked",
        "Bus strike",
        "will catch up",
        "ADV1",
    )
    assert (row["term"], row["sem_week"], bool(row["helpful"]), str(row["until"])[:10]) == (
        TERM,
        10,
        True,
        until,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"student": "nobody"}, "There is no student with this id in the term of 2026-01-05"),
        ({"kind": "shouted"}, "There is no such kind: the kinds are talked, emailed,"),
        ({"week": 11}, "Week 11 has not been analysed yet: choose a week from 1 to 10."),
        ({"week": 0}, "Week 0 has not been analysed yet"),
        ({"week": 8}, "Week 8 is not a teaching week and has no list: choose a teaching week."),
        ({"until": date(2020, 1, 1)}, "2020-01-01 is in the past"),
        ({"until": date(9999, 12, 31)}, "9999-12-31 is in the past or more than a year ahead"),
        ({"notes": "a\0b"}, "The text contains a null character"),
    ],
)
def test_refusals_are_a_sentence(more: dict[str, Any], why: str, environment: Workspace) -> None:
    said = {"student": listed(environment)["student_id"].iloc[0], "kind": "talked", **more}
    with pytest.raises(SettingsError) as refused:
        interventions.log(said.pop("student"), said.pop("kind"), **said)
    assert str(refused.value).startswith(why)
    assert log(environment).empty


def test_the_form_only_calls_the_log(environment: Workspace) -> None:
    form = interventions.form("nobody")
    student, kind, notes, outcome, helpful, until, by, button, said = form.children
    button.click()
    assert said.value.startswith("There is no student with this id")
    assert button.disabled, "until something is changed"
    student.value, kind.value, notes.value, helpful.value = (
        listed(environment)["student_id"].iloc[0],
        "called",
        "x",
        "no",
    )
    by.value = "Dr. Mehta"
    assert not button.disabled
    button.click()
    assert said.value.startswith("Logged: called, ")
    assert ", by Dr. Mehta;" in said.value
    assert button.disabled, "a second click logs nothing"
    (row,) = log(environment).to_dict("records")
    assert row["logged_by"] == "Dr. Mehta"
    assert (row["kind"], bool(row["helpful"])) == ("called", False)
    assert (outcome.value, until.value) == ("", None)
    assert enter(
        {
            "student": "",
            "kind": "called",
            "notes": "",
            "outcome": "",
            "helpful": "yes",
            "until": None,
            "by": "",
        }
    ).startswith("There is no student")


@pytest.mark.slow
def test_what_people_entered_survives_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = point_at(workspace_at(tmp_path), monkeypatch)
    simulate(small, 60, 3, week=6, semesters=0)
    students = small.store.read("weekly_metrics", sem_week=6)["student_id"].tolist()
    for student in students[:3]:
        assert edumetrics("log", student, "--kind", "talked", "--notes", "kept").exit_code == 0
    before = log(small)
    assert len(before) == 3
    assert edumetrics("run", "--week", "6").exit_code == 0
    assert edumetrics("calibrate", "--from-scratch", "--yes").exit_code == 0
    with create_writable_engine(small.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql("UPDATE sim_state SET current_week = 22")
    edumetrics("run", "--roll-back")
    assert small.store.find_highest("weekly_metrics", "sem_week", term=TERM) == 4, "rolled back"
    pd.testing.assert_frame_equal(log(small), before)


# ------------------------------------------------------------ a table


def test_a_table_row_by_row(environment: Workspace, tmp_path: Path) -> None:
    first, second = listed(environment)["student_id"].head(2)
    table = tmp_path / "contacts.csv"
    table.write_text(
        "student_id,kind,notes,helpful,until,sem_week\n"
        f'{first},talked,"a, b",yes,,9\n'
        "nobody,talked,,,,\n"
        f"{second},shouted,,,,\n"
        f"{second},called,,perhaps,,\n"
        f"{second},called,,,soon,\n"
        f"{second},called,,,,99\n"
        f"{second},No  Answer,,,,\n"
    )
    result = edumetrics("log", "--from-csv", str(table))
    assert result.exit_code == 2
    lines = result.output.splitlines()
    assert lines[0] == "2 entered, 0 entered before, 5 refused."
    assert [line.split(":")[0] for line in lines[1:6]] == [f"line {n}" for n in (3, 4, 5, 6, 7)]
    assert "helpful is neither yes nor no: write one, or leave it empty." in result.output
    assert [(row["student_id"], row["kind"], row["sem_week"]) for row in log(environment).to_dict("records")] == [
        (first, "talked", 9), (second, "no answer", 10)
    ]  # fmt: skip
    again = edumetrics("log", "--from-csv", str(table))
    assert again.output.startswith("0 entered, 2 entered before, 5 refused.")
    assert len(log(environment)) == 2
    table.write_text(f"student_id,kind,outcome,helpful\n{second},no answer,came back,yes\n")
    assert (
        edumetrics("log", "--from-csv", str(table)).output
        == "0 entered, 1 completed, 0 entered before, 0 refused.\n"
    )
    row = log(environment).set_index("student_id").loc[second]
    assert (row["outcome"], bool(row["helpful"])) == ("came back", True), (
        "what is known later is added"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"student,kind\nx,talked\n",
        b"student_id,kind,colour\n",
        b"student_id,student_id,kind\n",
        b"\xff\xfe\x00",
        b'student_id,kind\n"x,talked\n',
    ],
)
def test_a_table_that_is_none(content: bytes, environment: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    result = edumetrics("log", "--from-csv", str(path))
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 1
    assert str(path) in result.stderr
    assert log(environment).empty


def test_a_row_of_another_length_is_refused(environment: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "ragged.csv"
    path.write_text("student_id,kind,notes\nS1\nS1,talked,a,b,c\n")
    result = edumetrics("log", "--from-csv", str(path))
    assert result.output.count("more or fewer cells") == 2


# ------------------------------------------------------------ replies


@pytest.fixture
def replies(environment: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SECRET_KEY", SECRET)
    return environment


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_replies_are_entered_once(kind: str, replies: Workspace, tmp_path: Path) -> None:
    path = tmp_path / kind
    box: Any = mailbox.Maildir(path) if kind == "maildir" else mailbox.mbox(path)
    subjects = [
        subject_for(replies, 0),
        f"Re: {subject_for(replies, 1, 'Wrong flag')}",
        f"=?utf-8?q?AW=3A?= {subject_for(replies, 2, 'KNOWN REASON').lower()}",
    ]
    posted(box, *subjects, subjects[0])
    result = edumetrics("log", "--from-mail", str(path))
    assert result.exit_code == 0, result.output
    assert result.output.startswith("3 entered, 1 entered before, 0 refused.")
    rows, flags = log(replies), listed(replies)
    assert sorted(rows["kind"]) == ["known reason", "talked", "wrong flag"]
    assert set(rows["logged_by"]) <= set(flags["advisor_id"])
    assert set(rows["student_id"]) == set(flags["student_id"].head(3))
    assert rows["notes"].isna().all(), "the body is not read"
    again = edumetrics("log", "--from-mail", str(path))
    assert (again.exit_code, len(log(replies))) == (0, 3)
    assert "The same reply was entered before." in again.output


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        ("[EXTERNAL] Re: {}", True),
        ("Re[2]: {}", True),
        ("*SPAM* TR : RE\u00a0: {}", True),
        ("回复： {}", True),
        ("Odp: Rif: {} [SEC=OFFICIAL]", True),
        ("Not {}", False),
        ("Re: not {}", False),
        ("Perhaps: {}", False),
    ],
)
def test_what_programs_and_gateways_add_changes_no_answer(
    subject: str, said: bool, replies: Workspace, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    posted(mailbox.Maildir(box), subject.format(subject_for(replies, 0)))
    result = edumetrics("log", "--from-mail", str(box))
    assert log(replies)["kind"].tolist() == (["talked"] if said else [])
    assert said or "no known kind before the code" in result.output


def test_a_mailbox_that_is_read_again_undoes_no_newer_answer(
    replies: Workspace, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    posted(mailbox.Maildir(box), subject_for(replies, 0))
    assert edumetrics("log", "--from-mail", str(box)).exit_code == 0
    newer = tmp_path / "newer"
    posted(mailbox.Maildir(newer), subject_for(replies, 0, "Wrong flag"))
    assert edumetrics("log", "--from-mail", str(newer)).exit_code == 0
    assert edumetrics("log", "--from-mail", str(box)).exit_code == 0
    assert log(replies)["kind"].tolist() == ["wrong flag"]


def test_a_message_that_cannot_be_read_stops_no_other(replies: Workspace, tmp_path: Path) -> None:
    box = tmp_path / "box"
    posted(mailbox.Maildir(box), subject_for(replies, 0))
    (box / "new" / "1.gone").symlink_to(tmp_path / "nowhere")
    result = edumetrics("log", "--from-mail", str(box))
    assert "1 entered, 0 entered before, 1 refused" in result.output + result.stderr
    assert len(log(replies)) == 1


def test_replies_that_are_not_valid_are_refused_and_told(
    replies: Workspace, tmp_path: Path
) -> None:
    good = subject_for(replies, 0)
    code = good.split("[")[1].strip("]").split("-")
    later = tokens.sign_token(
        SECRET, tokens.ReplyTarget("A", "S", TERM, 10), replies.today + timedelta(days=300)
    ).split("-")[1]
    bad = {
        subject_for(replies, 0, secret="another long secret!"): "was not made here",
        subject_for(replies, 1, days=-1): "expired on",
        f"Talked [{code[0]}-{later}-{'-'.join(code[2:])}]": "was not made here",
        f"Talked [9-{'-'.join(code[1:])}]": "was not made here",
        f"Talked [99-{'-'.join(code[1:])}]": "was not made here",
        good.replace("Talked", "Fired"): "no known kind before the code",
        good.replace("Talked", "Not talked"): "no known kind before the code",
        good.replace("Talked", "Undeliverable: Talked"): "no known kind before the code",
    }
    other = [
        "Private: my salary",
        "",
        "Talked",
        "Talked [7-2N\u212a-Q4KD-T8RM-B2HV-M6WX]",
        "Talked [\u0667-2N4-Q4KD-T8RM-B2HV-M6WX]",
    ]
    posted(mailbox.Maildir(tmp_path / "box"), *bad, *other, good)
    result = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert result.exit_code == 2
    assert result.output.startswith(
        f"1 entered, {len(other)} skipped, 0 entered before, {len(bad)} refused."
    )
    assert "salary" not in result.output + result.stderr
    assert code[3] not in result.output + result.stderr, "nor a code that could be used"
    for why in bad.values():
        assert why in result.output
    assert log(replies)["student_id"].tolist() == [listed(replies)["student_id"].iloc[0]]


def test_no_mailbox_and_no_secret(
    replies: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cur").mkdir()
    (tmp_path / "binary").write_bytes(b"\x00\x01\x02")
    for path in (tmp_path, tmp_path / "binary", tmp_path / "nothing"):
        assert (
            "is neither a Maildir nor an mbox file"
            in edumetrics("log", "--from-mail", str(path)).stderr
        )
    monkeypatch.delenv("SECRET_KEY")
    assert "SECRET_KEY is not set" in edumetrics("log", "--from-mail", str(tmp_path)).stderr
    assert edumetrics("log").exit_code == 2


def test_a_reply_that_was_entered_in_time_is_not_refused_later(
    replies: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted(mailbox.Maildir(tmp_path / "box"), subject_for(replies, 0))
    assert edumetrics("log", "--from-mail", str(tmp_path / "box")).exit_code == 0
    later = replies.today + timedelta(days=60)
    monkeypatch.setattr(Workspace, "today", property(lambda _: later))
    again = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert (again.exit_code, len(log(replies))) == (0, 1)
    assert "1 entered before, 0 refused" in again.output


JUNK = (
    "=?\u00fc?q?abc?=",
    "=?undefined?q?x?=",
    "=?utf-8\0?q?x?=",
    "=?utf-8?b?====?=",
    "=?idna?q?x=FF?=",
    "=?punycode?q?=FF=FE?=",
    "=?rot13?q?x?=",
    "=?unicode_escape?q?=5Cud800?=",
    "=?" + "a" * 5000 + "?q?x?=",
)


def drop(box: Path, number: int, content: bytes) -> None:
    """A message as it lies in a Maildir, whatever it is."""
    (box / "new" / f"{1_800_000_000 + number}.M{number}.host").write_bytes(content)


def test_junk_in_the_mailbox_stops_nobody(replies: Workspace, tmp_path: Path) -> None:
    box = tmp_path / "box"
    posted(mailbox.Maildir(box))
    for number, subject in enumerate(JUNK):
        drop(box, number, b"Subject: " + subject.encode() + b"\r\n\r\nbody")
    deep = b"Content-Type: multipart/mixed; boundary=a\r\n\r\n" + b"--a\r\n" * 100_000
    for number, content in enumerate(
        (b"", b"\0" * 100, b"\xff" * 100, deep, b"Subject:" * 10_000), 50
    ):
        drop(box, number, content)
    good = subject_for(replies, 0)
    drop(box, 99, b"Subject: " + good.encode() + b"\r\n\r\n" + b"x" * 5_000_000)
    result = edumetrics("log", "--from-mail", str(box))
    assert result.output.startswith("1 entered"), result.output
    assert "Unexpected" not in result.output + result.stderr
    assert len(log(replies)) == 1


def test_what_is_refused_is_told_once(replies: Workspace, tmp_path: Path) -> None:
    posted(
        mailbox.Maildir(tmp_path / "box"), subject_for(replies, 0, secret="another long secret!")
    )
    assert edumetrics("log", "--from-mail", str(tmp_path / "box")).exit_code == 2
    again = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert (again.exit_code, again.output) == (
        0,
        "0 entered, 1 skipped, 0 entered before, 0 refused.\n",
    )


def test_a_code_answers_once_and_the_last_answer_counts(replies: Workspace, tmp_path: Path) -> None:
    box = mailbox.Maildir(tmp_path / "box")
    said = [subject_for(replies, 0, kind) for kind in ("Talked", "No answer", "Known reason")]
    posted(box, *said)
    first = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert first.output.startswith("1 entered, 2 corrected, 0 entered before, 0 refused.")
    assert log(replies)["kind"].tolist() == ["known reason"]
    posted(mailbox.Maildir(tmp_path / "box"), subject_for(replies, 0, "Wrong flag"))
    second = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert "It corrects an earlier answer: known reason is now wrong flag." in second.output
    assert log(replies)["kind"].tolist() == ["wrong flag"]
    third = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert third.output.startswith("0 entered, 4 entered before, 0 refused."), third.output
    assert "It corrects" not in third.output
    assert log(replies)["kind"].tolist() == ["wrong flag"]


def test_keys_change_without_voiding_codes_that_are_out(
    replies: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    posted(mailbox.Maildir(tmp_path / "box"), subject_for(replies, 0))
    monkeypatch.setenv("SECRET_KEY", "a newer long random secret")
    monkeypatch.setenv("SECRET_KEY_FALLBACKS", f"some older random secret, {SECRET}")
    result = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert result.output.startswith("1 entered"), result.output


def test_a_code_of_a_former_advisor_stops(replies: Workspace, tmp_path: Path) -> None:
    posted(mailbox.Maildir(tmp_path / "box"), subject_for(replies, 0))
    student = listed(replies)["student_id"].iloc[0]
    with replies.store.start_transaction() as connection:
        connection.exec_driver_sql(
            "UPDATE weekly_metrics SET advisor_id = 'ADVnew' WHERE sem_week = 10 AND student_id = ?",
            (student,),
        )
    result = edumetrics("log", "--from-mail", str(tmp_path / "box"))
    assert result.exit_code == 2
    assert "no longer advises the student" in result.output
    assert log(replies).empty
