"""Annotation types, and frame labels from segments."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acteme.recordings.annotations import Segments, rasterize, runs


def column(*values):
    return np.array(values)


def test_strict_rule_of_tsu_and_charades():
    """Segment [3, 10, 20], duration 40 s, 40 rows: rows 11 to 19 only."""
    marks = rasterize(column(10.0), column(20.0), column(3), 40, 40 / 40, 5, strict=True)
    assert np.flatnonzero(marks[:, 3]).tolist() == list(range(11, 20))
    assert marks[:, [0, 1, 2, 4]].sum() == 0


def test_default_rule_holds_the_first_frame():
    marks = rasterize(column(10.0), column(20.0), column(3), 40, 1.0, 5)
    assert np.flatnonzero(marks[:, 3]).tolist() == list(range(10, 20))


def test_segments_overlap_and_pass_the_end():
    marks = rasterize(column(0.0, 0.1), column(0.2, 9.0), column(0, 1), 4, 10.0, 2)
    assert marks.tolist() == [[1, 0], [1, 1], [0, 1], [0, 1]]


def test_frames_in_chunks_are_the_frames_at_once():
    start, end, label = column(0.33, 1.0), column(1.2, 1.7), column(0, 1)
    whole = rasterize(start, end, label, 60, 30.0, 2)
    parts = [rasterize(start, end, label, 20, 30.0, 2, first=a) for a in (0, 20, 40)]
    assert np.array_equal(np.concatenate(parts), whole)


@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0, 5), st.integers(0, 2)), max_size=6),
    st.integers(0, 40),
    st.sampled_from([7.0, 25.0, 29.97]),
    st.booleans(),
)
def test_rasterize_is_the_definition(segments, frames, fps, strict):
    start, end, label = (np.array([s[i] for s in segments], kind) for i, kind in enumerate((float, float, int)))
    expected = np.zeros((frames, 3), np.uint8)
    for a, b, k in segments:
        for r in range(frames):
            after = r / fps > a if strict else r / fps >= a
            if after and r / fps < b:
                expected[r, k] = 1
    assert np.array_equal(rasterize(start, end, label, frames, fps, 3, strict), expected)


@given(st.lists(st.booleans()))
def test_runs_rebuild_the_mask(mask):
    first, last = runs(np.array(mask, bool))
    rebuilt = np.zeros(len(mask), bool)
    for a, b in zip(first, last, strict=True):
        assert a < b
        rebuilt[a:b] = True
    assert rebuilt.tolist() == mask
    assert (first[1:] > last[:-1]).all()


def test_segments_without_score_are_certain():
    rows = Segments(column(0, 1), column(0.0, 1.0), column(1.0, 2.0), column(0, 0))
    assert rows.score.tolist() == [1.0, 1.0]
    assert rows.select(np.array([False, True])).recording.tolist() == [1]
    assert len(rows.select(np.array([], int))) == 0
