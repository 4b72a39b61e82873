"""Tables of numbers in text files: fast where all is well, exact about the row where it is not."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.files import AGAIN, read_text


def read_table(path: Path, columns: Sequence[str], delimiter: str | None = None) -> Float[np.ndarray, "n k"]:
    """The first columns of a text table without a header, as float64.

    Args:
        path: the file; empty lines are skipped.
        columns: names of the columns that are read, for messages; a row may have more.
        delimiter: between values; None is any white space.

    Raises:
        InputError: a row has fewer values, or one that is no number.
    """
    text = read_text(path)
    if not text.strip():
        return np.zeros((0, len(columns)))
    wanted = range(len(columns))
    try:
        return np.loadtxt(io.StringIO(text), np.float64, comments=None, delimiter=delimiter, usecols=wanted, ndmin=2)
    except (ValueError, IndexError, OverflowError):
        raise _broken(path, text, columns, delimiter) from None


def _broken(path: Path, text: str, columns: Sequence[str], delimiter: str | None) -> InputError:
    """What is wrong with the first row that is."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        values = line.split(delimiter)
        if len(values) < len(columns):
            what = f"has {len(values)} values where {', '.join(columns)} are expected"
            return InputError(what, f"{path}, line {number}", AGAIN)
        for name, value in zip(columns, values, strict=False):
            try:
                float(value)
            except ValueError:
                return InputError(f"{name} '{value.strip()[:40]}' is not a number", f"{path}, line {number}", AGAIN)
    return InputError("is not a table of numbers", path, AGAIN)


def names(numbers: Float[np.ndarray, " n"]) -> np.ndarray:
    """Numbers of agents as text: 3 and not 3.0."""
    unique, which = np.unique(numbers, return_inverse=True)
    return np.array([f"{value:.0f}" if value == np.rint(value) else repr(float(value)) for value in unique])[which]
