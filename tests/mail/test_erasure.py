"""Of a student who is erased, no mail in the outbox and no published page tells any more."""

from __future__ import annotations

import email
from email.policy import default
from pathlib import Path

import pytest
from click.testing import CliRunner

from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.settings import load
from edumetrics.workspace import Workspace, open_workspace
from tests.mail.conftest import set_mail
from tests.mail.server import Inbox


@pytest.mark.slow
@pytest.mark.parametrize("level", ["full", "initials"])
def test_mails_and_published_pages_go(
    level: str, sending: Workspace, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGES_DIR", str(tmp_path / "pages"))
    set_mail(sending, mail_detail=level, attach_page=True)
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    student = str(flags.loc[flags["within_capacity"], "student_id"].iloc[0])
    advisor = str(flags.set_index("student_id").loc[student, "advisor_id"])
    # A name that quoted-printable writes otherwise, and that does not fit on a line.
    with create_writable_engine(sending.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE students SET name = ? WHERE student_id = ?", ("Ünal " * 9 + "Kılıç", student)
        )
    assert CliRunner().invoke(main, ["run", "--week", "10"]).exit_code == 0
    assert CliRunner().invoke(main, ["send", "--approve"]).exit_code == 0
    folder = sending.settings.reports / "2025-even" / "week-10" / "outbox"
    mail, page = (
        folder / f"{advisor}.eml",
        tmp_path / "pages" / advisor / "2025-even" / "week-10" / "index.html",
    )
    others = [path for path in folder.glob("*.eml") if path != mail]
    assert mail.exists()
    assert "Kılıç" in page.read_text()
    result = CliRunner().invoke(main, ["subject", student, "--erase"])
    assert result.exit_code == 0, result.stderr
    assert not mail.exists()
    assert not page.exists()
    assert all(path.exists() for path in others)
    for path in others:
        message = email.message_from_bytes(path.read_bytes(), policy=default)
        assert not any(
            "Kılıç" in part.get_content()
            for part in message.walk()
            if part.get_content_maintype() == "text"
        )


def test_published_pages_of_old_terms_are_pruned(
    sending: Workspace, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGES_DIR", str(tmp_path / "pages"))
    old = tmp_path / "pages" / "ADV" / "2019-odd" / "week-01"
    new = tmp_path / "pages" / "ADV" / "2025-even" / "week-10"
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "index.html").write_text("x")
    assert open_workspace().settings.pages_dir == load().pages_dir == tmp_path / "pages"
    assert CliRunner().invoke(main, ["prune", "--as-of", "2026-03-20"]).exit_code == 0
    assert not old.exists()
    assert new.exists()
