"""The documentation is true: its examples run, the dictionary is that of the code, and the site builds without a network."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

from edumetrics.fields import dictionary
from edumetrics.settings import PROJECT

DOCS = PROJECT / "docs"


def test_the_worked_examples_come_out_as_written() -> None:
    found = doctest.testfile(str(DOCS / "scores.md"), module_relative=False)
    assert found.attempted > 5
    assert found.failed == 0


def test_the_dictionary_is_made_from_the_fields() -> None:
    assert (DOCS / "data-dictionary.md").read_text() == dictionary(), "run `make docs`"


def test_the_site_builds_and_fetches_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    cut = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=PROJECT, env={**os.environ, **cut}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) >= len(list(DOCS.glob("*.md")))
    for page in pages:
        assert not re.findall(r'(?:src|<link[^>]+href)="(?:https?:)?//', page.read_text()), page
