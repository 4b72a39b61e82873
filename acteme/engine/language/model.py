"""What every language model can do."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from acteme.errors import InputError


class Message(NamedTuple):
    """A part of a conversation."""

    role: Literal["system", "user", "assistant"]
    text: str


Prompt = str | Sequence[Message]
"""What a user says, or a whole conversation."""


class LanguageModel(Protocol):
    """Answers prompts."""

    @property
    def name(self) -> str:
        """Which model it is."""

    def generate(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 256,
        temperature: float = 0.0,
        seed: int = 0,
        stop: Sequence[str] = (),
    ) -> list[str]:
        """An answer to each prompt, without the prompt.

        Args:
            prompts: texts, or conversations that end with what the user says.
            max_tokens: longest answer.
            temperature: 0 always takes the likeliest token.
            seed: of the draws; equal ones give equal answers.
            stop: an answer ends before the first of these.

        Raises:
            InputError, MissingError: a prompt that is too long, or a server that does not answer.
        """


def messages(prompt: Prompt) -> list[dict[str, str]]:
    """A prompt as a conversation. Raises InputError where it is empty."""
    said = [Message("user", prompt)] if isinstance(prompt, str) else list(prompt)
    if not said or not said[-1].text.strip():
        raise InputError("is empty", "prompt", "ask something")
    return [{"role": m.role, "content": m.text} for m in said]


def cut(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of the words that end it, without space around it."""
    ends = [at for word in stop if (at := text.find(word)) >= 0]
    return text[: min(ends)].strip() if ends else text.strip()


def check(max_tokens: int, temperature: float) -> None:
    """Raises InputError where what was asked for cannot be."""
    if max_tokens < 1:
        raise InputError(f"answers of {max_tokens} tokens", "max_tokens", "take 1 or more")
    if not 0 <= temperature <= 2:
        raise InputError(f"a temperature of {temperature:g}", "temperature", "take 0 to 2")
