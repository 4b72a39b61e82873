"""UNIK, LAC's visual encoder: ten spatio-temporal blocks without a skeleton graph, one feature per 4 frames.

    spatial unit:  y = ReLU(BN(sum_h Conv1x1_h(x (W_h + softmax_v(theta_h(x)ᵀ phi_h(x) / (C' T))))) + residual)
    temporal unit: BN(Conv 9x1(y));  block: ReLU(temporal(spatial(x)) + residual)

The heads are one convolution each for theta and phi and one for the sum over heads. Padding frames and absent persons
have no part in anything: their frames are zeroed before every temporal convolution, left out of the attention and of
the batch statistics, and absent persons are not computed.

Source: Yang et al., UNIK (BMVC 2021), section 3; LAC (ICCV 2023), section 3.3.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from acteme.errors import InputError
from acteme.nn.masked import norm

STRIDE = 4
"""Frames per feature."""


class Unik(nn.Module):
    """The encoder and its last, linear layer, which is applied per time step.

    Args:
        joints: V.
        persons: M.
        channels: C.
        out: outputs of the last layer.
        width: channels of the first blocks; features have 4 width channels (official: 64, 256).
        heads: dependency matrices and attentions per spatial unit.
        skip_absent: leave out persons that are all zeros in a clip; the official code computes them as bodies at the
            origin and averages them in.
        mlp: one hidden layer before the last.
    """

    def __init__(
        self,
        joints: int,
        persons: int,
        channels: int,
        out: int,
        width: int = 64,
        heads: int = 3,
        skip_absent: bool = True,
        mlp: bool = False,
    ):
        super().__init__()
        self.skip_absent = skip_absent
        self.data_bn = nn.BatchNorm1d(persons * joints * channels)
        widths = [channels] + [width] * 4 + [2 * width] * 3 + [4 * width] * 3
        self.blocks = nn.ModuleList(
            Block(a, b, joints, heads, stride=2 if b > a and i else 1, residual=i > 0)
            for i, (a, b) in enumerate(pairwise(widths))
        )
        last = nn.Linear(4 * width, out)
        nn.init.normal_(last.weight, 0, math.sqrt(2 / out))
        self.fc: nn.Module = last
        if mlp:
            self.fc = nn.Sequential(nn.Linear(4 * width, 4 * width), nn.ReLU(), last)

    def features(
        self, x: Float[Tensor, "b t m v c"], mask: Bool[Tensor, "b t"] | None = None
    ) -> Float[Tensor, "b s d"]:
        """Features of every fourth frame, averaged over joints and persons: s = ceil(t / 4), d = 4 width."""
        b, t, m, v, c = x.shape
        there = (x != 0).flatten(3).any(-1).any(1) if self.skip_absent else x.new_ones(b, m, dtype=torch.bool)
        if not there.any():
            there = torch.ones_like(there)
        mask = None if mask is None or bool(mask.all()) else mask
        skip = not bool(there.all())
        weight = None
        if skip or mask is not None:
            frames = there[:, :, None] & (there.new_ones(b, 1, t) if mask is None else mask[:, None])
            weight = frames.repeat_interleave(v * c, 1).to(x)
        x = norm(self.data_bn, x.flatten(2).transpose(1, 2), weight).view(b, m, v, c, t).permute(0, 1, 3, 4, 2)
        keep = None if mask is None else mask[:, None].expand(-1, m, -1)[there][:, None, :, None].to(x)
        x = x[there] if skip else x.reshape(b * m, c, t, v)
        for block in self.blocks:
            x = block(x, keep)
            keep = keep if keep is None or block.stride == 1 else keep[:, :, :: block.stride]
        x = x.mean(3) if keep is None else x.mean(3) * keep[..., 0]
        if skip:
            clip = torch.arange(b, device=x.device)[:, None].expand(b, m)[there]
            total = x.new_zeros(b, *x.shape[1:]).index_add(0, clip, x)
            x = total / there.sum(1).clamp(min=1)[:, None, None]
        else:
            x = x.view(b, m, *x.shape[1:]).mean(1)
        return x.transpose(1, 2)

    def forward(self, x: Float[Tensor, "b t m v c"], mask: Bool[Tensor, "b t"] | None = None) -> Float[Tensor, "b s k"]:
        """Outputs of the last layer for every fourth frame."""
        return self.fc(self.features(x, mask))


class Block(nn.Module):
    """A spatial unit, a temporal unit, and the way around both."""

    def __init__(self, c_in: int, c_out: int, joints: int, heads: int, stride: int, residual: bool):
        super().__init__()
        self.stride = stride
        self.spatial = SpatialUnit(c_in, c_out, joints, heads)
        self.temporal = TemporalUnit(c_out, c_out, 9, stride)
        self.around: nn.Module | None = None
        self.identity = residual and c_in == c_out and stride == 1
        if residual and not self.identity:
            self.around = TemporalUnit(c_in, c_out, 1, stride)

    def forward(self, x: Tensor, keep: Tensor | None) -> Tensor:
        y = self.temporal(self.spatial(x, keep), keep)
        if self.identity:
            y = y + x
        elif self.around is not None:
            y = y + self.around(x, keep)
        return F.relu(y, inplace=True)


class SpatialUnit(nn.Module):
    """Every joint gathers from all joints: by a free matrix and by attention over the whole clip, per head."""

    def __init__(self, c_in: int, c_out: int, joints: int, heads: int):
        super().__init__()
        self.heads, self.inner = heads, c_out // 4
        self.dependency = nn.Parameter(torch.empty(heads, joints, joints).uniform_(-1 / joints, 1 / joints))
        self.attend = _conv(c_in, 2 * heads * self.inner, fan=self.inner)
        self.mix = nn.Conv2d(c_in, c_out, (1, heads), stride=(1, heads))
        nn.init.normal_(self.mix.weight, 0, math.sqrt(2 / (c_out * c_in * heads)))
        nn.init.zeros_(self.mix.bias)  # type: ignore[arg-type]
        self.down = TemporalUnit(c_in, c_out, 1, 1) if c_in != c_out else None
        self.bn = nn.BatchNorm2d(c_out)
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Float[Tensor, "n c t v"], keep: Tensor | None) -> Float[Tensor, "n d t v"]:
        n, c, t, v = x.shape
        theta, phi = self.attend(x).reshape(n, 2, self.heads, self.inner * t, v).unbind(1)
        length: Tensor | int = t
        if keep is not None:
            theta = theta * keep.expand(-1, self.inner, -1, v).reshape(n, 1, self.inner * t, v)
            length = keep.sum(2, keepdim=True)
        scores = theta.transpose(2, 3) @ phi / (self.inner * length)
        gather = self.dependency + scores.softmax(2)  # n h v w: joint w gathers from joint v
        y = x.reshape(n, c * t, v) @ gather.permute(0, 2, 3, 1).reshape(n, v, v * self.heads)
        y = norm(self.bn, self.mix(y.view(n, c, t, v * self.heads)), keep)
        return F.relu(y + (x if self.down is None else self.down(x, keep)), inplace=True)


class TemporalUnit(nn.Module):
    """Convolution over time, then batch normalization; `keep` (n, 1, t, 1) zeroes padding frames first."""

    def __init__(self, c_in: int, c_out: int, kernel: int, stride: int):
        super().__init__()
        self.stride = stride
        self.conv = _conv(c_in, c_out, kernel, stride)
        self.bn = nn.BatchNorm2d(c_out)

    def forward(self, x: Tensor, keep: Tensor | None) -> Tensor:
        if keep is None:
            return self.bn(self.conv(x))
        return norm(self.bn, self.conv(x * keep), keep[:, :, :: self.stride])


def _conv(c_in: int, c_out: int, kernel: int = 1, stride: int = 1, fan: int | None = None) -> nn.Conv2d:
    """Convolution over time with Kaiming initialization over `fan` outputs, biases 0."""
    conv = nn.Conv2d(c_in, c_out, (kernel, 1), (stride, 1), (kernel // 2, 0))
    nn.init.normal_(conv.weight, 0, math.sqrt(2 / ((fan or c_out) * kernel)))
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def unik_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """State of an official UNIK (names `l1` ... `l10`, any of them may be missing) under the names of `Unik`.

    The convolutions of the heads are laid side by side; their biases, whose sum is all that counts, are added up; the
    bias per joint that the base UNIK declares and never uses is left out.

    Raises:
        InputError: a name that no UNIK has, or nothing at all.
    """
    if not state:
        raise InputError("hold no UNIK", "encoder weights", "give an official UNIK's state")
    out: dict[str, Tensor] = {}
    heads: dict[str, dict[str, Tensor]] = {}
    for name, value in state.items():
        block, _, rest = name.partition(".")
        if block in ("data_bn", "fc"):
            out[name] = value
            continue
        if not (block[:1] == "l" and block[1:].isdigit()):
            raise InputError(f"'{name}' is not a tensor of UNIK", "encoder weights", "give an official UNIK's state")
        at = f"blocks.{int(block[1:]) - 1}"
        unit, _, inner = rest.partition(".")
        if unit == "t_unit":
            out[f"{at}.temporal.{inner}"] = value
        elif unit == "residual":
            out[f"{at}.around.{inner}"] = value
        elif inner == "DepM":
            out[f"{at}.spatial.dependency"] = value
        elif inner.startswith("conv_"):
            heads.setdefault(f"{at}.spatial", {})[inner] = value
        elif inner.startswith("down."):
            out[f"{at}.spatial.{inner.replace('.0.', '.conv.').replace('.1.', '.bn.')}"] = value
        elif inner != "bias":
            out[f"{at}.spatial.{inner}"] = value
    for at, each in heads.items():

        def stack(kind: str, part: str, each: dict[str, Tensor] = each) -> list[Tensor]:
            names = sorted(each, key=lambda name: (len(name), name))  # head 10 comes after head 9
            return [each[name] for name in names if name.startswith(kind) and name.endswith(part)]

        for part in ("weight", "bias"):
            out[f"{at}.attend.{part}"] = torch.cat(stack("conv_a", part) + stack("conv_b", part))
        out[f"{at}.mix.weight"] = torch.cat(stack("conv_d", "weight"), -1)
        out[f"{at}.mix.bias"] = torch.stack(stack("conv_d", "bias")).sum(0)
    return out


def tensors(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors of a checkpoint (`{"state_dict": ..., "epoch": ...}`) or of a bare state, free of `module.`."""
    return {name.removeprefix("module."): value for name, value in state.get("state_dict", state).items()}
