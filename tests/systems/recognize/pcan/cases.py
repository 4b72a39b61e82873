"""MA-52's classes, and modules filled by the rule behind the reference numbers."""

from dataclasses import replace

import torch
from torch import nn

from acteme.recordings.spec import Spec
from acteme.systems.recognize.pcan import RecognizeConfig, Recognizer

SIZES = (5, 6, 13, 8, 6, 10, 4)
"""Actions of each part of the body."""
GROUP_OF = tuple(g for g, n in enumerate(SIZES) for _ in range(n))
MA52 = Spec("ma52_28", 28, 1, 2, tuple(f"action {k}" for k in range(52)), groups=tuple(f"body {g}" for g in GROUP_OF),
            video=True)  # fmt: skip
SMALL = Spec("ntu25", 25, 2, 3, tuple("abcdef"), groups=tuple("xxyyyz"))


@torch.no_grad()
def filled(module: nn.Module) -> nn.Module:
    """Weight i (row-major) is cos(i i) / sqrt(fan in); biases 0, norms 1 and 0."""
    for name, p in module.named_parameters():
        if p.ndim >= 2:
            p.copy_(wave(p.shape))
        else:
            p.fill_(float(name.endswith("weight")))
    for name, b in module.named_buffers():
        if name.endswith("prototypes"):  # transposed officially
            b.copy_(wave(b.T.shape).T)
    return module.eval()


def wave(shape) -> torch.Tensor:
    i = torch.arange(shape.numel(), dtype=torch.float64)
    return ((i * i).cos() / (shape.numel() / shape[0]) ** 0.5).view(shape)


def sines(shape, rates) -> torch.Tensor:
    """sin of the sum of each index times its rate; of one clip."""
    angle = torch.zeros(shape, dtype=torch.float64)
    for axis, (size, rate) in enumerate(zip(shape, rates, strict=True)):
        angle += (torch.arange(size) * rate).double().view([-1 if a == axis else 1 for a in range(len(shape))])
    return angle.sin()[None]


def small(**changes) -> Recognizer:
    torch.manual_seed(0)
    return Recognizer(replace(RecognizeConfig.small(), **changes), SMALL)


def clips(count: int = 6, frames: int = 40, spec: Spec = SMALL, seed: int = 0) -> dict[str, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(count, frames, spec.persons, spec.joints, spec.channels, generator=g) / 4
    x[::2, :, 1:] = 0
    length = torch.full((count,), frames)
    return {"skeleton": x, "frames": length, "mask": torch.arange(frames) < length[:, None],
            "label": torch.arange(count) % len(spec.classes)}  # fmt: skip
