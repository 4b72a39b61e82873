"""What a worker process calls in the tests of launching; imports nothing heavy."""

from acteme.errors import InputError


def fail(message: str) -> None:
    raise InputError(message, "file", "mend it")
