"""The network of all stages: features, a table of embeddings, and a host that predicts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.recordings.annotations import Chances
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.systems.recommend.dnis.features import Features, loss, preference
from acteme.systems.recommend.dnis.hosts import Host, make_host
from acteme.systems.recommend.dnis.space import Space
from acteme.systems.recommend.dnis.tables import SoftTable, SparseTable


@dataclass(frozen=True)
class NetworkConfig:
    """Table, blocks and host."""

    host: Host = "fm"
    """What predicts: `fm`, `mf` and `neumf` (two fields), `mlp`, `deepfm`, `widedeep`, `xdeepfm`."""
    width: int = 64
    """Most dimensions of an embedding (K)."""
    groups: int | None = None
    """Groups that dimensions are selected in; None: each by itself."""
    blocks: tuple[float, ...] = (0.1,) * 10
    """Shares of the features, from the most to the least frequent, that share a selection; or their numbers, where the
    first is greater than 1 (the last block then takes what is left)."""
    space: Space = "free"
    """What selections there are: `free`, `embedding_block` (first dimensions), `feature_block` (first blocks)."""
    outcome: Literal["auto", "click", "rating", "ranking"] = "auto"
    """What is foretold; `auto`: clicks where all outcomes are 0 or 1, ratings otherwise, a ranking where none are."""
    item: str = "item"
    """Ranking: the field whose value is drawn anew for what was not chosen."""
    hidden: tuple[int, ...] = ()
    """Hidden layers of deepfm, widedeep and xdeepfm; empty: 400,400,400, and 400,400 for xdeepfm."""
    cin: tuple[int, ...] = (200, 200, 200)
    """Maps of the layers of xdeepfm's interaction network."""
    centered: bool = False
    """Begin at the mean outcome of the training events, instead of at zero."""


class Network(nn.Module):
    """Losses and predictions of the last event of each window; its outcome is looked at in losses alone.

    Args:
        config: see `NetworkConfig`.
        spec: fields and their sizes.
        sparse: whether the table is a pruned one.
    """

    def __init__(self, config: NetworkConfig, spec: Spec, sparse: bool = False):
        super().__init__()
        self.config = config
        self.features = Features(spec, "" if config.outcome == "auto" else config.outcome, config.item)
        count, fields = len(self.features), len(self.features.names)
        self.table: SoftTable | SparseTable = (
            SparseTable(count, config.width)
            if sparse
            else SoftTable(count, config.width, config.groups or config.width, config.blocks, config.space)
        )
        self.host = make_host(config.host, count, fields, config.width, config.hidden, config.cin)

    def scores(
        self, ids: Int[Tensor, "b f"], values: Float[Tensor, "b f"] | None = None, *alpha: Tensor
    ) -> Float[Tensor, " b"]:
        """Ratings, or logits of clicks.

        Args:
            ids: features, one of each field.
            values: of the features; 1 unless given.
            alpha: to be used instead of the table's own.
        """
        embedded = self.table(ids, *alpha)
        return self.host(embedded if values is None else embedded * values[..., None], ids, values)

    def forward(self, batch: Batch, *alpha: Tensor) -> Float[Tensor, ""]:
        """The loss of a batch."""
        scores = self.scores(self.features(batch), None, *alpha)
        kind = self.features.foretells
        if kind == "ranking":
            return preference(scores, self.scores(self.features.unchosen(batch), None, *alpha))
        return loss(kind, scores, self.features.outcome(batch))

    @property
    def protocol(self) -> str:
        """How it is measured (see `acteme.engine.measures.clicks`)."""
        return {"rating": "ratings", "click": "outcomes", "ranking": "full"}[self.features.foretells]

    @torch.no_grad()
    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts features, once; what no training event has gets no embedding and no bias.

        Raises:
            InputError: see `Features.calibrate`.
        """
        if self.features.counted:
            return
        mean = self.features.calibrate(batches)
        never = self.features.sorted_count == 0
        assert isinstance(self.table, SoftTable)
        self.table.weight[never] = 0
        if hasattr(self.host, "biases"):
            self.host.biases.weight[never] = 0  # type: ignore[operator, union-attr]
        level = self.host.level
        if self.config.centered and isinstance(level, Tensor) and self.features.foretells != "ranking":
            rate = torch.tensor(mean)
            level += rate if self.features.foretells == "rating" else rate.clamp(1e-3, 1 - 1e-3).logit()

    @torch.no_grad()
    def predict(self, batch: Batch) -> Chances:
        """The expected rating, or the probability of a click."""
        scores = self.scores(self.features(batch))
        return Chances(scores if self.features.foretells == "rating" else scores.sigmoid())

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The embeddings of each event's features side by side; of a window that is its last event."""
        plain = self.features.plain(batch)
        tokens = self.table(self.features.number[plain].flatten(0, 1)).flatten(1).view(*plain.shape[:2], -1)
        tokens = tokens * batch["mask"][..., None]
        return Latents(tokens, self.features.last(batch, tokens), batch["mask"])

    def footprint(self) -> dict[str, float]:
        """Values and bytes of the table (see `SparseTable.footprint`), and all other parameters."""
        return self.table.footprint() | {"other_parameters": sum(p.numel() for p in self.host.parameters())}
