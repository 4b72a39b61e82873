"""The first stage, `warm`: the host with a table of one dimension, or of dimensions by popularity (MDE)."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Chances
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.dnis.network import Network, NetworkConfig
from acteme.systems.recommend.dnis.official import official_state_dict
from acteme.systems.recommend.dnis.space import popular_dims
from acteme.systems.recommend.dnis.tables import SoftTable

EVENTS = Windows(frames=1, stride=1, jitter=False)
"""Every event by itself."""


def plateau(epochs: int, patience: int, batch: int = 4096, lr: float = 1e-3) -> Recipe:
    """Adam with a rate that plateaus lower; it is over at 1e-6."""
    return Recipe("adam", lr, epochs=epochs, batch=batch, schedule="plateau", patience=patience, floor=1e-6,
                  drop_last=False)  # fmt: skip


@dataclass(frozen=True)
class WarmConfig:
    """Training with everything selected; with `popularity` a baseline by itself."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Table, blocks and host, of all stages."""
    popularity: float | None = None
    """Give blocks dimensions in proportion to their popularity to this power, divided by their features (mixed
    dimension embeddings), instead of all."""
    base: float = 16
    """With `popularity`, the mean dimension."""
    windows: Windows = EVENTS
    """Every event by itself."""
    recipe: Recipe = field(default_factory=lambda: plateau(20, 0))
    """How it is optimized; with `--best` the rate falls on plateaus and the best epoch is kept, as published."""

    @classmethod
    def small(cls) -> "WarmConfig":
        """For 100,000 events."""
        return cls(NetworkConfig(width=32, centered=True), recipe=plateau(12, 0, 512, 5e-3))


class Warm(nn.Module):
    """Trains table and host.

    Args:
        config: see `WarmConfig`.
        spec: of the data; its fields count.

    Raises:
        InputError: the host does not fit the fields, or blocks the features.
    """

    def __init__(self, config: WarmConfig, spec: Spec):
        super().__init__()
        if config.popularity is not None and (config.network.space != "free" or config.network.groups):
            raise InputError("dimensions by popularity are of no search space", "warm.popularity",
                             "leave network.space and network.groups as they are")  # fmt: skip
        self.config, self.network = config, Network(config.network, spec)

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts features. Raises InputError where the outcomes are none, or not those that were asked for."""
        self.network.calibrate(batches)
        table, count = self.network.table, self.network.features.sorted_count
        if self.config.popularity is not None and isinstance(table, SoftTable):
            dims = popular_dims(count.cpu().numpy(), table.sizes, self.config.base, self.config.popularity)
            wide = torch.from_numpy(np.minimum(dims, self.config.network.width)).to(table.alpha.device)
            table.alpha.copy_(torch.arange(table.shape[1], device=wide.device) < wide[:, None])

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Squared error of ratings, logarithmic loss of clicks, or the ranking loss."""
        return {"total": self.network(batch)}

    @property
    def protocol(self) -> str:
        """How it is measured: by what it foretells."""
        return self.network.protocol

    def predict(self, batch: Batch) -> Chances:
        """How the last events turn out."""
        return self.network.predict(batch)

    def encode(self, batch: Batch) -> Latents:
        """Embeddings of events."""
        return self.network.encode(batch)

    def footprint(self) -> dict[str, float]:
        """What the table costs."""
        return self.network.footprint()

    @staticmethod
    def official_state_dict(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """From the names of the official code; see `official`."""
        return official_state_dict(state)
