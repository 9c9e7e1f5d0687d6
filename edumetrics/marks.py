"""Files of a home that only grow, and remember what a restored database has forgotten.

A line has a time, a fingerprint and a word. From a fingerprint nobody can be read.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from edumetrics.errors import SettingsError

# The secret of a home: without it nobody can try out whose fingerprint one is.
KEY = ".key"


class Marks:
    """One such file."""

    def __init__(self, home: Path, name: str) -> None:
        self._home, self._path = home, home / name
        # Read once: whoever writes holds the lock of the analysis.
        self._words: dict[str, str] | None = None

    def add(self, parts: tuple[object, ...], word: str) -> None:
        """Add a line about something; it is on the disk afterwards.

        Args:
            parts: what identifies the thing.
            word: what is remembered of it.

        Raises:
            SettingsError: the file cannot be written.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        mark = self.compute_mark(parts)
        line = f"{now} {mark} {word}\n"
        try:
            self._path.touch(0o600)
            with self._path.open("ab+") as file:
                # A line that a full disk has cut off must not swallow the next one.
                file.seek(max(file.tell() - 1, 0))
                whole = file.read(1) in (b"", b"\n")
                file.write(line.encode() if whole else b"\n" + line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise SettingsError(
                f"Cannot write {self._path} ({error.strerror}): make room, or make it writable."
            ) from error
        self.read_words()[mark] = word

    def find(self, parts: tuple[object, ...]) -> str:
        """Return the last word about something; empty where there is none."""
        words = self.read_words()
        return words.get(self.compute_mark(parts), "") if words else ""

    def read_words(self) -> dict[str, str]:
        """Return the last word about everything, by fingerprint."""
        if self._words is None:
            self._words = {}
            if self._path.exists():
                text = self._path.read_text(encoding="ascii", errors="replace")
                for line in text.splitlines():
                    # The last line of a disk that was full may be cut off.
                    _, mark, word = [*line.split(" ", 2), "", ""][:3]
                    self._words[mark] = word
        return self._words

    def compute_mark(self, parts: tuple[object, ...]) -> str:
        """Return the fingerprint of something."""
        text = "\x1f".join(map(str, parts)).encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        path = self._home / KEY
        if not path.exists():
            draft = self._home / f"{KEY}.{secrets.token_hex(8)}"
            try:
                draft.touch(0o600)
                draft.write_bytes(secrets.token_bytes(32))
                # Of two processes the first one makes it, whole; both read what that one made.
                with suppress(FileExistsError):
                    path.hardlink_to(draft)
                draft.unlink()
            except OSError as error:
                raise SettingsError(
                    f"Cannot write {path} ({error.strerror}): choose a writable EDUMETRICS_HOME."
                ) from error
        return path.read_bytes()
