"""Language models that run on this machine, by the `transformers` library."""

from collections.abc import Sequence
from typing import Any

import torch

from acteme.engine.language.model import Prompt, check, cut, messages
from acteme.errors import InputError
from acteme.nn.text.causal import causal
from acteme.nn.text.pretrained import quiet

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
        gpu = torch.cuda.is_available()
        self.name = name
        found = causal(name, torch.bfloat16 if gpu else torch.float32)
        self.model, self.tokenizer = found.model.to("cuda" if gpu else "cpu"), found.tokenizer
        self.tokenizer.padding_side = "left"

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
