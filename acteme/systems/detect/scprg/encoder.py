"""The encoder of documents: any BERT or RoBERTa, or a small fresh one; last states and the last layer's attention.

Only the last layer's attention is looked at, so that the other layers may run fused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.text.pretrained import pretrained
from acteme.recordings.spec import Spec
from acteme.systems.detect.scprg.words import FRESH, OWN, PAD, Words

FUSED = ("bert", "roberta", "xlm-roberta", "camembert")
"""Kinds of models whose layers are alike, so that theirs can be run one by one."""


@dataclass(frozen=True)
class EncoderConfig:
    """Which transformer reads the documents."""

    name: str = "minilm"
    """minilm (comes along), a model of the hub by its name, a folder, or `fresh`: a small one that knows nothing."""
    markers: Literal["added", "official"] = "added"
    """Marks of triggers, types and roles: further rows of the table of embeddings, or as in the official code the
    unused numbers of BERT's vocabulary, and [ and ] around triggers for RoBERTa."""
    words: int = 2048
    """Of a fresh one: words that it knows, its 5 special tokens included."""
    width: int = 64
    """Of a fresh one: width of the hidden states."""
    layers: int = 2
    """Of a fresh one."""
    heads: int = 4
    """Of a fresh one."""
    limit: int = 512
    """Of a fresh one: tokens that it takes at a time."""
    dropout: float = 0.1
    """Of a fresh one, after each layer and in the attention."""

    def __post_init__(self) -> None:
        for name, least in (("words", OWN + 1), ("width", 1), ("layers", 1), ("heads", 1), ("limit", 8)):
            if getattr(self, name) < least:
                raise InputError(f"{name} is {getattr(self, name)}", "encoder", f"give {least} or more")
        if self.width % self.heads:
            raise InputError(f"{self.heads} heads cannot share a width of {self.width}", "encoder", "take a multiple")


