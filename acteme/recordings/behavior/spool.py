"""Columns that grow on disk, and arrays there: what a log needs that may be larger than memory."""

import tempfile
from pathlib import Path

import numpy as np

from acteme.errors import InputError
from acteme.recordings.assets import cache_folder

STEP = 1 << 22
"""Numbers that are worked on at a time."""
MEND = "set the environment variable ACTEME_CACHE to a folder with space"


class Spool:
    """A column in a nameless temporary file, which goes when nothing uses it any more."""

    def __init__(self, dtype: type, width: int | None = None):
        self.dtype, self.width, self.rows = np.dtype(dtype), width, 0
        self.file = tempfile.TemporaryFile(dir=_folder())  # noqa: SIM115 - open as long as the column

    def append(self, values: np.ndarray) -> None:
        """Adds rows; whole numbers that meet fractions become fractions."""
        if self.dtype.kind == "i" and values.dtype.kind == "f":
            self._become(np.float64)
        _write(self.file, np.ascontiguousarray(values, self.dtype))
        self.rows += len(values)

    def array(self) -> np.ndarray:
        """All rows, mapped from the file."""
        shape = (self.rows,) if self.width is None else (self.rows, self.width)
        if not self.rows or self.width == 0:
            return np.zeros(shape, self.dtype)
        self.file.flush()
        return np.memmap(self.file, self.dtype, "r+", shape=shape)

    def _become(self, dtype: type) -> None:
        old = self.array()
        self.dtype, self.file = np.dtype(dtype), tempfile.TemporaryFile(dir=_folder())  # noqa: SIM115
        for a in range(0, len(old), STEP):
            _write(self.file, old[a : a + STEP].astype(dtype))


def room(shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array of zeros in a nameless temporary file."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if not size:
        return np.zeros(shape, dtype)
    try:
        with tempfile.TemporaryFile(dir=_folder()) as file:
            file.truncate(size)
            return np.memmap(file, dtype, "r+", shape=shape)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", cache_folder(), MEND) from error


def steps(count: int) -> list[tuple[int, int]]:
    """First and one-past-last of the pieces that so many rows are worked on in."""
    return [(a, min(a + STEP, count)) for a in range(0, count, STEP)]


def _folder() -> Path:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", folder, MEND) from error
    return folder


def _write(file, values: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    try:
        file.write(values.data)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror or error}", cache_folder(), MEND) from error
