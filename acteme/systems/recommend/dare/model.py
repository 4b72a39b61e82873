"""The model: tables, search, attention, and classifiers on what the target and the history are together."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.systems.recommend.dare import search
from acteme.systems.recommend.dare.attention import LOWEST, Network, best, scaled, weights
from acteme.systems.recommend.dare.config import RankConfig
from acteme.systems.recommend.dare.tables import Events, Tables, Weights, Widths
from acteme.systems.recommend.dare.variants import DESIGNS


@dataclass(frozen=True)
class Seen:
    """Targets with the histories before them."""

    target: Events
    """(B, C): candidates, each by itself."""
    behavior: Events
    """(B, T): what the same user did before, oldest first."""
    valid: Bool[Tensor, "b t"]
    """Behaviors that are there."""


@dataclass(frozen=True)
class Read:
    """What attention made of them."""

    target: Float[Tensor, "b c r"]
    """Representations of the targets."""
    interest: Float[Tensor, "b c r"]
    """Mean of the behaviors that the search found, by attention."""
    whole: Float[Tensor, "b c r"] | None
    """The same over the whole history, for the auxiliary loss."""
    average: Float[Tensor, "b r"] | None
    """Sum of the history / (its length + 1), where wished."""


class Norm(nn.BatchNorm1d):
    """Batch normalization; `official` uses the batch's own statistics in evaluation, too, which leaves no trace."""

    official = False

    def forward(self, x: Tensor) -> Tensor:
        if self.training or not self.official:
            return super().forward(x)
        return F.batch_norm(x, None, None, self.weight, self.bias, training=True, eps=self.eps)


def classifier(inputs: int, *hidden: int) -> nn.Sequential:
    """Batch normalization, layers with slopes, two logits: of a click, and of none."""
    layers: list[nn.Module] = [Norm(inputs)]
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.PReLU(init=0.1)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, 2))


