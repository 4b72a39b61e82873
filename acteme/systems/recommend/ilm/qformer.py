"""The item encoder: BLIP-2's Q-Former, whose image is a collaborative vector.

Learned queries look at the item (one vector, or some tokens made of it) by cross-attention in every second layer, the
first included; they share self-attention with the tokens of a text, where there is one, while each kind has
feed-forward layers of its own. Text never looks at the item. Blocks are those of BERT: norms after the residuals, GELU.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.dropout import dropout
from acteme.nn.sequence.sasrec import attend

EPS = 1e-12
"""Of the layer norms, under the root."""
Past = list[tuple[Tensor, Tensor]]
"""Keys and values of the queries in each layer."""


@dataclass(frozen=True)
class QFormerConfig:
    """Settings of the item encoder."""

    queries: int = 8
    """Soft tokens of an item (n_q)."""
    width: int = 768
    """Of the hidden states (h)."""
    layers: int = 8
    """Number of blocks; cross-attention in those of even number, from 0."""
    heads: int = 12
    """Attention heads of each."""
    inner: int | None = None
    """Width of the feed-forward layers; four times `width` unless given."""
    tokens: int = 1
    """Tokens that the collaborative vector is made into; with one, cross-attention has one key and is a linear map."""
    limit: int = 64
    """Most tokens of a text."""
    dropout: float = 0.1
    """Of embeddings, attention weights and what is added to a residual."""

    @classmethod
    def small(cls) -> "QFormerConfig":
        """For two processor cores."""
        return cls(8, 128, 3, 4, tokens=4, limit=24, dropout=0.0)


class Encoded(NamedTuple):
    """Items as queries see them."""

    z: Float[Tensor, "b n h"]
    past: Past


class QFormer(nn.Module):
    """Queries, and text beside them.

    Args:
        config: settings.
        source: numbers of a collaborative vector.
        vocabulary: tokens of texts; 0 leaves the text branch out, as in phase 2.

    Raises:
        InputError: `width` is no multiple of `heads`.
    """

    def __init__(self, config: QFormerConfig, source: int, vocabulary: int = 0):
        super().__init__()
        c = config
        if c.width % c.heads:
            raise InputError(f"{c.heads} heads do not divide a width of {c.width}", mend="change one of them")
        self.config = c
        self.queries = nn.Parameter(torch.zeros(c.queries, c.width))
        self.source = nn.Linear(source, c.tokens * c.width)
        self.norm = nn.LayerNorm(c.width, EPS)
        self.blocks: Any = nn.ModuleList(Block(c, n % 2 == 0, vocabulary > 0) for n in range(c.layers))
        if vocabulary:
            self.words = nn.Embedding(vocabulary, c.width, padding_idx=0)
            self.places = nn.Embedding(c.limit, c.width)
        self.apply(_draw)
        nn.init.normal_(self.queries, std=0.02)

    def begin(self) -> None:
        """Starts the feed-forward layers of the queries where those of the text are."""
        for block in self.blocks:
            if block.text is not None:
                block.own.load_state_dict(block.text.state_dict())

    def sources(self, vector: Float[Tensor, "b d"]) -> Float[Tensor, "b k h"]:
        """Collaborative vectors as tokens."""
        return self.source(vector).unflatten(-1, (self.config.tokens, -1))

    def forward(self, vector: Float[Tensor, "b d"]) -> Float[Tensor, "b n h"]:
        """Z: what the queries make of items, by themselves."""
        return self.encode(self.sources(vector)).z

    def encode(self, sources: Float[Tensor, "b k h"]) -> Encoded:
        """Items without text, with what texts may look at."""
        x, past = self._queries(len(sources)), []
        for block in self.blocks:
            x, kept = block(x, x.shape[1], sources, _all(x))
            past.append(kept)
        return Encoded(x, past)

    def read(
        self,
        ids: Int[Tensor, "b l"],
        mask: Bool[Tensor, "b l"],
        past: Past | None = None,
        told: Bool[Tensor, " b"] | None = None,
    ) -> Float[Tensor, "b l h"]:
        """Texts.

        Args:
            ids: tokens.
            mask: which exist.
            past: of queries; without it texts are read by themselves, each token seeing all of its text.
            told: with `past`: texts whose tokens see the queries and the text up to themselves; the others are read by
                themselves.
        """
        x = self._text(ids)
        allowed = mask[:, None, None]
        if past is not None and told is not None:
            length = ids.shape[1]
            causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
            inside = allowed & (causal | ~told[:, None, None, None])
            before = told[:, None, None, None].expand(-1, 1, length, self.config.queries)
            allowed = torch.cat([before, inside], -1)
        for n, block in enumerate(self.blocks):
            x, _ = block(x, 0, None, allowed, None if past is None else past[n])
        return x

    def match(
        self, sources: Float[Tensor, "b k h"], ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> Float[Tensor, "b n h"]:
        """Queries that see the item and all of a text, which sees them."""
        x = torch.cat([self._queries(len(ids)), self._text(ids)], 1)
        count = self.config.queries
        allowed = F.pad(mask, (count, 0), value=True)[:, None, None]
        for block in self.blocks[:-1]:
            x, _ = block(x, count, sources, allowed)
        return self.blocks[-1](x, count, sources, allowed, alone=True)[0]  # nobody reads the text any more

    def _queries(self, count: int) -> Float[Tensor, "b n h"]:
        return self._dropped(self.norm(self.queries).expand(count, -1, -1))

    def _text(self, ids: Int[Tensor, "b l"]) -> Float[Tensor, "b l h"]:
        return self._dropped(self.norm(self.words(ids) + self.places.weight[: ids.shape[1]]))

    def _dropped(self, x: Tensor) -> Tensor:
        return dropout(x, self.config.dropout, self.training)


class Block(nn.Module):
    """Shared self-attention; cross-attention of queries; feed-forward layers of queries and of text."""

    def __init__(self, config: QFormerConfig, crossed: bool, text: bool):
        super().__init__()
        c = config
        self.heads, self.dropout = c.heads, c.dropout
        self.qkv, self.out, self.norm = nn.Linear(c.width, 3 * c.width), nn.Linear(c.width, c.width), _norm(c)
        self.cross = Cross(c) if crossed else None
        self.own = Feed(c)
        self.text = Feed(c) if text else None

    def forward(
        self,
        x: Float[Tensor, "b l h"],
        count: int,
        sources: Float[Tensor, "b k h"] | None,
        allowed: Bool[Tensor, "b 1 q k2"],
        past: tuple[Tensor, Tensor] | None = None,
        alone: bool = False,
    ) -> tuple[Float[Tensor, "b l h"], tuple[Tensor, Tensor]]:
        """Hidden states, of which the first `count` are queries (`alone`: only these), and the keys and values that all
        gave."""
        if alone:
            width = x.shape[-1]
            q = F.linear(x[:, :count], self.qkv.weight[:width], self.qkv.bias[:width])
            k, v = F.linear(x, self.qkv.weight[width:], self.qkv.bias[width:]).chunk(2, -1)
            x = x[:, :count]
        else:
            q, k, v = self.qkv(x).chunk(3, -1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in (q, k, v))
        kept = (k, v)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        drop = self.dropout if self.training else 0.0
        seen = attend(q, k, v, allowed, drop).transpose(1, 2).flatten(2)
        x = self.norm(x + dropout(self.out(seen), self.dropout, self.training))
        own, text = x[:, :count], x[:, count:]
        if count and self.cross is not None and sources is not None:
            own = self.cross(own, sources)
        parts = [self.own(own)] if count else []
        if text.shape[1] and self.text is not None:
            parts.append(self.text(text))
        return (parts[0] if len(parts) == 1 else torch.cat(parts, 1)), kept


class Cross(nn.Module):
    """Attention of queries to the item."""

    def __init__(self, config: QFormerConfig):
        super().__init__()
        c = config
        self.heads, self.dropout = c.heads, c.dropout
        self.query, self.keys = nn.Linear(c.width, c.width), nn.Linear(c.width, 2 * c.width)
        self.out, self.norm = nn.Linear(c.width, c.width), _norm(c)

    def forward(self, x: Float[Tensor, "b n h"], sources: Float[Tensor, "b k h"]) -> Float[Tensor, "b n h"]:
        q = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        k, v = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in self.keys(sources).chunk(2, -1))
        drop = self.dropout if self.training else 0.0
        seen = attend(q, k, v, _all(x), drop).transpose(1, 2).flatten(2)
        return self.norm(x + dropout(self.out(seen), self.dropout, self.training))


class Feed(nn.Module):
    """A feed-forward layer with GELU, its residual and norm."""

    def __init__(self, config: QFormerConfig):
        super().__init__()
        inner = config.inner or 4 * config.width
        self.up, self.down, self.norm = nn.Linear(config.width, inner), nn.Linear(inner, config.width), _norm(config)
        self.dropout = config.dropout

    def forward(self, x: Float[Tensor, "b l h"]) -> Float[Tensor, "b l h"]:
        return self.norm(x + dropout(self.down(F.gelu(self.up(x))), self.dropout, self.training))


def _norm(config: QFormerConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.width, EPS)


def _all(x: Tensor) -> Bool[Tensor, "1 1 1 1"]:
    """Everything is allowed."""
    return torch.ones(1, 1, 1, 1, dtype=torch.bool, device=x.device)


def _draw(module: nn.Module) -> None:
    """Weights from N(0, 0.02), biases 0, as in BERT."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=0.02)
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def from_bert(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The text branch from a BERT model's weights: its word and position embeddings, and its first layers.

    Args:
        state: of a `BertModel`.
        own: of the `QFormer`, which says how many layers and tokens are wanted; tokens that BERT lacks keep theirs.

    Raises:
        InputError: the two differ in their widths, or texts may be longer than BERT takes.
    """
    words, places = own["words.weight"].clone(), own["places.weight"]
    known = state["embeddings.word_embeddings.weight"]
    sizes = {
        "width": (known.shape[1], words.shape[1]),
        "inner": tuple(s[n].shape[0] for s, n in ((state, f"{FIRST}.intermediate.dense.weight"), (own, FED))),
        "limit": (min(len(state[PLACES]), len(places)), len(places)),
    }
    for name, (theirs, mine) in sizes.items():
        if theirs != mine:
            what = f"BERT's {name} is {theirs}, the item encoder's {mine}"
            mend = f"set align.qformer.{name} and speak.qformer.{name} to {theirs}, or name another BERT"
            raise InputError(what, "align.bert", mend)
    words[: len(known)] = known[: len(words)]
    made = {
        "words.weight": words,
        "places.weight": state[PLACES][: len(places)],
        "norm.weight": state["embeddings.LayerNorm.weight"],
        "norm.bias": state["embeddings.LayerNorm.bias"],
    }
    return made | {name: value for name, value in _layers(state, "encoder.layer.").items() if name in own}


def from_blip2(state: Mapping[str, Tensor], prefix: str = "Qformer.bert.") -> dict[str, Tensor]:
    """A Q-Former of LAVIS (or of the library, with its prefix) under our names; what it lacks is left out."""
    inner = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    made = _layers(inner, "encoder.layer.")
    for old, new in _TOP.items():
        if old in inner:
            made[new] = inner[old]
    if "query_tokens" in state:
        made["queries"] = state["query_tokens"].reshape(state["query_tokens"].shape[-2:])
    return made


def _layers(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """All blocks, with projections put together."""
    made: dict[str, Tensor] = {}
    named = {name.replace(".attention.attention.", ".attention.self.").replace(".crossattention.attention.",
             ".crossattention.self."): value for name, value in state.items()}  # fmt: skip
    for n in sorted({int(name[len(prefix) :].split(".")[0]) for name in named if name.startswith(prefix)}):
        layer, block = f"{prefix}{n}.", f"blocks.{n}."
        for kind in ("weight", "bias"):
            for where, parts, new in _JOINED:
                found = [named.get(f"{layer}{where}.self.{part}.{kind}") for part in parts]
                if all(value is not None for value in found):
                    made[f"{block}{new}.{kind}"] = torch.cat([value for value in found if value is not None])
            for old, new in _INNER.items():
                if f"{layer}{old}.{kind}" in named:
                    made[f"{block}{new}.{kind}"] = named[f"{layer}{old}.{kind}"]
    return made


PLACES, FIRST = "embeddings.position_embeddings.weight", "encoder.layer.0"
FED = "blocks.0.text.up.weight"
_TOP = {
    "embeddings.word_embeddings.weight": "words.weight",
    "embeddings.position_embeddings.weight": "places.weight",
    "embeddings.LayerNorm.weight": "norm.weight",
    "embeddings.LayerNorm.bias": "norm.bias",
    "layernorm.weight": "norm.weight",
    "layernorm.bias": "norm.bias",
}
_JOINED = (
    ("attention", ("query", "key", "value"), "qkv"),
    ("crossattention", ("query",), "cross.query"),
    ("crossattention", ("key", "value"), "cross.keys"),
)
_INNER = {
    "attention.output.dense": "out",
    "attention.output.LayerNorm": "norm",
    "crossattention.output.dense": "cross.out",
    "crossattention.output.LayerNorm": "cross.norm",
    "intermediate_query.dense": "own.up",
    "output_query.dense": "own.down",
    "output_query.LayerNorm": "own.norm",
    "intermediate.dense": "text.up",
    "output.dense": "text.down",
    "output.LayerNorm": "text.norm",
}
