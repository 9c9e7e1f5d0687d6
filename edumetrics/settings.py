"""Where things are: settings from the environment, or from a `.env` file in the home folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from edumetrics.errors import SettingsError

# Where work that fans out is done: processes of this machine, or an existing Dask cluster.
BACKENDS = ("loky", "dask")
PROJECT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Settings:
    """The settings of one process; the URLs may hold passwords and are kept out of its repr.

    `workers` is how many processes work that fans out may use (0: one for each core), `backend` where they are,
    and `scheduler` the address of a Dask cluster.
    """

    home: Path
    college: str
    client_db_url: str = field(repr=False)
    default_db_url: str = field(repr=False)
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    reply_to: str = ""
    operator_email: str = ""
    pages_dir: Path | None = None
    pages_url: str = ""
    secret_key: str = field(default="", repr=False)
    workers: int = 0
    backend: str = "loky"
    scheduler: str = ""

    @property
    def environ(self) -> dict[str, str]:
        """These settings as a kernel reads them: all but those of mail, for which a notebook has no use."""
        return {
            "EDUMETRICS_HOME": str(self.home),
            "EDUMETRICS_COLLEGE": self.college,
            "CLIENT_DB_URL": self.client_db_url,
            "DEFAULT_DB_URL": self.default_db_url,
            "EDUMETRICS_WORKERS": str(self.workers),
            "EDUMETRICS_BACKEND": self.backend,
            "EDUMETRICS_SCHEDULER": self.scheduler,
        }

    @property
    def reports(self) -> Path:
        """The folder that reports are written to."""
        return self.home / "reports"

    @property
    def data(self) -> Path:
        """The folder of the embedded databases."""
        return self.home / "data"

    @property
    def params(self) -> Path:
        """The folder of parameter files: the home's own where there is one, else the project's."""
        own = self.home / "params"
        return own if own.is_dir() else PROJECT / "params"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; the environment wins over `.env`.

    Args:
        environ: names and values; the process environment when None.

    Returns:
        The settings. Without `EDUMETRICS_HOME` the home is the nearest folder at or above the working directory
        that holds `params/` (so that a notebook started in `notebooks/` finds the same databases), else the working
        directory. Without URLs both databases are SQLite files under `data/` there.

    Raises:
        SettingsError: the home is not a folder.
    """
    environ = os.environ if environ is None else environ
    home = (
        Path(environ["EDUMETRICS_HOME"]).expanduser()
        if environ.get("EDUMETRICS_HOME")
        else _nearest_home()
    )
    if not home.is_dir():
        raise SettingsError(
            f"EDUMETRICS_HOME is {home}, which is not a folder: create it or correct the setting."
        )
    home = home.resolve()
    values = {
        **{k: v for k, v in dotenv_values(home / ".env").items() if v},
        **{k: v for k, v in environ.items() if v},
    }
    return Settings(
        home=home,
        college=values.get("EDUMETRICS_COLLEGE", "native"),
        client_db_url=_absolute(values.get("CLIENT_DB_URL", "sqlite:///data/college.db"), home),
        default_db_url=_absolute(values.get("DEFAULT_DB_URL", "sqlite:///data/analysis.db"), home),
        smtp_url=values.get("SMTP_URL", ""),
        mail_from=values.get("MAIL_FROM", ""),
        reply_to=values.get("REPLY_TO", ""),
        operator_email=values.get("OPERATOR_EMAIL", ""),
        pages_dir=Path(values["PAGES_DIR"]).expanduser() if values.get("PAGES_DIR") else None,
        pages_url=values.get("PAGES_URL", ""),
        secret_key=values.get("SECRET_KEY", ""),
        workers=_workers(values.get("EDUMETRICS_WORKERS", "0")),
        backend=_backend(values.get("EDUMETRICS_BACKEND", "loky")),
        scheduler=values.get("EDUMETRICS_SCHEDULER", ""),
    )


def private_folder(path: Path) -> Path:
    """Create a folder (and its parents) that only its owner can open, and return it.

    Raises:
        SettingsError: it cannot be created or written to.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"Cannot create {path} ({error.strerror}): choose a writable EDUMETRICS_HOME."
        ) from error
    if not os.access(path, os.W_OK):
        raise SettingsError(
            f"Cannot write to {path}: make it writable or choose another EDUMETRICS_HOME."
        )
    return path


def private_write(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all, readable by its owner only, and return its path.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(content)
        draft.chmod(0o600)
        draft.replace(path)
    except OSError as error:
        raise SettingsError(
            f"Cannot write {path} ({error.strerror}): make its folder writable."
        ) from error
    return path


def _workers(text: str) -> int:
    if not text.isdigit():
        raise SettingsError(
            f"EDUMETRICS_WORKERS is {text}: a number of processes, or 0 for as many as there are cores."
        )
    return int(text)


def _backend(name: str) -> str:
    if name not in BACKENDS:
        raise SettingsError(f"EDUMETRICS_BACKEND is {name}: one of {', '.join(BACKENDS)}.")
    return name


def _absolute(url: str, home: Path) -> str:
    """A SQLite file is named relative to the home, not to wherever a command or a kernel happens to run."""
    prefix, separator, path = url.partition("sqlite:///")
    if prefix or not separator or path.startswith(("/", ":memory:", "file:")) or not path:
        return url
    return f"sqlite:///{home / path}"


def _nearest_home() -> Path:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "params").is_dir()), here)
