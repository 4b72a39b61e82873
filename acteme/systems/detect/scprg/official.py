"""Names of official checkpoints."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

UNUSED = ("event_embedding.", "position_ids", ".pooler.")
"""Parts of names of tensors that have no part in what the official model computes."""


def official_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state of `Extractor` from that of an official checkpoint: `bert.*` or `roberta.*` and the head.

    The encoder is one of the same shape with `markers="official"`. What is never used (the table of events, the pooler,
    numbers of positions) is left out.
    """
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        if any(part in f".{name}" for part in UNUSED):
            continue
        first, _, rest = name.removeprefix("module.").partition(".")
        out[f"encoder.model.{rest}" if first in ("bert", "roberta") else f"head.{first}.{rest}"] = value
    return out
