"""The errors of EduMetrics, each with the exit status of the command that ends with it.

Every message is one sentence. It says what happened and what to do. A person sees it unchanged.
"""

# Every stage is stored in one transaction, so that an unfinished one leaves no rows behind.
INTERRUPTED = "Interrupted: finished work is stored; run again to continue."


class EduMetricsError(Exception):
    """A stage failed (exit status 1)."""

    exit_status = 1

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows of the error: its sentence. IPython looks for this name."""
        return [str(self)]


class SettingsError(EduMetricsError):
    """Wrong usage, settings, parameters, mapping or connection (exit status 2)."""

    exit_status = 2


class MissingColumn(SettingsError):
    """The college's database lacks a column that its mapping needs."""


class Refused(EduMetricsError):
    """A gate refuses to continue (exit status 3)."""

    # A refusal is not a failure: a person looks at the data and decides. So it has its own status.
    exit_status = 3


class Interrupted(EduMetricsError):
    """A person ended the run with Ctrl-C, or a signal terminated it (exit status 1)."""


class Locked(EduMetricsError):
    """Another run holds the lock (exit status 4)."""

    # Nothing is wrong here: a scheduler can wait and try again.
    exit_status = 4


def describe_error(error: BaseException) -> str:
    """Return what ended a piece of work, in a sentence without any value of a row.

    The text of an error that is not ours may quote a row: of such an error only its kind is told.
    """
    if isinstance(error, EduMetricsError):
        return str(error)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, MemoryError):
        return (
            "The memory of this machine was not enough: run it with fewer --workers, or with more."
        )
    # The system's own words name no file.
    if isinstance(error, OSError) and error.strerror:
        return (
            f"A file or a connection failed ({error.strerror}): make room or set its permissions"
            " right, then run again."
        )
    return f"Unexpected {type(error).__name__}."
