"""What one skeleton file holds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Header:
    """What can be known of a skeleton file without reading all of it."""

    persons: int
    """Persons that it has room for (M)."""
    joints: int
    """Joints per person (V)."""
    channels: int
    """Coordinates per joint (C)."""
    fps: float = 0.0
    """Frames per second; 0 where the file does not say."""
    layout: str = ""
    """Name of the layout; empty where the file does not say."""
    confidence: bool = False
    """Whether it holds the confidence of each joint."""


@dataclass(frozen=True)
class Media:
    """A skeleton file, read."""

    header: Header
    """Shape, clock and layout."""
    arrays: dict[str, Float[np.ndarray, "t ..."]]
    """`skeleton` (T, M, V, C) and, where the file has it, `confidence` (T, M, V); maybe mapped, any numeric type."""
