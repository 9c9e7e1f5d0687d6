"""One run at a time: a lock that dies with its process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edumetrics.errors import Locked
from edumetrics.settings import private_folder


@contextmanager
def only_run(folder: Path) -> Iterator[None]:
    """Hold the lock of a home folder.

    Raises:
        Locked: another process holds it.
        SettingsError: the folder cannot be written to.
    """
    with (private_folder(folder) / "run.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Locked("Another run is at work in this home: wait for it to end; a dead one holds no lock.") from None
        yield
