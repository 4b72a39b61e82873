"""Who has met which item: so that nothing known is drawn as a negative."""

from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from acteme.recordings.corpus import Corpus


class Met:
    """Which items the user of each recording has met, and when first; the recordings are read when it is first asked.

    Args:
        corpus: the recordings.
        future: items that are met later count as well.
    """

    def __init__(self, corpus: Corpus, future: bool = False):
        self.corpus, self.future = corpus, future

    def __deepcopy__(self, memo: dict[int, object]) -> "Met":
        return self  # never changes, and is no state of who holds it

    @cached_property
    def firsts(self) -> tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]]:
        """A sorted number for each recording with an item, and the first event that has it."""
        frames = self.corpus.frames
        place = np.arange(frames.sum()) - np.repeat(np.cumsum(frames) - frames, frames)
        item = self.corpus.arrays["item"][np.repeat(self.corpus.column("offset"), frames) + place]
        mark, at = np.unique(self._marks(np.repeat(np.arange(len(frames)), frames), item), return_index=True)
        return mark, place[at]

    def _marks(self, index: Int[np.ndarray, "*b"], item: Int[np.ndarray, "*b"]) -> Int[np.ndarray, "*b"]:
        return index * (self.corpus.spec.items + 1) + item.astype(np.int64)

    def has(self, item: Int[Tensor, "b c"], index: Int[Tensor, " b"], last: Int[Tensor, " b"]) -> Bool[Tensor, "b c"]:
        """Whether items were met in recording `index` by its event `last`."""
        mark, first = self.firsts
        asked = self._marks(*(x.numpy(force=True) for x in (index[:, None], item)))
        at = np.searchsorted(mark, asked).clip(max=len(mark) - 1)
        met = (mark[at] == asked) & (self.future | (first[at] <= last.numpy(force=True)[:, None]))
        return torch.from_numpy(met).to(item.device)
