"""Decimal numbers out of text, many at a time.

Text formats of skeletons are mostly numbers such as -0.0341291 between blanks. Where they stand is found with a few
array operations; Arrow converts them all in one call and in place, with the text between them marked as missing. The
result is the double that `float` gives, bit for bit.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.recordings.skeleton.readers.files import ACCESS


@dataclass(frozen=True)
class Tokens:
    """Some words of a text."""

    text: bytes | memoryview
    """The whole text."""
    spans: Int[np.ndarray, "n 2"]
    """Where each word begins in it and where it has ended, in the order of the text."""

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, i: int) -> bytes:
        start, stop = self.spans[i].tolist()
        return bytes(self.text[start:stop])

    def line(self, i: int) -> int:
        """Line of word i, counted from 1."""
        return bytes(self.text[: int(self.spans[i, 0])]).count(b"\n") + 1


def read(path: Path) -> Tokens:
    """The words of a file. Raises InputError where it cannot be read."""
    try:
        return tokens(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path, ACCESS) from error


def tokens(text: bytes) -> Tokens:
    """The words of a text: every character up to the space, line ends among them, parts them."""
    blanks = np.flatnonzero(np.frombuffer(text, np.uint8) <= 32)
    starts, stops = np.append(0, blanks + 1), np.append(blanks, len(text))
    full = stops > starts  # blanks in a row have nothing between them
    return Tokens(text, np.stack((starts[full], stops[full]), 1))


def floats(words: Tokens) -> Float[np.ndarray, " n"]:
    """The numbers that the words spell. Raises ValueError (which word, its text) where one spells none."""
    if not len(words):
        return np.zeros(0)
    count = 2 * len(words) - 1  # the words and, as nulls, what stands between them: bits 1 0 1 0 ...
    valid = b"\x55" * (count // 8 + 1)
    spans = np.ascontiguousarray(words.spans, np.int64)
    texts = pa.LargeStringArray.from_buffers(
        count, pa.py_buffer(spans), pa.py_buffer(words.text), pa.py_buffer(valid), len(words) - 1
    )
    try:
        found = texts.cast(pa.float64())
    except pa.ArrowInvalid:
        return np.array([_one(words[i], i) for i in range(len(words))])
    return np.frombuffer(found.buffers()[1], np.float64, count)[::2]


def _one(word: bytes, i: int) -> float:
    """Any number; ValueError names `i` and the text where it is none."""
    if b"_" in word:  # Python's own spelling, which no file means
        raise ValueError(i, word)
    try:
        return float(word)
    except ValueError:
        raise ValueError(i, word) from None
