"""Where trouble ends: at one recipient, message, student or row, or at the whole command.

Whatever any library raises is a failure like our own. Here, and in the outermost handler of the
commands, are the only places that catch every exception.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from edumetrics import __version__
from edumetrics.errors import EduMetricsError, describe_error
from edumetrics.settings import create_private_folder, write_private_file

T = TypeVar("T")
# Where a home keeps what it sends us about a defect.
FOLDER = "errors"


def set_aside(
    do: Callable[[], T],
    record: Callable[[str], None],
    ours: tuple[type[EduMetricsError], ...] = (),
) -> T | None:
    """Do something for one recipient, message, student or row; the others must not wait for it.

    Args:
        do: the work.
        record: called with why it failed, in a sentence without any value of a row.
        ours: errors of our own that concern this one only; any other ends the work of all.

    Returns:
        The result; None where it failed.
    """
    try:
        return do()
    except Exception as error:
        if isinstance(error, EduMetricsError) and not isinstance(error, ours):
            raise
        record(describe_error(error))
        return None


def keep_trace(error: BaseException, home: Path | None) -> Path | None:
    """Write where an error came from into a file to send us; None where it cannot be written.

    The file has the places in the code, and no text of an error: that may quote a row.
    """
    if home is None:
        return None
    now = datetime.now(UTC)
    lines = [f"EduMetrics {__version__}, {now:%Y-%m-%d %H:%M} UTC\n"]
    each: BaseException | None = error
    while each is not None:
        lines.append(f"\n{type(each).__module__}.{type(each).__name__}\n")
        for frame in traceback.extract_tb(each.__traceback__):
            lines.append(f"  {frame.filename}:{frame.lineno} in {frame.name}\n")
        each = each.__cause__ or each.__context__
    # A disk that is full has no room for this either.
    with suppress(EduMetricsError):
        folder = create_private_folder(home / FOLDER)
        return write_private_file(folder / f"{now:%Y%m%dT%H%M%S}.txt", "".join(lines).encode())
    return None
