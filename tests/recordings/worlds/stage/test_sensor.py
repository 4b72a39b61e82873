import numpy as np

from acteme.recordings.skeleton.layouts import layout
from acteme.recordings.worlds.stage.rig import JOINTS, RIG
from acteme.recordings.worlds.stage.sensor import AIM, BURST, LIMBS, Sensor, lost

V = len(RIG.joints)


def sensor(n: int, **changes: object) -> Sensor:
    base = {"height": np.full(n, AIM), "distance": np.full(n, 3.0), "noise": np.zeros(n), "missing": np.full(n, -1)}
    return Sensor(**(base | {"dropout": 0.0} | changes))  # type: ignore[arg-type]


def world(n: int = 2, t: int = 10) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (V, 3, n, t)).astype(np.float32)


def test_a_level_camera_only_moves_the_origin() -> None:
    x = world()
    seen = sensor(2).see(x)
    np.testing.assert_allclose(np.moveaxis(seen, (2, 3), (0, 1)), x + np.array([0, -AIM, 3])[:, None, None], atol=1e-6)


def test_a_high_camera_looks_down_and_keeps_distances() -> None:
    x = world()
    high = sensor(2, height=np.array([2.5, 0.5]))
    seen = high.see(x)
    assert seen.shape == (2, 10, V, 3)
    np.testing.assert_allclose(
        np.linalg.norm(seen[:, :, 3] - seen[:, :, 9], axis=-1), np.linalg.norm(x[3] - x[9], axis=0), atol=1e-5
    )
    middle = np.zeros((V, 3, 2, 1), np.float32)
    middle[:, 1] = AIM
    aimed = high.see(middle)
    np.testing.assert_allclose(aimed[..., :2], 0, atol=1e-6)
    np.testing.assert_allclose(aimed[:, 0, 0, 2], np.hypot(3.0, high.height - AIM), atol=1e-6)
    up = middle.copy()
    up[:, 1] += 1
    tilt = (high.see(up) - aimed)[:, 0, 0]
    assert tilt[0, 2] < 0 < tilt[1, 2]  # from above, what is higher is nearer


def test_noise_has_the_standard_deviation_of_its_recording() -> None:
    s = sensor(3, noise=np.array([0.0, 0.005, 0.02]))
    x = np.zeros((V, 3, 3, 400), np.float32)
    error = s.take(np.random.default_rng(0), x, np.ones(3, bool)) - s.see(x)[:, :, JOINTS]
    np.testing.assert_allclose(error.std((1, 2, 3)), s.noise, rtol=0.02)


def test_dropout_loses_its_fraction_in_bursts() -> None:
    for fraction in (0.0, 0.02, 0.3):
        gone = lost(np.random.default_rng(0), (200, 60, 25), fraction)
        assert abs(gone.mean() - fraction) < 0.003
    runs = np.diff(np.pad(gone, ((0, 0), (1, 1), (0, 0))).astype(int), axis=1)
    inner = np.flatnonzero(runs[0, :, 0] == 1)
    assert all(gone[0, a : a + BURST, 0].all() for a in inner if 0 < a <= 55)


def test_lost_joints_missing_limbs_and_absent_persons_are_zero() -> None:
    x = world(4, 50)
    s = sensor(4, missing=np.array([-1, 0, 3, -1]), dropout=0.1)
    seen = s.take(np.random.default_rng(0), x, np.array([True, True, True, False]))
    gone = (seen == 0).all(-1)
    assert gone[3].all() and 0.05 < gone[0].mean() < 0.15
    assert gone[1][:, LIMBS[0]].all() and gone[2][:, LIMBS[3]].all()
    assert not gone[1][:, LIMBS[1]].all(0).any()
    assert [set(joints.tolist()) for joints in LIMBS[:2]] == [
        set(layout("ntu25").parts[p]) for p in ("right_arm", "left_arm")
    ]


def test_draws_fill_their_ranges() -> None:
    s = Sensor.draw(np.random.default_rng(0), 2000, (0.5, 2.5), (3.0, 3.0), (0.005, 0.02), 0.25, 0.0)
    assert 0.5 <= s.height.min() < 0.51 and 2.49 < s.height.max() <= 2.5 and (s.distance == 3).all()
    assert s.noise.min() >= 0.005 and s.noise.max() <= 0.02
    assert abs((s.missing >= 0).mean() - 0.25) < 0.03 and set(s.missing) == {-1, 0, 1, 2, 3}
