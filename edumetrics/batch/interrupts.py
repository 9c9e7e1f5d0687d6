"""Turn an interrupt from the keyboard or a signal to terminate into one clean end of a run."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from edumetrics.database import cancel_statements
from edumetrics.errors import INTERRUPTED, Interrupted

# SIGTERM comes from systemd, SIGHUP from a closed terminal, SIGINT from Ctrl-C.
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
# A statement that began just after a signal came is ended after so long.
AGAIN_SECONDS = 0.2


@contextmanager
def handle_interrupts() -> Iterator[None]:
    """Turn each of `SIGNALS` into a KeyboardInterrupt within the block, and that into one sentence.

    A statement of a database that the block waits for is ended. The former handlers are restored at
    the end of the block.

    Raises:
        Interrupted: someone ended the run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python sets signal handlers in the main thread only
        return
    answered = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        answered.set()
        # A second Ctrl-C must not interrupt the cleanup that the first one started.
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        with _end_statements_on_signal(answered):
            yield
    except KeyboardInterrupt:
        raise Interrupted(INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _end_statements_on_signal(answered: threading.Event) -> Iterator[None]:
    """End the statements of this process, from a signal until it is answered."""
    # Python writes the number of each signal into the pipe at once, also while the main thread
    # waits for a driver and cannot answer.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, answered), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        answered.set()
        signal.set_wakeup_fd(before)
        os.close(writer)
        watcher.join()
        os.close(reader)


def _watch(reader: int, answered: threading.Event) -> None:
    # The end of a child is a signal too, which ends nothing.
    while numbers := os.read(reader, 64):
        while not answered.is_set() and set(numbers) & {int(number) for number in SIGNALS}:
            cancel_statements()
            answered.wait(AGAIN_SECONDS)
