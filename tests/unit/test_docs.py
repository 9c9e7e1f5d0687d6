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

from edumetrics.fields.dictionary import write_dictionary
from edumetrics.settings import PROJECT

DOCS = PROJECT / "docs"


def test_the_worked_examples_come_out_as_written() -> None:
    found = doctest.testfile(str(DOCS / "scores.md"), module_relative=False)
    assert found.attempted > 5
    assert found.failed == 0


def test_the_dictionary_is_made_from_the_fields() -> None:
    assert (DOCS / "data-dictionary.md").read_text() == write_dictionary(), "run `make docs`"


def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "mkdocs",
        "build",
        "--strict",
        "--site-dir",
        str(tmp_path / "site"),
    ]
    cut = {
        "http_proxy": "http://127.0.0.1:9",
        "https_proxy": "http://127.0.0.1:9",
        "NO_MKDOCS_2_WARNING": "1",
    }
    done = subprocess.run(
        command, cwd=PROJECT, env={**os.environ, **cut}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(list(DOCS.glob("*.md")))
    for page in pages:
        assert not re.findall(r'(?:src|<link[^>]+href)="(?:https?:)?//', page.read_text()), page


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", ["connecting.md", pytest.param("spreadsheets.md", marks=pytest.mark.prove)]
)
def test_every_command_of_the_tutorial_does_what_it_says(page: str, tmp_path: Path) -> None:
    done = follow(page, tmp_path)
    assert done > 8
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
