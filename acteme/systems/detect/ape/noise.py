"""What false events are made of: in a true one, the value of a single field is replaced by a draw."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

FLOOR = 1e-10
"""Least probability that is corrected for: a value that never occurred has no logarithm."""


@dataclass(frozen=True)
class Noise:
    """How values are drawn, and what the loss is told of it."""

    kind: Literal["unigram", "uniform"] = "unigram"
    """Values as often as they occur in training, or all values of a field alike. It decides which anomalies are found:
    against `uniform` noise values that are rare look odd, against `unigram` noise combinations that are."""
    power: float = 0.75
    """Exponent of how often a value occurs."""
    negatives: int = 5
    """Draws for an event and field."""
    fields: Literal["event", "batch", "all"] = "event"
    """Which fields are replaced: one that is drawn for each event, one for the whole batch (as officially), or each in
    turn (as in the PyTorch version)."""
    unknown: float = 0.01
    """Least share of the unknown value among the draws for a field, 0 for none: where training has no rare values, it
    would learn nothing of the value that stands for all that is new."""
    correction: Literal["drawn", "official", "none"] = "drawn"
    """What the loss takes for the probability of a draw: what it is; how often the value occurs, whatever `power` it
    was drawn with (`official`: what is learned is then biased by (1 - power) log p); or nothing, a control."""
    stated: int | None = None
    """How many draws the correction speaks of: as many as there are unless given; officially always 10. It shifts the
    constant and nothing else."""


def tables(
    counts: Int[Tensor, " n"], offsets: list[int], noise: Noise
) -> tuple[Float[Tensor, " n"], Float[Tensor, " n"]]:
    """What to draw by and what to correct by.

    Args:
        counts: how often each value occurs; values of a field follow one another.
        offsets: number of the first value of each field, and of all values at the end.
        noise: how it is wanted.

    Returns:
        cumulative probabilities (double), from f to f + 1 over the values of field f; and logarithms of the
        probabilities within fields for the correction, not below that of `FLOOR`.
    """
    cumulative, logs = [], []
    for f in range(len(offsets) - 1):
        own = counts[offsets[f] : offsets[f + 1]].double()
        if noise.kind == "uniform" or not own.sum():
            own = torch.ones_like(own)
        drawn = own**noise.power if noise.kind == "unigram" else own
        drawn = torch.where(own > 0, drawn, 0)  # a power of 0 would draw what does not occur
        drawn = drawn / drawn.sum()
        if drawn[0] < noise.unknown and len(drawn) > 1:
            drawn = torch.cat([drawn.new_tensor([noise.unknown]), drawn[1:] * (1 - noise.unknown) / drawn[1:].sum()])
        told = own / own.sum() if noise.correction == "official" else drawn
        last = torch.where(torch.arange(len(own), device=own.device) >= drawn.nonzero().max(), 1, drawn.cumsum(0))
        cumulative.append(f + last.clamp(max=1))
        logs.append(told.clamp(min=1 if noise.correction == "none" else FLOOR).log())
    return torch.cat(cumulative), torch.cat(logs)


def draw(cumulative: Float[Tensor, " n"], field: Int[Tensor, "q b"], count: int) -> Int[Tensor, "q b k"]:
    """Numbers of values that replace those of the fields, independent draws with replacement."""
    place = torch.rand(*field.shape, count, dtype=torch.float64, device=field.device) + field[..., None]
    return torch.searchsorted(cumulative, place, right=True)
