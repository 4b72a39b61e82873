"""Kinematics: joint angles to positions, positions to bone vectors, and bodies of other proportions.

A `Rig` is a tree of points with offsets in the frame of their parent; some of its joints turn. `forward` is vectorized
over figures and frames, its one loop goes over the joints of the tree. Functions of positions (`bones`, `lengths`,
`assemble`, `retarget`) are linear maps over the joint axis; they take NumPy arrays and torch tensors with any leading
axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from acteme.errors import InputError
from acteme.recordings.skeleton.layouts import Layout, layout

Array = TypeVar("Array", np.ndarray, Tensor)

PELVIS = ("mid_hip", "spine_base", "pelvis", "hip_center", "root")
"""Names of the joint between the hips, which carries the path of a figure."""


@dataclass(frozen=True)
class Rig:
    """A tree of points that move with the joints above them."""

    joints: tuple[str, ...]
    """Names, parents before children; the first is the root."""
    parents: tuple[int, ...]
    """Parent of each point; the root has itself."""
    offsets: np.ndarray
    """(V, 3) place of each point in the frame of its parent, metres; the root's is not used."""
    moving: tuple[str, ...]
    """The joints that turn, in the order of the rotations' axis; the others are rigid with their parent."""

    def index(self, names: Sequence[str]) -> np.ndarray:
        """Positions of the named points."""
        return np.array([self.joints.index(n) for n in names])

    @cached_property
    def turns(self) -> dict[int, int]:
        """Joint to its place among the moving ones."""
        return {self.joints.index(n): i for i, n in enumerate(self.moving)}


def forward(
    rig: Rig,
    rotation: Float[np.ndarray, "... t r 4"],
    root: Float[np.ndarray, "... t 3"],
    offsets: Float[np.ndarray, "... v 3"] | None = None,
) -> Float[np.ndarray, "... t v 3"]:
    """Positions of all points of a rig: P_child = P_parent + R_parent offset, R_child = R_parent R_local.

    Args:
        rotation: unit quaternions of the moving joints, each in the frame of its parent.
        root: position of the root.
        offsets: those of other bodies (leading axes broadcast against the figures); None takes the rig's.
    """
    places = np.asarray(rig.offsets if offsets is None else offsets, root.dtype)[..., None, :, :]
    rank = max(rotation.ndim - 2, root.ndim - 1, places.ndim - 2)
    parts = forward_parts(rig, _first(rotation, 2, rank), _first(root, 1, rank), _first(places, 2, rank))
    return np.ascontiguousarray(np.moveaxis(parts, (0, 1), (-2, -1)))


def _first(x: np.ndarray, axes: int, rank: int) -> np.ndarray:
    """The last `axes` axes moved to the front, with `rank` axes behind them."""
    x = x.reshape((1,) * (rank + axes - x.ndim) + x.shape)
    return np.moveaxis(x, range(-axes, 0), range(axes))


