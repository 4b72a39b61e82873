"""Decimal numbers out of text, a whole file at a time.

Text formats of skeletons are mostly numbers such as -0.0341291 between blanks. `tokens` finds where they stand with a
few array operations; `floats` converts any choice of them, eight characters of every number at once, in 64-bit words.
The result is the double that `float` gives, bit for bit.
"""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError

PAD = 16
"""Bytes before the text, so that the sixteen bytes before any end exist."""
EXACT = 15
"""Digits that a double holds exactly; longer numbers go through `float`."""

CHUNK = 1 << 15
"""Bytes looked at in one go."""
GROUP = 1 << 12
"""Numbers converted in one go."""

_POWERS = 10 ** np.arange(EXACT + 1, dtype=np.uint64)
_TENS = _POWERS.astype(np.float64)
_LAST = np.array([0] + [(1 << 64) - (1 << (64 - 8 * n)) for n in range(1, 9)], np.uint64)
"""Keeps the last n of eight characters; the last character is the highest byte of a little-endian word."""


@dataclass(frozen=True)
class Tokens:
    """A text cut at its blanks: every character up to the space, line ends among them."""

    data: bytearray
    """PAD bytes, the text, and a line end."""
    starts: Int[np.ndarray, " n"]
    """Where each token begins in `data`."""
    stops: Int[np.ndarray, " n"]
    """Where the blank behind each token stands in `data`; a carriage return before it is not of the token."""

    def __len__(self) -> int:
        return len(self.stops)

    def __getitem__(self, i: int) -> bytes:
        return bytes(self.data[self.starts.item(i) : self.stops.item(i)]).rstrip(b"\r")

    def line(self, i: int) -> int:
        """Line of token i, counted from 1."""
        return self.data.count(b"\n", 0, int(self.starts[i])) + 1


class _Memory(threading.local):
    """Memory of a thread that every file uses again: touching fresh memory takes longer than parsing what stands in it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.places = np.empty((2, 0), np.int64)

    def room(self, size: int) -> tuple[bytearray, np.ndarray]:
        """A buffer for a text of `size` bytes, and one for the ends of its tokens."""
        if len(self.data) < PAD + size + 1:
            self.data = bytearray(PAD + size + 1)
            self.places = np.empty((2, size // 2 + 2), np.int64)
        return self.data, self.places


_MEMORY = _Memory()


def read(path: Path) -> Tokens:
    """The tokens of a file, good until this thread reads the next one. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            data, places = _MEMORY.room(size)
            count = file.readinto(memoryview(data)[PAD : PAD + size])
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error
    return _cut(data, count, places)


def tokens(text: bytes) -> Tokens:
    """The tokens of a text."""
    return _cut(bytearray(PAD) + text + b"\n", len(text), np.empty((2, len(text) // 2 + 2), np.int64))


def _cut(data: bytearray, size: int, places: np.ndarray) -> Tokens:
    data[PAD + size : PAD + size + 1] = b"\n"
    codes = np.frombuffer(data, np.uint8)
    count, begin = 0, PAD
    for at in range(PAD, PAD + size + 1, CHUNK):
        piece = codes[at : min(at + CHUNK, PAD + size + 1)]
        blank = piece <= 32
        blank &= piece != 13
        stop = np.flatnonzero(blank)
        if not len(stop):
            continue
        stop += at
        start = np.concatenate([[begin], stop[:-1] + 1])
        begin = int(stop[-1]) + 1
        # between blanks in a row there is nothing, or a carriage return alone
        short = np.flatnonzero(stop - start < 2)
        empty = short[(stop[short] == start[short]) | (codes[start[short]] == 13)]
        if len(empty):
            start, stop = np.delete(start, empty), np.delete(stop, empty)
        places[0, count : count + len(start)], places[1, count : count + len(start)] = start, stop
        count += len(start)
    return Tokens(data, places[0, :count], places[1, :count])


def floats(found: Tokens, index: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The numbers that stand at tokens `index`. Raises ValueError (number of the token, its text) on other text."""
    out = np.empty(len(index))
    for at in range(0, len(index), GROUP):
        chosen = index[at : at + GROUP]
        start, stop = found.starts[chosen], found.stops[chosen]
        value, odd = _common(found.data, start, stop)
        if len(odd):
            value[odd], still = _general(found.data, start[odd], stop[odd])
            for i in odd[still]:
                value[i] = _slow(found, int(chosen[i]))
        out[at : at + GROUP] = value
    return out


def _common(data: bytearray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of one digit, a point and one to eight digits, with or without a minus, and which texts are others."""
    codes = np.frombuffer(data, np.uint8)
    words = np.ndarray((len(codes) - 7,), "<u8", data, strides=(1,))
    negative = codes[start] == 45
    first = start + negative
    decimals = stop - first
    decimals -= 2
    digit = codes[first].astype(np.uint64)
    digit -= np.uint64(48)
    odd = codes[1:].take(first, mode="clip") != 46
    odd |= digit > 9
    odd |= (decimals - 1).view(np.uint64) > 7
    np.clip(decimals, 0, 8, out=decimals)
    low, good = _digits(words[stop - 8], decimals)
    odd |= ~good
    digit *= _POWERS[decimals]
    digit += low
    value = digit / _TENS[decimals]  # both are exact, so that the one division rounds correctly
    np.negative(value, out=value, where=negative)
    return value, np.flatnonzero(odd)


def _general(data: bytearray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of up to EXACT digits with up to three before the point or none behind, and which texts are others."""
    codes = np.frombuffer(data, np.uint8)
    words = np.ndarray((len(codes) - 7,), "<u8", data, strides=(1,))
    negative = codes[start] == 45
    start = start + negative
    point = stop
    for digits in (3, 2, 1):
        at = np.minimum(start + digits, stop)
        point = np.where(codes[at] == 46, at, point)
    whole, decimals = point - start, np.maximum(stop - point - 1, 0)
    odd = (whole < 1) | (whole > 8) | (whole + decimals > EXACT) | ((point < stop) & (decimals == 0))
    whole[odd], decimals[odd] = 1, 0
    high, good = _digits(words[point - 8], whole)
    low, fine = _digits(words[stop - 8], np.minimum(decimals, 8))
    middle, well = _digits(words[stop - 16], np.maximum(decimals - 8, 0))
    value = (high * _POWERS[decimals] + middle * _POWERS[8] + low) / _TENS[decimals]
    np.negative(value, out=value, where=negative)
    return value, np.flatnonzero(odd | ~(good & fine & well))


def _digits(word: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The number that the last `count` of eight characters spell, and whether they are all digits.

    Neighboring digits are joined to pairs, pairs to fours, fours to eight, in place (after Lemire).
    """
    d = word ^ np.uint64(0x3030303030303030)
    d &= _LAST[count]
    over = d + np.uint64(0x0606060606060606)
    over |= d
    over &= np.uint64(0xF0F0F0F0F0F0F0F0)
    pairs = d >> np.uint64(8)
    d *= np.uint64(10)
    d += pairs
    right = d >> np.uint64(16)
    for part, weights in ((d, 100 + (1000000 << 32)), (right, 1 + (10000 << 32))):
        part &= np.uint64(0x000000FF000000FF)
        part *= np.uint64(weights)
    d += right
    d >>= np.uint64(32)
    return d, over == 0


def _slow(found: Tokens, i: int) -> float:
    token = found[i]
    if b"_" in token:  # Python's own spelling, which no file means
        raise ValueError(i, token)
    try:
        return float(token)
    except ValueError:
        raise ValueError(i, token) from None
