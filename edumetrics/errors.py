"""The errors of EduMetrics, each with the exit status of the command that ends with it.

Every message is one sentence. It says what happened and what to do. A person sees it unchanged.
"""


class EduMetricsError(Exception):
    """A stage failed (exit status 1)."""

    exit_status = 1


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
