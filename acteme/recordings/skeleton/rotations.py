"""Rotations as unit quaternions (w, x, y, z), axis-angle vectors and matrices, vectorized over all leading axes.

Quaternions multiply as the rotations compose: `multiply(a, b)` turns by b first, then by a, like the matrix product.
Every function keeps the floating type of its input; angles are in radians, axes right-handed.
"""

import numpy as np
from jaxtyping import Float

from acteme.errors import InputError

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])
TINY = 1e-12


def normalize(q: Float[np.ndarray, "... 4"]) -> Float[np.ndarray, "... 4"]:
    """Unit quaternions of the same direction; a zero quaternion becomes the identity."""
    length = np.linalg.norm(q, axis=-1, keepdims=True)
    return np.where(length > TINY, q / np.maximum(length, TINY), IDENTITY.astype(q.dtype))


def multiply(a: Float[np.ndarray, "... 4"], b: Float[np.ndarray, "... 4"]) -> Float[np.ndarray, "... 4"]:
    """The Hamilton product a b: the rotation b followed by a."""
    aw, ax, ay, az = np.moveaxis(a, -1, 0)
    bw, bx, by, bz = np.moveaxis(b, -1, 0)
    return np.stack(
        [
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ],
        axis=-1,
    )


def conjugate(q: Float[np.ndarray, "... 4"]) -> Float[np.ndarray, "... 4"]:
    """The inverse rotation of unit quaternions."""
    return q * np.array([1, -1, -1, -1], q.dtype)


def rotate(q: Float[np.ndarray, "... 4"], v: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 3"]:
    """Vectors turned by unit quaternions: v + 2 u x (u x v + w v) with q = (w, u)."""
    w, u = q[..., :1], q[..., 1:]
    u, v = np.broadcast_arrays(u, v)
    return v + 2 * np.cross(u, np.cross(u, v) + w * v)


def from_axis_angle(v: Float[np.ndarray, "... 3"]) -> Float[np.ndarray, "... 4"]:
    """Quaternions of rotation vectors (axis times angle)."""
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    # sin(a / 2) / a, which np.sinc (of pi x) gives without a division by zero
    return np.concatenate([np.cos(angle / 2), v * (np.sinc(angle / (2 * np.pi)) / 2).astype(v.dtype)], -1)


def to_axis_angle(q: Float[np.ndarray, "... 4"]) -> Float[np.ndarray, "... 3"]:
    """Rotation vectors of unit quaternions, of length in [0, pi]."""
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    return q[..., 1:] * np.where(sine > TINY, angle / np.maximum(sine, TINY), 2)


def about(axis: str, angle: Float[np.ndarray, "..."]) -> Float[np.ndarray, "... 4"]:
    """Quaternions that turn by `angle` about the coordinate axis "x", "y" or "z"."""
    angle = np.asarray(angle)
    out = np.zeros((*angle.shape, 4), np.result_type(angle, np.float32))
    out[..., 0] = np.cos(angle / 2)
    out[..., 1 + "xyz".index(axis)] = np.sin(angle / 2)
    return out


def from_euler(angles: Float[np.ndarray, "... n"], order: str) -> Float[np.ndarray, "... 4"]:
    """Quaternions of intrinsic Euler angles: `order` "zxy" is R_z R_x R_y, the order of a BVH file's channels."""
    q = about(order[0], angles[..., 0])
    for i, axis in enumerate(order[1:], 1):
        q = multiply(q, about(axis, angles[..., i]))
    return q


def to_matrix(q: Float[np.ndarray, "... 4"]) -> Float[np.ndarray, "... 3 3"]:
    """Rotation matrices of unit quaternions."""
    w, x, y, z = np.moveaxis(q, -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def from_matrix(m: Float[np.ndarray, "... 3 3"]) -> Float[np.ndarray, "... 4"]:
    """Unit quaternions (w >= 0) of rotation matrices; accurate for every angle.

    The columns of K + I, with the symmetric matrix K that Bar-Itzhack (2000) forms of the rotation, are all multiples
    of the quaternion; the longest one is the best conditioned.
    """
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    columns = [
        [1 + xx + yy + zz, wx, wy, wz],
        [wx, 1 + xx - yy - zz, xy, xz],
        [wy, xy, 1 - xx + yy - zz, yz],
        [wz, xz, yz, 1 - xx - yy + zz],
    ]
    k = np.stack([np.stack(c, -1) for c in columns], -2)
    best = np.argmax(np.einsum("...ij,...ij->...i", k, k), -1)
    q = normalize(np.take_along_axis(k, best[..., None, None], -2)[..., 0, :])
    return np.where(q[..., :1] < 0, -q, q)


def slerp(
    a: Float[np.ndarray, "... 4"], b: Float[np.ndarray, "... 4"], weight: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "... 4"]:
    """Spherical interpolation from a (weight 0) to b (weight 1) along the shorter arc, at constant angular speed."""
    dot = np.einsum("...i,...i->...", a, b)[..., None]
    b = np.where(dot < 0, -b, b)
    dot = np.clip(np.abs(dot), 0, 1)
    angle, w = np.arccos(dot), np.asarray(weight, a.dtype)[..., None]
    near = dot > 1 - 1e-9  # the arc is a straight line to within rounding
    sine = np.where(near, 1, np.sin(angle))
    left = np.where(near, 1 - w, np.sin((1 - w) * angle) / sine)
    right = np.where(near, w, np.sin(w * angle) / sine)
    return normalize(left * a + right * b)


def power(q: Float[np.ndarray, "... 4"], exponent: Float[np.ndarray, "..."]) -> Float[np.ndarray, "... 4"]:
    """The fraction `exponent` of rotations, along the shorter arc: 0 gives the identity, 1 the rotation."""
    return from_axis_angle(to_axis_angle(q) * np.asarray(exponent, q.dtype)[..., None])


def twist(q: Float[np.ndarray, "... 4"], axis: str = "y") -> Float[np.ndarray, "..."]:
    """Angle of the twist of q about a coordinate axis: the heading, for the upright axis. In (-pi, pi]."""
    angle = 2 * np.arctan2(q[..., 1 + "xyz".index(axis)], q[..., 0])
    return np.pi - np.mod(np.pi - angle, 2 * np.pi)


def from_six(d: Float[np.ndarray, "... 6"]) -> Float[np.ndarray, "... 3 3"]:
    """Rotation matrices of the 6D form (first two columns, Zhou et al. 2019), by Gram-Schmidt."""
    x, y = d[..., :3], d[..., 3:]
    x = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), TINY)
    z = np.cross(x, y)
    z = z / np.maximum(np.linalg.norm(z, axis=-1, keepdims=True), TINY)
    return np.stack([x, np.cross(z, x), z], -1)


def check_unit(q: Float[np.ndarray, "... 4"], where: str, tolerance: float = 1e-2) -> None:
    """Raises InputError where a quaternion is far from unit length."""
    with np.errstate(over="ignore"):
        length = np.linalg.norm(q, axis=-1)
    error = np.abs(length - 1)
    if error.size and not error.max() <= tolerance:
        at = tuple(int(i) for i in np.unravel_index(np.argmax(np.nan_to_num(error, nan=np.inf)), error.shape))
        raise InputError(
            f"the quaternion at {at} has length {length[at]:.3g}, not 1", where, "normalize it, or leave the file out"
        )
