import numpy as np

from acteme.recordings.worlds.stage import ways

TIME = np.arange(300) / 30


def test_ways_stay_within_their_dials() -> None:
    azimuth = np.linspace(0, 6, 50)
    c = ways.courses(np.random.default_rng(0), azimuth, TIME, 0.4, 0.3, 0.2)
    assert np.hypot(*c.place).max() <= 0.4 + 1e-6 and np.hypot(*c.place).max() > 0.3
    swing = np.abs(c.heading - azimuth[:, None].astype(np.float32)).max()
    assert 0.29 < swing <= 0.301
    tempo = np.diff(c.clock, axis=1) * 30
    assert 0.79 < tempo.min() < 0.85 and 1.15 < tempo.max() < 1.21


def test_sway_stays_within_its_dial_and_is_slow() -> None:
    azimuth = np.linspace(0, 6, 50)
    c = ways.courses(np.random.default_rng(0), azimuth, TIME, 0.4, 0.3, 0.2, 0.1)
    assert c.drift is not None and c.drift.shape == (50, 6, 4, 300) and c.drift.dtype == np.float32
    assert 0.09 < np.abs(c.drift).max() <= 0.1 and np.abs(np.diff(c.drift)).max() * 30 < 0.1 * 2 * np.pi * 0.26
    plain = ways.courses(np.random.default_rng(0), azimuth, TIME, 0.4, 0.3, 0.2)
    assert plain.drift is None and (plain.heading == c.heading).all(), "the rest is as without"
    beside = ways.beside(np.random.default_rng(0), c)
    assert beside.drift is c.drift and (beside.heading != c.heading).any()


def test_dials_at_zero_stand_still() -> None:
    c = ways.courses(np.random.default_rng(0), np.ones(3), TIME, 0.0, 0.0, 0.0)
    assert not c.place.any() and (c.heading == 1).all()
    np.testing.assert_allclose(c.clock, np.broadcast_to(TIME, (3, 300)), atol=1e-6)


def test_a_second_person_stands_beside() -> None:
    c = ways.courses(np.random.default_rng(0), np.ones(200), TIME, 0.3, 0.3, 0.2)
    other = ways.beside(np.random.default_rng(1), c)
    apart = np.abs(other.place[0] - c.place[0])
    assert apart.min() > 0.79 and apart.max() < 1.51
