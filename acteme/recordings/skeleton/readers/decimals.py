"""Decimal numbers out of text, a whole file at a time.

Text formats of skeletons are mostly numbers such as -0.0341291 between blanks. `tokens` finds where they stand with a
few array operations; `floats` converts any choice of them, eight characters of every number at once, in 64-bit words.
The result is the double that `float` gives, bit for bit.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError

PAD = 16
"""Blanks put before the text, so that the sixteen bytes before any end exist."""
EXACT = 15
"""Digits that a double holds exactly; longer numbers go through `float`."""

_POWERS = 10 ** np.arange(EXACT + 1, dtype=np.uint64)
_LAST = np.array([0] + [(1 << 64) - (1 << (64 - 8 * n)) for n in range(1, 9)], np.uint64)
"""Keeps the last n of eight characters; the last character is the highest byte of a little-endian word."""


@dataclass(frozen=True)
class Tokens:
    """A text cut at its blanks: every character up to the space, line ends among them."""

    data: bytearray
    """The text after PAD blanks, with a line end behind it."""
    starts: Int[np.ndarray, " n"]
    """Where each token begins in `data`."""
    stops: Int[np.ndarray, " n"]
    """Where the blank behind each token stands in `data`."""

    def __len__(self) -> int:
        return len(self.stops)

    def __getitem__(self, i: int) -> bytes:
        return bytes(self.data[self.starts[i] : self.stops[i]])

    def line(self, i: int) -> int:
        """Line of token i, counted from 1."""
        return self.data.count(b"\n", 0, int(self.starts[i])) + 1


def read(path: Path) -> Tokens:
    """The tokens of a file. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data = bytearray(PAD + size + 1)
            count = file.readinto(memoryview(data)[PAD : PAD + size])
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error
    del data[PAD + count + 1 :]
    return _cut(data)


def tokens(text: bytes) -> Tokens:
    """The tokens of a text."""
    return _cut(bytearray(PAD) + text + b"\n")


def _cut(data: bytearray) -> Tokens:
    data[-1:] = b"\n"
    codes = np.frombuffer(data, np.uint8)[PAD:]
    stops = np.flatnonzero(codes <= 32) + PAD
    starts = np.empty_like(stops)
    starts[0] = PAD
    np.add(stops[:-1], 1, out=starts[1:])
    full = stops > starts  # blanks in a row have nothing between them
    return Tokens(data, starts, stops) if full.all() else Tokens(data, starts[full], stops[full])


def floats(found: Tokens, index: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The numbers that stand at tokens `index`. Raises ValueError (number of the token, its text) on other text."""
    codes = np.frombuffer(found.data, np.uint8)
    words = np.ndarray((len(codes) - 7,), "<u8", found.data, strides=(1,))
    start, stop = found.starts[index], found.stops[index]
    negative = codes[start] == 45
    start = start + negative

    # where the point is: behind one digit in most numbers; behind two or three, or nowhere, in the rest
    point = np.minimum(start + 1, stop)
    rest = np.flatnonzero(codes[point] != 46)
    for digits in (2, 3):
        point[rest] = np.minimum(start[rest] + digits, stop[rest])
        rest = rest[codes[point[rest]] != 46]
    point[rest] = stop[rest]
    whole, decimals = point - start, stop - point - 1
    odd = (decimals == 0) | (whole + decimals > EXACT) | (whole > 8)  # -1 decimals: there is no point
    decimals[odd | (point == stop)] = 0
    whole[odd] = 1

    high = codes[point - 1].astype(np.uint64) - np.uint64(48)
    odd |= high > 9
    rest = np.flatnonzero(whole != 1)
    high[rest], good = _digits(words[point[rest] - 8], whole[rest])
    odd[rest] |= ~good
    low, good = _digits(words[stop - 8], np.minimum(decimals, 8))
    odd |= ~good
    mantissa = high * _POWERS[decimals] + low
    rest = np.flatnonzero(decimals > 8)
    middle, good = _digits(words[stop[rest] - 16], decimals[rest] - 8)
    odd[rest] |= ~good
    mantissa[rest] += middle * _POWERS[8]

    # both are exact, so that the one division rounds correctly
    value = mantissa / _POWERS[decimals].astype(np.float64)
    np.negative(value, out=value, where=negative)
    for i in np.flatnonzero(odd):
        value[i] = _slow(found, int(index[i]))
    return value


def _digits(word: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number that the last `count` of eight characters spell, and whether they are all digits.

    Neighboring digits are joined to pairs, pairs to fours, fours to eight, in place (after Lemire).
    """
    d = (word ^ np.uint64(0x3030303030303030)) & _LAST[count]
    good = (((d + np.uint64(0x0606060606060606)) | d) & np.uint64(0xF0F0F0F0F0F0F0F0)) == 0
    d = d * np.uint64(10) + (d >> np.uint64(8))
    mask = np.uint64(0x000000FF000000FF)
    low = (d & mask) * np.uint64(100 + (1000000 << 32))
    return (low + ((d >> np.uint64(16)) & mask) * np.uint64(1 + (10000 << 32))) >> np.uint64(32), good


def _slow(found: Tokens, i: int) -> float:
    token = found[i]
    if b"_" in token:  # Python's own spelling, which no file means
        raise ValueError(i, token)
    try:
        return float(token)
    except ValueError:
        raise ValueError(i, token) from None
