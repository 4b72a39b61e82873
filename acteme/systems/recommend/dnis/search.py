"""The second stage, `search`: weights learn from training batches, the selection from batches of the split `val`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.func import functional_call

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Chances
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.recommend.dnis.network import Network, NetworkConfig
from acteme.systems.recommend.dnis.official import official_state_dict
from acteme.systems.recommend.dnis.space import Weights, bilevel_gradient, bounds, full, normalized
from acteme.systems.recommend.dnis.tables import SoftTable
from acteme.systems.recommend.dnis.warm import EVENTS, plateau


@dataclass(frozen=True)
class SearchConfig:
    """The search."""

    network: NetworkConfig = field(default_factory=NetworkConfig)
    """Always that of the stage `warm`."""
    rate: float = 1e-2
    """Learning rate of alpha (plain gradient descent); 0 leaves it as it is."""
    sparsity: float = 1e-5
    """Weight of the sum of |alpha|, which is added to the loss before its gradient is normalized."""
    normalize: bool = True
    """Divide the gradient of each block by its mean size."""
    xi: float = 0.0
    """Step of the weights that the gradient of alpha looks ahead (second order); 0: first order."""
    weights: Literal["all", "embeddings"] = "all"
    """What training batches change: all weights (the paper), or embeddings and first-order biases (the code)."""
    start: Literal["full", "kept"] = "full"
    """Where alpha begins: everything selected, or as the stage before has it."""
    second: Literal["val", "train"] = "val"
    """The split that alpha learns from."""
    windows: Windows = EVENTS
    """Every event by itself."""
    recipe: Recipe = field(default_factory=lambda: plateau(50, 1))
    """How the weights are optimized, and how large batches of either split are."""

    def __post_init__(self) -> None:
        if min(self.rate, self.sparsity, self.xi) < 0:
            raise InputError("rate, sparsity or xi is negative", "search", "give 0 or more")

    @classmethod
    def small(cls) -> "SearchConfig":
        """For 100,000 events."""
        return cls(NetworkConfig(width=32, centered=True), recipe=plateau(6, 1, 512, 2e-3))


class Search(nn.Module):
    """Alternates a step of the weights on a training batch, alpha fixed, with one of alpha on a batch of `second`.

    Args:
        config: see `SearchConfig`.
        spec: of the data; its fields count.

    Raises:
        InputError: the host does not fit the fields, or blocks the features.
    """

    def __init__(self, config: SearchConfig, spec: Spec):
        super().__init__()
        self.config, self.network = config, Network(config.network, spec)
        if config.weights == "embeddings":
            for name, parameter in self.network.host.named_parameters():
                parameter.requires_grad_(name == "biases.weight")
        self.trained: Batch = {}

    @property
    def table(self) -> SoftTable:
        """The table under search."""
        assert isinstance(self.network.table, SoftTable)
        return self.network.table

    def inherit(self, previous: Mapping[str, nn.Module]) -> None:
        """Takes the weights of `warm`, where it was trained."""
        if "warm" in previous:
            self.network.load_state_dict(previous["warm"].network.state_dict())  # type: ignore[union-attr]
        if self.config.start == "full":
            self.table.alpha.copy_(full(self.table.space, *self.table.shape))

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts features, where `warm` has not. Raises InputError where the outcomes do not fit."""
        self.network.calibrate(batches)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The loss of a training batch; alpha has no gradient."""
        if self.config.xi:
            self.trained = batch
        return {"total": self.network(batch)}

    def respond(self, batch: Batch) -> dict[str, Tensor]:
        """A step of alpha on a batch that the weights do not learn from; the weights have no gradient of it."""
        low, high = bounds(self.table.space, *self.table.shape)
        alpha = self.table.alpha.detach().clone().requires_grad_()
        gradient, loss = self.gradient(batch, alpha)
        if dist.is_available() and dist.is_initialized():  # every process has seen a part of the batch
            dist.all_reduce(gradient)
            gradient /= dist.get_world_size()
        if self.config.normalize:
            gradient = normalized(gradient)
        with torch.no_grad():
            self.table.alpha.copy_((alpha - self.config.rate * gradient).clamp(low, high))
        return {"selection": loss, "selected": self.table.selection(self.table.alpha).mean()}

    def gradient(self, batch: Batch, alpha: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient of the loss on a batch, with its penalty, by alpha, and the loss. With `xi` the weights are those
        after a further step on the training batch that was the last."""
        own: Weights = {n: p for n, p in self.network.named_parameters() if p.requires_grad}

        def train(at: Weights, alpha: Tensor) -> Tensor:
            return functional_call(self.network, dict(at), (self.trained, alpha))

        def penalized(at: Weights, alpha: Tensor) -> Tensor:
            return functional_call(self.network, dict(at), (batch, alpha)) + self.config.sparsity * alpha.abs().sum()

        return bilevel_gradient(train, penalized, own, alpha, self.config.xi)

    @property
    def protocol(self) -> str:
        """How it is measured: by what it foretells."""
        return self.network.protocol

    def predict(self, batch: Batch) -> Chances:
        """How the last events turn out."""
        return self.network.predict(batch)

    def encode(self, batch: Batch) -> Latents:
        """Embeddings of events, under the selection."""
        return self.network.encode(batch)

    def footprint(self) -> dict[str, float]:
        """What the table costs; zeros take room until they are pruned."""
        return self.network.footprint()

    @staticmethod
    def official_state_dict(state: dict[str, Tensor]) -> dict[str, Tensor]:
        """From the names of the official code; see `official`."""
        return official_state_dict(state)
