"""Lets whoever waits for a data set see how far its files are read, without every reader passing that on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""Called with how much is read and how much there is: recordings, or bytes of the file that is being read."""
_watching: ContextVar[Progress | None] = ContextVar("watching", default=None)


@contextmanager
def watching(progress: Progress | None) -> Iterator[None]:
    """Within it, `tell` tells this one."""
    before = _watching.set(progress)
    try:
        yield
    finally:
        _watching.reset(before)


def tell(done: int, total: int) -> None:
    """Tells who is watching how much is read."""
    progress = _watching.get()
    if progress is not None:
        progress(done, total)
