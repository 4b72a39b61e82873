"""Words as tokens: those of any encoder of the `transformers` library, or whole words of the training documents."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Literal

import torch
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.text.pretrained import pretrained
from acteme.recordings.documents.document import role_name
from acteme.recordings.spec import Spec

FRESH = "fresh"
PAD, UNKNOWN, FIRST, LAST, MASK, OWN = range(6)
"""Tokens of a fresh encoder before its words."""
BERT_TRIGGER, BERT_EVENT, BERT_ROLE = (5, 6), 104, 400
"""Unused numbers of BERT's vocabulary that the official code takes for markers: around triggers, of types, of roles."""


@dataclass(frozen=True)
class Marks:
    """Numbers of the marker tokens, and how many are beyond the vocabulary."""

    trigger: tuple[int, int]
    """Before and after the trigger."""
    event: int
    """Of the first type of event; the others follow."""
    role: int
    """Of the null role; role r follows as r + 1."""
    added: int
    """Rows that the table of embeddings grows by."""


class Words(nn.Module):
    """Tokens of words, each word by itself, without a blank before it.

    A fresh encoder takes whole words in lower case, the most frequent of the training documents (`learn`); its state
    holds their fingerprints.

    Args:
        name: of the encoder, see `encoder.EncoderConfig`.
        size: words of a fresh encoder, its special tokens included.
        markers: `added` or `official`, see `encoder.EncoderConfig`.
        spec: types and roles.

    Raises:
        InputError, MissingError: there is no such encoder, or its tokens have no room for the markers.
    """

    known: Tensor

    def __init__(self, name: str, size: int, markers: Literal["added", "official"], spec: Spec):
        super().__init__()
        self.fresh = name == FRESH
        self.register_buffer("known", torch.zeros(size if self.fresh else 0, dtype=torch.int64))
        self.register_load_state_dict_post_hook(_forget)
        self.numbers: dict[int, int] | None = None
        self.seen: dict[str, tuple[int, ...]] = {}
        if self.fresh:
            self.tokenizer, self.size = None, size
            self.pad, self.first, self.mask = PAD, FIRST, MASK
            self.end: tuple[int, ...] = (LAST,)
            self.ordinary = (OWN, size)
        else:
            made = tokenizer(name)
            self.tokenizer, self.size = made, len(made)
            first = made.cls_token_id if made.cls_token_id is not None else made.bos_token_id
            last = made.sep_token_id if made.sep_token_id is not None else made.eos_token_id
            if None in (first, last, made.pad_token_id):
                raise InputError(
                    "has no tokens for start, end and padding", f"model '{name}'", "take a BERT or RoBERTa"
                )
            self.pad, self.first, self.mask = made.pad_token_id, first, made.mask_token_id
            self.end = (last, last) if _like_roberta(made) else (last,)
            self.ordinary = (0, self.size)
        self.marks = self._marks(markers, len(spec.classes), len(spec.roles), name)
        self.types = [kind.split(".") for kind in spec.classes]
        self.roles = spec.roles

    def _marks(self, markers: str, types: int, roles: int, name: str) -> Marks:
        if markers == "added":
            event = self.size
            trigger = event + types + roles + 1
            return Marks((trigger, trigger + 1), event, event + types, types + roles + 3)
        if self.tokenizer is None:
            raise InputError("a fresh encoder has no official markers", "markers", "take added")
        if _like_roberta(self.tokenizer):
            left, right = (self.tokenizer(c, add_special_tokens=False)["input_ids"][0] for c in "[]")
            return Marks((left, right), self.size, self.size + types, types + roles + 1)
        if BERT_EVENT + types > BERT_ROLE or BERT_ROLE + roles >= 999:
            what = f"{types} types and {roles} roles do not fit the unused tokens of '{name}'"
            raise InputError(what, "markers", "take added")
        return Marks(BERT_TRIGGER, BERT_EVENT, BERT_ROLE, 0)

    def learn(self, words: Iterable[str]) -> None:
        """Gives a fresh encoder its words: those of types and roles, then the most frequent of `words`."""
        if not self.fresh:
            return
        names = dict.fromkeys(word.lower() for kind in range(len(self.types)) for word in self.type_words(kind))
        names |= dict.fromkeys(word.lower() for role in range(len(self.roles)) for word in self.role_words(role))
        count = Counter(word.lower() for word in words)
        frequent = sorted(count, key=lambda word: (-count[word], word))
        kept = list(dict.fromkeys([*names, *frequent]))[: self.size - OWN]
        self.known.zero_()
        self.known[: len(kept)] = torch.tensor([fingerprint(word) for word in kept])
        _forget(self)

    def pieces(self, word: str) -> tuple[int, ...]:
        """Numbers of the tokens of a word, at least one."""
        found = self.seen.get(word)
        if found is None:
            found = self.seen[word] = self._pieces(word)
        return found

    def _pieces(self, word: str) -> tuple[int, ...]:
        if self.tokenizer is not None:
            own = self.tokenizer(word, add_special_tokens=False, return_attention_mask=False, verbose=False)[
                "input_ids"
            ]
            unknown = self.tokenizer.unk_token_id
            return tuple(own) or ((unknown if unknown is not None else self.end[0]),)
        if self.numbers is None:
            self.numbers = {key: k + OWN for k, key in enumerate(self.known.tolist()) if key}
        return (self.numbers.get(fingerprint(word.lower()), UNKNOWN),)

    def type_words(self, kind: int) -> list[str]:
        """The words of a type of event: the parts of its name between dots."""
        return self.types[kind]

    def role_words(self, role: int, official: bool = False) -> list[str]:
        """The words of a role; `official`: by the slip of the official code, which gives a `target` none."""
        name = role_name(self.roles[role][1], official)
        return [name] if name else []


def fingerprint(word: str) -> int:
    """63 bits of a word, never 0."""
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little") >> 1 or 1


def _forget(words: nn.Module, *_: object) -> None:
    """Drops what follows from a fresh encoder's words, when these change."""
    words.numbers, words.seen = None, {}  # type: ignore[assignment]


def _like_roberta(made: Any) -> bool:
    """Whether two ends stand between two texts, as in RoBERTa."""
    return made.num_special_tokens_to_add(pair=True) == 4


@lru_cache(maxsize=4)
def tokenizer(name: str) -> Any:
    """The tokenizer of a model."""
    from transformers import AutoTokenizer

    return pretrained(name, lambda place, local: AutoTokenizer.from_pretrained(place, local_files_only=local))
