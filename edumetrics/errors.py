"""What can go wrong, each with the exit status that a command ends with.

Every message is one sentence that says what happened and what to do; it is shown to a person as it stands.
"""


class EduMetricsError(Exception):
    """A stage failed (exit status 1)."""

    exit_status = 1


class SettingsError(EduMetricsError):
    """Wrong usage, settings, parameters, mapping or connection (exit status 2)."""

    exit_status = 2


class MissingColumn(SettingsError):
    """The college's database has not a column that its mapping needs."""


class Refused(EduMetricsError):
    """A gate refuses to go on (exit status 3)."""

    exit_status = 3


class Interrupted(EduMetricsError):
    """Someone ended the run: Ctrl-C, or a signal to terminate."""


class Locked(EduMetricsError):
    """Another run holds the lock (exit status 4)."""

    exit_status = 4
