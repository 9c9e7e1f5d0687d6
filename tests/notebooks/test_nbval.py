"""The shipped notebooks run top to bottom as they stand, as a person in JupyterLab would run them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from edumetrics.settings import PROJECT
from edumetrics.workspace import Workspace

pytestmark = pytest.mark.process


@pytest.mark.slow
def test_the_shipped_notebooks_run_as_they_stand(environment: Workspace) -> None:
    # nbval slows the start of every pytest that loads it, so it has a process of its own.
    # That of the service needs one that runs: tests/service runs it.
    without = f"--ignore={PROJECT / 'notebooks' / 'service.ipynb'}"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--nbval-lax",
        "--nbval-current-env",
        without,
        "notebooks",
    ]
    done = subprocess.run(
        command, cwd=PROJECT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "[100%]" in done.stdout
    assert list(environment.settings.reports.glob("*/week-10/advisors/*.html")), (
        "and the pages are there"
    )
