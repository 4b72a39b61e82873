"""Language models behind one interface: one that runs here, by `transformers`, or one that a server runs.

>>> model = language_model()  # SmolLM2-135M-Instruct, which comes along
>>> model.generate(["What is the capital of France? One word."], max_tokens=8)
['Paris']
"""

import os

from acteme.engine.language.endpoint import Endpoint
from acteme.engine.language.local import Local
from acteme.engine.language.model import LanguageModel, Message, Prompt

__all__ = ["Endpoint", "LanguageModel", "Local", "Message", "Prompt", "language_model"]


def language_model(name: str | None = None, endpoint: str | None = None) -> LanguageModel:
    """A language model.

    Args:
        name: `smollm2` (comes along; the default), a folder, a GGUF file, or a model of the hub; with an endpoint, what
            its server calls the model.
        endpoint: base address of a server with the OpenAI interface, such as http://localhost:8000/v1. Where neither it
            nor a name is given, the environment variable OPENAI_BASE_URL names one. A key comes from OPENAI_API_KEY.

    Raises:
        InputError, MissingError: no such model.
    """
    if endpoint is None and name is None:
        endpoint = os.environ.get("OPENAI_BASE_URL") or None
    if endpoint is not None:
        return Endpoint(endpoint, name, os.environ.get("OPENAI_API_KEY"))
    return Local(name or "smollm2")