def forward_parts(
    rig: Rig,
    rotation: Float[np.ndarray, "r 4 ..."] | Sequence[np.ndarray],
    root: Float[np.ndarray, "3 ..."],
    offsets: Float[np.ndarray, "v 3 ..."],
) -> Float[np.ndarray, "v 3 ..."]:
    """`forward` with joints and coordinates first, which is several times as fast: each is one run of memory.

    The leading axes of the other function are trailing ones here, as many in all arguments; they broadcast.
    """
    shape = np.broadcast_shapes(*(np.shape(q)[1:] for q in rotation), root.shape[1:], offsets.shape[2:])
    out = np.empty((len(rig.joints), 3, *shape), root.dtype)
    out[0] = root
    turned: list[np.ndarray | None] = []
    matrix: dict[int, np.ndarray] = {}
    frame: list[int] = []  # the joint whose orientation each point shares
    for joint, parent in enumerate(rig.parents):
        turn = rig.turns.get(joint)
        local = None if turn is None else rotation[turn]
        above = None if joint == 0 else turned[parent]
        turned.append(above if local is None else local if above is None else _product(above, local))
        frame.append(joint if local is not None or joint == 0 else frame[parent])
        if joint == 0:
            continue
        if above is None:
            out[joint] = out[parent] + offsets[joint]
            continue
        key = frame[parent]
        if key not in matrix:
            matrix[key] = _matrix(above)
        out[joint] = out[parent]
        for axis in range(3):
            along = offsets[joint, axis]
            if along.any():  # most bones lie along one axis
                out[joint] += matrix[key][:, axis] * along
    return out


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quaternion product, components first."""
    (aw, ax, ay, az), (bw, bx, by, bz) = a, b
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ]
    )


def _matrix(q: np.ndarray) -> np.ndarray:
    """Rotation matrices (3, 3, ...) of quaternions (4, ...)."""
    w, x, y, z = q
    x2, y2, z2 = 2 * x, 2 * y, 2 * z
    xx, yy, zz, xy, xz, yz, wx, wy, wz = x * x2, y * y2, z * z2, x * y2, x * z2, y * z2, w * x2, w * y2, w * z2
    rows = [[1 - yy - zz, xy - wz, xz + wy], [xy + wz, 1 - xx - zz, yz - wx], [xz - wy, yz + wx, 1 - xx - yy]]
    return np.stack([np.stack(row) for row in rows])


def splice(
    rig: Rig, upper: Float[np.ndarray, "... r 4"], lower: Float[np.ndarray, "... r 4"], joints: Sequence[str]
) -> Float[np.ndarray, "... r 4"]:
    """Joint angles of `upper` in the moving joints named, of `lower` in all others."""
    chosen = np.isin(rig.moving, joints)
    return np.where(chosen[:, None], upper, lower)


# --- positions -------------------------------------------------------------------------------------------------------


def bones(positions: Float[Array, "... v c"], name: str) -> Float[Array, "... v c"]:
    """Bone vectors of a layout: joint minus its parent; zero for the root."""
    kind = _checked(positions, name)
    return positions - positions[..., list(kind.parents), :]


def lengths(positions: Float[Array, "... v c"], name: str) -> Float[Array, "... v"]:
    """Bone lengths; zero for the root."""
    return (bones(positions, name) ** 2).sum(-1) ** 0.5


def pelvis(name: str) -> int:
    """The joint between the hips, or the layout's root where it has none."""
    kind = layout(name)
    return next((kind.joints.index(j) for j in PELVIS if j in kind.joints), kind.root)


def assemble(
    vectors: Float[Array, "... v c"], start: Float[Array, "... c"], name: str, anchor: int | None = None
) -> Float[Array, "... v c"]:
    """Positions from bone vectors, hung up at joint `anchor` (default: the pelvis), which is put at `start`."""
    kind = _checked(vectors, name)
    paths = _paths(kind.name, pelvis(name) if anchor is None else anchor)
    return _mix(paths, vectors) + start[..., None, :]


def retarget(
    positions: Float[Array, "... v c"],
    name: str,
    factors: Float[Array, "... v"],
    travel: Float[Array, "..."] | float = 1.0,
    anchor: int | None = None,
) -> Float[Array, "... v c"]:
    """The same motion by a body of other proportions: every bone keeps its direction and changes its length.

    Args:
        positions: joints of layout `name`.
        factors: what to multiply the length of each bone by, in the layout's joint order (a bone is named by its
            child; the root's factor is not used); leading axes broadcast. For given lengths pass
            `wanted / lengths(...)`.
        travel: what to multiply the path of the anchor by: longer legs walk farther. Broadcasts as a scalar field.
        anchor: the joint that the skeleton hangs on; default the pelvis.
    """
    kind = _checked(positions, name)
    at = pelvis(name) if anchor is None else anchor
    start = positions[..., at, :]
    start = start * (travel if isinstance(travel, float | int) else travel[..., None])
    vectors = positions - positions[..., list(kind.parents), :]
    return _mix(_paths(kind.name, at), vectors * factors[..., None]) + start[..., None, :]


def _checked(positions: np.ndarray | Tensor, name: str) -> Layout:
    kind = layout(name)
    if positions.ndim < 2 or positions.shape[-2] != kind.count:
        shape = tuple(positions.shape)
        raise InputError(
            f"positions {shape} do not end in the {kind.count} joints of '{name}' and coordinates",
            mend="name the layout that the positions have",
        )
    return kind


def _mix(matrix: np.ndarray, vectors: Array) -> Array:
    if isinstance(vectors, Tensor):
        return torch.as_tensor(matrix, dtype=vectors.dtype, device=vectors.device) @ vectors
    return matrix.astype(vectors.dtype) @ vectors


@lru_cache(maxsize=64)
def _paths(name: str, anchor: int) -> np.ndarray:
    """(V, V): position of v relative to the anchor as the signed sum of the bones on the way."""
    kind = layout(name)
    up = np.zeros((kind.count, kind.count))
    for v in range(kind.count):
        joint = v
        while joint != kind.parents[joint]:
            up[v, joint] = 1
            joint = kind.parents[joint]
    return up - up[anchor]
