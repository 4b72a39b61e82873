"""The motion vectors of HumanML3D (Guo et al., CVPR 2022): 263 numbers per frame from the positions of 22 joints.

Columns, for V joints: [0] turn of the root about y per frame, as HALF the angle (the arcsine of the quaternion's y);
[1:3] velocity of the root in x and z, in the frame of its heading; [3] height of the root; then the positions of joints
1 to V-1 in the heading frame, root at x = z = 0 (3 each); their rotations, from inverse kinematics along the chains, as
the first two columns of the matrix (6 each); the velocities of all joints in the heading frame (3 each); and whether
the feet stand (left ankle, left foot, right ankle, right foot). T positions give T - 1 rows. 263 for 22 joints; the
21 joints of KIT-ML have 251 columns of the same meaning.

Checked: recovery of the data set's own example 012314 to 2e-7; its vectors to 2e-7 (rotations 8e-6) but for the last
frames, where the smoothing saw a longer motion; the published code on turned and disturbed copies of it to 4e-5.

Deviations: the published code takes the arcsine of either of the two quaternions of the root's turn, so that the sign
of column 0 flips in the frame in which a body turns past the back; here it is the turn of less than half a circle.
"""

from itertools import pairwise

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter1d

from acteme.errors import InputError
from acteme.recordings.skeleton import rotations

CHAINS = ((0, 2, 5, 8, 11), (0, 1, 4, 7, 10), (0, 3, 6, 9, 12, 15), (9, 14, 17, 19, 21), (9, 13, 16, 18, 20))
"""Joints from the root outward; the arms start again from the root's rotation, as published."""
JOINTS = 22
HIPS, SHOULDERS = (2, 1), (17, 16)
"""Right, left."""
LEFT_FEET, RIGHT_FEET = (7, 10), (8, 11)
STANDING = 0.002
"""Squared step (m^2) below which a foot stands."""
SMOOTH = 20.0
"""Standard deviation, in frames, of the Gaussian that smooths the heading."""
# fmt: off
REST = np.array([
    [0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, -1, 0], [0, 1, 0], [0, -1, 0], [0, -1, 0], [0, 1, 0],
    [0, 0, 1], [0, 0, 1], [0, 1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, -1, 0], [0, -1, 0], [0, -1, 0], [0, -1, 0],
    [0, -1, 0], [0, -1, 0],
], np.float64)
# fmt: on
"""Direction of each bone when nothing is turned (arms hanging, x to the left, z forward)."""
UP, FORWARD = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])


def heading(
    positions: Float[np.ndarray, "t 22 3"], smooth: float = SMOOTH, published: bool = True
) -> Float[np.ndarray, "t 4"]:
    """The rotations that turn the body to face +z, from the line across hips and shoulders.

    Args:
        smooth: see `SMOOTH`; 0 does not smooth.
        published: the published inverse kinematics confuses left and right of the hips, so that the line is that across
            the shoulders minus that across the hips; False takes the sum.
    """
    x = positions.astype(np.float64)
    hips = x[:, HIPS[0]] - x[:, HIPS[1]]
    across = x[:, SHOULDERS[0]] - x[:, SHOULDERS[1]] + (-hips if published else hips)
    facing = np.cross(UP, across / np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-12))
    if smooth:
        facing = gaussian_filter1d(facing, smooth, axis=0, mode="nearest")
    return _between(facing, np.broadcast_to(FORWARD, facing.shape))


def canonical(positions: Float[np.ndarray, "t 22 3"]) -> Float[np.ndarray, "t 22 3"]:
    """The motion put on the floor (lowest joint at y = 0), root at x = z = 0 and facing +z in the first frame."""
    x = positions.astype(np.float64)
    x = x - [0, x[..., 1].min(), 0]
    x = x - x[0, 0] * [1, 0, 1]
    return rotations.rotate(heading(x[:1], smooth=0, published=False)[:, None], x)


