"""The side of the words: captions out of a batch, what is read of them, and a table of words to learn from scratch."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.recordings.batch import Batch
from acteme.recordings.clauses import decompose, shuffled

WORDS = 4096
"""Rows of the table of words; words share a row where their hashes agree."""

apart = lru_cache(maxsize=2**16)(decompose)
"""`decompose`, which remembers."""


@dataclass(frozen=True)
class Caption:
    """A caption of a recording."""

    text: str
    """As it was written."""
    events: tuple[str, ...]
    """Its clauses in the order of time; by rule where the data does not say them."""


def captions(batch: Batch) -> list[list[Caption]]:
    """The captions of each recording of a batch."""
    texts, events = _strings(batch["text"]), _strings(batch["events"])
    return [
        [Caption(t, tuple(e.split("\n")) if e else apart(t)) for t, e in zip(row, told, strict=True) if t]
        for row, told in zip(texts, events, strict=True)
    ]


def _strings(coded: Tensor) -> list[list[str]]:
    array = np.ascontiguousarray(coded.cpu().numpy())
    rows = array.view(f"S{array.shape[2]}")[..., 0].tolist()
    return [[text.decode() for text in row] for row in rows]


def reordered(caption: Caption, words: bool) -> str | None:
    """The caption's clauses in another order (or all their words, with `words`); None where there is no other.

    Draws from torch's generator.
    """
    if len(caption.events) < 2:
        return None
    parts = " ".join(caption.events).split() if words else list(caption.events)
    other = " ".join(shuffled(parts, lambda n: torch.randperm(n).tolist()))
    return None if other == " ".join(parts) else other


class WordTable(nn.Module):
    """A learned vector for every word, found by the word's hash: a text encoder that knows nothing beforehand.

    Args:
        width: numbers of a word's vector.
    """

    def __init__(self, width: int):
        super().__init__()
        self.token_width = width
        self.table = nn.Embedding(WORDS, width)

    def states(self, texts: Sequence[str]) -> tuple[Float[Tensor, "n l d"], Bool[Tensor, "n l"]]:
        """Vectors of the words of texts, and which exist.

        Raises:
            InputError: a text has no words.
        """
        rows = [_numbers(text) for text in texts]
        if bare := [text for text, row in zip(texts, rows, strict=True) if not row]:
            raise InputError("has no words", f"text '{bare[0]}'", "write a few")
        ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
        mask = torch.zeros(ids.shape, dtype=torch.bool)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = torch.tensor(row), True
        device = self.table.weight.device
        return self.table(ids.to(device)), mask.to(device)


@lru_cache(maxsize=2**16)
def _numbers(text: str) -> tuple[int, ...]:
    return tuple(zlib.crc32(word.encode()) % WORDS for word in re.findall(r"[\w']+", text.lower()))


def bag(text: str) -> str:
    """The words of a text in alphabetical order: what is left of it without its order."""
    return " ".join(sorted(re.findall(r"[\w']+", text.lower())))


def coded(texts: Sequence[str]) -> Tensor:
    """Texts as rows of bytes, padded with zeros (n, l)."""
    raw = [text.encode() for text in texts]
    length = max(map(len, raw), default=0)
    return torch.from_numpy(np.array([list(r.ljust(length, b"\0")) for r in raw], np.uint8).reshape(len(raw), length))


def decoded(rows: Tensor) -> list[str]:
    """The texts that `coded` wrote."""
    return [bytes(row).rstrip(b"\0").decode() for row in rows.cpu().numpy()]
