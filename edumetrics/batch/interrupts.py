"""Turn an interrupt from the keyboard or a signal to terminate into one clean end of a run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from edumetrics.errors import Interrupted

# SIGTERM comes from systemd, SIGHUP from a closed terminal, SIGINT from Ctrl-C.
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
# Every stage is stored in one transaction, so that an unfinished one leaves no rows behind.
TOLD = "Interrupted: finished work is stored; run again to continue."


@contextmanager
def handle_interrupts() -> Iterator[None]:
    """Turn each of `SIGNALS` into a KeyboardInterrupt within the block, and that into one sentence.

    The former handlers are restored at the end of the block.

    Raises:
        Interrupted: someone ended the run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python sets signal handlers in the main thread only
        return
    before = {number: signal.signal(number, _raise_interrupt) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(TOLD) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_interrupt(number: int, frame: FrameType | None) -> None:
    """Raise KeyboardInterrupt, and ignore every further signal."""
    # A second Ctrl-C must not interrupt the cleanup that the first one started.
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
