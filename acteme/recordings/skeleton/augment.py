"""Random changes of skeleton clips, drawn anew for every sample of a batch (B, T, M, V, C).

One draw holds for all frames and persons of a sample. Positions are never changed in place. The linear changes leave
the zeros of absent persons, missing joints and padding as they are; noise and masks leave them out. `generator` is of
the tensor's device; without it torch's global one is used. The official HaLP shear with the same entries is met to
3.4e-7 (float32).
"""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout

Clips = Float[Tensor, "B T M V C"]


def random_rotation(x: Clips, limit: float = 0.3, generator: Generator | None = None) -> Clips:
    """Rotation by angles U(-limit, limit) rad about each axis, R = Rz Ry Rx (CTR-GCN, PSUMNet, PYSKL, BRL).

    In 2D one angle in the plane. (PYSKL draws that one from U(-limit, 1) by a slip.)
    """
    _check_coordinates(x)
    angle = _uniform(x, 3 if x.shape[-1] == 3 else 1, limit, generator)
    cos, sin, one, zero = angle.cos(), angle.sin(), torch.ones_like(angle[:, 0]), torch.zeros_like(angle[:, 0])
    if x.shape[-1] == 2:
        return _apply(_matrix([[cos[:, 0], -sin[:, 0]], [sin[:, 0], cos[:, 0]]]), x)
    (cx, cy, cz), (sx, sy, sz) = cos.unbind(1), sin.unbind(1)
    rx = _matrix([[one, zero, zero], [zero, cx, -sx], [zero, sx, cx]])
    ry = _matrix([[cy, zero, sy], [zero, one, zero], [-sy, zero, cy]])
    rz = _matrix([[cz, -sz, zero], [sz, cz, zero], [zero, zero, one]])
    return _apply(rz @ ry @ rx, x)


def random_scale(x: Clips, limit: float | Sequence[float] = 0.1, generator: Generator | None = None) -> Clips:
    """Every axis times its own factor U(1 - limit, 1 + limit); `limit` is one number or one per axis (PYSKL, BRL)."""
    limits = torch.as_tensor(limit, dtype=x.dtype, device=x.device).expand(x.shape[-1])
    return x * (1 + limits * _uniform(x, x.shape[-1], 1.0, generator))[:, None, None, None]


def random_shear(x: Clips, limit: float = 1.0, generator: Generator | None = None) -> Clips:
    """Pose shear of HaLP: x <- S x, S the identity with off-diagonal entries U(-limit, limit)."""
    return _apply(_shear(x, limit, generator), x)


def corrupt_joints(x: Clips, joints: int = 15, limit: float = 1.0, generator: Generator | None = None) -> Clips:
    """Joint corruption of HaLP: `joints` joints, drawn without replacement, become zero with probability 1/2, else they
    are multiplied by a matrix with entries U(-limit, limit).

    Raises:
        InputError: more joints than the skeleton has.
    """
    matrix, chosen = _corruption(x, joints, limit, generator)
    return torch.where(chosen[:, None, None, :, None], _apply(matrix, x), x)


def shear_or_corrupt(
    x: Clips, joints: int = 15, limit: float = 1.0, probability: float = 0.5, generator: Generator | None = None
) -> Clips:
    """The spatial augmentation of one HaLP view: pose shear with `probability`, else joint corruption.

    Raises:
        InputError: more joints than the skeleton has.
    """
    shear = torch.rand(len(x), generator=generator, device=x.device) < probability
    matrix, chosen = _corruption(x, joints, limit, generator)
    matrix = torch.where(shear[:, None, None], _shear(x, limit, generator), matrix)
    chosen = chosen | shear[:, None]
    return torch.where(chosen[:, None, None, :, None], _apply(matrix, x), x)


def _shear(x: Clips, limit: float, generator: Generator | None) -> Float[Tensor, "B C C"]:
    c = x.shape[-1]
    eye = torch.eye(c, dtype=x.dtype, device=x.device)
    return eye + _uniform(x, c * c, limit, generator).view(-1, c, c) * (1 - eye)


def _corruption(
    x: Clips, joints: int, limit: float, generator: Generator | None
) -> tuple[Float[Tensor, "B C C"], Bool[Tensor, "B V"]]:
    """Matrices, and the joints that they are for."""
    b, v, c = len(x), x.shape[-2], x.shape[-1]
    if not 0 <= joints <= v:
        raise InputError(f"{joints} of {v} joints cannot be corrupted", "joints", f"give a number from 0 to {v}")
    # the ranks of independent draws are a random permutation: the first `joints` of it are the chosen ones
    rank = torch.rand(b, v, generator=generator, device=x.device).argsort(1).argsort(1)
    keep = (torch.rand(b, generator=generator, device=x.device) >= 0.5).to(x.dtype)
    matrix = _uniform(x, c * c, limit, generator).view(-1, c, c) * keep[:, None, None]
    return matrix, rank < joints


def flip(x: Clips, layout: Layout, mirror: bool = True) -> Clips:
    """The other-handed body: left and right joints change places and, with `mirror`, x changes its sign.

    Meant for coordinates whose x = 0 is the middle: centered positions, or normalized picture coordinates.
    """
    swapped = x[..., list(layout.flip), :]
    if not mirror:
        return swapped
    sign = torch.ones(x.shape[-1], dtype=x.dtype, device=x.device)
    sign[0] = -1
    return swapped * sign


def random_flip(
    x: Clips, layout: Layout, probability: float = 0.5, mirror: bool = True, generator: Generator | None = None
) -> Clips:
    """`flip` with a probability. BRL and PYSKL swap the joint indices only: `mirror=False`."""
    chosen = torch.rand(len(x), generator=generator, device=x.device) < probability
    return torch.where(chosen[:, None, None, None, None], flip(x, layout, mirror), x)


def gaussian_noise(x: Clips, sigma: float = 0.01, relative: bool = False, generator: Generator | None = None) -> Clips:
    """N(0, sigma^2) on every coordinate of the joints that are there, independently.

    `sigma` is in the unit of the positions or, with `relative`, in diagonals of the person's bounding box in the frame,
    which suits pictures where people are near and far.
    """
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=x.device) * sigma
    there = (x != 0).any(-1, keepdim=True)
    if relative:
        highest = x.masked_fill(~there, -torch.inf).amax(-2, keepdim=True)
        lowest = x.masked_fill(~there, torch.inf).amin(-2, keepdim=True)
        noise = noise * (highest - lowest).norm(dim=-1, keepdim=True)
    return torch.where(there, x + noise, x)


def _uniform(x: Clips, count: int, limit: float, generator: Generator | None) -> Float[Tensor, "B count"]:
    draw = torch.rand(len(x), count, generator=generator, dtype=x.dtype, device=x.device)
    return (2 * draw - 1) * limit


def _matrix(rows: list[list[Tensor]]) -> Float[Tensor, "B n n"]:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _apply(matrix: Float[Tensor, "B C C"], x: Clips) -> Clips:
    """y = matrix x for every position."""
    b, c = len(x), x.shape[-1]
    return torch.bmm(x.reshape(b, -1, c), matrix.mT).view(x.shape)


def _check_coordinates(x: Clips) -> None:
    if x.shape[-1] not in (2, 3):
        raise InputError(
            f"positions of {x.shape[-1]} coordinates cannot be rotated", mend="rotate before forming streams"
        )
