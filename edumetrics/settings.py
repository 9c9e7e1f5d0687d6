"""Settings: where things are, from the environment or from a `.env` file in the home folder."""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from edumetrics.errors import SettingsError

# Where parallel work runs: in processes of this machine, or on an existing Dask cluster.
BACKENDS = ("loky", "dask")
# The college's only database; others are named by settings that end alike.
CLIENT, URL_NAME = "CLIENT_DB_URL", re.compile(r"[A-Z][A-Z0-9_]*_DB_URL")
# Settings that are taken as they stand, by their names in capitals; without one, an empty text.
TEXTS = ("smtp_url", "mail_from", "reply_to", "operator_email", "pages_url", "secret_key",
         "anthropic_api_key", "openai_api_key")  # fmt: skip
# Where the shipped `params/`, `notebooks/`, `docs/` and `.env.example` are: the checkout; in a
# package that was built, what the build put into it.
_CHECKOUT, _BUILT = Path(__file__).resolve().parents[1], Path(__file__).resolve().parent / "shipped"
PROJECT = _BUILT if _BUILT.is_dir() else _CHECKOUT


@dataclass(frozen=True)
class Settings:
    """The settings of one process.

    URLs may hold passwords, so the repr leaves them out, like the secret key. `workers` is the
    number of processes for parallel work (0: one for each core). `backend` says where they run.
    `scheduler` is the address of a Dask cluster.
    `service_url` is where people reach the service: with it, mails answer by links. `sso_header`
    names the header in which `sso_proxy`, an address, says who has signed in at the college.
    `database_urls` are the URLs of further databases of the college, by the name of their setting.
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
    secret_key_fallbacks: tuple[str, ...] = field(default=(), repr=False)
    workers: int = 0
    backend: str = "loky"
    scheduler: str = ""
    anthropic_api_key: str = field(default="", repr=False)
    openai_api_key: str = field(default="", repr=False)
    service_url: str = ""
    sso_header: str = ""
    sso_proxy: str = ""
    database_urls: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find_url(self, name: str) -> str:
        """Return the URL that a setting such as LMS_DB_URL holds.

        Raises:
            SettingsError: it is not set.
        """
        url = self.client_db_url if name == CLIENT else self.database_urls.get(name)
        if not url:
            raise SettingsError(
                f"{name} is not set: the mapping of {self.college} reads a database by it."
            )
        return url

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a kernel: these settings without those of mail and pages.

        A notebook sends no mail, so it needs no mail settings.
        """
        return {
            "EDUMETRICS_HOME": str(self.home),
            "EDUMETRICS_COLLEGE": self.college,
            **self.database_urls,
            CLIENT: self.client_db_url,
            "DEFAULT_DB_URL": self.default_db_url,
            "EDUMETRICS_WORKERS": str(self.workers),
            "EDUMETRICS_BACKEND": self.backend,
            "EDUMETRICS_SCHEDULER": self.scheduler,
        }

    @property
    def reports(self) -> Path:
        """The folder for reports."""
        return self.home / "reports"

    @property
    def data(self) -> Path:
        """The folder of the embedded databases."""
        return self.home / "data"

    @property
    def beside(self) -> Path:
        """The file of an analysis that is computed beside the one in use."""
        return self.data / "beside.db"

    @property
    def params(self) -> Path:
        """The folder of parameter files: the one in the home if it exists, else the project's.

        Raises:
            SettingsError: something stands there that is no folder, such as a link to nothing.
        """
        own = self.home / "params"
        if own.is_dir():
            return own
        if os.path.lexists(own):
            raise SettingsError(f"{own} is there, but is no folder: restore it, or remove it.")
        return PROJECT / "params"


