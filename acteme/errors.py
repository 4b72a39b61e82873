"""The errors that Acteme raises for its users: one clear line that says what is wrong, where, and how to mend it."""

from pathlib import Path


class ActemeError(Exception):
    """A problem that its reader can mend. The command line prints it as one line and exits with code 2."""


class InputError(ActemeError):
    """Something given to Acteme is wrong.

    Args:
        what: what is wrong, as a short clause ("joint 3 of frame 17 is NaN").
        where: the file (and row) or option that holds it.
        mend: what to do about it.
    """

    def __init__(self, what: str, where: str | Path | None = None, mend: str | None = None):
        self.what, self.where, self.mend = what, where, mend
        line = (f"{where}: " if where is not None else "") + what + (f"; {mend}" if mend else "")
        super().__init__(" ".join(line.split()))

    def __reduce__(self):
        return type(self), (self.what, self.where, self.mend)


class DataWarning(UserWarning):
    """What is to be known of data that is taken all the same; the command line prints it as one line and goes on."""


class MissingError(ActemeError):
    """An optional package or a data-carrying package is not installed; the message names the one command that helps."""
