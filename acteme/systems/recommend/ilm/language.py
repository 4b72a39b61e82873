"""The language model that is spoken to through soft tokens: one by name, frozen, or a small one of its own words.

Sequences are padded on the left, so that what follows a prompt stands at the end of every row.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.sequence.sasrec import attend
from acteme.nn.text.causal import Causal, causal
from acteme.nn.text.words import FIRST, MARKED, PADDING, UNKNOWN, Vocabulary, words

NO_SPACE = set(".,;:!?)'\u2019")
"""Marks that stand at the word before them."""
REMEMBERED = 1 << 16
"""Texts whose tokens are remembered."""
Past = list[tuple[Tensor, Tensor]]
"""Keys and values of tokens in each block."""


@dataclass(frozen=True)
class LanguageConfig:
    """Settings of the language model."""

    name: str = "smollm2"
    """smollm2 (comes along), a folder, a GGUF file or a model of the hub; empty: a small one, with words of its own,
    which learns to read from the texts of the catalog before it is frozen."""
    words: int = 2000
    """Of a small one: words it has room for."""
    width: int = 128
    """Of a small one: of its hidden states."""
    layers: int = 3
    """Of a small one: blocks."""
    heads: int = 4
    """Of a small one: attention heads of each."""
    limit: int = 256
    """Most tokens of a prompt with its answer."""
    start: str = ""
    """Of a small one: file of the weights of a stage (`RUN/speak/weights.safetensors`) whose small model, of the same
    sizes, is taken in place of learning to read."""
    steps: int = 400
    """Of a small one: steps in which it learns to read."""
    batch: int = 32
    """Of a small one: texts of each."""
    lr: float = 1e-3
    """Of a small one: learning rate."""


class Heard(NamedTuple):
    """Sequences that a language model has read."""

    logits: Float[Tensor, "b v"]
    """What comes next."""
    mask: Bool[Tensor, "b l"]
    past: Any
    """Keys and values of all tokens, as the model has them."""


class Language(nn.Module):
    """What both kinds of models can do."""

    width: int
    limit: int
    start: tuple[int, ...]
    """Tokens that every sequence begins with."""
    end: int
    """The token that ends an answer."""

    def tokens(self, text: str) -> tuple[int, ...]:
        """Numbers of a text's tokens, without any that mark its ends."""
        raise NotImplementedError

    def write(self, ids: Sequence[int]) -> str:
        """The text of tokens."""
        raise NotImplementedError

    def embed(self, ids: Int[Tensor, "*n"]) -> Float[Tensor, "*n d"]:
        """Vectors of tokens."""
        raise NotImplementedError

    def logits(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"], last: int) -> Float[Tensor, "b k v"]:
        """What comes after each of the last so many positions."""
        raise NotImplementedError

    def scale(self) -> float:
        """Mean length of the tokens' vectors."""
        raise NotImplementedError

    def begin(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"]) -> "Heard":
        """Reads sequences, to go on with them token by token."""
        raise NotImplementedError

    def go_on(self, told: "Heard", rows: Int[Tensor, " n"], ids: Int[Tensor, " n"]) -> "Heard":
        """A token more, after some of the sequences that were read, in whatever order; `told` is used up."""
        raise NotImplementedError

    def check(self, length: int) -> None:
        """Raises InputError where a sequence is too long."""
        if length > self.limit:
            raise InputError(f"a prompt of {length} tokens, the language model takes {self.limit}", "prompt",
                             "shorten it, or raise language.limit")  # fmt: skip

    @torch.no_grad()
    def answer(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"], most: int) -> list[str]:
        """The likeliest tokens one after the other, until the answer ends."""
        out: list[list[int]] = [[] for _ in x]
        most = min(most, self.limit - x.shape[1])
        going, told = torch.arange(len(x), device=x.device), self.begin(x, mask) if most > 0 and len(x) else None
        while told is not None:
            ids = told.logits.argmax(-1)
            on = ids != self.end
            going, ids = going[on], ids[on]
            for row, token in zip(going.tolist(), ids.tolist(), strict=True):
                out[row].append(token)
            most -= 1
            told = self.go_on(told, on.nonzero()[:, 0], ids) if most and len(going) else None
        return [self.write(row).strip() for row in out]


class Own(Language):
    """A small transformer with a vocabulary of its own, both part of the state."""

    def __init__(self, config: LanguageConfig):
        super().__init__()
        c = config
        if c.width % c.heads:
            raise InputError(f"{c.heads} heads do not divide a width of {c.width}", mend="change one of them")
        self.config, self.width, self.limit = c, c.width, c.limit
        self.vocabulary = Vocabulary(c.words, MARKED)
        self.start, self.end = (FIRST + c.words,), FIRST + c.words + 1
        self.table = nn.Embedding(FIRST + c.words + 2, c.width, padding_idx=PADDING)
        self.places = nn.Embedding(c.limit, c.width)
        self.blocks = nn.ModuleList(_Block(c.width, c.heads) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)
        self._numbers: dict[str, int] = {}
        self._known: dict[str, tuple[int, ...]] = {}
        for part in self.modules():
            if isinstance(part, nn.Linear | nn.Embedding):
                nn.init.normal_(part.weight, std=0.05 if isinstance(part, nn.Embedding) else 0.02)

    def tokens(self, text: str) -> tuple[int, ...]:
        numbers = self.vocabulary.table()
        if numbers is not self._numbers:  # other words
            self._numbers, self._known = numbers, {}
        if text not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[text] = tuple(numbers.get(word, UNKNOWN) for word in words(text, MARKED)[: self.limit])
        return self._known[text]

    def write(self, ids: Sequence[int]) -> str:
        named = {number: word for word, number in self.vocabulary.table().items()}
        out = ""
        for word in (named.get(k, "?") for k in ids):
            out += word if word in NO_SPACE or not out else f" {word}"
        return out

    def embed(self, ids: Int[Tensor, "*n"]) -> Float[Tensor, "*n d"]:
        return self.table(ids)

    def scale(self) -> float:
        known = FIRST + len(self.vocabulary.table())
        return float(self.table.weight[FIRST:known].norm(dim=1).mean()) if known > FIRST else 1.0

    def logits(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"], last: int) -> Float[Tensor, "b k v"]:
        return self._read(x, mask, last)[0]

    def begin(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"]) -> Heard:
        logits, past = self._read(x, mask, 1)
        return Heard(logits[:, 0], mask, past)

    def go_on(self, told: Heard, rows: Int[Tensor, " n"], ids: Int[Tensor, " n"]) -> Heard:
        mask = F.pad(told.mask[rows], (0, 1), value=True)
        past = [(k[rows], v[rows]) for k, v in told.past]
        logits, past = self._read(self.table(ids)[:, None], mask, 1, past)
        return Heard(logits[:, 0], mask, past)

    def _read(
        self, x: Float[Tensor, "b k d"], mask: Bool[Tensor, "b l"], last: int, past: Past | None = None
    ) -> tuple[Float[Tensor, "b j v"], Past]:
        """What comes after the last positions, of tokens that follow those of the past."""
        new, length = x.shape[1], mask.shape[1]
        self.check(length)
        x = x + self.places((mask.cumsum(1) - 1).clamp(min=0)[:, -new:])
        causal_ = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        own = torch.eye(length, dtype=torch.bool, device=x.device)
        allowed, kept = ((mask[:, None] & causal_) | own)[:, None, -new:], Past()
        for n, block in enumerate(self.blocks):
            least = last if n == len(self.blocks) - 1 else new  # nobody reads what the others become
            x, here = block(x, allowed, least, None if past is None else past[n])
            kept.append(here)
        return self.norm(x[:, -last:]) @ self.table.weight.T, kept

    def take(self, file: str) -> None:
        """Takes the words and weights of another one. InputError where there are none that fit."""
        try:
            found = load_file(Path(file).expanduser())
            own = {n.removeprefix("language."): v for n, v in found.items() if n.startswith("language.")}
            self.load_state_dict(own)
        except Exception as error:  # whatever is wrong with a foreign file
            what = f"holds no small language model of these sizes ({str(error).splitlines()[0][:80]})"
            raise InputError(what, file, "give weights of a stage speak with the same language") from error

    def learn(self, draw: Callable[[], Iterable[tuple[str, str]]]) -> None:
        """Learns to answer from texts, then is frozen.

        Args:
            draw: gives some questions, in which items are told by their texts, and their answers.
        """
        optimizer = torch.optim.Adam(self.parameters(), self.config.lr)
        with torch.enable_grad():
            for _ in range(self.config.steps):
                rows = [(*self.start, *self.tokens(ask), *self.tokens(said), self.end) for ask, said in draw()]
                rows = [row[: self.limit] for row in rows]
                length = max(map(len, rows))
                ids = torch.tensor([[PADDING] * (length - len(row)) + list(row) for row in rows])
                ids = ids.to(self.table.weight.device)
                mask = ids != PADDING
                logits = self.logits(self.embed(ids), mask, length)[:, :-1]
                loss = F.cross_entropy(logits[mask[:, :-1]], ids[:, 1:][mask[:, :-1]])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        optimizer.zero_grad()


class _Block(nn.Module):
    """Attention to what came before and a feed-forward layer with GELU, each normed before."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(
        self, x: Float[Tensor, "b k d"], allowed: Bool[Tensor, "b 1 k l"], last: int,
        past: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Float[Tensor, "b last d"], tuple[Tensor, Tensor]]:  # fmt: skip
        """The last tokens alone, which see all that is allowed, and the keys and values of all."""
        width, seen = x.shape[2], self.norm1(x)
        x, allowed = x[:, -last:], allowed[:, :, -last:]
        parts = [F.linear(seen[:, -last:], self.qkv.weight[:width], self.qkv.bias[:width])]
        parts += F.linear(seen, self.qkv.weight[width:], self.qkv.bias[width:]).chunk(2, -1)
        q, k, v = (p.unflatten(-1, (self.heads, -1)).transpose(1, 2) for p in parts)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        x = x + self.out(attend(q, k, v, allowed).transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.norm2(x)))), (k, v)


class Borrowed(Language):
    """A model of the library. A frozen one is nobody's state: all who name it share it."""

    def __init__(self, config: LanguageConfig, trained: bool):
        super().__init__()
        self.config, self.trained = config, trained
        found = causal(config.name) if trained else shared(config.name)
        self.tokenizer: Any = found.tokenizer
        self.model = found.model if trained else None
        self.width = found.model.get_input_embeddings().weight.shape[1]
        self.limit = min(config.limit, getattr(found.model.config, "max_position_embeddings", None) or config.limit)
        self.start = tuple(n for n in self.tokenizer("").input_ids if n != self.tokenizer.eos_token_id)
        self.end = self.tokenizer.eos_token_id
        self._known: dict[str, tuple[int, ...]] = {}

    def inner(self, device: torch.device | None = None) -> Any:
        """The model, on a device."""
        if self.model is not None:
            return self.model
        found = shared(self.config.name).model
        return found if device is None or found.device == device else found.to(device)

    def tokens(self, text: str) -> tuple[int, ...]:
        if text not in self._known:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[text] = tuple(self.tokenizer(text, add_special_tokens=False).input_ids)
        return self._known[text]

    def write(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def embed(self, ids: Int[Tensor, "*n"]) -> Float[Tensor, "*n d"]:
        return self.inner(ids.device).get_input_embeddings()(ids)

    def scale(self) -> float:
        return float(self.inner().get_input_embeddings().weight.float().norm(dim=1).mean())

    def logits(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"], last: int) -> Float[Tensor, "b k v"]:
        return self._read(x, mask, last).logits.float()

    def begin(self, x: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"]) -> Heard:
        found = self._read(x, mask, 1, use_cache=True)
        return Heard(found.logits[:, 0].float(), mask, found.past_key_values)

    def go_on(self, told: Heard, rows: Int[Tensor, " n"], ids: Int[Tensor, " n"]) -> Heard:
        mask = F.pad(told.mask[rows], (0, 1), value=True)
        told.past.batch_select_indices(rows)
        found = self._read(self.embed(ids)[:, None], mask, 1, use_cache=True, past_key_values=told.past)
        return Heard(found.logits[:, 0].float(), mask, found.past_key_values)

    def _read(self, x: Float[Tensor, "b k d"], mask: Bool[Tensor, "b l"], last: int, **how: Any) -> Any:
        self.check(mask.shape[1])
        places = (mask.cumsum(1) - 1).clamp(min=0)[:, -x.shape[1] :]
        return self.inner(x.device)(inputs_embeds=x, attention_mask=mask.long(), position_ids=places,
                                    logits_to_keep=last, **{"use_cache": False} | how)  # fmt: skip


@lru_cache(maxsize=1)
def shared(name: str) -> Causal:
    """The frozen model that all of a name share in a process."""
    found = causal(name)
    found.model.requires_grad_(False)
    return found


def language(config: LanguageConfig, trained: bool = False) -> Language:
    """The model that a configuration names; frozen unless it is to be trained."""
    made = Borrowed(config, trained) if config.name else Own(config)
    return made.requires_grad_(trained)
