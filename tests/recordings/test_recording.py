"""One observation over time."""

from tests.recordings.samples import clip


def test_length_in_frames_and_seconds():
    r = clip("a", 45)
    assert (r.frames, r.duration) == (45, 1.5)


def test_factors_are_not_shared():
    assert clip("a").factors is not clip("b").factors
