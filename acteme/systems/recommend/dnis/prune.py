"""The third stage, `prune`: the table that was searched, without its small entries, and trained on where wished."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Chances
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.dnis.network import Network, NetworkConfig
from acteme.systems.recommend.dnis.tables import SparseTable, kept
from acteme.systems.recommend.dnis.warm import EVENTS


@dataclass(frozen=True)
class PruneConfig:
    """What stays, and whether it is trained further."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Always that of the stage `warm`."""
    keep: float = 0.2
    """Share of the entries of the table that stays."""
    threshold: float | None = None
    """Size from which entries stay, in place of a share."""
    windows: Windows = EVENTS
    """Every event by itself."""
    recipe: Recipe = field(default_factory=lambda: Recipe("adam", 1e-3, epochs=0, batch=4096, drop_last=False))
    """How what is left is trained again: not at all by default; 2 epochs do where little is left."""

    def __post_init__(self) -> None:
        if not 0 < self.keep <= 1:
            raise InputError(f"{self.keep:g} of the table is to stay", "prune.keep", "give a share above 0, up to 1")
        if self.threshold is not None and not self.threshold >= 0:
            raise InputError(f"entries from {self.threshold:g} on are to stay", "prune.threshold", "give 0 or more")

    @classmethod
    def small(cls) -> "PruneConfig":
        """For 100,000 events."""
        recipe = replace(cls().recipe, epochs=2, batch=512)
        return cls(NetworkConfig(width=32, centered=True), recipe=recipe)


class Pruned(nn.Module):
    """The sparse table with its host. Only entries that were kept are there to be trained.

    Args:
        config: see `PruneConfig`.
        spec: of the data; its fields count.
    """

    def __init__(self, config: PruneConfig, spec: Spec):
        super().__init__()
        self.config, self.network = config, Network(config.network, spec, sparse=True)

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Prunes the table of the last stage before. Raises InputError where there is none."""
        if not previous:
            raise InputError("there is no table to prune", "prune", "train warm or search, or give --start RUN")
        network = list(previous.values())[-1].network
        table = network.table.dense()  # type: ignore[union-attr, operator]
        mask, _ = kept(table, self.config.keep, self.config.threshold)
        if not bool(mask.any()):
            raise InputError("no entry is as large", f"prune.threshold={self.config.threshold}", "give a lower one")
        assert isinstance(self.network.table, SparseTable)
        self.network.table.fill(table, mask)
        self.network.features.load_state_dict(network.features.state_dict())  # type: ignore[union-attr]
        self.network.host.load_state_dict(network.host.state_dict())  # type: ignore[union-attr]

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of a training batch."""
        return {"total": self.network(batch)}

    @property
    def protocol(self) -> str:
        """How it is measured: by what it foretells."""
        return self.network.protocol

    def predict(self, batch: Batch) -> Chances:
        """How the last events turn out."""
        return self.network.predict(batch)

    def encode(self, batch: Batch) -> Latents:
        """Embeddings of events, with zeros where they were pruned."""
        return self.network.encode(batch)

    def footprint(self) -> dict[str, float]:
        """What the table costs."""
        return self.network.footprint()
