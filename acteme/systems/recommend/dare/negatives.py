"""What was not clicked: items drawn by how often each occurs, where the data tells clicks only."""

from collections.abc import Iterable

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.sequence import Met
from acteme.recordings.batch import Batch

TRIES = 16
"""Draws of a negative until it is one that the user has not clicked; the last one counts."""


class Negatives(nn.Module):
    """How often each item occurs, its category where it occurred last, and whether outcomes are labels.

    Args:
        rows: items, with 0 (padding).
        field: which categorical field is the category; None: all items are of category 0.
    """

    counts: Tensor
    category: Tensor
    labeled: Tensor

    def __init__(self, rows: int, field: int | None):
        super().__init__()
        self.field = field
        self.met: Met | None = None
        self.register_buffer("counts", torch.zeros(rows, dtype=torch.long))
        self.register_buffer("category", torch.zeros(rows, dtype=torch.long))
        self.register_buffer("labeled", torch.tensor(False))

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts events, each once though windows overlap. Outcomes are labels where they are 0 and 1."""
        counts, category = np.zeros(len(self.counts), np.int64), np.zeros(len(self.counts), np.int64)
        who, end, outcomes, seen = -1, 0, True, set[float]()
        for batch in batches:
            index, first, frames = (batch[name].cpu().numpy() for name in ("index", "start", "frames"))
            ends = np.append(end, (first + frames)[:-1])
            known = np.where(index == np.append(who, index[:-1]), ends, 0)  # windows come in order
            who, end = int(index[-1]), int(first[-1] + frames[-1])
            place = np.arange(batch["item"].shape[1])
            new = (place < frames[:, None]) & (first[:, None] + place >= known[:, None])
            item = batch["item"].cpu().numpy()[new]
            counts += np.bincount(item, minlength=len(counts))
            if self.field is not None:
                category[item] = batch["field"].cpu().numpy()[new][:, self.field]
            outcomes = outcomes and "outcome" in batch
            if outcomes and len(seen) < 3:
                last = batch["outcome"].cpu().numpy()[np.arange(len(frames)), frames - 1]
                seen |= set(np.unique(last).tolist())
        self.counts.copy_(torch.from_numpy(counts))
        self.category.copy_(torch.from_numpy(category))
        self.labeled.fill_(outcomes and seen == {0.0, 1.0})

    @torch.compiler.disable
    def draw(
        self, seen: Int[Tensor, "b n"], count: int, index: Int[Tensor, " b"] | None = None,
        last: Int[Tensor, " b"] | None = None,
    ) -> tuple[Int[Tensor, "b c"], Int[Tensor, "b c"]]:  # fmt: skip
        """Items, by their frequency, that are not among those seen, and their categories.

        Args:
            seen: items not to be drawn.
            count: how many to draw.
            index, last: recordings, and their events by which, as `met` knows, an item must not have been met either.

        Raises:
            InputError: nothing was counted.
        """
        reach = self.counts.cumsum(0)
        total = int(reach[-1])
        if not total:
            raise InputError("no items were counted to draw negatives from", mend="calibrate on the training data")
        item = seen.new_zeros(len(seen), count)
        again = torch.ones_like(item, dtype=torch.bool)
        for _ in range(TRIES):
            at = torch.randint(total, (int(again.sum()),), device=seen.device)
            item[again] = torch.searchsorted(reach, at, right=True)
            again = (item[..., None] == seen[:, None]).any(-1)
            if self.met is not None and index is not None and last is not None:
                again |= self.met.has(item, index, last)
            if not again.any():
                break
        return item, self.category[item]
