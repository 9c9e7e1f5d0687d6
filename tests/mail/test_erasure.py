"""Of a student who is erased, no mail in the outbox and no published page tells any more."""

from __future__ import annotations

import email
from email.policy import default
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from edumetrics.analysis.written import Subject
from edumetrics.analyst import explore
from edumetrics.cli import main
from edumetrics.database import create_writable_engine
from edumetrics.reports import from_store
from edumetrics.settings import load
from edumetrics.workspace import Workspace, open_workspace
from tests.mail.conftest import set_mail
from tests.mail.server import Inbox


@pytest.mark.slow
@pytest.mark.parametrize("level", ["full", pytest.param("initials", marks=pytest.mark.prove)])
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
        (folder / "somebody-elses.html").write_text("x")
    for folder, term in ((old, "2019-07-14"), (new, "2026-01-05")):
        of = Subject(term, 1, "ADV")
        sending.files.add({folder / "index.html": of}, "published")
    assert open_workspace().settings.pages_dir == load().pages_dir == tmp_path / "pages"
    result = CliRunner().invoke(main, ["prune", "--as-of", "2026-03-20"])
    assert result.exit_code == 0
    assert [path.name for path in old.iterdir()] == ["somebody-elses.html"], (
        "what is not ours stays"
    )
    assert (
        f"1 files are as old, but not recorded as ours, and stay: look at {old}." in result.output
    )
    assert (new / "index.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize("attached", [False, True])
def test_a_page_that_was_changed_is_not_published(
    attached: bool,
    sending: Workspace,
    inbox: Inbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PAGES_DIR", str(tmp_path / "pages"))
    page = sorted(sending.settings.reports.glob("*/week-10/advisors/*.html"))[0]
    page.write_text(page.read_text() + "<script>steal()</script>")
    if attached:
        set_mail(sending, attach_page=True)
        # As with many letters, which are rendered ahead.
        monkeypatch.setattr(from_store, "MANY", 2)
        assert CliRunner().invoke(main, ["send", "--dry-run"]).exit_code == 0
    result = CliRunner().invoke(main, ["send", "--approve"])
    assert result.exit_code == 1
    assert len(inbox.messages) > 1, "the others go out"
    assert f"{page.stem}: The page was changed after it was written" in result.stderr
    published = {path.parents[2].name for path in (tmp_path / "pages").rglob("index.html")}
    assert page.stem not in published
    assert len(published) > 1, "the others go out"
    assert CliRunner().invoke(main, ["run", "--week", "10"]).exit_code == 0
    assert (
        "steal"
        not in (tmp_path / "pages" / page.stem / "2025-even" / "week-10" / "index.html").read_text()
    )


@pytest.mark.slow
def test_a_link_that_was_planted_leads_nowhere(
    sending: Workspace, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGES_DIR", str(tmp_path / "pages"))
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for page in sending.settings.reports.glob("*/week-10/advisors/*.html"):
        (page.parent / f".{page.name}.part").symlink_to(victim)
        there = tmp_path / "pages" / page.stem / "2025-even" / "week-10"
        there.mkdir(parents=True)
        for name in ("index.part", ".index.html.part"):
            (there / name).symlink_to(victim)
    assert CliRunner().invoke(main, ["run", "--week", "10"]).exit_code == 0
    assert CliRunner().invoke(main, ["send", "--approve"]).exit_code == 0
    assert victim.read_text() == "precious"
    assert not any(path.is_symlink() for path in (tmp_path / "pages").rglob("index.html"))


@pytest.mark.slow
def test_a_restored_backup_is_erased_again(sending: Workspace, inbox: Inbox) -> None:
    store, file = sending.store, sending.settings.home / "analysis.db"
    student = str(store.read("weekly_flags", sem_week=10)["student_id"].iloc[0])
    backup = file.read_bytes()
    assert CliRunner().invoke(main, ["subject", student, "--erase"]).exit_code == 0
    store.engine.dispose()
    file.write_bytes(backup)
    assert store.has_rows("weekly_metrics", student_id=student)
    assert CliRunner().invoke(main, ["run"]).exit_code == 0
    assert not store.has_rows("weekly_metrics", student_id=student)
    remembered = (sending.settings.home / "erased.log").read_text()
    assert student not in remembered
    assert len(remembered.splitlines()) == 2
    assert CliRunner().invoke(main, ["run"]).exit_code == 0
    assert (sending.settings.home / "erased.log").read_text() == remembered


@pytest.mark.slow
def test_an_earlier_name_exports_and_notebooks_are_reached(
    sending: Workspace, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = sending.settings.home
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    student = str(flags.loc[flags["within_capacity"], "student_id"].iloc[0])
    assert CliRunner().invoke(main, ["run", "--week", "10"]).exit_code == 0
    advisor = str(flags.set_index("student_id").loc[student, "advisor_id"])
    page = sending.settings.reports / "2025-even" / "week-10" / "advisors" / f"{advisor}.html"
    assert page.exists()
    explore.export(flags, "my list")
    notebook = nbformat.v4.new_notebook(cells=[
        nbformat.v4.new_code_cell(f"show('{student}')", outputs=[
            nbformat.v4.new_output("stream", text=f"{student} was absent")]),
        nbformat.v4.new_markdown_cell("My own thoughts."),
    ])  # fmt: skip
    for path in (
        home / "notebooks" / "mine.ipynb",
        home / "lab" / ".ipynb_checkpoints" / "mine-checkpoint.ipynb",
    ):
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, path)
    # The college has renamed the student since: the page says the earlier name.
    with create_writable_engine(sending.settings.client_db_url).begin() as connection:
        connection.exec_driver_sql(
            "UPDATE students SET name = 'Somebody New', roll_number = 'R-new' WHERE student_id = ?",
            (student,),
        )
    (home / "notes").mkdir()
    (home / "notes" / "mine.txt").write_text(f"Ask {student} on Monday.")
    result = CliRunner().invoke(main, ["subject", student, "--erase"])
    assert result.exit_code == 0, result.stderr
    assert f"Still there, and not ours: {home / 'notes' / 'mine.txt'} names" in result.output
    assert result.output.count("Still there") == 1
    assert not page.exists()
    assert not (home / "exports" / "my%20list.csv").exists()
    assert not list((home / "lab").rglob("*.ipynb"))
    kept = nbformat.read(home / "notebooks" / "mine.ipynb", as_version=4)
    assert [cell.source for cell in kept.cells] == ["show('erased')", "My own thoughts."]
    assert kept.cells[0].outputs == []
    for path in home.rglob("*"):
        if path.is_file() and path.suffix in (".csv", ".html", ".ipynb", ".eml", ".log"):
            assert student not in path.read_text(errors="replace"), path


def test_an_exclusion_holds_at_once(
    sending: Workspace, inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGES_DIR", str(tmp_path / "pages"))
    set_mail(sending, attach_page=True)
    flags = sending.store.read("weekly_flags", term="2026-01-05", sem_week=10)
    row = flags[flags["within_capacity"]].iloc[0]
    path = sending.settings.home / "params" / "scoring.yml"
    path.write_text(
        path.read_text().replace("exclusions: []", f"exclusions: [{row['student_id']}]")
    )
    with sending.open_college() as college:
        names = college.names.set_index("student_id")
    assert CliRunner().invoke(main, ["send", "--approve"]).exit_code == 0
    name = str(names.loc[row["student_id"], "name"])
    assert inbox.messages
    for message in inbox.messages:
        assert name not in message.get_body(("plain",)).get_content()
        attached = [part.get_content() for part in message.iter_attachments()]
        assert not [page for page in attached if name in str(page)]
    published = [path.read_text() for path in (tmp_path / "pages").rglob("index.html")]
    assert published
    assert not [page for page in published if name in page]
    result = CliRunner().invoke(main, ["show", "flagged", "--format", "csv"])
    assert row["student_id"] not in result.output
    assert CliRunner().invoke(main, ["subject", row["student_id"], "--erase"]).exit_code == 0
