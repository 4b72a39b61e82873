"""SASRec in the form of BERT: causal attention over the latest items, padded on the left, in absolute slots.

Source: Kang and McAuley, Self-Attentive Sequential Recommendation (ICDM 2018), with the blocks of BERT: layer norm
after the sum of the embeddings, norms after the residuals, GELU. S3-Rec, CoSeRec, ICLRec and ICSRec share this form.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.dropout import dropout

EPS = 1e-12
"""Of the layer norms, under the root."""
STEP = 128
"""In half precision, products of matrices are done for multiples of so many items: a processor prepares itself anew for
each size."""


def slots(item: Int[Tensor, "b t"], mask: Bool[Tensor, "b t"], length: int) -> Int[Tensor, "b l"]:
    """The latest `length` items of right-padded histories, padded with 0 on the left: the last one is in the last slot.

    Args:
        item: numbers of items, from 1.
        mask: which of them exist.
        length: number of slots; longer histories lose their beginning.
    """
    at = mask.sum(1, keepdim=True) - length + torch.arange(1, length + 1, device=item.device)
    return F.pad(item, (1, 0)).gather(1, at.clamp(0))


class SASRec(nn.Module):
    """Items in slots to a vector per slot, which sees the items up to it.

    Args:
        rows: rows of the table of items. Row 0 is padding: it is drawn like the others, and a loss over all rows trains
            it, but it is never read as an input.
        width: of the vectors (D).
        length: slots (L).
        layers: number of blocks.
        heads: attention heads of each.
        inner: width of the feed-forward layers; None: four times `width`.
        dropout: of embeddings and of what is added to a residual.
        attention_dropout: of attention weights.

    Raises:
        InputError: `width` is no multiple of `heads`.
    """

    def __init__(self, rows: int, width: int = 64, length: int = 50, layers: int = 2, heads: int = 2,
                 inner: int | None = None, dropout: float = 0.5, attention_dropout: float = 0.5):  # fmt: skip
        super().__init__()
        if width % heads:
            raise InputError(f"{heads} heads do not divide a width of {width}", mend="change one of them")
        self.length, self.dropout = length, dropout
        self.items = nn.Embedding(rows, width, padding_idx=0)
        self.places = nn.Embedding(length, width)
        self.norm = nn.LayerNorm(width, EPS)
        self.blocks = nn.ModuleList(
            Block(width, heads, inner or 4 * width, dropout, attention_dropout) for _ in range(layers)
        )
        self.apply(_draw)

    @property
    def table(self) -> Float[Tensor, "rows d"]:
        """A vector per item; scores are products with it."""
        return self.items.weight

    def forward(self, slots: Int[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        """A vector per slot; those of padding mean nothing.

        Args:
            slots: numbers of items, padded with 0 on the left (see the function `slots`). Fewer than `length` stand for
                the last slots.
        """
        x, layout = self.embed(slots)
        for block in self.blocks:
            x = block(x, layout)
        return layout.spread(x)

    def last(self, slots: Int[Tensor, "b l"]) -> Float[Tensor, "b d"]:
        """The vector of the last slot alone, for which alone the last block is done: same result, in less time."""
        x, layout = self.embed(slots[:, int((slots > 0).any(0).byte().argmax()) :])
        for block in self.blocks[:-1]:
            x = block(x, layout)
        return self.blocks[-1](x, layout, last=True)

    def embed(self, slots: Int[Tensor, "b l"]) -> tuple[Float[Tensor, "n d"], "Layout"]:
        """What the first block gets, and where it stands."""
        layout = Layout.of(slots)
        place = self.length - slots.shape[1] + layout.at % slots.shape[1]
        x = self.norm(self.items(slots.flatten()[layout.at]) + F.embedding(place, self.places.weight))
        return dropout(x, self.dropout, self.training), layout


class Layout(NamedTuple):
    """Where items stand that are laid one behind the other, without the padding between histories: all but attention
    is done for them alone. The last slot of a history stands there even if it has no item; behind all are, in half
    precision, as many slots of padding as make the number a multiple of `STEP`, where there are so many."""

    at: Int[Tensor, " n"]
    """Number of each among all slots."""
    row: Int[Tensor, " bl"]
    """The other way around: which of them each slot holds; a slot of padding that is left out, any."""
    last: Int[Tensor, " b"]
    """Which are in the last slots."""
    allowed: Bool[Tensor, "b 1 l l"]
    """Which slots each slot may look at: items up to its own. One of padding sees itself, so that its softmax, which
    nobody reads, is defined."""

    @classmethod
    def of(cls, slots: Int[Tensor, "b l"]) -> "Layout":
        """That of items in slots."""
        count, real = slots.shape[1], slots > 0
        causal = torch.ones(count, count, dtype=torch.bool, device=slots.device).tril()
        own = torch.eye(count, dtype=torch.bool, device=slots.device)
        allowed = ((real[:, None] & causal) | own)[:, None]
        real[:, -1] = True
        at = real.flatten().nonzero()[:, 0]
        if torch.is_autocast_enabled(slots.device.type):
            at = torch.cat([at, (~real).flatten().nonzero()[: -len(at) % STEP, 0]])
        row = at.new_zeros(slots.numel()).index_copy(0, at, torch.arange(len(at), device=at.device))
        return cls(at, row, real.sum(1).cumsum(0) - 1, allowed)

    def split(self, x: Float[Tensor, "n pd"], parts: int, heads: int) -> Float[Tensor, "p b h l e"]:
        """Vectors of `parts` times `heads` pieces, one behind the other, as parts of heads of slots. What it says of
        padding is another item's; no gradient comes from there."""
        into, back = self._ways(parts, heads)
        return Moved.apply(x.reshape(len(back), -1), into.flatten(), back).view(*into.shape, -1)

    def join(self, x: Float[Tensor, "b h l e"]) -> Float[Tensor, "n d"]:
        """The other way around, for one part. Padding gets the gradient of another item: give it on to `split` alone,
        by way of attention as `allowed`."""
        into, back = self._ways(1, x.shape[1])
        return Moved.apply(x.reshape(-1, x.shape[3]), back, into.flatten()).view(len(self.at), -1)

    def _ways(self, parts: int, heads: int) -> tuple[Int[Tensor, "p b h l"], Int[Tensor, " nph"]]:
        """Numbers of the pieces of vectors in the order of slots, and the other way around."""
        count, _, length, _ = self.allowed.shape
        piece = torch.arange(parts * heads, device=self.at.device)
        into = self.row.view(count, 1, length) * (parts * heads) + piece.view(parts, 1, heads, 1)
        first = piece // heads * (count * heads * length) + piece % heads * length
        start = self.at // length * (heads * length) + self.at % length
        return into, (start[:, None] + first).flatten()

    def spread(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "b l d"]:
        """In slots, with zeros between."""
        count, _, length, _ = self.allowed.shape
        return x.new_zeros(count * length, x.shape[1]).index_copy(0, self.at, x).view(count, length, -1)


