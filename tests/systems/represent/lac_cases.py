"""What the tests of LAC share: weights by a rule, official names, small batches."""

import math
from itertools import pairwise

import torch
from torch import Tensor

from acteme.recordings.spec import Spec

BODY = Spec("body15", 15, 1, 3, ("a", "b", "c"), multilabel=True)


def rule(*shape: int) -> Tensor:
    """Weights w.flat[i] = cos(i²) / sqrt(inputs of one output), float64."""
    i = torch.arange(math.prod(shape), dtype=torch.float64)
    return ((i * i).cos() / math.sqrt(math.prod(shape) / shape[0])).view(shape)


def generator_state() -> dict[str, Tensor]:
    """A released generator's state: twice the rule, no biases, the identity as dictionary."""
    sizes = {f"mot_encoder.model.{i}": s for i, s in ((1, (64, 30, 8)), (4, (96, 64, 8)), (7, (160, 96, 8)))}
    sizes |= {f"decoder.model.{i}": s for i, s in ((2, (128, 160, 7)), (7, (64, 128, 7)), (12, (30, 64, 7)))}
    state = {f"{name}.weight": 2 * rule(*size) for name, size in sizes.items()}
    state |= {f"{name}.bias": torch.zeros(size[0]).double() for name, size in sizes.items()}
    return state | {"mot_encoder.v": torch.eye(160).double()}


def unik_official(joints: int = 17, persons: int = 2, channels: int = 2, out: int = 128) -> dict[str, Tensor]:
    """A released UNIK's state by the rule, with identical heads that mix nothing: W_h = I/3."""
    state: dict[str, Tensor] = {}

    def conv(name: str, *size: int) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = rule(*size), torch.zeros(size[0]).double()

    def bn(name: str, size: int) -> None:
        for part in ("weight", "running_var"):
            state[f"{name}.{part}"] = torch.ones(size).double()
        for part in ("bias", "running_mean"):
            state[f"{name}.{part}"] = torch.zeros(size).double()
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)

    bn("data_bn", persons * joints * channels)
    widths = [channels, *[64] * 4, *[128] * 3, *[256] * 3]
    for i, (a, b) in enumerate(pairwise(widths), 1):
        state[f"l{i}.s_unit.DepM"] = torch.eye(joints).double().expand(3, -1, -1) / 3
        state[f"l{i}.s_unit.bias"] = torch.ones(joints).double()
        for h in range(3):
            conv(f"l{i}.s_unit.conv_a.{h}", b // 4, a, 1, 1)
            conv(f"l{i}.s_unit.conv_b.{h}", b // 4, a, 1, 1)
            conv(f"l{i}.s_unit.conv_d.{h}", b, a, 1, 1)
        bn(f"l{i}.s_unit.bn", b)
        if a != b:
            conv(f"l{i}.s_unit.down.0", b, a, 1, 1)
            bn(f"l{i}.s_unit.down.1", b)
        conv(f"l{i}.t_unit.conv", b, b, 9, 1)
        bn(f"l{i}.t_unit.bn", b)
        if i in (5, 8):
            conv(f"l{i}.residual.conv", b, a, 1, 1)
            bn(f"l{i}.residual.bn", b)
    conv("fc", out, 256)
    return state


def batch(clips: int = 6, frames: int = 32, persons: int = 1, channels: int = 3, seed: int = 0) -> dict[str, Tensor]:
    """Smooth motions of bodies of a person's size, y up; labels at random; nothing padded."""
    g = torch.Generator().manual_seed(seed)
    t = torch.arange(frames)[:, None, None] / 10
    pose, sway, phase, rate = torch.randn(4, clips, 1, persons, 15, channels, generator=g)
    x = 0.4 * pose + 0.2 * sway * (t[None, ..., None] * (1 + rate.abs()) + 3 * phase).sin()
    labels = (torch.rand(clips, frames, 3, generator=g) < 0.4).float()
    return {
        "skeleton": x.float(),
        "mask": torch.ones(clips, frames, dtype=torch.bool),
        "frames": torch.full((clips,), frames),
        "frame_labels": labels,
    }
