from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from acteme.errors import InputError
from acteme.recordings.skeleton import rotations as r

RNG = np.random.default_rng(0)
Q = r.normalize(RNG.standard_normal((64, 4)))
V = RNG.standard_normal((64, 3))


def scipy(q: np.ndarray) -> Rotation:
    return Rotation.from_quat(q[..., [1, 2, 3, 0]])


def same(a: np.ndarray, b: np.ndarray, atol: float = 1e-12) -> None:
    """Equal rotations: q and -q are one."""
    dot = np.abs((a * b).sum(-1))
    np.testing.assert_allclose(dot, 1, atol=atol)


def test_multiply_is_the_second_rotation_first() -> None:
    a, b = Q[:32], Q[32:]
    np.testing.assert_allclose(r.to_matrix(r.multiply(a, b)), r.to_matrix(a) @ r.to_matrix(b), atol=1e-14)
    assert np.abs(r.multiply(a, b) - r.multiply(b, a)).max() > 0.1


def test_rotate_and_to_matrix_agree_with_scipy() -> None:
    np.testing.assert_allclose(r.rotate(Q, V), scipy(Q).apply(V), atol=1e-14)
    np.testing.assert_allclose(r.to_matrix(Q), scipy(Q).as_matrix(), atol=1e-14)


def test_rotate_broadcasts_both_ways() -> None:
    assert r.rotate(Q[0], V).shape == (64, 3)
    assert r.rotate(Q, V[0]).shape == (64, 3)


def test_conjugate_undoes() -> None:
    np.testing.assert_allclose(r.multiply(Q, r.conjugate(Q)), np.broadcast_to(r.IDENTITY, Q.shape), atol=1e-14)


def test_axis_angle_there_and_back() -> None:
    same(r.from_axis_angle(V), scipy_quat(Rotation.from_rotvec(V)))
    same(r.from_axis_angle(r.to_axis_angle(Q)), Q)
    assert np.linalg.norm(r.to_axis_angle(Q), axis=-1).max() <= np.pi + 1e-12


def scipy_quat(rotation: Rotation) -> np.ndarray:
    return rotation.as_quat()[..., [3, 0, 1, 2]]


@pytest.mark.parametrize("angle", [0.0, 1e-9, np.pi - 1e-9, np.pi])
def test_axis_angle_at_its_ends(angle: float) -> None:
    v = np.array([[0.0, angle, 0.0]])
    back = r.to_axis_angle(r.from_axis_angle(v))
    np.testing.assert_allclose(np.abs(back), v, atol=1e-8)
    assert np.isfinite(back).all()


@pytest.mark.parametrize("axis", "xyz")
def test_about_turns_right_handed(axis: str) -> None:
    i = "xyz".index(axis)
    start, end = np.eye(3)[(i + 1) % 3], np.eye(3)[(i + 2) % 3]
    np.testing.assert_allclose(r.rotate(r.about(axis, np.array(np.pi / 2)), start), end, atol=1e-15)


@pytest.mark.parametrize("order", ["zxy", "xyz", "yzx", "zy", "x"])
def test_euler_angles_are_intrinsic(order: str) -> None:
    angles = RNG.uniform(-3, 3, (20, len(order)))
    same(r.from_euler(angles, order), scipy_quat(Rotation.from_euler(order.upper(), angles)))


def test_from_matrix_holds_for_half_turns() -> None:
    half = np.concatenate([np.eye(4)[1:], r.normalize(np.array([[1e-9, 1, 1, 0], [0, -1, 2, 3]], float))])
    every = np.concatenate([Q, half])
    back = r.from_matrix(r.to_matrix(every))
    same(back, every)
    assert (back[:, 0] >= 0).all()


def test_slerp_has_constant_speed_and_takes_the_short_way() -> None:
    a, b = Q[:32], -Q[32:]
    steps = [r.slerp(a, b, np.full(32, w)) for w in (0, 0.25, 0.5, 0.75, 1)]
    same(steps[0], a)
    same(steps[-1], b)
    arcs = [np.linalg.norm(r.to_axis_angle(r.multiply(r.conjugate(p), q)), axis=-1) for p, q in pairwise(steps)]
    np.testing.assert_allclose(arcs[1:], np.broadcast_to(arcs[0], (3, 32)), atol=1e-7)
    whole = np.linalg.norm(r.to_axis_angle(r.multiply(r.conjugate(a), b)), axis=-1)
    np.testing.assert_allclose(sum(arcs), whole, atol=1e-7)


def test_slerp_of_equal_rotations() -> None:
    np.testing.assert_allclose(r.slerp(Q, Q, np.full(64, 0.3)), Q, atol=1e-12)


def test_power() -> None:
    same(r.multiply(*[r.power(Q, np.full(64, 0.5))] * 2), Q)
    same(r.power(Q, np.zeros(64)), np.broadcast_to(r.IDENTITY, Q.shape))


@given(st.floats(-3.1, 3.1), st.floats(-1.2, 1.2))
def test_twist_is_the_heading(turn: float, lean: float) -> None:
    q = r.multiply(r.about("y", np.array(turn)), r.about("x", np.array(lean)))
    assert abs(r.twist(q) - turn) < 1e-9
    assert abs(r.twist(-q) - turn) < 1e-9


def test_six_numbers() -> None:
    m = r.to_matrix(Q)
    six = np.concatenate([2 * m[..., 0], 3 * m[..., 1] + 0.5 * m[..., 0]], -1)
    np.testing.assert_allclose(r.from_six(six), m, atol=1e-14)


def test_types_are_kept() -> None:
    q, v = Q.astype(np.float32), V.astype(np.float32)
    half = np.full(64, 0.5)
    made = [r.normalize(q), r.multiply(q, q), r.conjugate(q), r.rotate(q, v), r.from_axis_angle(v)]
    made += [r.to_axis_angle(q), r.to_matrix(q), r.from_matrix(r.to_matrix(q)), r.slerp(q, q[::-1], half)]
    made += [r.power(q, half)]
    assert [x.dtype for x in made] == [np.float32] * len(made)


def test_normalize_gives_the_identity_for_zero() -> None:
    np.testing.assert_array_equal(r.normalize(np.zeros((2, 4))), [[1, 0, 0, 0]] * 2)


def test_check_unit_names_the_worst() -> None:
    q = Q.copy()
    q[3] *= 2
    with pytest.raises(InputError, match=r"here: the quaternion at \(3,\) has length 2"):
        r.check_unit(q, "here")
    r.check_unit(np.zeros((0, 4)), "here")
    q[5] = np.nan
    with pytest.raises(InputError, match=r"\(5,\)"):
        r.check_unit(q, "here")