class Encoder(nn.Module):
    """A transformer of the `transformers` library and its words.

    Args:
        config: which one.
        spec: types and roles, which have marks.

    Raises:
        InputError, MissingError: the model cannot be loaded.
    """

    def __init__(self, config: EncoderConfig, spec: Spec):
        super().__init__()
        self.words = Words(config.name, config.words, config.markers, spec)
        self.model = _fresh(config) if config.name == FRESH else _loaded(config.name)
        own: Any = self.model.config
        self.width, self.kind = int(own.hidden_size), str(own.model_type)
        if getattr(own, "is_encoder_decoder", False):
            raise InputError(f"a model of type '{self.kind}' is no encoder", f"model '{config.name}'", "take a BERT")
        self.dropout = float(getattr(own, "hidden_dropout_prob", getattr(own, "dropout", 0.1)))
        beyond = 2 if "roberta" in self.kind or self.kind == "camembert" else 0  # its places begin at 2
        self.limit = int(own.max_position_embeddings) - beyond
        _grow(self.model, self.words.size + self.words.marks.added, float(getattr(own, "initializer_range", 0.02)))

    def forward(
        self, ids: Int[Tensor, "b l"], length: Int[Tensor, " b"]
    ) -> tuple[Float[Tensor, "b l d"], Float[Tensor, "b l l"]]:
        """Last states, and the last layer's attention, mean over heads (rows that attend).

        Args:
            ids: rows of tokens, padded.
            length: tokens of each; those of more than the encoder takes are read in two windows.
        """
        states, attention = windows(self.run, ids, length, self.limit, (self.words.first,), self.words.end)
        return states, attention.mean(1)

    def run(
        self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]
    ) -> tuple[Float[Tensor, "b l d"], Float[Tensor, "b h l l"]]:
        """Last states, and the last layer's attention, of rows that the encoder takes whole."""
        model: Any = self.model
        if self.kind not in FUSED:
            out = model(input_ids=ids, attention_mask=mask.long(), output_attentions=True)
            return out.last_hidden_state, out.attentions[-1]
        x = model.embeddings(input_ids=ids)
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device).masked_fill(~mask, torch.finfo(x.dtype).min)
        seen = None if bool(mask.all()) else bias[:, None, None]
        attention = x.new_zeros(0)
        for k, layer in enumerate(model.encoder.layer):
            x, attention = _layer(layer, x, seen, explicit=k == len(model.encoder.layer) - 1)
        return x, attention

    def states(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> Float[Tensor, "b l d"]:
        """Last states alone."""
        return self.run(ids, mask)[0]


def _layer(
    layer: Any, x: Float[Tensor, "b l d"], bias: Tensor | None, explicit: bool
) -> tuple[Float[Tensor, "b l d"], Tensor]:
    """One layer of a BERT; its attention as a map if `explicit`, else fused and empty."""
    own = layer.attention.self
    heads = own.num_attention_heads
    q, k, v = (f(x).unflatten(-1, (heads, -1)).transpose(1, 2) for f in (own.query, own.key, own.value))
    drop = own.dropout.p if layer.training else 0.0
    if explicit:
        scores = q @ k.mT * q.shape[-1] ** -0.5
        attention = F.dropout(torch.softmax(scores if bias is None else scores + bias, -1), drop)
        seen = attention @ v
    else:
        attention = x.new_zeros(0)
        seen = F.scaled_dot_product_attention(q, k, v, bias, drop)
    x = layer.attention.output(seen.transpose(1, 2).flatten(2), x)
    return layer.output(layer.intermediate(x), x), attention


Run = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def windows(
    run: Run,
    ids: Int[Tensor, "b l"],
    length: Int[Tensor, " b"],
    limit: int,
    start: tuple[int, ...],
    end: tuple[int, ...],
) -> tuple[Float[Tensor, "b l d"], Float[Tensor, "b h l l"]]:
    """States and attention of rows of any length: of long ones, the mean of two windows.

    The first window has the first tokens of a row and `end`, the second `start` and the last tokens; states are
    averaged where windows overlap. Maps are added and their rows divided by their sums, so that a row that both windows
    have seen puts twice the weight on the overlap. What neither window reaches, beyond 2 `limit` - 1 - ends, stays
    zero.

    Args:
        run: (ids, mask) -> states (b, l, d), attention (b, h, l, l), of rows of up to `limit` tokens.
        ids: padded rows.
        length: tokens of each.
        limit: tokens that `run` takes.
        start, end: tokens added to the second and the first window.
    """
    total = ids.shape[1]
    if total <= limit:
        return run(ids, torch.arange(total, device=ids.device) < length[:, None])
    long = length > limit
    head, tail = limit - len(end), limit - len(start)
    place = torch.arange(limit, device=ids.device)
    first = ids[:, :limit].clone()
    first[long, head:] = ids.new_tensor(end)
    after = (length[long] - tail)[:, None] + place[:tail]
    second = torch.cat([ids.new_tensor(start).expand(len(after), -1), ids[long].gather(1, after)], 1)
    rows = torch.cat([first, second])
    mask = torch.cat([place < length[:, None], torch.ones_like(second, dtype=torch.bool)])
    states, attention = run(rows, mask)
    b, over = len(ids), total - limit
    one, heads = states[:b], attention.shape[1]
    out = F.pad(one, (0, 0, 0, over))
    maps = F.pad(attention[:b], (0, over, 0, over))
    which = torch.nonzero(long)[:, 0]
    kept = (torch.arange(total, device=ids.device) < head).to(states)
    there = states.new_zeros(len(which), total).scatter(1, after, 1.0)
    late = torch.zeros_like(out[which]).scatter(
        1, after[..., None].expand(-1, -1, states.shape[2]), states[b:, len(start) :]
    )
    joined = (out[which] * kept[:, None] + late) / (kept + there + 1e-10)[..., None]
    part = attention[b:, :, len(start) :, len(start) :]
    wide = part.new_zeros(len(which), heads, tail, total).scatter(
        3, after[:, None, None].expand(-1, heads, tail, -1), part
    )
    far = torch.zeros_like(maps[which]).scatter(2, after[:, None, :, None].expand(-1, heads, -1, total), wide)
    both = maps[which] * kept * kept[:, None] + far
    both = both / (both.sum(-1, keepdim=True) + 1e-10)
    return out.index_copy(0, which, joined.to(out.dtype)), maps.index_copy(0, which, both.to(maps.dtype))


def _fresh(config: EncoderConfig) -> nn.Module:
    """A BERT that knows nothing, with weights as large as its width wants them, N(0, 1 / width).

    Its places begin as waves, from which those next to a place can be told at once, and its keys as its queries, so
    that a word attends to itself and its like at first.
    """
    from transformers import BertConfig, BertModel

    model = BertModel(
        BertConfig(
            vocab_size=config.words, hidden_size=config.width, intermediate_size=4 * config.width,
            num_hidden_layers=config.layers, num_attention_heads=config.heads, pad_token_id=PAD,
            max_position_embeddings=config.limit, hidden_dropout_prob=config.dropout,
            attention_probs_dropout_prob=config.dropout, initializer_range=config.width**-0.5,
        ),
        add_pooling_layer=False,
    )  # fmt: skip
    place = torch.arange(config.limit)[:, None] / 10000 ** (torch.arange(0, config.width, 2) / config.width)
    with torch.no_grad():
        waves = torch.cat([place.sin(), place.cos()], 1)[:, : config.width]
        model.embeddings.position_embeddings.weight.copy_((2 / config.width) ** 0.5 * waves)  # as large as words
        layers: Any = model.encoder.layer
        for layer in layers:
            layer.attention.self.key.weight.copy_(layer.attention.self.query.weight)
    return model


def _loaded(name: str) -> nn.Module:
    """A model by its name, in single precision, without a pooler."""
    from transformers import AutoModel

    def load(place: str, local: bool) -> nn.Module:
        return AutoModel.from_pretrained(
            place, local_files_only=local, dtype=torch.float32, attn_implementation="eager"
        )

    model: Any = pretrained(name, load)
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


def _grow(model: Any, rows: int, scale: float) -> None:
    """Gives the table of embeddings so many rows: further ones are drawn, N(0, scale)."""
    table = model.get_input_embeddings()
    more = rows - len(table.weight)
    if more <= 0:
        return
    new = nn.Embedding(rows, table.weight.shape[1], table.padding_idx)
    with torch.no_grad():
        new.weight[: len(table.weight)] = table.weight
        new.weight[len(table.weight) :].normal_(0, scale)
    model.set_input_embeddings(new)
    model.config.vocab_size = rows
