"""The 263 numbers: recovery, their columns one by one, and invariances."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.skeleton import rotations
from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.skeleton.readers import humanml3d_vectors as vectors

UP = np.array([0.0, 1.0, 0.0])
REST = np.zeros((22, 3))
for _child, _parent in layout("smpl22").bones:
    REST[_child] = REST[_parent] + 0.25 * vectors.REST[_child]
REST[[13, 14]] += [[0, 0.1, 0], [0, 0.1, 0]]


def motion(frames: int = 40, seed: int = 0, turning: float = 0.1) -> np.ndarray:
    """A body that wobbles, turns and travels."""
    rng = np.random.default_rng(seed)
    x = REST + np.cumsum(rng.normal(0, 0.004, (frames, 22, 3)), 0)
    x = rotations.rotate(rotations.about("y", np.cumsum(rng.normal(turning, 0.1, frames)))[:, None], x)
    return x + UP + np.cumsum(rng.normal(0, 0.03, (frames, 1, 3)), 0)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 99), turning=st.floats(-0.5, 0.5), smooth=st.sampled_from([0.0, 20.0]), published=st.booleans()
)  # fmt: skip
def test_positions_come_back(seed, turning, smooth, published):
    x = vectors.canonical(motion(seed=seed, turning=turning))
    rows = vectors.to_vectors(x, smooth, published)
    assert rows.shape == (39, 263)
    np.testing.assert_allclose(vectors.to_positions(rows), x[:-1], atol=1e-4)


def test_canonical_stands_on_the_floor_at_the_origin_facing_z():
    x = vectors.canonical(motion(seed=3))
    assert x[..., 1].min() == pytest.approx(0) and np.abs(x[0, 0, [0, 2]]).max() < 1e-9
    across = x[0, 1] - x[0, 2] + x[0, 16] - x[0, 17]
    assert across[0] > 0 and abs(across[2]) < 1e-9  # left is +x
    np.testing.assert_allclose(vectors.canonical(x), x, atol=1e-9)
    turned = np.array([5, -3, 2]) + rotations.rotate(rotations.about("y", np.array(2.0)), motion(seed=3))
    np.testing.assert_allclose(vectors.canonical(turned), x, atol=1e-9)


def test_columns_of_a_body_that_walks_and_turns_evenly():
    turn = 0.04 * np.arange(30)
    x = rotations.rotate(rotations.about("y", turn)[:, None], np.tile(REST, (30, 1, 1)))
    forward = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], -1)
    x = x + np.cumsum(0.02 * forward, 0)[:, None] + UP
    rows = vectors.to_vectors(x, smooth=0, published=False)
    np.testing.assert_allclose(rows[:, 0], -0.02, atol=1e-6)  # half the angle, of the turn back to +z
    np.testing.assert_allclose(rows[:, 1:3], [[0, 0.02]] * 29, atol=1e-6)
    np.testing.assert_allclose(rows[:, 3], 1, atol=1e-6)
    np.testing.assert_allclose(rows[1:, 4:67].reshape(-1, 21, 3), [REST[1:] + UP] * 28, atol=1e-5)
    # chains start from the turn to +z, as published, not from that of the body: a turned hip has twice its turn
    double = rotations.to_matrix(rotations.about("y", 2 * turn[1:-1]))
    six = rows[1:, 67:193].reshape(-1, 21, 6)
    np.testing.assert_allclose(six[:, 0], np.concatenate([double[..., 0], double[..., 1]], -1), atol=1e-5)
    velocity = rows[1:, 193:259].reshape(-1, 22, 3)
    np.testing.assert_allclose(velocity[:, 0], [[0.02 * np.sin(0.04), 0, 0.02 * np.cos(0.04)]] * 28, atol=1e-6)
    assert set(np.unique(rows[:, 259:])) <= {0, 1}


def test_feet_stand_where_they_move_little():
    x = np.tile(REST, (3, 1, 1))
    x[2, 7] += [0, 0.05, 0]  # 0.0025 squared
    x[2, 8] += [0.04, 0, 0]  # 0.0016
    rows = vectors.to_vectors(x)
    np.testing.assert_array_equal(rows[:, 259:], [[1, 1, 1, 1], [0, 1, 1, 1]])


def test_a_turn_past_the_back_does_not_flip():
    turn = np.linspace(np.pi - 0.3, np.pi + 0.3, 13)
    x = rotations.rotate(rotations.about("y", turn)[:, None], np.tile(REST, (13, 1, 1)))
    rows = vectors.to_vectors(x, smooth=0, published=False)
    np.testing.assert_allclose(rows[1:, 0], -0.025, atol=1e-6)


def test_the_published_heading_subtracts_the_hips():
    x = np.tile(REST, (2, 1, 1))
    x[:, [1, 4]] += [0, 0, 0.1]  # left leg forward
    ours, published = (vectors.heading(x, 0, flag) for flag in (False, True))
    assert rotations.twist(ours)[0] > 0 > rotations.twist(published)[0]


def test_kit_has_251_columns():
    assert vectors.to_positions(np.zeros((3, 251), np.float32)).shape == (3, 21, 3)


@pytest.mark.parametrize("shape", [(1, 22, 3), (5, 21, 3), (5, 66)])
def test_wrong_positions(shape):
    with pytest.raises(InputError, match="expected at least 2 frames"):
        vectors.to_vectors(np.zeros(shape))


@pytest.mark.parametrize("shape", [(5, 262), (263,), (5, 0)])
def test_wrong_vectors(shape):
    with pytest.raises(InputError, match="expected"):
        vectors.to_positions(np.zeros(shape))


def test_opposite_and_missing_directions_give_finite_rotations():
    a = np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1], [0, 0, 0]], float)
    q = vectors._between(a, -a)
    np.testing.assert_allclose(np.linalg.norm(q, axis=-1), 1)
    np.testing.assert_allclose(rotations.rotate(q[:3], a[:3]), -a[:3], atol=1e-12)
