"""The networks: encoders that summarize a sequence in two learned tokens, and a decoder from one vector to a motion.

Source: Petrovich et al., Action-Conditioned 3D Human Motion Synthesis with Transformer VAE (ACTOR, ICCV 2021), section
3, as TMR (ICCV 2023) and ChronTMR use it.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acteme.errors import InputError


@dataclass(frozen=True)
class Network:
    """The size of an encoder or a decoder."""

    width: int = 256
    """Numbers of a position, and of the latent."""
    hidden: int = 1024
    """Width of the layers between."""
    layers: int = 6
    """Blocks."""
    heads: int = 4
    """Heads of the attention."""
    dropout: float = 0.1
    """Share of the numbers that are zeroed in training, wherever the original transformer does."""

    def __post_init__(self) -> None:
        if min(self.width, self.hidden, self.heads, self.layers) < 1 or self.width % (2 * self.heads):
            raise InputError(
                f"{self.heads} heads cannot share a width of {self.width} in {self.layers} layers",
                "network",
                "take a width that is a multiple of twice the heads, and a layer or more",
            )


def positions(length: int, width: int, device: torch.device | None = None) -> Float[Tensor, "t d"]:
    """Sines (even places) and cosines (odd places) of each place in a sequence; wavelengths from 2 pi to 20000 pi."""
    rate = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    angle = torch.arange(length, device=device)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


class Ragged:
    """Which positions of a batch of sequences exist: everything but attention is computed for these alone.

    Args:
        mask: positions that exist.
    """

    def __init__(self, mask: Bool[Tensor, "b t"]):
        self.shape = mask.shape
        whole = bool(mask.all())
        self.at = None if whole else mask.flatten().nonzero()[:, 0]
        self.attended = None if whole else mask[:, None, None]

    def rows(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "n d"]:
        """The vectors of the positions that exist, one sequence after the other."""
        flat = x.reshape(-1, x.shape[-1])
        return flat if self.at is None else flat[self.at]

    def sequences(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "b t d"]:
        """The sequences again, zero where there is nothing."""
        if self.at is None:
            return rows.view(*self.shape, -1)
        out = rows.new_zeros(self.shape[0] * self.shape[1], rows.shape[-1])
        return out.index_copy(0, self.at, rows).view(*self.shape, -1)

    def each(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "n d"]:
        """A vector of each sequence for every position of it."""
        flat = z[:, None].expand(*self.shape, -1)
        return flat.reshape(-1, z.shape[-1]) if self.at is None else z[self.at // self.shape[1]]


class Attention(nn.Module):
    """Multi-head attention of a sequence to itself."""

    def __init__(self, size: Network):
        super().__init__()
        self.heads, self.dropout = size.heads, size.dropout
        self.inside = nn.Linear(size.width, 3 * size.width)
        self.outside = nn.Linear(size.width, size.width)
        nn.init.xavier_uniform_(self.inside.weight)
        nn.init.zeros_(self.inside.bias)
        nn.init.zeros_(self.outside.bias)

    def forward(self, x: Float[Tensor, "n d"], ragged: Ragged) -> Float[Tensor, "n d"]:
        b, t = ragged.shape
        query, key, value = ragged.sequences(self.inside(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, ragged.attended, drop)
        return self.outside(ragged.rows(mixed.transpose(1, 2).reshape(b, t, -1)))


class Glance(nn.Module):
    """Multi-head attention of a sequence to one vector: that vector's value, wherever it is looked from.

    A softmax over one key is 1, so that queries and keys never matter: they are left out. What is left of the attention
    in training is its dropout, by which a head of a position sees nothing.
    """

    def __init__(self, size: Network):
        super().__init__()
        self.heads, self.dropout = size.heads, size.dropout
        self.value = nn.Linear(size.width, size.width)
        self.outside = nn.Linear(size.width, size.width)
        bound = math.sqrt(6 / (4 * size.width))  # as part of one matrix with queries and keys
        nn.init.uniform_(self.value.weight, -bound, bound)
        nn.init.zeros_(self.value.bias)
        nn.init.zeros_(self.outside.bias)

    def forward(self, z: Float[Tensor, "b d"], ragged: Ragged) -> Float[Tensor, "n d"]:
        value = self.value(z)
        if not (self.training and self.dropout):
            return ragged.each(self.outside(value))
        value = ragged.each(value)
        seen = F.dropout(value.new_ones(len(value), self.heads, 1), self.dropout)
        return self.outside((seen * value.view(len(value), self.heads, -1)).flatten(1))


class Block(nn.Module):
    """A transformer's layer with the normalization after each sum: attention, a look at a vector (or not), two layers.

    Args:
        size: of the network.
        glance: whether there is a vector to look at.
    """

    def __init__(self, size: Network, glance: bool):
        super().__init__()
        self.attention = Attention(size)
        self.glance = Glance(size) if glance else None
        self.first, self.second = nn.Linear(size.width, size.hidden), nn.Linear(size.hidden, size.width)
        self.norms = nn.ModuleList(nn.LayerNorm(size.width) for _ in range(2 + glance))
        self.drop = nn.Dropout(size.dropout)

    def forward(
        self, x: Float[Tensor, "n d"], ragged: Ragged, z: Float[Tensor, "b d"] | None = None
    ) -> Float[Tensor, "n d"]:
        x = self.norms[0](x + self.drop(self.attention(x, ragged)))
        if self.glance is not None and z is not None:
            x = self.norms[1](x + self.drop(self.glance(z, ragged)))
        inner = self.drop(F.gelu(self.first(x)))
        return self.norms[-1](x + self.drop(self.second(inner)))


class SequenceEncoder(nn.Module):
    """A sequence as a normal distribution: two learned tokens before it become mean and logarithm of the variance.

    Args:
        features: numbers of a position.
        size: of the network.
    """

    def __init__(self, features: int, size: Network):
        super().__init__()
        self.size = size
        self.projection = nn.Linear(features, size.width)
        self.tokens = nn.Parameter(torch.randn(2, size.width))
        self.blocks = nn.ModuleList(Block(size, False) for _ in range(size.layers))
        self.drop = nn.Dropout(size.dropout)

    def forward(
        self, x: Float[Tensor, "b t f"], mask: Bool[Tensor, "b t"]
    ) -> tuple[Float[Tensor, "b d"], Float[Tensor, "b d"], Float[Tensor, "b t d"]]:
        """Mean, logarithm of the variance, and the positions' own vectors."""
        x = torch.cat([self.tokens.expand(len(x), -1, -1), self.projection(x)], 1)
        ragged = Ragged(F.pad(mask, (2, 0), value=True))
        rows = self.drop(ragged.rows(x + positions(x.shape[1], x.shape[2], x.device).to(x)))
        for block in self.blocks:
            rows = block(rows, ragged)
        x = ragged.sequences(rows)
        return x[:, 0], x[:, 1], x[:, 2:]


class SequenceDecoder(nn.Module):
    """A sequence from a vector: queries that are nothing but the places in time look at it.

    Args:
        features: numbers of a position.
        size: of the network.
    """

    def __init__(self, features: int, size: Network):
        super().__init__()
        self.size = size
        self.blocks = nn.ModuleList(Block(size, True) for _ in range(size.layers))
        self.out = nn.Linear(size.width, features)
        self.drop = nn.Dropout(size.dropout)

    def forward(self, z: Float[Tensor, "b d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b t f"]:
        """The sequence; zero where `mask` is False."""
        places = positions(mask.shape[1], z.shape[1], z.device).to(z)
        ragged = Ragged(mask)
        rows = self.drop(ragged.rows(places.expand(len(z), -1, -1)))
        for block in self.blocks:
            rows = block(rows, ragged, z)
        return ragged.sequences(self.out(rows))
