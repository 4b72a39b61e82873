"""Texts as vectors: one interface to every text encoder of the `transformers` library."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.text.pretrained import beside, pretrained

AT_ONCE = 64
"""Texts that a frozen encoder encodes at a time."""
MEMORY = 2**28
"""Bytes of encodings that the frozen encoders of a process remember; beyond, the oldest are forgotten."""
_MEMORY: OrderedDict[Hashable, Tensor] = OrderedDict()

Pooling = Literal["mean", "first", "end"]


@dataclass(frozen=True)
class Text:
    """Which text encoder, and how it is used."""

    name: str = "minilm"
    """minilm (comes along), clip, distilbert, a model of the hub by its name, or a folder; of a T5, the encoder."""
    trained: bool = False
    """Trained with the rest; otherwise frozen: encodings are remembered, weights are nobody's state."""
    truncate: bool = False
    """Cut texts that are longer than the encoder takes, instead of refusing them."""
    unit: bool = False
    """Pooled vectors have length 1."""


class TextEncoder(nn.Module):
    """A text encoder.

    A frozen one has no parameters and no state: its model is loaded when it is first needed, and shared, with what it
    has encoded, by all encoders of the name in a process. It is computed in single precision, without dropout. A
    trained one is a module as any.

    Args:
        config: which model, and how it is used.

    Raises:
        InputError, MissingError: the model cannot be loaded.

    Example:
        >>> encoder = TextEncoder(Text("minilm", unit=True))
        >>> a, b, c = encoder(["a person waves", "someone waves a hand", "the stock market fell"])
        >>> bool(a @ b > a @ c)
        True
    """

    anchor: Tensor

    def __init__(self, config: Text):
        super().__init__()
        self.config = config
        self.shape = _shape(config.name)
        self.model = _model(config.name) if config.trained else None
        self.register_buffer("anchor", torch.empty(0), persistent=False)  # knows the device

    @property
    def width(self) -> int:
        """Numbers of a text's vector."""
        return self.shape.width

    @property
    def token_width(self) -> int:
        """Numbers of a token's vector."""
        return self.shape.token_width

    @property
    def limit(self) -> int:
        """Most tokens of a text, those included that mark its ends."""
        return self.shape.limit

    def tokenize(self, texts: Sequence[str]) -> tuple[Int[Tensor, "n l"], Bool[Tensor, "n l"]]:
        """Numbers of the tokens, padded to the longest text, and which of them exist.

        Raises:
            InputError: no text, or one that is too long and is not to be cut.
        """
        _check(texts)
        cut = {"truncation": True, "max_length": self.limit} if self.config.truncate else {}
        out = _tokenizer(self.config.name)(list(texts), padding=True, return_tensors="pt", verbose=False, **cut)
        ids, mask = out["input_ids"], out["attention_mask"].bool()
        if ids.shape[1] > self.limit:
            lengths = mask.sum(1)
            text, length = texts[int(lengths.argmax())], int(lengths.max())
            raise InputError(
                f"a text of {length} tokens, encoder '{self.config.name}' takes {self.limit}",
                f"text '{text[:40]}…'",
                "shorten it, or have it cut (truncate=true)",
            )
        return ids.to(self.anchor.device), mask.to(self.anchor.device)

    def tokens(self, ids: Int[Tensor, "n l"], mask: Bool[Tensor, "n l"]) -> Float[Tensor, "n l c"]:
        """Last hidden states; those of padding mean nothing."""
        return self._run(ids, mask).last_hidden_state

    def states(self, texts: Sequence[str]) -> tuple[Float[Tensor, "n l c"], Bool[Tensor, "n l"]]:
        """Last hidden states of texts, zero where there is padding, and which tokens exist."""
        unique, index = _unique(texts)
        if self.model is not None:
            ids, mask = self.tokenize(unique)
            out = self.tokens(ids, mask) * mask[..., None]
            return out[index], mask[index]
        kept = self._recall("states", unique, self._each_states)
        out = nn.utils.rnn.pad_sequence(kept, batch_first=True)
        lengths = torch.tensor([len(k) for k in kept], device=out.device)
        mask = torch.arange(out.shape[1], device=out.device) < lengths[:, None]
        return out[index], mask[index]

    def forward(self, texts: Sequence[str]) -> Float[Tensor, "n d"]:
        """One vector per text; equal texts are encoded once."""
        unique, index = _unique(texts)
        if self.model is not None:
            return self.pool(*self.tokenize(unique))[index]
        return torch.stack(self._recall("pooled", unique, self._each_pooled))[index]

    def pool(self, ids: Int[Tensor, "n l"], mask: Bool[Tensor, "n l"]) -> Float[Tensor, "n d"]:
        """One vector per text, of what `tokenize` gave."""
        out = self._run(ids, mask)
        if self.shape.pooling == "end":
            pooled = out.text_embeds
        elif self.shape.pooling == "first":
            pooled = out.last_hidden_state[:, 0]
        else:
            weight = mask[..., None].to(out.last_hidden_state.dtype)
            pooled = (out.last_hidden_state * weight).sum(1) / weight.sum(1).clamp(min=1)
        return F.normalize(pooled, dim=-1) if self.config.unit else pooled

    def _run(self, ids: Tensor, mask: Tensor) -> Any:
        if self.model is not None:
            return self.model(input_ids=ids, attention_mask=mask.long())
        model = _frozen(self.config.name).to(self.anchor.device)
        with torch.no_grad(), torch.autocast(self.anchor.device.type, enabled=False):
            return model(input_ids=ids, attention_mask=mask.long())

    def _each_pooled(self, texts: list[str]) -> list[Tensor]:
        return list(self.pool(*self.tokenize(texts)))

    def _each_states(self, texts: list[str]) -> list[Tensor]:
        ids, mask = self.tokenize(texts)
        return [states[: int(n)].clone() for states, n in zip(self.tokens(ids, mask), mask.sum(1), strict=True)]

    def _recall(self, kind: str, texts: list[str], encode: Callable[[list[str]], list[Tensor]]) -> list[Tensor]:
        """What is remembered of texts, after what is missing was encoded."""
        own = (self.config, kind, self.anchor.device)
        found = {t: _MEMORY[own, t] for t in texts if (own, t) in _MEMORY}
        missing = sorted((t for t in texts if t not in found), key=len)
        for begin in range(0, len(missing), AT_ONCE):
            part = missing[begin : begin + AT_ONCE]
            for text, value in zip(part, encode(part), strict=True):
                found[text] = _MEMORY[own, text] = value
        size = sum(v.nbytes for v in _MEMORY.values()) if missing else 0
        while size > MEMORY:
            size -= _MEMORY.popitem(last=False)[1].nbytes
        return [found[t] for t in texts]


