"""The sparse autoencoder: a dictionary of directions, of which each vector is a sum of a few.

z = TopK(ReLU(W_enc (x - b_dec) + b_enc)) and x_hat = z W_dec + b_dec. Only the k chosen latents are ever decoded, which
is as many times cheaper than the whole product as there are latents for each that is kept.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError

EPS = torch.finfo(torch.float32).eps


class Chosen(NamedTuple):
    """The latents of each vector that are kept, by falling activation."""

    value: Float[Tensor, "n k"]
    """Activations, 0 or more; 0 where fewer than k are positive."""
    latent: Int[Tensor, "n k"]
    """Their numbers."""


class Dictionary(nn.Module):
    """Top-k sparse autoencoder.

    Args:
        width: of the vectors (d).
        latents: how many there are (M).
        k: how many of them a vector may have.

    Raises:
        InputError: k is not between 1 and `latents`.
    """

    def __init__(self, width: int, latents: int, k: int):
        super().__init__()
        if not 1 <= k <= latents:
            raise InputError(f"{k} of {latents} latents are to be kept", mend="keep 1 or more, and at most all")
        self.k = k
        self.encoder = nn.Linear(width, latents)
        nn.init.zeros_(self.encoder.bias)
        self.decoder = nn.Parameter(self.encoder.weight.detach().clone())
        """(M, d): a direction per latent, of unit length."""
        self.center = nn.Parameter(torch.zeros(width))
        """What every vector is seen from (b_dec)."""
        self.normalize()

    @torch.no_grad()
    def normalize(self) -> None:
        """Makes all directions as long as 1."""
        self.decoder.div_(self.decoder.norm(dim=1, keepdim=True) + EPS)

    def activations(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n m"]:
        """How much of each latent is seen in each vector, before the choice."""
        return F.relu(self.encoder(x - self.center))

    def choose(self, activations: Float[Tensor, "n m"]) -> Chosen:
        """The k largest of each row."""
        return Chosen(*activations.topk(self.k, dim=1))

    def encode(self, x: Float[Tensor, "n d"]) -> Chosen:
        """The latents of each vector."""
        return self.choose(self.activations(x))

    def sum(self, chosen: Chosen) -> Float[Tensor, "n d"]:
        """Directions times activations, without the center."""
        return F.embedding_bag(chosen.latent, self.decoder, per_sample_weights=chosen.value, mode="sum")

    def decode(self, chosen: Chosen) -> Float[Tensor, "n d"]:
        """The vectors that the latents stand for."""
        return self.sum(chosen) + self.center


def variance(x: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Sum of the squared distances to the mean of the batch."""
    return (x - x.mean(0)).square().sum()


def unexplained(x: Float[Tensor, "n d"], found: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Fraction of variance unexplained: 0 where all is found, 1 where the mean is, more where that is worse.

    Raises:
        InputError: a single row, or rows that are all the same, have no variance.
    """
    total = variance(x)
    if not total > 0:
        raise InputError(f"{len(x)} rows have no variance to explain", "batch", "give batches of different vectors")
    return (found - x).square().sum() / total


def revival(
    dictionary: Dictionary,
    activations: Float[Tensor, "n m"],
    missed: Float[Tensor, "n d"],
    dead: Bool[Tensor, " m"],
    centered: bool = False,
) -> Float[Tensor, ""]:
    """AuxK: how badly the dead latents, the best of each row, explain what the living ones missed.

        a * sum (e_hat - e)^2 with k_aux = min(d // 2, dead) and a = min(dead / (d // 2), 1)

    to be divided by the variance of the batch; 0 where none is dead.

    Args:
        dictionary: whose latents.
        activations: before the choice.
        missed: e = x - x_hat.
        dead: which latents are.
        centered: add the center to e_hat, as the official code does.
    """
    count, half = int(dead.sum()), missed.shape[1] // 2
    if not count or not half:
        return missed.new_zeros(())
    those = dead.nonzero()[:, 0]
    value, at = activations[:, those].topk(min(half, count), dim=1, sorted=False)
    explained = dictionary.sum(Chosen(value, those[at])) + (dictionary.center if centered else 0.0)
    return min(count / half, 1.0) * (explained - missed).square().sum()