class Moved(torch.autograd.Function):
    """Rows `to` of a table, and gradients by the rows `back`: a permutation, but for what nobody reads. Neither way
    fills zeros or adds, as the gradient of an index does."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, to: Tensor, back: Tensor) -> Tensor:
        """The rows."""
        ctx.save_for_backward(back)
        return x.index_select(0, to)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        """Their way back."""
        return gradient.index_select(0, ctx.saved_tensors[0]), None, None


class Block(nn.Module):
    """Attention and a feed-forward layer with GELU, each added to its input and normed after."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float, attention_dropout: float):
        super().__init__()
        self.heads, self.dropout, self.attention_dropout = heads, dropout, attention_dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, EPS)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.norm2 = nn.LayerNorm(width, EPS)

    def forward(self, x: Float[Tensor, "n d"], layout: Layout, last: bool = False) -> Float[Tensor, "q d"]:
        """All items, or the last of each history alone (q = b)."""
        if last:
            every, x = x, x.index_select(0, layout.last)
            seen = self.seen_last(x, every, layout)
        else:
            drop = self.attention_dropout if self.training else 0.0
            q, k, v = layout.split(self.qkv(x), 3, self.heads)
            seen = layout.join(attend(q, k, v, layout.allowed, drop))
        x = self.norm1(x + dropout(self.out(seen), self.dropout, self.training))
        return self.norm2(x + dropout(self.down(F.gelu(self.up(x))), self.dropout, self.training))

    def seen_last(self, x: Float[Tensor, "b d"], every: Float[Tensor, "n d"], layout: Layout) -> Float[Tensor, "b d"]:
        """What the last item of each history sees, without keys and values of the others: a query's product with the
        key K x is that of K^T q with x (the bias adds the same to all, which the softmax takes away), and the weighted
        sum of values V x + c is V applied to that of x, and c times the sum of the weights."""
        with torch.autocast(x.device.type, enabled=False):  # half precision slows small products down
            x, every = x.to(self.qkv.weight.dtype), every.to(self.qkv.weight.dtype)
            to_query, to_key, to_value = self.qkv.weight.unflatten(0, (3, self.heads, -1))
            of_query, _, of_value = self.qkv.bias.unflatten(0, (3, self.heads, 1, -1))
            q = torch.baddbmm(of_query, x.expand(self.heads, -1, -1), to_query.transpose(1, 2))
            q = (q * q.shape[-1] ** -0.5 @ to_key).transpose(0, 1)
            slots = layout.split(every, 1, 1)[0, :, 0]
            weights = (q @ slots.transpose(1, 2)).masked_fill(~layout.allowed[:, 0, -1:], -torch.inf).softmax(-1)
            weights = dropout(weights, self.attention_dropout, self.training)
            seen = (weights @ slots).transpose(0, 1) @ to_value.transpose(1, 2)
            return (seen + weights.sum(-1).T[..., None] * of_value).transpose(0, 1).flatten(1)


