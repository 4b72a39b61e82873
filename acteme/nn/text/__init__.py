"""Text encoders: any of the `transformers` library by name, one interface; MiniLM comes along."""

from acteme.nn.text.encoder import Text, TextEncoder
from acteme.nn.text.fresh import fresh_model

__all__ = ["Text", "TextEncoder", "fresh_model"]
