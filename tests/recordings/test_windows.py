"""Windows cut from recordings."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acteme.errors import InputError
from acteme.recordings.windows import Windows

lengths = st.lists(st.integers(1, 60), max_size=8).map(np.array)


def plain(sizes, frames, stride):
    """Windows of evaluation, written as loops."""
    out = []
    for i, size in enumerate(sizes):
        start = 0
        while True:
            out.append((i, start))
            if start + frames >= size:
                break
            start = min(start + stride, size - frames)
    return out


@given(lengths, st.integers(1, 20), st.integers(1, 20))
def test_evaluation_windows_are_the_plain_loop(sizes, frames, stride):
    index, start = Windows(frames=frames, stride=stride).cut(sizes.astype(int))
    assert list(zip(index.tolist(), start.tolist(), strict=True)) == plain(sizes, frames, stride)


@given(lengths, st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_evaluation_sees_every_frame_and_training_stays_inside(sizes, frames, stride, seed):
    windows = Windows(frames=frames, stride=min(stride, frames))
    seen = [np.zeros(n, bool) for n in sizes.astype(int)]
    for i, a in zip(*windows.cut(sizes.astype(int)), strict=True):
        seen[i][a : a + frames] = True
    assert all(s.all() for s in seen)
    index, start = windows.cut(sizes.astype(int), np.random.default_rng(seed))
    assert set(index.tolist()) == set(range(len(sizes)))
    size = sizes.astype(int)[index]
    assert ((start >= 0) & (start <= np.maximum(size - frames, 0))).all()


def test_jitter_moves_windows_and_reaches_every_phase():
    windows, rng = Windows(frames=4, stride=3), np.random.default_rng(0)
    phases = {int(windows.cut(np.array([30]), rng)[1][0]) for _ in range(60)}
    assert phases == {0, 1, 2}
    still = Windows(frames=4, stride=3, jitter=False).cut(np.array([30]), rng)[1]
    assert still.tolist() == list(range(0, 27, 3))


def test_training_has_the_same_windows_for_the_same_seed():
    windows, sizes = Windows(frames=4, stride=3), np.array([30, 11, 4, 2])
    one, two = (windows.cut(sizes, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


def test_short_recordings_give_one_window():
    assert [v.tolist() for v in Windows(frames=64).cut(np.array([1, 64]))] == [[0, 1], [0, 0]]


def test_whole_recordings():
    assert [v.tolist() for v in Windows(frames=None).cut(np.array([3, 900]))] == [[0, 1], [0, 0]]


def test_no_recordings_no_windows():
    assert all(len(v) == 0 for v in Windows().cut(np.array([], int)))


@given(lengths, st.integers(2, 9), st.integers(1, 5), st.none() | st.integers(1, 4))
def test_prefixes_end_with_what_comes_next(sizes, frames, stride, most):
    wanted = []
    for i, size in enumerate(sizes.astype(int)):
        ends = list(range(size, 1, -stride))[:most]
        wanted += [(i, end - frames) for end in reversed(ends)]
    index, start = Windows(frames=frames, stride=stride, prefixes=True, most=most).cut(sizes.astype(int))
    assert list(zip(index.tolist(), start.tolist(), strict=True)) == wanted


def test_every_event_is_a_target_unless_a_stride_is_given():
    assert Windows().stride == 32 and Windows(frames=9, prefixes=True) == Windows(frames=9, prefixes=True, stride=1)
    assert Windows(frames=3, prefixes=True).cut(np.array([5]))[1].tolist() == [-1, 0, 1, 2]


def test_prefixes_need_something_before_the_end():
    assert all(len(v) == 0 for v in Windows(prefixes=True).cut(np.array([1, 1])))
    with pytest.raises(InputError, match="what was, and what came"):
        Windows(frames=1, prefixes=True)


@pytest.mark.parametrize("field", ["frames", "stride", "limit", "most"])
def test_lengths_below_one_are_refused(field):
    with pytest.raises(InputError, match=f"{field} of the windows is 0"):
        Windows(**{field: 0})
