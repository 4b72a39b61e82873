"""Motions as numbers per frame, for batches: the vectors of HumanML3D and KIT-ML, and a description for any layout.

`guo` gives what `readers.humanml3d_vectors.to_vectors` gives for one motion, of many motions at once on any device; the
columns are described there. T frames give T rows: the last frame is taken to move on as it did before.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import layout as find_layout
from acteme.recordings.skeleton.readers import humanml3d_vectors as humanml3d

TINY = 1e-12
OPPOSITE = 1e-6
"""How near to opposite two directions are where any half turn will do."""


@dataclass(frozen=True)
class Body:
    """What the published vectors need to know of a layout."""

    chains: tuple[tuple[int, ...], ...]
    """Joints from the root outward; a chain that begins elsewhere starts from the root's rotation too, as published."""
    rest: Float[np.ndarray, "v 3"]
    """Direction of each bone when nothing is turned."""
    hips: tuple[int, int]
    """Right, left."""
    shoulders: tuple[int, int]
    """Right, left."""
    feet: tuple[int, int, int, int]
    """Left ankle and foot, right ankle and foot."""
    standing: float
    """Squared step below which a foot stands, in the data's unit."""

    @property
    def before(self) -> list[int]:
        """Joint before each in its chain; the root's number where there is none or the chain begins anew."""
        out = [0] * len(self.rest)
        for chain in self.chains:
            for a, b in pairwise(chain[1:]):
                out[b] = a
        return out

    @property
    def parents(self) -> list[int]:
        """Joint at the other end of each bone."""
        out = [0] * len(self.rest)
        for chain in self.chains:
            for a, b in pairwise(chain):
                out[b] = a
        return out


# fmt: off
KIT_REST = np.array([
    [0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [1, 0, 0], [0, -1, 0], [0, -1, 0], [-1, 0, 0], [0, -1, 0],
    [0, -1, 0], [1, 0, 0], [0, -1, 0], [0, -1, 0], [0, 0, 1], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, -1, 0], [0, 0, 1],
    [0, 0, 1],
], np.float64)
# fmt: on

BODIES = {
    "smpl22": Body(humanml3d.CHAINS, humanml3d.REST, humanml3d.HIPS, humanml3d.SHOULDERS,
                   (*humanml3d.LEFT_FEET, *humanml3d.RIGHT_FEET), humanml3d.STANDING),
    "kit21": Body(((0, 11, 12, 13, 14, 15), (0, 16, 17, 18, 19, 20), (0, 1, 2, 3, 4), (3, 5, 6, 7), (3, 8, 9, 10)),
                  KIT_REST, (11, 16), (5, 8), (19, 20, 14, 15), 0.05),
}  # fmt: skip
"""Layouts with published vectors."""


def width(layout: str, persons: int, channels: int, published: bool) -> int:
    """Numbers per frame: of `guo` where it is `published`, of `relative` otherwise.

    Raises:
        InputError: there are no published vectors for the layout.
    """
    joints = find_layout(layout).count
    if not published:
        return 2 * persons * joints * channels
    if layout not in BODIES:
        known = " and ".join(BODIES)
        raise InputError(f"no motion vectors are published for layout '{layout}'", "features",
                         f"they are for {known}; take the relative ones")  # fmt: skip
    return 12 * joints - 1


