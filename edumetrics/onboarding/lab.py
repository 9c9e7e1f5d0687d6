"""JupyterLab on a home (extra `lab`): what it starts with, and what it never keeps."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edumetrics.errors import SettingsError
from edumetrics.settings import PROJECT, create_private_folder

# Copies, which are an analyst's own: what a notebook shows is about people, and must not come into
# the notebooks that the batch runs, nor into git.
FOLDER, TOUR = "lab", "explore.ipynb"
# What JupyterLab's settings are by default: it fetches no news, and does not ask whether it may.
CONFIG = Path(__file__).parent / "jupyter"
# Folders whose notebooks are kept without what they showed.
CLEAN = ("notebooks",)


def prepare_lab(home: Path) -> Path:
    """Put copies of the notebooks into the home's `lab/`, and return the tour among them.

    A copy that is there stays as it is. The documentation is linked where the home has none.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    folder = create_private_folder(home / FOLDER)
    for source in (*(home / "notebooks").glob("*.ipynb"), *(PROJECT / "notebooks").glob("*.ipynb")):
        if not (folder / source.name).exists():
            shutil.copy(source, folder / source.name)
    if not (home / "docs").exists() and (PROJECT / "docs").is_dir():
        (home / "docs").symlink_to(PROJECT / "docs", target_is_directory=True)
    return folder / TOUR


def build_command(home: Path, tour: Path, more: tuple[str, ...]) -> list[str]:
    """Return the command that opens JupyterLab on a home, with `more` options of its own.

    Raises:
        SettingsError: the extra `lab` is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise SettingsError("JupyterLab needs the extra `lab`: run pip install 'edumetrics[lab]'.")
    return [
        sys.executable, "-m", "jupyterlab", str(tour),
        f"--ServerApp.root_dir={home}",
        # Files that only their owner can open, in place of ports that any user of the machine can.
        "--KernelManager.transport=ipc",
        f"--FileContentsManager.pre_save_hook={__name__}.remove_outputs",
        *more,
    ]  # fmt: skip


def remove_outputs(model: dict[str, Any], path: str, **_: object) -> None:
    """Empty the outputs of a notebook that is saved into a folder of `CLEAN`; Jupyter calls it."""
    if model["type"] != "notebook" or Path(path).parts[0] not in CLEAN:
        return
    for cell in model["content"]["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