def to_vectors(
    positions: Float[np.ndarray, "t 22 3"], smooth: float = SMOOTH, published: bool = True
) -> Float[np.ndarray, "s 263"]:
    """Vectors of a motion in metres, y up; T positions give T - 1 rows.

    Args:
        positions: usually `canonical`.
        smooth, published: see `heading`. The defaults are what the data set's own vectors, means and deviations have.

    The first frame counts as facing +z, so that `to_positions` gives the positions back, with the root at x = z = 0 in
    the first frame.

    Raises InputError where there are fewer than two frames or not 22 joints.
    """
    if positions.ndim != 3 or positions.shape[1:] != (JOINTS, 3) or len(positions) < 2:
        raise InputError(
            f"positions have shape {positions.shape}, expected at least 2 frames of ({JOINTS}, 3)",
            mend="convert them to layout smpl22",
        )
    x = positions.astype(np.float64)
    turn = heading(x, smooth, published)
    turn[0] = rotations.IDENTITY
    step = x[1:] - x[:-1]
    spin = rotations.multiply(turn[1:], rotations.conjugate(turn[:-1]))
    spin = np.where(spin[:, :1] < 0, -spin, spin)
    root = rotations.rotate(turn[1:], step[:, 0])
    local = rotations.rotate(turn[:, None], x - x[:, :1] * [1, 0, 1])
    standing = (step**2).sum(-1)[:, LEFT_FEET + RIGHT_FEET] < STANDING
    rows = len(step)
    return np.concatenate(
        [
            np.arcsin(np.clip(spin[:, 2:3], -1, 1)),
            root[:, [0, 2]],
            local[:-1, 0, 1:2],
            local[:-1, 1:].reshape(rows, -1),
            _six(_inverse_kinematics(x, turn)[:-1, 1:]).reshape(rows, -1),
            rotations.rotate(turn[:-1, None], step).reshape(rows, -1),
            standing,
        ],
        axis=1,
    ).astype(np.float32)


def to_positions(vectors: Float[np.ndarray, "t d"]) -> Float[np.ndarray, "t v 3"]:
    """Positions from vectors of 22 joints (263 columns) or 21 (251), in metres (KIT-ML: its unit).

    The root starts at x = z = 0. Raises InputError on another width.
    """
    joints, rest = divmod(vectors.shape[-1] + 1, 12)
    if vectors.ndim != 2 or rest or joints < 2:
        raise InputError(
            f"vectors have shape {vectors.shape}, expected (frames, 263) or (frames, 251)",
            mend="give the vectors of HumanML3D or KIT-ML",
        )
    x = vectors.astype(np.float64)
    # the quaternion takes cosine and sine of the running sum itself, because the column is half the angle
    half = np.concatenate([[0], np.cumsum(x[:-1, 0])])
    turn = np.stack([np.cos(half), 0 * half, np.sin(half), 0 * half], -1)
    back = rotations.conjugate(turn)
    step = np.zeros((len(x), 3))
    step[1:, [0, 2]] = x[:-1, 1:3]
    root = np.cumsum(rotations.rotate(back, step), 0)
    local = x[:, 4 : 4 + 3 * (joints - 1)].reshape(len(x), joints - 1, 3)
    others = rotations.rotate(back[:, None], local) + (root * [1, 0, 1])[:, None]
    root[:, 1] = x[:, 3]
    return np.concatenate([root[:, None], others], 1).astype(np.float32)


def _between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Quaternions of the shortest turns of directions a to b; where they are opposite, half a turn."""
    a = a / np.maximum(np.linalg.norm(a, axis=-1, keepdims=True), 1e-12)
    b = b / np.maximum(np.linalg.norm(b, axis=-1, keepdims=True), 1e-12)
    dot = (a * b).sum(-1, keepdims=True)
    axis = np.cross(a, b)
    opposite = dot < -1 + 1e-9
    upright = np.abs(a[..., 1:2]) < 0.9
    turned = np.cross(a, np.where(upright, UP, [1.0, 0, 0]))
    turned = np.where(upright, np.cross(turned, a), turned)  # the part of y across a
    return rotations.normalize(np.concatenate([np.where(opposite, 0, 1 + dot), np.where(opposite, turned, axis)], -1))


def _inverse_kinematics(x: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Rotation of every bone in the frame of the one before it, (T, V, 4).

    Each chain starts from `turn`, as published, which is the inverse of the body's own rotation.
    """
    out = np.tile(rotations.IDENTITY, (*x.shape[:2], 1))
    out[:, 0] = turn
    for chain in CHAINS:
        whole = turn
        for parent, joint in pairwise(chain):
            target = _between(np.broadcast_to(REST[joint], x[:, joint].shape), x[:, joint] - x[:, parent])
            out[:, joint] = rotations.multiply(rotations.conjugate(whole), target)
            whole = rotations.multiply(whole, out[:, joint])
    return out


def _six(q: np.ndarray) -> np.ndarray:
    """The first two columns of the rotation matrices, one after the other."""
    m = rotations.to_matrix(q)
    return np.concatenate([m[..., 0], m[..., 1]], -1)