def guo(x: Float[Tensor, "b t v 3"], frames: Int[Tensor, " b"], layout: str) -> Float[Tensor, "b t d"]:
    """The vectors of HumanML3D (263 columns) or KIT-ML (251), one row per frame.

    Args:
        x: positions of one person, y up; frames beyond `frames` are ignored.
        frames: number of frames that exist, at least 1.
        layout: a key of `BODIES`.

    Rows beyond `frames` mean nothing.
    """
    body = BODIES[layout]
    x = _held(x, frames)
    x = torch.cat([x, 2 * x[:, -1:] - x[:, -2:-1] if x.shape[1] > 1 else x[:, -1:]], 1)
    x = _continued(x, frames)
    floor = torch.where(_exists(x, frames), x[..., 1], torch.inf).flatten(1).amin(1)
    x = x - F.pad(floor[:, None], (1, 1))[:, None, None]
    start = _bearing(_facing(x[:, :1], body, published=False))
    x = _about_y(start[:, None], x - x[:, :1, :1] * x.new_tensor([1.0, 0, 1.0]))
    facing = _smooth(_held(_facing(x, body, published=True), frames), frames)
    turn = _bearing(facing)
    turn = torch.cat([torch.zeros_like(turn[:, :1]), turn[:, 1:]], 1)
    step = x[:, 1:] - x[:, :-1]
    spin = turn[:, 1:] - turn[:, :-1]
    spin = spin - 2 * math.pi * torch.round(spin / (2 * math.pi))
    local = _about_y(turn[:, :-1, None], x[:, :-1] - x[:, :-1, :1] * x.new_tensor([1.0, 0, 1.0]))
    standing = step[:, :, list(body.feet)].square().sum(-1) < body.standing
    parts = [
        spin[..., None] / 2,
        _about_y(turn[:, 1:], step[:, :, 0])[..., ::2],
        local[:, :, 0, 1:2],
        local[:, :, 1:].flatten(2),
        _rotations(x[:, :-1], turn[:, :-1], body).flatten(2),
        _about_y(turn[:, :-1, None], step).flatten(2),
        standing.to(x.dtype),
    ]
    return torch.cat(parts, -1)


def relative(x: Float[Tensor, "b t m v c"], frames: Int[Tensor, " b"], layout: str) -> Float[Tensor, "b t d"]:
    """Positions relative to the first person's root, and velocities, for any layout: 2 M V C numbers per frame.

    Where coordinates are three and the layout has hips or shoulders, y is taken for up and the motion is turned about
    it so that the first person faces +z in the first frame. Velocities are differences to the next frame; the last is
    the one before it. A person who is not there is zero.

    Args:
        x: positions; frames beyond `frames` are ignored.
        frames: number of frames that exist, at least 1.
        layout: of the joints.
    """
    body = find_layout(layout)
    here = (x != 0).any((3, 4))[..., None, None]
    pairs = [(body.index(f"right_{j}"), body.index(f"left_{j}")) for j in ("hip", "shoulder")
             if f"right_{j}" in body.joints and f"left_{j}" in body.joints]  # fmt: skip
    if pairs and x.shape[-1] == 3:
        across = sum((x[:, 0, 0, r] - x[:, 0, 0, left] for r, left in pairs), torch.zeros_like(x[:, 0, 0, 0]))
        facing = torch.stack([across[:, 2], torch.zeros_like(across[:, 0]), -across[:, 0]], -1)  # y cross the line
        x = _about_y(_bearing(facing)[:, None, None, None], x)
    place = (x - x[:, :, :1, body.root, None]) * here
    x = _held(x, frames)
    step = torch.cat([x[:, 1:] - x[:, :-1], torch.zeros_like(x[:, :1])], 1)
    last = (frames - 2).clamp(min=0)
    rows = torch.arange(x.shape[1], device=x.device)[None].clamp(max=last[:, None])
    step = step.gather(1, rows.view(*rows.shape, 1, 1, 1).expand_as(step)) * here
    return torch.cat([place.flatten(2), step.flatten(2)], -1)


def _held(x: Tensor, frames: Tensor) -> Tensor:
    """The last frame that exists in place of those beyond it."""
    at = torch.arange(x.shape[1], device=x.device)[None].clamp(max=(frames - 1)[:, None])
    return x.gather(1, at.view(*at.shape, *[1] * (x.ndim - 2)).expand_as(x))


def _continued(x: Tensor, frames: Tensor) -> Tensor:
    """One frame more that moves on as the last two do; a motion of one frame stands still."""
    rows = torch.arange(len(x), device=x.device)
    last, before = x[rows, frames - 1], x[rows, (frames - 2).clamp(min=0)]
    after = torch.arange(x.shape[1], device=x.device)[None] >= frames[:, None]
    return torch.where(after.view(*after.shape, *[1] * (x.ndim - 2)), (2 * last - before)[:, None], x)


def _exists(x: Tensor, frames: Tensor) -> Tensor:
    """(b, t, 1): frames that the data has."""
    return (torch.arange(x.shape[1], device=x.device)[None] < frames[:, None])[..., None]


