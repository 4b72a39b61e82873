"""Latent corridors: an image per scene that is added to the map of every observed position."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


@dataclass(frozen=True)
class Prompt:
    """What a scene's prompt is."""

    kind: Literal["low", "full", "constant", "none"] = "low"
    """A sum of `rank` outer products (paper: one), any image, one number (a control), or no prompt."""
    rank: int = 1
    """Outer products of `low`."""
    init: Literal["kaiming", "zero_v"] = "kaiming"
    """`kaiming` starts at an image of standard deviation 2 / sqrt(w) (paper); `zero_v` at the base itself."""


def shapes(prompt: Prompt, size: tuple[int, int]) -> dict[str, tuple[int, ...]]:
    """The parameters of one scene's prompt."""
    h, w = size
    kinds: dict[str, dict[str, tuple[int, ...]]] = {
        "low": {"u": (h, prompt.rank), "v": (prompt.rank, w)},
        "full": {"image": (h, w)},
        "constant": {"level": (1, 1)},
        "none": {},
    }
    return kinds[prompt.kind]


def start(prompt: Prompt, scenes: int, size: tuple[int, int]) -> dict[str, Tensor]:
    """First values, with a leading axis of scenes.

    Kaiming's normal initialization of u (h, r) and v (r, w), whose fan-in are r and w: standard deviations sqrt(2 / r)
    and sqrt(2 / w). Both at zero would have zero gradients forever.
    """
    out = {}
    for name, shape in shapes(prompt, size).items():
        value = torch.zeros(scenes, *shape)
        if name == "u" or (prompt.init == "kaiming" and name != "level"):
            for one in value:
                nn.init.normal_(one, std=math.sqrt(2 / shape[-1]))
        out[name] = value
    return out


def image(parts: dict[str, Tensor], scene: Int[Tensor, " b"]) -> Float[Tensor, "b h w"] | None:
    """The prompts of scenes, zero where a scene is unknown (-1); None without prompts.

    Args:
        parts: the parameters of all scenes.
        scene: which scene each sample is of.
    """
    if not parts:
        return None
    known, at = (scene >= 0)[:, None, None], scene.clamp(min=0)
    if "u" in parts:
        made = parts["u"][at] @ parts["v"][at]
    else:
        made = next(iter(parts.values()))[at]
    return torch.where(known, made, 0.0)