# Only mail and briefings need these settings. A notebook could print them into its output.
SECRETS = (
    "SMTP_URL",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "MAIL_FROM",
    "REPLY_TO",
    "OPERATOR_EMAIL",
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
)
# Set for the kernels of the batch: they find `.env` in the home, but take no secret from it.
NOTEBOOK = "EDUMETRICS_NOTEBOOK"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; the environment wins over `.env`.

    Args:
        environ: names and values; None means the process environment.

    Returns:
        The settings. Without `EDUMETRICS_HOME`, the home is the nearest folder with `params/`, at
        or above the working directory. So a notebook started in `notebooks/` finds the same
        databases. If there is no such folder, the home is the working directory. Without URLs,
        both databases are SQLite files in `data/` in the home.

    Raises:
        SettingsError: the home is not a folder, or a value for workers or backend is not valid.
    """
    environ = os.environ if environ is None else environ
    home = (
        Path(environ["EDUMETRICS_HOME"]).expanduser()
        if environ.get("EDUMETRICS_HOME")
        else _find_home()
    )
    if not home.is_dir():
        raise SettingsError(
            f"EDUMETRICS_HOME is {home}, which is not a folder: create it or correct the setting."
        )
    home = home.resolve()
    # `.env` lies in the home, so it cannot set the home itself. An empty value counts as not set:
    # then `.env` applies, or else the default.
    values = {
        **{k: v for k, v in _read_env_file(home / ".env").items() if v},
        **{k: v for k, v in environ.items() if v},
    }
    if environ.get(NOTEBOOK):
        values = {name: value for name, value in values.items() if name not in SECRETS}
    return Settings(
        home=home,
        college=values.get("EDUMETRICS_COLLEGE", "native"),
        client_db_url=_resolve_url(values.get(CLIENT, "sqlite:///data/college.db"), home),
        default_db_url=_resolve_url(
            values.get("DEFAULT_DB_URL", "sqlite:///data/analysis.db"), home
        ),
        **{name: values.get(name.upper(), "") for name in TEXTS},
        pages_dir=Path(values["PAGES_DIR"]).expanduser() if values.get("PAGES_DIR") else None,
        secret_key_fallbacks=_split_keys(values.get("SECRET_KEY_FALLBACKS", "")),
        workers=_parse_workers(values.get("EDUMETRICS_WORKERS", "0")),
        backend=_check_backend(values.get("EDUMETRICS_BACKEND", "loky")),
        scheduler=values.get("EDUMETRICS_SCHEDULER", ""),
        service_url=_check_service_url(values.get("SERVICE_URL", "")),
        sso_header=values.get("SERVICE_SSO_HEADER", ""),
        sso_proxy=values.get("SERVICE_SSO_PROXY", ""),
        database_urls={
            name: _resolve_url(url, home)
            for name, url in values.items()
            if URL_NAME.fullmatch(name) and name not in (CLIENT, "DEFAULT_DB_URL")
        },
    )


def _read_env_file(path: Path) -> dict[str, str | None]:
    """Return the names and values of a `.env`; none where there is no such file.

    Raises:
        SettingsError: others can read it, or it cannot be read.
    """
    try:
        if not path.exists():
            return {}
        if path.stat().st_mode & 0o077:
            raise SettingsError(
                f"{path} holds secrets, and others than its owner can read it: "
                f"run `chmod 600 {path}`."
            )
        return dotenv_values(stream=io.StringIO(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SettingsError(
            f"{path} cannot be read ({error.strerror}): give it to this user."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not in UTF-8: save it anew in that encoding.") from error


def create_private_folder(path: Path) -> Path:
    """Create a folder that only its owner can open, with its parents, and return its path.

    Raises:
        SettingsError: the folder cannot be created or written to.
    """
    try:
        # The mode applies to the last folder only. Folders that exist keep the mode they have.
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"Cannot create {path} ({error.strerror}): choose a writable EDUMETRICS_HOME."
        ) from error
    # A folder that existed before may belong to another user: better to fail here than in the run.
    if not os.access(path, os.W_OK):
        raise SettingsError(
            f"Cannot write to {path}: make it writable or choose another EDUMETRICS_HOME."
        )
    return path


def remove_database(path: Path) -> None:
    """Remove a SQLite file with what lies beside it; there need not be one."""
    for end in ("", "-journal", "-wal", "-shm", ".lock"):
        Path(f"{path}{end}").unlink(missing_ok=True)


def write_private_file(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Write a file completely or not at all, and return its path; only its owner can read it.

    With another `mode`, others can.

    Raises:
        SettingsError: the folder cannot be written to.
    """
    draft = None
    try:
        # In the same folder, because a rename is atomic only within one file system. Under a name
        # that nobody can know, so that nobody can have planted a link there.
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        draft = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        # The file has its rights before it gets the name under which others look for it.
        draft.chmod(mode)
        draft.replace(path)
    except OSError as error:
        if draft is not None:
            draft.unlink(missing_ok=True)
        raise SettingsError(
            f"Cannot write {path} ({error.strerror}): make room, or make its folder writable."
        ) from error
    return path


def _split_keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())


def _parse_workers(text: str) -> int:
    # isdigit alone also takes superscripts.
    if not (text.isascii() and text.isdigit()):
        raise SettingsError(
            f"EDUMETRICS_WORKERS is {text}: set it to a number of processes, "
            "or to 0 for one process per core."
        )
    return int(text)


def _check_service_url(url: str) -> str:
    if url and not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        raise SettingsError(
            "SERVICE_URL does not begin with https://: the codes in links must not travel openly."
        )
    return url.rstrip("/")


def _check_backend(name: str) -> str:
    if name not in BACKENDS:
        raise SettingsError(f"EDUMETRICS_BACKEND is {name}: set it to {' or '.join(BACKENDS)}.")
    return name


def _resolve_url(url: str, home: Path) -> str:
    """Return a URL with its SQLite file relative to the home, not to the working directory."""
    prefix, separator, path = url.partition("sqlite:///")
    # An absolute path has a fourth slash. A database in memory or named by a URI has no file to
    # move, and other databases have another URL.
    if prefix or not separator or path.startswith(("/", ":memory:", "file:")) or not path:
        return url
    return f"sqlite:///{home / path}"


def _find_home() -> Path:
    """Return the nearest folder with `params/` from the working directory upwards, else itself."""
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "params").is_dir()), here)