class Model(nn.Module):
    """Search, attention and classifiers of a variant.

    Args:
        config: the settings.
        items, categories: rows of these tables.
    """

    planes: Tensor

    def __init__(self, config: RankConfig, items: int, categories: int):
        super().__init__()
        self.config, self.design = config, DESIGNS[config.variant]
        own = config.attention if self.design.sets > 1 else Widths(0, 0, 0)
        attention = Widths(*(getattr(own, f) or getattr(config.width, f) for f in ("item", "category", "position")))
        rows = (items, categories, config.positions)
        self.tables = Tables(self.design, rows, attention, config.width, config.sparse)
        self.semantic = attention.item + attention.category
        r = self.tables.width("representation")
        self.main = classifier(r * (1 + (1 + config.average) * (1 + config.interaction)), *config.hidden)
        self.auxiliary = classifier(r * (2 + config.interaction), config.hidden[0]) if self.has_auxiliary else None
        a = self.tables.width("attention")
        self.network = Network(a) if self.design.score == "network" else None
        product = self.design.search == "product"
        self.search = nn.ModuleList(nn.Linear(a, a, bias=False) for _ in range(2)) if product else None
        if self.design.search in ("hash", "buckets"):
            self.register_buffer("planes", torch.randn(self.semantic, config.bits))
        self.start()

    @property
    def has_auxiliary(self) -> bool:
        return self.config.auxiliary and self.design.auxiliary

    def start(self) -> None:
        """Weights at the start: N(0, 0.01) but for biases, norms, slopes and a search's own product."""
        kept = () if self.config.official_init else (nn.BatchNorm1d, nn.PReLU)
        for module in self.modules():
            for name, parameter in module.named_parameters(recurse=False):
                if "bias" not in name and not isinstance(module, kept):
                    nn.init.normal_(parameter, 0.0, 0.01)
            if isinstance(module, Norm):
                module.official = self.config.official_statistics
        for layer in self.search or ():
            layer.reset_parameters()  # type: ignore[operator]

    def scores(self, w: Weights, seen: Seen) -> tuple[Float[Tensor, "b c a"], Float[Tensor, "b t a"], Tensor]:
        """Attention vectors of targets and behaviors, and attention's scores (B, C, T), whoever is there."""
        q = self.tables.embed(w, "attention", "target", seen.target)
        k = self.tables.embed(w, "attention", "behavior", seen.behavior)
        return q, k, self.score(q, k)

    def score(self, q: Float[Tensor, "b c a"], k: Float[Tensor, "b t a"]) -> Float[Tensor, "b c t"]:
        """Attention's score of every pair."""
        if self.network is not None:
            return self.network(q, k)
        return scaled(q, k, self.semantic, self.config.official_hard and self.design.search == "category")

    def codes(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """Bits of targets and behaviors, by item and category."""
        return search.bits(q[..., : self.semantic], self.planes), search.bits(k[..., : self.semantic], self.planes)

    def rank(self, seen: Seen, q: Tensor, k: Tensor, score: Tensor, valid: Bool[Tensor, "b t"]) -> Tensor:
        """What the search ranks the history by (B, C, T); lowest where there is no behavior."""
        kind, there = self.design.search, valid[:, None]
        if kind == "category":
            same = (seen.target.category[:, :, None] == seen.behavior.category[:, None]) & there
            return search.recent(same, seen.behavior.position).masked_fill(~there, LOWEST)
        if kind == "product":
            own = [layer(x) for layer, x in zip(self.search or (), (q.detach(), k.detach()), strict=True)]
            score = own[0] @ own[1].mT / q.shape[-1] ** 0.5
        elif kind == "hash":
            score = search.alike(*self.codes(q, k), seen.behavior.position)
        elif kind == "buckets":
            score = search.buckets(*self.codes(q, k), there.expand_as(score), self.config.signature)
        return torch.where(there, score, LOWEST)

    def find(self, seen: Seen, q: Tensor, k: Tensor, score: Tensor, valid: Bool[Tensor, "b t"]
             ) -> tuple[Int[Tensor, "b c k"], Float[Tensor, "b c t"], Bool[Tensor, "b c t"]]:  # fmt: skip
        """The places that the search keeps, what the whole history is attended by, and who may be attended to."""
        rank, there = self.rank(seen, q, k, score, valid), valid[:, None].expand_as(score)
        if self.design.search == "category":
            same = (seen.target.category[:, :, None] == seen.behavior.category[:, None]) & there
            filled = self.config.official_hard
            found = best(rank, self.config.top)
            chosen = torch.zeros_like(same).scatter(-1, found, True)
            return found, score, chosen if filled else chosen & same
        return best(rank, self.config.top), rank if self.design.search == "product" else score, there

    def read(self, seen: Seen, auxiliary: bool = False, w: Weights | None = None) -> Read:
        """Search and attention.

        Args:
            seen: targets and histories.
            auxiliary: attend to the whole history as well.
            w: the tables to read, see `Tables.weights`.
        """
        w = self.tables.weights() if w is None else w
        valid, config = seen.valid, self.config
        target = self.tables.embed(w, "representation", "target", seen.target)
        q, k, score = self.scores(w, seen)
        values = None  # of the whole history, where it is needed; else only of what is found
        if auxiliary or config.average or self.design.clusters or self.design.search == "buckets":
            values = self.tables.embed(w, "representation", "behavior", seen.behavior)
        average = None
        if config.average and values is not None:
            average = (values * valid[..., None]).sum(1) / (valid.sum(1, keepdim=True) + 1.0)
        if self.design.clusters and values is not None:
            mean, valid, size = search.clusters(seen.behavior.category, valid)
            values, k = mean.to(values.dtype) @ values, mean.to(k.dtype) @ k
            score = self.score(q, k) + size[:, None].to(k.dtype)
        if self.design.search == "buckets" and values is not None:
            share = self.rank(seen, q, k, score, valid).clamp(min=0)
            return Read(target, share.to(values.dtype) @ values, None, average)
        found, over, there = self.find(seen, q, k, score, valid)
        kept = there.gather(-1, found)
        share = weights(score.gather(-1, found), torch.ones_like(kept) if config.official_padding else kept)
        if values is None:
            rows = self.tables.embed(w, "representation", "behavior", seen.behavior.at(found.flatten(1)))
            interest = (share[:, :, None] @ rows.unflatten(1, found.shape[1:])).squeeze(2)
        else:
            interest = torch.zeros_like(score).scatter(-1, found, share) @ values
        whole = weights(over, there) @ values if auxiliary and values is not None else None
        return Read(target, interest, whole, average)

    def inputs(self, read: Read) -> Float[Tensor, "b c i"]:
        """What the classifier sees: target, interest, and how they agree number by number."""
        r = read.target
        parts = [read.interest] + ([] if read.average is None else [read.average[:, None].expand_as(r)])
        return torch.cat([r, *parts, *(r * part for part in parts if self.config.interaction)], -1)

    def logits(self, read: Read) -> Float[Tensor, "b c 2"]:
        x = self.inputs(read)
        return self.main(x.flatten(0, 1)).view(*x.shape[:2], 2)

    def auxiliary_logits(self, read: Read) -> Float[Tensor, "b c 2"] | None:
        """From the whole history; None where there is none."""
        if self.auxiliary is None or read.whole is None:
            return None
        r = read.target
        x = torch.cat([r, read.whole] + ([r * read.whole] if self.config.interaction else []), -1)
        return self.auxiliary(x.flatten(0, 1)).view(*x.shape[:2], 2)

    def penalty(self) -> Tensor:
        """Sum of squares of all parameters but tables and biases."""
        kept = [p for n, p in self.named_parameters() if not n.startswith("tables.sets.") and "bias" not in n]
        return torch.stack([p.square().sum() for p in kept]).sum()
