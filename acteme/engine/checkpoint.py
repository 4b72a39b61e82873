"""Where an unfinished stage goes on: weights, optimizer state and position, written whole or not at all."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from acteme.atomic import fresh_file
from acteme.errors import InputError


@dataclass(frozen=True)
class Position:
    """How far a stage is."""

    epoch: int = 0
    batches: int = 0
    """Batches of the epoch that were taken."""
    step: int = 0
    """Optimization steps over all epochs."""
    seconds: float = 0.0
    """Time spent training, for the progress line."""


def write_checkpoint(path: Path, at: Position, state: dict[str, Any], optimizer: dict[str, Any]) -> None:
    with fresh_file(path) as work:
        torch.save({"position": asdict(at), "state": state, "optimizer": optimizer}, work)


def read_checkpoint(path: Path) -> tuple[Position, dict[str, Any], dict[str, Any]]:
    """Position, module state and optimizer state.

    Raises:
        InputError: the file is broken.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        return Position(**saved["position"]), saved["state"], saved["optimizer"]
    except Exception as error:
        raise InputError("is not a checkpoint of this version", path, "delete it to train the stage anew") from error
