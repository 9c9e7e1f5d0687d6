"""What is built works by itself: a home is made, and everything shipped is found, without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from edumetrics import __version__
from edumetrics.settings import PROJECT

# A wheel is built.
pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package that was built from the files of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    caches = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    for name in ("edumetrics", "params", "notebooks", "docs"):
        shutil.copytree(PROJECT / name, source / name, ignore=caches)
    for name in (
        ".env.example",
        "setup.py",
        "pyproject.toml",
        "MANIFEST.in",
        "README.md",
        "LICENSE",
    ):
        shutil.copy(PROJECT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
             "--wheel-dir", str(folder), str(source)]  # fmt: skip
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    assert wheel.name == f"edumetrics-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(installed: Path, home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_DB_URL")}
    environ = {**kept, "PYTHONPATH": str(installed)}
    environ.pop("EDUMETRICS_HOME", None)
    command = [sys.executable, "-P", "-m", "edumetrics", *args]
    return subprocess.run(
        command, cwd=home, env=environ, capture_output=True, text=True, check=False
    )


def test_a_home_is_made_and_reads_what_is_shipped(installed: Path, tmp_path: Path) -> None:
    made = run(installed, tmp_path, "init", "college")
    assert made.returncode == 0, made.stderr
    assert str(installed) in made.stdout
    home = tmp_path / "college"
    assert (home / ".env").stat().st_mode & 0o077 == 0
    told = run(installed, home, "status")
    assert (told.returncode, str(home) in told.stdout) == (2, False)
    assert "run `edumetrics demo`" in told.stderr
    again = run(installed, tmp_path, "init", "college")
    assert (again.returncode, "is a home already" in again.stderr) == (2, True)


@pytest.mark.prove
def test_a_demo_runs_in_it(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "init", "college")
    done = run(installed, tmp_path / "college", "demo", "--students", "40")
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("college/reports/*/week-10/advisors/ADV001.html"))


def test_a_file_of_the_home_goes_before_the_one_that_is_shipped(
    installed: Path, tmp_path: Path
) -> None:
    run(installed, tmp_path, "init", "college")
    (tmp_path / "college/params/calendar.yml").write_text("weeks_per_term: 20")
    told = run(installed, tmp_path / "college", "status")
    assert told.returncode == 2
    assert "calendar.yml" in told.stderr
