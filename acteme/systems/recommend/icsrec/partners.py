"""All subsequences that a log is cut into, as places in it, and which of them lead to the same item."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows

CHUNK = 1 << 12
"""Subsequences gathered at a time."""


@dataclass(frozen=True)
class Subsequences:
    """Subsequences of the training log: items `item[begin:end]` are followed by the target `item[end]`.

    What is kept of each is where it begins and ends, who shares its target, and who shares its items, too. The log
    itself stays where it is.
    """

    item: Int[np.ndarray, " t"]
    """The log, all recordings behind each other."""
    offset: Int[np.ndarray, " r"]
    """Where each recording begins in it."""
    begin: Int[np.ndarray, " n"]
    end: Int[np.ndarray, " n"]
    """Rising."""
    order: Int[np.ndarray, " n"]
    """The subsequences by target and, within it, by content."""
    target: Int[np.ndarray, "n 2"]
    """Of each, the range of `order` that has its target."""
    content: Int[np.ndarray, "n 2"]
    """Of each, the range of `order` that has its items, too."""

    @classmethod
    def of(cls, corpus: Corpus, windows: Windows) -> "Subsequences":
        """Those that windows which end with the target cut from recordings. Linear in the events of the log, but for
        a sort."""
        index, start = windows.cut(corpus.frames)
        offset = corpus.column("offset").astype(np.int64)
        end = offset[index] + start + (windows.frames or 0) - 1
        order = np.argsort(end, kind="stable")
        end, begin = end[order], (offset[index] + np.maximum(start, 0))[order]
        item = corpus.arrays["item"]
        target, words = np.asarray(item[end], np.int64), _words(item, begin, end, corpus.spec.items)
        order = np.lexsort((words, target))
        new = np.append(True, np.diff(target[order]) != 0)
        other = new | np.append(True, np.diff(words[order]) != 0)
        ranges = []
        for starts in (np.flatnonzero(new), np.flatnonzero(other)):
            size = np.diff(np.append(starts, len(order)))
            range_ = np.empty((len(order), 2), np.int64)
            range_[order] = np.repeat(np.stack([starts, starts + size], 1), size, axis=0)
            ranges.append(range_)
        return cls(item, offset, begin, end, order, *ranges)

    def __len__(self) -> int:
        return len(self.end)

    def __deepcopy__(self, memo: dict[int, object]) -> "Subsequences":
        return self  # never changes, and is no state of who holds it

    def find(self, index: Int[Tensor, " b"], last: Int[Tensor, " b"]) -> Int[np.ndarray, " b"]:
        """Numbers of the subsequences whose target is frame `last` of recording `index`."""
        return np.searchsorted(self.end, self.offset[index.numpy(force=True)] + last.numpy(force=True))

    def partners(self, of: Int[np.ndarray, " b"]) -> Int[np.ndarray, " b"]:
        """For each subsequence, an evenly drawn one of the same target and other items; where there is none, any of the
        same target, which may be itself. Random by torch's generator."""
        (first, last), (own, after) = self.target[of].T, self.content[of].T
        others = (last - first) - (after - own)
        alone = others == 0
        pick = first + _draw(np.where(alone, last - first, others))
        return self.order[np.where(alone | (pick < own), pick, pick + after - own)]

    def strangers(self, count: int) -> Int[np.ndarray, " b"]:
        """Subsequences drawn evenly from all, whatever their targets."""
        return _draw(np.full(count, len(self)))

    def histories(self, which: Int[np.ndarray, " b"], length: int) -> Int[Tensor, "b l"]:
        """The latest items of subsequences, padded with 0 on the left."""
        at = self.end[which, None] - length + np.arange(length)
        return torch.from_numpy(np.where(at >= self.begin[which, None], self.item[np.maximum(at, 0)], 0)).long()

    def sweep(self, which: Int[np.ndarray, " n"], length: int) -> Iterator[Int[Tensor, "b l"]]:
        """The histories of many, some at a time."""
        return (self.histories(which[a : a + CHUNK], length) for a in range(0, len(which), CHUNK))


def _draw(below: Int[np.ndarray, " b"]) -> Int[np.ndarray, " b"]:
    """Whole numbers from 0 to each bound, without it."""
    return (torch.rand(len(below), dtype=torch.float64).numpy() * below).astype(np.int64)


def _words(
    item: Int[np.ndarray, " t"], begin: Int[np.ndarray, " n"], end: Int[np.ndarray, " n"], items: int
) -> Int[np.ndarray, " n"]:
    """A 64-bit word for the content of each stretch: equal for equal items, different for others but by a chance of
    2^-64. With a random word w for each item, it is the sum of w(item[i]) r^(i - begin), from differences of one
    running sum over the log, since the odd r has an inverse modulo 2^64."""
    rng = np.random.default_rng(0)
    word = rng.integers(0, 2**64, items + 1, np.uint64)
    r = 0x9E3779B97F4A7C15  # odd; the golden ratio
    inverse = np.uint64(pow(r, -1, 2**64))
    with np.errstate(over="ignore"):
        powers = np.cumprod(np.full(len(item), np.uint64(r)), dtype=np.uint64)
        sums = np.append(np.uint64(0), np.cumsum(word[np.asarray(item)] * powers, dtype=np.uint64))
        back = np.cumprod(np.append(np.uint64(1), np.full(len(item), inverse)), dtype=np.uint64)
        return (sums[end] - sums[begin]) * back[begin]
