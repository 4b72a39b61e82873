"""Latents: what an encoder gives, the one currency between systems."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Latents:
    """The encoding of a batch."""

    tokens: Float[Tensor, "b t d"]
    """A vector per time step; t may be a fraction of the frames."""
    pooled: Float[Tensor, "b d"]
    """A vector per window."""
    mask: Bool[Tensor, "b t"]
    """Time steps that stand for frames that exist."""
