"""Decimal numbers out of text, many at a time.

Text formats of skeletons are mostly numbers such as -0.0341291 between blanks. Where they stand is found with a few
array operations, for all words of a text (`tokens`) or for the first ones of given lines (`columns`); they are
converted eight characters at a time, in 64-bit words. The result is the double that `float` gives, bit for bit.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError

PAD = 16
"""Bytes before the text, so that the sixteen bytes before any end exist."""
WIDTH = 48
"""`columns` looks for its numbers in so many bytes of a line; longer ones go through `float`."""
EXACT = 15
"""Digits that a double holds exactly; longer numbers go through `float`."""
GROUP = 1 << 12
"""Numbers converted in one go: intermediate arrays stay in the cache, and their memory is used again."""

_POWERS = 10 ** np.arange(EXACT + 1, dtype=np.uint64)
_TENS = _POWERS.astype(np.float64)
_LAST = np.array([0] + [(1 << 64) - (1 << (64 - 8 * n)) for n in range(1, 9)], np.uint64)
"""Keeps the last n of eight characters; the last character is the highest byte of a little-endian word."""


@dataclass(frozen=True)
class Tokens:
    """A text cut at its blanks: every character up to the space, line ends among them."""

    data: bytearray
    """PAD bytes, the text, and WIDTH line ends."""
    starts: Int[np.ndarray, " n"]
    """Where each token begins in `data`."""
    stops: Int[np.ndarray, " n"]
    """Where the blank behind each token stands."""

    def __len__(self) -> int:
        return len(self.stops)

    def __getitem__(self, i: int) -> bytes:
        return bytes(self.data[self.starts[i] : self.stops[i]])

    def line(self, i: int) -> int:
        """Line of token i, counted from 1."""
        return self.data.count(b"\n", 0, int(self.starts[i])) + 1


def padded(text: bytes) -> bytearray:
    """PAD blanks, the text, and WIDTH line ends."""
    return bytearray(b" " * PAD + text + b"\n" * WIDTH)


def read(path: Path) -> Tokens:
    """The tokens of a file. Raises InputError where it cannot be read."""
    try:
        return tokens(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", path) from error


def tokens(text: bytes) -> Tokens:
    """The tokens of a text."""
    data = padded(text)
    blanks = np.flatnonzero(np.frombuffer(data, np.uint8) <= 32)
    full = np.diff(blanks) > 1  # blanks in a row have nothing between them
    return Tokens(data, blanks[:-1][full] + 1, blanks[1:][full])


def floats(found: Tokens, index: Int[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """The numbers that stand at tokens `index`. Raises ValueError (number of the token, its text) on other text."""
    start, stop = found.starts[index], found.stops[index]
    out, odd = _convert(found.data, start, stop)
    for i in odd:
        out[i] = _slow(found[int(index[i])], int(index[i]))
    return out


def columns(data: bytearray, starts: Int[np.ndarray, " n"], count: int) -> Float[np.ndarray, "n c"]:
    """The first `count` numbers of the lines that begin at `starts`, with one blank between them.

    Args:
        data: PAD bytes, the text, and at least WIDTH line ends behind it.

    Raises ValueError (which line, the text) where something is no number.
    """
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), WIDTH)
    begin, end = np.empty((2, len(starts), count), np.int64)
    begin[:, 0] = starts
    size = GROUP // count
    for at in range(0, len(starts), size):
        start = starts[at : at + size]
        blanks = np.flatnonzero(windows[start] <= 32)
        rows = np.arange(0, len(start) * WIDTH, WIDTH)
        first = np.searchsorted(blanks, rows)
        for n in range(count):
            # a blank of a later line says that the number reaches beyond the window, or that there is none
            place = blanks.take(first + n, mode="clip") - rows
            end[at : at + size, n] = start + np.where((place >= 0) & (place < WIDTH), place, 0)
    begin[:, 1:] = end[:, :-1] + 1
    out, odd = _convert(data, begin.ravel(), np.maximum(end, begin).ravel())
    out = out.reshape(-1, count)
    short = np.flatnonzero((np.frombuffer(data, np.uint8)[end[:, :-1]] == 10).any(1))  # the next line gave the rest
    for i in sorted({int(i) // count for i in odd} | set(short.tolist())):
        words = bytes(data[starts[i] : data.find(b"\n", starts[i])]).split()[:count]
        out[i] = [_slow(word, i) for word in words + [b""] * (count - len(words))]
    return out


def _convert(data: bytearray, start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The numbers between `start` and `stop`, and which texts are of no usual form."""
    out, others = np.empty(len(start)), [np.zeros(0, np.int64)]
    for at in range(0, len(start), GROUP):
        out[at : at + GROUP], odd = _common(data, start[at : at + GROUP], stop[at : at + GROUP])
        others.append(odd + at)
    rest = np.concatenate(others)
    out[rest], odd = _general(data, start[rest], stop[rest])
    return out, rest[odd]


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


def _slow(token: bytes, i: int) -> float:
    """Any number; ValueError names `i` and the text where it is none."""
    if b"_" in token:  # Python's own spelling, which no file means
        raise ValueError(i, token)
    try:
        return float(token)
    except ValueError:
        raise ValueError(i, token) from None
