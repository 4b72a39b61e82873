"""Tokens of the texts that queries are aligned with: words of their own, or those of a BERT whose layers are taken."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.text.pretrained import pretrained
from acteme.nn.text.words import FIRST, MARKED, Vocabulary


class Tokens(nn.Module):
    """Texts to numbers: a first token, the text, one that ends it.

    Args:
        bert: a BERT by name, whose tokens they are; empty: words of their own, which are part of the state.
        words: of their own: how many there is room for.
        limit: most tokens of a text.
    """

    anchor: Tensor

    def __init__(self, bert: str, words: int, limit: int):
        super().__init__()
        self.bert, self.limit = bert, limit
        self.vocabulary = None if bert else Vocabulary(words, MARKED)
        base = len(_tokenizer(bert)) if bert else FIRST + words + 2
        self.first, self.end = base - 2, base - 1
        self.decode = base
        """Takes the place of the first token where a text is to be generated."""
        self.size = base + 1
        self.register_buffer("anchor", torch.empty(0), persistent=False)

    def build(self, texts: Iterable[str]) -> None:
        """Chooses the words."""
        if self.vocabulary is not None:
            self.vocabulary.build(texts, 1)

    def forward(self, texts: Sequence[str]) -> tuple[Int[Tensor, "n l"], Bool[Tensor, "n l"]]:
        """Numbers, padded at the end with 0, and which tokens exist."""
        if self.vocabulary is None:
            out = _tokenizer(self.bert)(list(texts), padding=True, truncation=True, max_length=self.limit,
                                        return_tensors="pt")  # fmt: skip
            return out["input_ids"].to(self.anchor.device), out["attention_mask"].bool().to(self.anchor.device)
        inner = self.vocabulary.ids(texts, self.limit - 2)
        ids = torch.nn.functional.pad(inner, (1, 1))
        ids[:, 0] = self.first
        ids[torch.arange(len(ids)), (inner > 0).sum(1) + 1] = self.end
        return ids, ids > 0


@lru_cache(maxsize=2)
def _tokenizer(name: str) -> Any:
    from transformers import AutoTokenizer

    made = pretrained(name, lambda place, local: AutoTokenizer.from_pretrained(place, local_files_only=local))
    if made.pad_token_id != 0:
        raise InputError("does not pad with token 0", f"model '{name}'", "take a BERT, or leave it away")
    return made


def bert_state(name: str) -> dict[str, Tensor]:
    """Weights of a BERT by name."""
    from transformers import AutoModel

    found = pretrained(name, lambda place, local: AutoModel.from_pretrained(place, local_files_only=local,
                                                                            dtype=torch.float32))  # fmt: skip
    if found.config.model_type != "bert":
        raise InputError(f"a model of type '{found.config.model_type}' is no BERT", f"model '{name}'",
                         "take a BERT, or leave it away")  # fmt: skip
    return found.state_dict()
