"""The other two encoders: SASRec as it was published, and the GRU. Both read items in slots, padded on the left."""

import math
from typing import Literal, TypeAlias

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.nn.dropout import dropout
from acteme.nn.sequence import SASRec
from acteme.nn.sequence.sasrec import attend

Kind = Literal["sasrec", "published", "gru"]
Encoder: TypeAlias = "SASRec | Published | Recurrent"


class Published(nn.Module):
    """SASRec as published (Kang and McAuley, ICDM 2018): the norm before attention is that of the query alone,
    which the residual starts from; no projection of the heads; feed-forward layers of the same width with ReLU.

    Args: as of `nn.sequence.SASRec`; the feed-forward layers are as wide as the vectors.
    """

    def __init__(self, rows: int, width: int, length: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.length, self.dropout = length, dropout
        self.items = nn.Embedding(rows, width, padding_idx=0)
        self.places = nn.Embedding(length, width)
        self.blocks = nn.ModuleList(PublishedBlock(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width, 1e-8)
        for part in self.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.xavier_uniform_(part.weight)
            if isinstance(part, nn.Linear):
                nn.init.zeros_(part.bias)
        with torch.no_grad():
            self.items.weight[0] = 0

    @property
    def table(self) -> Float[Tensor, "rows d"]:
        """A vector per item."""
        return self.items.weight

    def forward(self, slots: Int[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        """A vector per slot, 0 before the last norm where it is padding."""
        count, real = slots.shape[1], slots > 0
        x = self.items(slots) * math.sqrt(self.items.embedding_dim) + self.places.weight[self.length - count :]
        x = dropout(x, self.dropout, self.training) * real[..., None]
        causal = torch.ones(count, count, dtype=torch.bool, device=slots.device).tril()
        own = torch.eye(count, dtype=torch.bool, device=slots.device)
        allowed = ((real[:, None] & causal) | own)[:, None]
        for block in self.blocks:
            x = block(x, allowed) * real[..., None]
        return self.norm(x)

    def last(self, slots: Int[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        """The vector of the last slot; slots that are padding in all of the batch are left out."""
        return self(slots[:, int((slots > 0).any(0).byte().argmax()) :])[:, -1]


class PublishedBlock(nn.Module):
    """q = LN(x), x = q + attention(q, x, x), then f = LN(x), x = f + FFN(f)."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm1 = nn.LayerNorm(width, 1e-8)
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.norm2 = nn.LayerNorm(width, 1e-8)
        self.up, self.down = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Float[Tensor, "b l d"], allowed: Bool[Tensor, "b 1 l l"]) -> Float[Tensor, "b l d"]:
        """All slots."""
        drop = self.dropout if self.training else 0.0
        start = self.norm1(x)
        split = (self.query(start), *self.key_value(x).chunk(2, -1))
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in split)
        x = self.norm2(start + attend(q, k, v, allowed, drop).transpose(1, 2).flatten(2))
        return x + dropout(self.down(dropout(self.up(x).relu(), drop)), drop)


class Recurrent(nn.Module):
    """A GRU without biases of twice the width, and a linear layer. It has no mask: it reads the padding before the
    items as well, whose row of the table a loss over all rows trains.

    Args:
        rows: of the table of items.
        width: of the vectors (D).
        layers: of the GRU.
        dropout: of the embeddings.
    """

    def __init__(self, rows: int, width: int, layers: int, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.items = nn.Embedding(rows, width, padding_idx=0)
        self.gru = nn.GRU(width, 2 * width, layers, bias=False, batch_first=True)
        self.out = nn.Linear(2 * width, width)

    @property
    def table(self) -> Float[Tensor, "rows d"]:
        """A vector per item."""
        return self.items.weight

    def forward(self, slots: Int[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        """A vector per slot."""
        return self.out(self.gru(dropout(self.items(slots), self.dropout, self.training))[0])

    def last(self, slots: Int[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        """The vector of the last slot."""
        return self.out(self.gru(dropout(self.items(slots), self.dropout, self.training))[0][:, -1])
