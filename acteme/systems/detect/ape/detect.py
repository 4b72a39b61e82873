"""Scores of events from a vector per value, learned by telling true events from noise."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.recipe import Recipe
from acteme.recordings.annotations import Oddities
from acteme.recordings.batch import Batch
from acteme.recordings.latents import Latents
from acteme.recordings.spec import Spec
from acteme.recordings.windows import Windows
from acteme.systems.detect.ape import official
from acteme.systems.detect.ape.noise import Noise, draw, tables


@dataclass(frozen=True)
class DetectConfig:
    """The official demonstration, with the noise corrected for as it was drawn."""

    width: int = 10
    """Numbers in the vector of a value."""
    weights: Literal["positive", "free", "none"] = "positive"
    """Weights of pairs of fields: not below 0 (the paper's), of either sign (the PyTorch version's), or all 1."""
    noise: Noise = field(default_factory=Noise)
    """What true events are told from."""
    rule: Literal["nce", "mean"] = "nce"
    """Each true event against its own noise, summed (the paper's); or the mean over true and false events alike, true
    ones corrected by the mean over fields (the PyTorch version's)."""
    start: Literal["uniform", "normal"] = "uniform"
    """Fresh vectors: uniform within .05, or standard normal; free weights are always standard normal."""
    sparse: bool = False
    """Gradients and steps of the rows that a batch touches only, for tables of very many values (`recipe.optimizer`
    adam)."""
    windows: Windows = field(default_factory=lambda: Windows(frames=1, stride=1, jitter=False))
    """Every event stands for itself."""
    recipe: Recipe = field(default_factory=lambda: Recipe(optimizer="adam", lr=0.01, epochs=10, batch=512))
    """Optimization."""

    @classmethod
    def small(cls) -> "DetectConfig":
        """Learns on two processor cores in a minute or less, by batches small enough for logs of a few thousand events."""
        base = cls()
        return replace(base, recipe=replace(base.recipe, batch=128))

    @classmethod
    def demo(cls) -> "DetectConfig":
        """The official demonstration to the letter: one field a batch, a correction that is not the noise's."""
        return cls(noise=Noise(fields="batch", correction="official", unknown=0.0, stated=10))

    @classmethod
    def pytorch(cls) -> "DetectConfig":
        """The independent PyTorch version: uniform noise in all fields, weights of either sign."""
        return cls(
            width=128, weights="free", rule="mean", start="normal",
            noise=Noise(kind="uniform", negatives=3, fields="all", unknown=0.0, stated=1),
            recipe=Recipe(optimizer="adam", lr=1e-3, weight_decay=1e-5, epochs=20, batch=128, drop_last=False),
        )  # fmt: skip


class Detector(nn.Module):
    """A table of vectors, a weight for each pair of fields, and the constant that stands for the partition function.

    Values of field f are the rows from `offsets[f]` to before `offsets[f + 1]` of the table; the first of them stands
    for whatever is rare or was never seen. Pairs (i, j), i > j, are ordered (1, 0), (2, 0), (2, 1), (3, 0), ...

    Raises:
        InputError: events have fewer than two fields.
    """

    def __init__(self, config: DetectConfig, spec: Spec):
        super().__init__()
        fields = len(spec.sizes)
        if fields < 2:
            raise InputError(f"events have {fields} fields", "data", "give two or more: what is odd is a combination")
        self.config, self.sizes = config, tuple(spec.sizes)
        self.offsets = [sum(self.sizes[:f]) for f in range(fields + 1)]
        self.table = nn.Embedding(self.offsets[-1], config.width, sparse=config.sparse)
        pairs = fields * (fields - 1) // 2
        if config.weights != "none":
            self.weight = nn.Parameter(torch.randn(pairs) if config.weights == "free" else torch.ones(pairs))
        self.constant = nn.Parameter(torch.zeros(1))
        if config.start == "normal":
            nn.init.normal_(self.table.weight)
        else:
            nn.init.uniform_(self.table.weight, -0.05, 0.05)
        self.register_buffer("counts", torch.ones(self.offsets[-1], dtype=torch.int64))
        for name, values in (
            ("first", torch.tensor(self.offsets[:-1])),
            ("size", torch.tensor(self.sizes)),
            ("pairs", torch.tril_indices(fields, fields, -1)),
            ("cumulative", torch.zeros(self.offsets[-1], dtype=torch.float64)),
            ("log_noise", torch.zeros(self.offsets[-1])),
        ):
            self.register_buffer(name, values, persistent=False)
        self._tabulate()
        self.register_load_state_dict_post_hook(_after_loading)

    counts: Tensor
    first: Tensor
    size: Tensor
    pairs: Tensor
    cumulative: Tensor
    log_noise: Tensor

    # --- training ----------------------------------------------------------------------------------------------------

    def calibrate(self, batches: Iterable[Batch]) -> None:
        """Counts the values of the training events, which are what noise is made of."""
        counts = torch.zeros_like(self.counts)
        for batch in batches:
            counts += torch.bincount(self.rows(batch)[batch["mask"]].flatten(), minlength=len(counts))
        self.counts.copy_(counts)
        self._tabulate()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Noise-contrastive estimation; `events` and `noise` are what true and false events cost.

        Args:
            batch: `field` (B, T, F).
        """
        events = self.rows(batch)[batch["mask"]]
        replaced = self.replaced(len(events))
        drawn = draw(self.cumulative, replaced, self.config.noise.negatives)
        return self.contrast(events, replaced, drawn)

    def replaced(self, events: int) -> Int[Tensor, "q n"]:
        """Which fields of so many events are replaced."""
        fields, device = len(self.sizes), self.table.weight.device
        if self.config.noise.fields == "all":
            return torch.arange(fields, device=device)[:, None].expand(fields, events)
        count = events if self.config.noise.fields == "event" else 1
        return torch.randint(fields, (1, count), device=device).expand(1, events)

    def contrast(
        self, events: Int[Tensor, "n m"], replaced: Int[Tensor, "q n"], drawn: Int[Tensor, "q n k"]
    ) -> dict[str, Tensor]:
        """The losses of events against given noise.

        A false event differs in one value, so that its score is that of the true one, less the part of the value that
        is replaced, plus that of the new one, both against the same weighted sum of the others' vectors. So k false
        events cost k products, not k times all pairs.

        Args:
            events: rows of the table for each field.
            replaced: fields that are replaced.
            drawn: rows of the table that replace their values.
        """
        noise, (n, m), (q, _, k) = self.config.noise, events.shape, drawn.shape
        looked_up = torch.cat([events.T.flatten(), drawn.flatten()])
        vectors = self.table(looked_up)
        true, new = vectors[: m * n].view(m, n, -1), vectors[m * n :].view(q, n, k, -1)
        others = (self.matrix() @ true.reshape(m, -1)).view(m, n, -1)
        part = (true * others).sum(-1)
        score = part.sum(0) / 2 + self.constant
        if noise.fields != "all":
            others, part = others.gather(0, replaced[..., None].expand(-1, -1, new.shape[-1])), part.gather(0, replaced)
        false = (score - part)[..., None] + (new * others[:, :, None]).sum(-1) - self.log_noise[drawn]
        told = self.log_noise[events]
        told = told.T.gather(0, replaced) if self.config.rule == "nce" else told.mean(1, keepdim=True).T
        draws = math.log(k if noise.stated is None else noise.stated)
        cost, noisy = F.softplus(told + draws - score).sum(), F.softplus(false - draws).sum()
        count = q * n if self.config.rule == "nce" else n * (1 + q * k)
        return {"total": (cost + noisy) / count, "events": cost / count, "noise": noisy / count}

    def after_step(self) -> None:
        """Keeps weights at 0 or above."""
        if self.config.weights == "positive":
            with torch.no_grad():
                self.weight.clamp_(min=0)

    # --- use ---------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def predict(self, batch: Batch) -> Oddities:
        """How odd events are, the score turned round, and the two fields whose values go together least."""
        parts = self.parts(self.rows(batch))
        lowest = self.pairs[:, parts.argmin(-1)].permute(1, 2, 0).flip(-1)
        return Oddities(-parts.sum(-1), lowest)

    @torch.no_grad()
    def encode(self, batch: Batch) -> Latents:
        """The vectors of an event's values one after the other, and their mean over events."""
        mask = batch["mask"]
        tokens = self.table(self.rows(batch)).flatten(2) * mask[..., None]
        return Latents(tokens, tokens.sum(1) / mask.sum(1, keepdim=True).clamp(min=1), mask)

    def parts(self, rows: Int[Tensor, "*n m"]) -> Float[Tensor, "*n p"]:
        """What each pair of fields adds to the score of events."""
        vectors = self.table(rows)
        product = vectors @ vectors.transpose(-1, -2)
        one, other = self.pairs
        found = product[..., one, other]
        return found if self.config.weights == "none" else found * self.weight

    def matrix(self) -> Float[Tensor, "m m"]:
        """Weights of pairs, both ways round; 0 on the diagonal."""
        m = len(self.sizes)
        weight = self.table.weight.new_ones(self.pairs.shape[1]) if self.config.weights == "none" else self.weight
        half = self.table.weight.new_zeros(m * m).scatter(0, self.pairs[0] * m + self.pairs[1], weight).view(m, m)
        return half + half.T

    def rows(self, batch: Batch) -> Int[Tensor, "b t m"]:
        """Rows of the table that the values of events have; what is no number of a value is the unknown one."""
        field = batch["field"]
        return torch.where((field < 0) | (field >= self.size), 0, field) + self.first

    def _tabulate(self) -> None:
        cumulative, logs = tables(self.counts, self.offsets, self.config.noise)
        self.cumulative.copy_(cumulative)
        self.log_noise.copy_(logs)

    @staticmethod
    def official_state_dict(state: Mapping[str, Any] | Sequence[Any]) -> dict[str, Tensor]:
        """A checkpoint of the PyTorch version, or the arrays of the official Keras model; see `official`."""
        return official.state(state)


def _after_loading(module: nn.Module, _: Any) -> None:
    module._tabulate()  # type: ignore[operator]