def attend(
    q: Float[Tensor, "b h q d"],
    k: Float[Tensor, "b h l d"],
    v: Float[Tensor, "b h l d"],
    allowed: Bool[Tensor, "b 1 q l"],
    drop: float = 0.0,
) -> Float[Tensor, "b h q d"]:
    """Softmax attention to what is allowed, with dropout of the weights: torch's, but where there is dropout on a
    processor, for which it has nothing fast; nor has it for half precision there, which is done in single precision.
    Every row of `allowed` must have a True."""
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed, dropout_p=drop)
    with torch.autocast("cpu", enabled=False):
        q, k, v = (x.float() if x.dtype == torch.bfloat16 else x for x in (q, k, v))
        if not drop:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        bias = torch.zeros(allowed.shape, dtype=q.dtype).masked_fill(~allowed, -torch.inf)
        weights = (q * q.shape[-1] ** -0.5 @ k.transpose(-1, -2) + bias).softmax(-1)
        return dropout(weights, drop) @ v


def _draw(module: nn.Module) -> None:
    """Weights from N(0, 0.02), biases 0, as in BERT; row 0 of the items too."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def from_s3rec(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of the code of S3-Rec and its kin (CoSeRec, ICLRec, ICSRec) as those of `SASRec`; other names stay."""
    made = {_TOP.get(name, name): value for name, value in state.items() if not name.startswith(_LAYER)}
    for n in sorted({int(name.split(".")[2]) for name in state if name.startswith(_LAYER)}):
        layer, block = f"{_LAYER}{n}.", f"blocks.{n}."
        for kind in ("weight", "bias"):
            parts = [state[f"{layer}attention.{part}.{kind}"] for part in ("query", "key", "value")]
            made[f"{block}qkv.{kind}"] = torch.cat(parts)
            for old, new in _INNER.items():
                made[f"{block}{new}.{kind}"] = state[f"{layer}{old}.{kind}"]
    return made


_LAYER = "item_encoder.layer."
_TOP = {
    "item_embeddings.weight": "items.weight",
    "position_embeddings.weight": "places.weight",
    "LayerNorm.weight": "norm.weight",
    "LayerNorm.bias": "norm.bias",
}
_INNER = {
    "attention.dense": "out",
    "attention.LayerNorm": "norm1",
    "intermediate.dense_1": "up",
    "intermediate.dense_2": "down",
    "intermediate.LayerNorm": "norm2",
}
