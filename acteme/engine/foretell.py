"""What a module foretells of events, or of the same events with something else in their place."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import nn

from acteme.engine.device import device_of
from acteme.engine.logs import at_once, ending, length_of
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows


class Others(NamedTuple):
    """What stands in the place of events."""

    item: Int[np.ndarray, " n"]
    """0: the event stays as it is."""
    value: Int[np.ndarray, "n f"]
    fixed: Bool[np.ndarray, " f"]
    """Which fields are replaced."""

    def put(self, batch: Batch, some: slice) -> None:
        """Into the last events of a batch of those."""
        drawn = torch.from_numpy(self.item[some])
        rows = torch.nonzero(drawn).flatten()
        at = batch["frames"][rows] - 1
        if "item" in batch:
            batch["item"] = batch["item"].clone()
            batch["item"][rows, at] = drawn[rows]
        if "field" in batch and self.fixed.any():
            fields = torch.from_numpy(np.flatnonzero(self.fixed))
            batch["field"] = batch["field"].clone()
            batch["field"][rows[:, None], at[:, None], fields] = torch.from_numpy(self.value[some][:, self.fixed])[rows]


@torch.no_grad()
def chances(
    module: nn.Module,
    corpus: Corpus,
    index: Int[np.ndarray, " n"],
    last: Int[np.ndarray, " n"],
    windows: Windows,
    batch: int,
    others: Others | None = None,
) -> Float[np.ndarray, " n"]:
    """What a module foretells of events; it sees each with those before it in its window, but without its outcome.

    Args:
        others: what to put in the place of the events.
    """
    found, step, device = [], at_once(batch, length_of(windows)), device_of(module)
    for a in range(0, len(index), step):
        some = slice(a, a + step)
        made = hidden(ending(corpus, index[some], last[some], windows))
        if others is not None:
            others.put(made, some)
        found.append(module.predict(to_device(made, device)).value.float().cpu().numpy())  # type: ignore[operator]
    return np.concatenate(found)


def hidden(batch: Batch) -> Batch:
    """The batch without the outcomes of its last events."""
    if "outcome" in batch:
        outcome = batch["outcome"].clone()
        outcome[torch.arange(len(outcome)), batch["frames"] - 1] = 0
        batch = batch | {"outcome": outcome}
    return batch
