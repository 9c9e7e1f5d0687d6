"""The documentation is true: its examples run, the dictionary is that of the code, and the site builds without a network."""

from __future__ import annotations

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot
import yaml

from edumetrics import settings
from edumetrics.cli import main
from edumetrics.cli.reference import PAGES
from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace

DOCS = PROJECT / "docs"


def test_the_worked_examples_come_out_as_written() -> None:
    found = doctest.testfile(str(DOCS / "scores.md"), module_relative=False)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.parametrize("page", PAGES)
def test_a_reference_page_is_made_from_the_code(page: str) -> None:
    assert (DOCS / page).read_text() == PAGES[page](), "run `make docs`"


@pytest.mark.slow
@pytest.mark.process
def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", str(DOCS), str(site)]
    cut = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    done = subprocess.run(
        command, env={**os.environ, **cut}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = list(site.glob("*.html"))
    assert len(pages) >= len(list(DOCS.glob("*.md")))
    for page in pages:
        fetched = re.findall(r'(?:src|<link[^>]+href)="(?:https?:)?//[^"]*', page.read_text())
        assert fetched == [], page


def test_every_setting_is_in_the_example_and_no_other() -> None:
    code = (PROJECT / "edumetrics" / "settings.py").read_text()
    read = set(re.findall(r'(?:values|environ)(?:\.get\(|\[)"([A-Z_]+)"', code))
    read |= {name.upper() for name in settings.TEXTS} | {settings.CLIENT}
    example = (PROJECT / ".env.example").read_text()
    assert set(re.findall(r"^#? ?([A-Z_]+)=", example, flags=re.MULTILINE)) == read | {
        "MOODLE_DB_URL"
    }


def _list_texts() -> list[Path]:
    return [
        *sorted(DOCS.glob("*.md")),
        *(PROJECT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")),
    ]


def test_every_link_leads_somewhere() -> None:
    dead = []
    for page in _list_texts():
        text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
        for target in re.findall(r'\]\(([^)#\s]+)(?:#[\w-]*)?\)|<img src="([^"]+)"', text):
            link = target[0] or target[1]
            if (
                not link.startswith(("http://", "https://", "mailto:"))
                and not (page.parent / link).exists()
            ):
                dead.append(f"{page.name}: {link}")
    assert dead == []


def test_the_readme_is_one_screen_of_prose() -> None:
    text = (PROJECT / "README.md").read_text()
    assert len(text.splitlines()) <= 50


def _list_blocks(*languages: str) -> list[tuple[str, str]]:
    """The blocks of code of the pages that are written by hand, in these languages."""
    found = []
    for page in sorted(set(DOCS.glob("*.md")) - {DOCS / name for name in PAGES}):
        blocks = re.findall(
            r"^```(\S*)\n(.*?)^```", page.read_text(), flags=re.MULTILINE | re.DOTALL
        )
        found += [(page.name, body) for language, body in blocks if language in languages]
    return found


def test_every_block_of_code_has_a_language_that_a_test_knows() -> None:
    known = {"console", "python", "pycon", "yaml", "sql", "sh", "text", "{toctree}"}
    texts = (page.read_text() for page in set(DOCS.glob("*.md")) - {DOCS / name for name in PAGES})
    used = {
        one
        for text in texts
        for one in re.findall(r"^```(\S*)\n.*?^```", text, flags=re.MULTILINE | re.DOTALL)
    }
    assert used <= known


@pytest.mark.slow
@pytest.mark.parametrize(("page", "code"), _list_blocks("python"))
def test_python_of_the_pages_runs(page: str, code: str, environment: Workspace) -> None:
    exec(compile(code, page, "exec"), {})


@pytest.mark.parametrize(("page", "code"), _list_blocks("yaml"))
def test_yaml_of_the_pages_is_yaml(page: str, code: str) -> None:
    assert isinstance(yaml.safe_load(code), dict), page


@pytest.mark.parametrize(("page", "code"), _list_blocks("sql"))
def test_sql_of_the_pages_is_sql(page: str, code: str) -> None:
    assert sqlglot.parse_one(code) is not None, page


@pytest.mark.parametrize(("page", "code"), _list_blocks("sh"))
def test_commands_for_a_shell_are_known(page: str, code: str) -> None:
    subprocess.run(["bash", "-n", "-c", code], check=True)
    for words in re.findall(r"^edumetrics ([a-z -]+)", code, flags=re.MULTILINE):
        assert words.split()[0] in main.commands, page


@pytest.mark.prove
@pytest.mark.parametrize("page", ["first-hour-operator.md", "connecting.md", "spreadsheets.md"])
def test_every_command_of_the_tutorial_does_what_it_says(page: str, tmp_path: Path) -> None:
    done = follow(page, tmp_path)
    assert done > 6
    if page == "connecting.md":
        contract = (tmp_path / "northfield/contract.md").read_text()
        assert "GRANT" not in contract, "a file has no grants"


def follow(page: str, folder: Path, url: str = "") -> int:
    """Run the commands of a page, with a database of ours in the place of its example; how many there are."""
    for name in ("params", "docs"):
        shutil.copytree(PROJECT / name, folder / name)
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {"PATH": paths, "HOME": str(folder), "LANG": "C.UTF-8", "TMPDIR": str(folder)}
    text = (DOCS / page).read_text()
    if url:
        text = re.sub(r"mysql://reader:secret@\S+", url, text)
    blocks = re.findall(r"```console\n(.*?)```", text, flags=re.DOTALL)
    done = 0
    for command, wanted in (pair for block in blocks for pair in _commands(block)):
        result = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        status = re.search(r"\[exit (\d)\]", wanted)
        assert result.returncode == int(status[1] if status else 0), (
            command,
            result.stdout[-2000:],
            result.stderr[-2000:],
        )
        said = (result.stdout + result.stderr).splitlines()
        for line in wanted.splitlines():
            assert line in ("...", "") or line.startswith("[exit") or line in said, (
                command,
                line,
                said[-20:],
            )
        done += 1
    return done


def _commands(block: str) -> list[tuple[str, str]]:
    """Each command of a console block (with the lines of its here-document), and what it is to say."""
    found = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        first, _, rest = part.partition("\n")
        if "<<'END'" in first:
            body, _, rest = rest.partition("END\n")
            first = f"{first}\n{body}END"
        found.append((first, rest))
    return found
