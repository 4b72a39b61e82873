import numpy as np

from acteme.recordings.worlds.stage import script as scripts
from acteme.recordings.worlds.stage.primitives import STILL
from acteme.recordings.worlds.stage.rig import MIRROR, PARTS
from acteme.recordings.worlds.stage.script import Range

RNG = np.random.default_rng


def drawn(n: int = 400, s: int = 2) -> scripts.Script:
    shape = (n, s, len(PARTS))
    times = np.zeros(shape), np.ones(shape)
    return scripts.draw(RNG(0), RNG(1).integers(0, 7, shape), *times, Range((0.5, 2.0), (0.5, 3.0), (-0.2, 0.4)))


def test_free_factors_fill_their_ranges() -> None:
    s = drawn()
    for name, low, high in (("amplitude", 0.5, 2), ("frequency", 0.5, 3), ("phase", 0, 1), ("easing", -0.2, 0.4)):
        x = getattr(s, name)
        assert low <= x.min() < low + 0.05 * (high - low) and high - 0.05 * (high - low) < x.max() <= high, name
    assert abs(np.median(s.frequency) - np.sqrt(0.5 * 3.0)) < 0.06  # uniform in the logarithm


def test_parts_are_independent() -> None:
    s = drawn(4000, 1)
    for x in (s.frequency, s.phase, s.amplitude):
        assert np.abs(np.corrcoef(x[:, 0].T) - np.eye(6)).max() < 0.08


def test_active_leaves_out_rests_and_empty_slots() -> None:
    s = drawn(1, 2)
    s.primitive[:] = 3
    s.primitive[0, 0, 0] = STILL
    s.end[0, 1, 2] = s.start[0, 1, 2]
    assert not s.active[0, 0, 0] and not s.active[0, 1, 2] and s.active.sum() == 10


def test_mirrored_exchanges_sides_in_the_rows_named() -> None:
    s = drawn(3)
    m = scripts.mirrored(s, np.array([True, False, True]), MIRROR)
    np.testing.assert_array_equal(
        m.primitive[0, :, PARTS.index("left_arm")], s.primitive[0, :, PARTS.index("right_arm")]
    )
    np.testing.assert_array_equal(m.frequency[2, :, 0], s.frequency[2, :, 0])
    np.testing.assert_array_equal(m.phase[1], s.phase[1])


def test_clips_are_crops_of_longer_performances() -> None:
    frames = np.array([60] * 500)
    start, end = scripts.clips(RNG(0), frames, 0.0, 30.0)
    assert start.shape == (500, 1, 6)
    assert start.min() >= 0 and start.max() <= 0.25 and end.min() >= 1.75 and end.max() <= 2
    start, end = scripts.clips(RNG(0), frames, 0.5, 30.0)
    np.testing.assert_array_less(start, 0.376)
    assert start.min() < -0.9 and end.max() > 2.9 and end.min() > 1.6


def test_slots_fill_recordings() -> None:
    frames = np.array([300, 450, 31])
    for common in (True, False):
        start, end = scripts.slots(RNG(0), frames, (1.0, 2.0), 30.0, common)
        length = np.round((end - start) * 30).astype(int)
        assert (length.sum(1) == frames[:, None]).all() and (start[:, 1:] == end[:, :-1]).all()
        assert length[length > 0].min() >= 15 and length.max() <= 75
        assert np.ptp(start, axis=2).any() != common


def test_one_slot_where_a_recording_is_short() -> None:
    start, end = scripts.slots(RNG(0), np.array([10]), (1.0, 2.0), 30.0, True)
    assert (start[0, 0] == 0).all() and np.allclose(end[0, 0], 1 / 3)
