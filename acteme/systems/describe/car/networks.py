"""The networks: encoders that summarize a sequence in two learned tokens, and a decoder from one vector to a motion.

Source: Petrovich et al., Action-Conditioned 3D Human Motion Synthesis with Transformer VAE (ACTOR, ICCV 2021), section
3, as TMR (ICCV 2023) and ChronTMR use it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError

SIMILAR = 0.75
"""Share of the longest length of a group that its shortest sequence has at least."""


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


@dataclass(frozen=True)
class Group:
    """Sequences of similar length, which attention takes together, padded to the longest."""

    sequences: slice
    """Which, in the order of `Ragged`."""
    rows: slice
    """Their positions."""
    shape: tuple[int, int]
    """Sequences and length of the longest."""
    at: Int[Tensor, " r"] | None
    """Where their positions stand among the padded ones; None where there is no padding."""
    attended: Bool[Tensor, "n 1 1 t"] | None
    """Which of the padded positions exist."""

    @classmethod
    def of(cls, counts: Sequence[int], device: torch.device) -> "list[Group]":
        """Groups of sequences of falling lengths; those of length 0 are in none."""
        groups, begin, row = [], 0, 0
        while begin < len(counts) and counts[begin]:
            longest = counts[begin]
            own = [c for c in counts[begin:] if c >= SIMILAR * longest]
            at = attended = None
            if own[-1] < longest:
                mask = torch.arange(longest, device=device) < torch.tensor(own, device=device)[:, None]
                at, attended = mask.flatten().nonzero()[:, 0], mask[:, None, None]
            end = begin + len(own)
            groups.append(cls(slice(begin, end), slice(row, row + sum(own)), (len(own), longest), at, attended))
            begin, row = end, row + sum(own)
        return groups

    def padded(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "g t d"]:
        """The group's sequences out of all rows, zero where there is nothing."""
        own = rows[self.rows]
        if self.at is not None:
            own = own.new_zeros(self.shape[0] * self.shape[1], own.shape[1]).index_copy(0, self.at, own)
        return own.reshape(*self.shape, -1)

    def packed(self, x: Float[Tensor, "g t d"]) -> Float[Tensor, "r d"]:
        """The rows of the group again."""
        return x.flatten(0, 1) if self.at is None else x.flatten(0, 1)[self.at]


class Ragged:
    """Which positions of a batch of sequences exist: these alone are computed, as rows, one sequence after the other.

    Longer sequences come first, so that attention, which alone needs padding, takes those of similar length together.

    Args:
        mask: positions that exist.
    """

    def __init__(self, mask: Bool[Tensor, "b t"]):
        self.shape = mask.shape
        count = mask.sum(1)
        order = count.argsort(descending=True, stable=True)
        self.count, self.rank = count[order], order.argsort()
        sequence, place = mask[order].nonzero().unbind(1)
        self.sequence = order[sequence]
        self.at = self.sequence * mask.shape[1] + place
        self.groups = Group.of(self.count.tolist(), mask.device)

    def rows(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "n d"]:
        """The vectors of the positions that exist."""
        return x.flatten(0, 1)[self.at]

    def sequences(self, rows: Float[Tensor, "n d"]) -> Float[Tensor, "b t d"]:
        """The sequences again, zero where there is nothing."""
        out = rows.new_zeros(self.shape[0] * self.shape[1], rows.shape[1])
        return out.index_copy(0, self.at, rows).view(*self.shape, -1)

    def each(self, z: Float[Tensor, "b d"]) -> Float[Tensor, "n d"]:
        """A vector of each sequence for every position of it."""
        return z[self.sequence]

    def heads(self, rows: Float[Tensor, "n d"], first: int) -> Float[Tensor, "h d"]:
        """The rows of the first positions of each sequence."""
        begin = self.count.cumsum(0) - self.count
        return rows[(begin[:, None] + torch.arange(first, device=rows.device)).flatten()]


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

    def forward(self, x: Float[Tensor, "n d"], ragged: Ragged, first: int | None = None) -> Float[Tensor, "m d"]:
        """What all positions see, or only the `first` of each sequence."""
        width, drop = x.shape[1], self.dropout if self.training else 0.0
        if first is None:
            query, memory = self.inside(x).split([width, 2 * width], 1)
        else:
            (ask, tell), (ask_bias, tell_bias) = (p.split([width, 2 * width]) for p in self.inside.parameters())
            query, memory = F.linear(ragged.heads(x, first), ask, ask_bias), F.linear(x, tell, tell_bias)
        seen = []
        for group in ragged.groups:
            if first is None:
                asking = group.padded(query)
            else:
                asking = query.view(-1, first, width)[group.sequences]
            key, value = self._split(group.padded(memory)).chunk(2, 1)
            mixed = F.scaled_dot_product_attention(self._split(asking), key, value, group.attended, drop)
            mixed = mixed.transpose(1, 2).flatten(2)
            seen.append(group.packed(mixed) if first is None else mixed.flatten(0, 1))
        return self.outside(torch.cat(seen))

    def _split(self, x: Float[Tensor, "g t d"]) -> Float[Tensor, "g h t k"]:
        """By heads, of which keys and values together have twice as many."""
        return x.reshape(*x.shape[:2], -1, self.outside.in_features // self.heads).transpose(1, 2)


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
        self,
        x: Float[Tensor, "n d"],
        ragged: Ragged,
        z: Float[Tensor, "b d"] | None = None,
        first: int | None = None,
    ) -> Float[Tensor, "m d"]:
        """The vectors of all positions, or only of the `first` of each sequence."""
        seen = self.drop(self.attention(x, ragged, first))
        x = self.norms[0]((x if first is None else ragged.heads(x, first)) + seen)
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
        """Mean, logarithm of the variance, and the positions' own vectors, as the last block finds them.

        What the last block would make of the positions themselves is not computed: nothing ever reads it.
        """
        x = torch.cat([self.tokens.expand(len(x), -1, -1), self.projection(x)], 1)
        ragged = Ragged(F.pad(mask, (2, 0), value=True))
        rows = self.drop(ragged.rows(x + positions(x.shape[1], x.shape[2], x.device).to(x)))
        *blocks, last = self.blocks
        for block in blocks:
            rows = block(rows, ragged)
        mean, log = last(rows, ragged, first=2).view(len(x), 2, -1)[ragged.rank].unbind(1)
        return mean, log, ragged.sequences(rows)[:, 2:]


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
