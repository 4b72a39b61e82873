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


def test_dials_at_zero_stand_still() -> None:
    c = ways.courses(np.random.default_rng(0), np.ones(3), TIME, 0.0, 0.0, 0.0)
    assert not c.place.any() and (c.heading == 1).all()
    np.testing.assert_allclose(c.clock, np.broadcast_to(TIME, (3, 300)), atol=1e-6)


def test_a_second_person_stands_beside() -> None:
    c = ways.courses(np.random.default_rng(0), np.ones(200), TIME, 0.3, 0.3, 0.2)
    other = ways.beside(np.random.default_rng(1), c)
    apart = np.abs(other.place[0] - c.place[0])
    assert apart.min() > 0.79 and apart.max() < 1.51
