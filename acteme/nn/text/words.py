"""Words of texts: lower case, numbered by a vocabulary that is part of the state."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

PADDING, UNKNOWN, FIRST = 0, 1, 2
"""Numbers of padding, of a word that is not in the vocabulary, and of its first word."""
BYTES = 32
"""Longest word of a vocabulary; longer ones stay unknown."""
WORD = re.compile(r"[^\W_]+(?:[+#]+(?!\w))?")
"""Letters and digits, with the marks that end names such as C++ and C#."""


MARKED = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[^\w\s]")
"""Words, and every other mark by itself: what a text can be written again from."""


def words(text: str, pattern: re.Pattern[str] = WORD) -> list[str]:
    """The words of a text, in lower case."""
    return pattern.findall(text.lower())


class Vocabulary(nn.Module):
    """Words by number: 0 is padding, 1 an unknown word.

    Args:
        size: words it has room for, besides those two.
        pattern: what is a word.
    """

    known: Int[Tensor, "size bytes"]

    def __init__(self, size: int, pattern: re.Pattern[str] = WORD):
        super().__init__()
        self.pattern = pattern
        self.register_buffer("known", torch.zeros(size, BYTES, dtype=torch.uint8))
        self.numbers: dict[str, int] | None = None
        self.register_load_state_dict_post_hook(lambda module, _: setattr(module, "numbers", None))

    def build(self, texts: Iterable[str], least: int) -> None:
        """Takes the words that occur `least` times or more, the most frequent ones first, as far as there is room."""
        count = Counter(word for text in texts for word in words(text, self.pattern))
        some = [(-n, word) for word, n in count.items() if n >= least and len(word.encode()) <= BYTES]
        kept = [word.encode() for _, word in sorted(some)[: len(self.known)]]
        table = np.zeros((len(self.known), BYTES), np.uint8)
        table[: len(kept)] = np.array(kept, f"S{BYTES}").view(np.uint8).reshape(-1, BYTES)
        self.known.copy_(torch.from_numpy(table))
        self.numbers = None

    def table(self) -> dict[str, int]:
        """Number of each word."""
        if self.numbers is None:
            rows = np.ascontiguousarray(self.known.cpu().numpy()).view(f"S{BYTES}")[:, 0].tolist()
            self.numbers = {word.decode(): FIRST + k for k, word in enumerate(rows) if word}
        return self.numbers

    def ids(self, texts: Sequence[str], length: int) -> Int[Tensor, "n t"]:
        """Numbers of the first `length` words of each text, padded at the end; a text without words is one unknown."""
        table = self.table()
        rows = [[table.get(word, UNKNOWN) for word in words(text, self.pattern)[:length]] or [UNKNOWN]
                for text in texts]  # fmt: skip
        longest = max(map(len, rows), default=1)
        out = np.zeros((len(rows), longest), np.int64)
        out[np.arange(longest) < np.array([len(row) for row in rows]).reshape(-1, 1)] = [n for row in rows for n in row]
        return torch.from_numpy(out).to(self.known.device)

    def __deepcopy__(self, memo: dict[int, Any]) -> "Vocabulary":
        copy = Vocabulary(len(self.known), self.pattern)
        copy.load_state_dict(self.state_dict())
        return copy.to(self.known.device).train(self.training)
