"""Make a home: the folder that has a college's settings, parameters, analysis and reports."""

from __future__ import annotations

from pathlib import Path

from edumetrics.errors import SettingsError
from edumetrics.settings import PROJECT, create_private_folder, write_private_file

SETTINGS = ".env"


def create_home(folder: Path) -> Path:
    """Create a home with a `.env` in which nothing is set, and room for parameters of its own.

    Whatever a home does not have is read as it is shipped, so nothing is copied that an upgrade
    would leave behind.

    Returns:
        The absolute path of the home.

    Raises:
        SettingsError: there is one already, or the folder cannot be written to.
    """
    home = folder.expanduser().absolute()
    taken = next((name for name in (SETTINGS, "params") if (home / name).exists()), None)
    if taken:
        raise SettingsError(f"{home} is a home already (it has {taken}): choose another folder.")
    create_private_folder(home)
    create_private_folder(home / "params" / "colleges")
    lines = (PROJECT / ".env.example").read_text(encoding="utf-8").splitlines()
    # Without any URL both databases are files in the home, so that one can begin with `demo`.
    unset = (line if line.startswith("#") or not line else f"# {line}" for line in lines)
    write_private_file(home / SETTINGS, "\n".join([*unset, ""]).encode())
    return home
