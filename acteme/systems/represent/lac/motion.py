"""LAC's motion code: 15 joints of one person to 30 channels over time and back, and exact retargeting in 3D.

Positions are (n, T, 15, C) in the `body15` layout. In 3D the third axis points up, units are meters; in 2D the axes are
(right, down) as in an image. Codes are (n, 30, T): 14 joints relative to the mid-hip (x and y of joint 0, of joint 1,
...; the mid-hip left out), then the velocity of the mid-hip.

Source: Yang et al., Latent Action Composition (ICCV 2023), section 3.1, and the released data code.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from acteme.recordings.skeleton.kinematics import lengths, retarget
from acteme.recordings.skeleton.layouts import layout

BODY = layout("body15")
NECK, MID_HIP = BODY.index("neck"), BODY.index("mid_hip")
RIGHT_SHOULDER, LEFT_SHOULDER = BODY.index("right_shoulder"), BODY.index("left_shoulder")
RIGHT_HIP, LEFT_HIP = BODY.index("right_hip"), BODY.index("left_hip")
LEGS = [BODY.index(f"{side}_{joint}") for side in ("right", "left") for joint in ("knee", "ankle")]
OTHERS = [j for j in range(BODY.count) if j != MID_HIP]
"""Joints whose positions are channels."""
ANKLES = [2 * OTHERS.index(BODY.index(f"{side}_ankle")) + axis for side in ("right", "left") for axis in (0, 1)]
"""Channels of the two ankles."""
CHANNELS = 2 * BODY.count
PATH = BODY.root
"""Where lengths and factors, one per bone, have those of the path: the root ends no bone."""

Up = Literal["y", "z"]


def upright(x: Float[Tensor, "*any 3"], up: Up) -> Float[Tensor, "*any 3"]:
    """Turns data whose second axis points up (cameras, most of motion capture) so that the third one does."""
    return x if up == "z" else torch.stack([x[..., 0], -x[..., 2], x[..., 1]], -1)


def turned(x: Float[Tensor, "b *any 3"], angle: Float[Tensor, " b"]) -> Float[Tensor, "b *any 3"]:
    """Turns clips about the vertical (the third axis), radians."""
    c, s = (f.view(-1, *[1] * (x.ndim - 2)) for f in (angle.cos(), angle.sin()))
    return torch.stack([c * x[..., 0] - s * x[..., 1], s * x[..., 0] + c * x[..., 1], x[..., 2]], -1)


def hold(x: Float[Tensor, "n t *any"], mask: Bool[Tensor, "n t"], frames: int | None = None) -> Tensor:
    """Repeats the last frame that exists over the padding, and on to `frames` frames in all where that is longer."""
    last = mask.sum(1, keepdim=True).clamp(min=1) - 1
    at = torch.arange(max(frames or 0, x.shape[1]), device=x.device).minimum(last)
    return x[torch.arange(len(x), device=x.device)[:, None], at]


# --- 3D: character, view -----------------------------------------------------------------------------------------


def sizes(x: Float[Tensor, "n t 15 3"]) -> Float[Tensor, "n 15"]:
    """Mean length of the bone that ends in each joint; the neck, the root, has the mean of the leg bones."""
    length = lengths(x, BODY.name).mean(1)
    length[:, PATH] = length[:, LEGS].mean(1)
    return length


def resize(x: Float[Tensor, "n t 15 3"], factor: Float[Tensor, "n 15"]) -> Float[Tensor, "n t 15 3"]:
    """The same motion by another character: every bone keeps its direction and is `factor` times as long.

    The path of the mid-hip is scaled by the neck's factor, so that with `sizes` of the two characters the steps grow
    with the legs.
    """
    return retarget(x, BODY.name, factor[:, None], travel=factor[:, PATH, None], anchor=MID_HIP)


def view_axes(x: Float[Tensor, "n t 15 3"], azimuth: Float[Tensor, " n"]) -> Float[Tensor, "n 3 3"]:
    """Axes (rows x, y, z) of a view that stands at `azimuth` (radians) to the body's mean orientation.

    Where the body lies so that left-to-right is vertical, it counts as facing along the second axis.
    """
    across = (x[:, :, RIGHT_SHOULDER] - x[:, :, LEFT_SHOULDER] + x[:, :, RIGHT_HIP] - x[:, :, LEFT_HIP]).mean(1) / 2
    across = F.normalize(across, dim=-1)
    zero = torch.zeros_like(azimuth)
    y = torch.stack([across[:, 1], -across[:, 0], zero], -1)  # across × z
    length = y.norm(dim=-1, keepdim=True)
    fallback = torch.stack([zero, -torch.ones_like(zero), zero], -1)
    y = torch.where(length > 1e-6, y / length.clamp(min=1e-6), fallback)
    x_axis = torch.stack([y[:, 1], -y[:, 0], zero], -1)  # y × z
    z = torch.stack([zero, zero, torch.ones_like(zero)], -1)
    c, s = azimuth.cos()[:, None], azimuth.sin()[:, None]
    axes = torch.stack([x_axis, y, z], 1)
    return torch.stack([axes[..., 0] * c - axes[..., 1] * s, axes[..., 0] * s + axes[..., 1] * c, axes[..., 2]], -1)


def project(x: Float[Tensor, "n *any t 15 3"], axes: Float[Tensor, "n 3 3"] | None = None) -> Tensor:
    """Orthographic image (n, ..., t, 15, 2), (right, down); without `axes` seen along the recording's second axis."""
    if axes is None:
        return torch.stack([x[..., 0], -x[..., 2]], -1)
    return torch.einsum("nac,ntjc->ntja", axes[:, [0, 2]], x) * x.new_tensor([1.0, -1.0])


# --- 2D: positions and codes -----------------------------------------------------------------------------------------


def represent(p: Float[Tensor, "n t 15 2"], unit: float = 128.0) -> Float[Tensor, "n 30 t"]:
    """Code of 2D positions: neck and mid-hip become the middle of shoulders and hips; `unit` channel units a meter."""
    p = p * unit
    p[:, :, NECK] = (p[:, :, RIGHT_SHOULDER] + p[:, :, LEFT_SHOULDER]) / 2
    p[:, :, MID_HIP] = (p[:, :, RIGHT_HIP] + p[:, :, LEFT_HIP]) / 2
    root = p[:, :, MID_HIP]
    velocity = torch.cat([torch.zeros_like(root[:, :1]), root[:, 1:] - root[:, :-1]], 1)
    code = torch.cat([p[:, :, OTHERS] - root[:, :, None], velocity[:, :, None]], 2)
    return code.flatten(2).transpose(1, 2)


def positions(code: Float[Tensor, "n 30 t"], unit: float = 128.0) -> Float[Tensor, "n t 15 2"]:
    """2D positions of a code; the mid-hip starts at the origin (its place at the first frame is not in the code)."""
    joints = (code.transpose(1, 2) / unit).unflatten(-1, (BODY.count, 2))
    root = joints[:, :, -1:].cumsum(1)
    before, after = joints[:, :, :MID_HIP], joints[:, :, MID_HIP:-1]
    return torch.cat([before, torch.zeros_like(root), after], 2) + root