@dataclass(frozen=True)
class Shape:
    """What is known of a model without its weights."""

    family: str
    width: int
    token_width: int
    limit: int
    pooling: Pooling


@lru_cache(maxsize=8)
def _shape(name: str) -> Shape:
    """Reads a model's configuration, and where it is one of sentence-transformers, how it pools."""
    from transformers import AutoConfig

    def load(place: str, local: bool) -> Shape:
        config = AutoConfig.from_pretrained(place, local_files_only=local)
        if config.model_type in ("clip", "clip_text_model"):
            text = getattr(config, "text_config", config)
            return Shape("clip", text.projection_dim, text.hidden_size, text.max_position_embeddings, "end")
        both = getattr(config, "is_encoder_decoder", False) and config.model_type != "t5"
        if both or hasattr(config, "text_config"):
            raise InputError(f"a model of type '{config.model_type}' is no text encoder", f"model '{name}'",
                             "take a BERT, a sentence-transformer, a T5 or a CLIP")  # fmt: skip
        first = beside(place, "1_Pooling/config.json", local).get("pooling_mode_cls_token", False)
        limits = [beside(place, "sentence_bert_config.json", local).get("max_seq_length"),
                  beside(place, "tokenizer_config.json", local).get("model_max_length"),
                  getattr(config, "max_position_embeddings", None)]  # fmt: skip
        limit = min(int(n) for n in [*limits, 2**20] if n)
        return Shape(config.model_type, config.hidden_size, config.hidden_size, limit, "first" if first else "mean")

    return pretrained(name, load)


def _model(name: str) -> nn.Module:
    """A fresh copy of a model, in single precision."""
    import transformers

    own: dict[str, Any] = {"clip": transformers.CLIPTextModelWithProjection, "t5": transformers.T5EncoderModel}
    kind = own.get(_shape(name).family, transformers.AutoModel)
    return pretrained(
        name, lambda place, local: kind.from_pretrained(place, local_files_only=local, dtype=torch.float32)
    )


@lru_cache(maxsize=2)
def _frozen(name: str) -> nn.Module:
    """The model that all frozen encoders of a name share."""
    return _model(name).eval().requires_grad_(False)


@lru_cache(maxsize=8)
def _tokenizer(name: str) -> Callable[..., Any]:
    from transformers import AutoTokenizer

    return pretrained(name, lambda place, local: AutoTokenizer.from_pretrained(place, local_files_only=local))


def _unique(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Each text once, in order, and where each is among them."""
    _check(texts)
    at = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    return list(at), [at[text] for text in texts]


def _check(texts: Sequence[str]) -> None:
    if not len(texts):
        raise InputError("there is no text to encode", "texts", "give one or more")