def _facing(x: Float[Tensor, "b t v 3"], body: Body, published: bool) -> Float[Tensor, "b t 3"]:
    """Direction in which the body faces: see `humanml3d_vectors.heading` on `published`."""
    hips = x[:, :, body.hips[0]] - x[:, :, body.hips[1]]
    across = x[:, :, body.shoulders[0]] - x[:, :, body.shoulders[1]] + (-hips if published else hips)
    across = across / across.norm(dim=-1, keepdim=True).clamp(min=TINY)
    return torch.stack([across[..., 2], torch.zeros_like(across[..., 0]), -across[..., 0]], -1)


def _smooth(x: Float[Tensor, "b t 3"], frames: Tensor) -> Float[Tensor, "b t 3"]:
    """Gaussian over time, the ends held."""
    reach = int(4 * humanml3d.SMOOTH + 0.5)
    at = torch.arange(-reach, reach + 1, device=x.device, dtype=torch.float64)
    weight = torch.exp(-0.5 * (at / humanml3d.SMOOTH) ** 2)
    kernel = (weight / weight.sum()).to(x.dtype)[None, None]
    flat = F.pad(x.transpose(1, 2).reshape(-1, 1, x.shape[1]), (reach, reach), mode="replicate")
    return F.conv1d(flat, kernel).view(len(x), 3, -1).transpose(1, 2)


def _bearing(facing: Float[Tensor, "... 3"]) -> Float[Tensor, "..."]:
    """Angle about y that turns a direction to +z."""
    return torch.atan2(-facing[..., 0], facing[..., 2])


def _about_y(angle: Float[Tensor, "..."], x: Float[Tensor, "... 3"]) -> Float[Tensor, "... 3"]:
    c, s = angle.cos(), angle.sin()
    return torch.stack([c * x[..., 0] + s * x[..., 2], x[..., 1] + 0 * c, c * x[..., 2] - s * x[..., 0]], -1)


def _rotations(x: Float[Tensor, "b t v 3"], turn: Float[Tensor, "b t"], body: Body) -> Float[Tensor, "b t u 6"]:
    """Rotation of every bone but the root's in the frame of the one before it: two columns of its matrix."""
    bone = x - x[:, :, body.parents]
    rest = torch.as_tensor(body.rest, dtype=x.dtype, device=x.device).expand_as(bone)
    whole = _between(rest, bone / bone.norm(dim=-1, keepdim=True).clamp(min=TINY))
    c, s, o = turn.cos(), turn.sin(), torch.zeros_like(turn)
    root = torch.stack([c, o, s, o, o + 1, o, -s, o, c], -1).unflatten(-1, (3, 3))
    whole = torch.cat([root[:, :, None], whole[:, :, 1:]], 2)
    first = whole[:, :, body.before[1:]].transpose(-1, -2) @ whole[:, :, 1:, :, :2]
    return first.transpose(-1, -2).flatten(-2)


def _between(a: Float[Tensor, "... 3"], b: Float[Tensor, "... 3"]) -> Float[Tensor, "... 3 3"]:
    """Matrices of the shortest turns of unit directions a to b; where they are opposite, half a turn."""
    eye = torch.eye(3, dtype=a.dtype, device=a.device)
    dot = (a * b).sum(-1)[..., None, None]
    v = torch.linalg.cross(a, b)
    o = torch.zeros_like(v[..., 0])
    skew = torch.stack([o, -v[..., 2], v[..., 1], v[..., 2], o, -v[..., 0], -v[..., 1], v[..., 0], o], -1)
    skew = skew.unflatten(-1, (3, 3))
    near = eye + skew + skew @ skew / (1 + dot).clamp(min=OPPOSITE)
    up = torch.tensor([0.0, 1.0, 0.0], dtype=a.dtype, device=a.device).expand_as(a)
    side = torch.tensor([1.0, 0.0, 0.0], dtype=a.dtype, device=a.device).expand_as(a)
    upright = a[..., 1:2].abs() < 0.9
    axis = torch.where(upright, up - a * a[..., 1:2], torch.linalg.cross(a, side))
    axis = axis / axis.norm(dim=-1, keepdim=True).clamp(min=TINY)
    half = 2 * axis[..., :, None] * axis[..., None, :] - eye
    return torch.where(dot < -1 + OPPOSITE, half, near)
