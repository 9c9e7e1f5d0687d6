"""How a run ends that someone ends: an interrupt from the keyboard, or a signal to terminate."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from edumetrics.errors import Interrupted

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
TOLD = "Interrupted: what was in progress was left as it was before; run again to go on."


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, each of these signals is a KeyboardInterrupt; what is left of it at the end is one sentence.

    Raises:
        Interrupted: someone ended the run.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals come to the main thread only
        return
    before = {number: signal.signal(number, _interrupt) for number in SIGNALS}
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(TOLD) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    # Once: whoever is impatient must not interrupt the clearing up.
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
