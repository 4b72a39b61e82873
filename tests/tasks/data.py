"""Generated inputs of the metric tests: small, full of ties, empty recordings and classes that never occur."""

import numpy as np
from hypothesis import strategies as st

from acteme.recordings.annotations import Segments


@st.composite
def scored_frames(draw, multilabel=True):
    """Scores, truth and lengths of some recordings; scores on a coarse grid, so that many are equal."""
    lengths = np.array(draw(st.lists(st.integers(0, 12), min_size=1, max_size=5)))
    classes, n = draw(st.integers(1, 4)), int(lengths.sum())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid = draw(st.sampled_from([1, 3, 1000]))
    scores = (rng.integers(0, grid + 1, (n, classes)) / grid).astype(np.float32)
    density = draw(st.sampled_from([0.0, 0.3, 1.0]))
    truth = (rng.random((n, classes)) < density).astype(np.uint8)
    if not multilabel:
        truth &= np.arange(classes) == rng.integers(0, classes, n)[:, None]
    return scores, truth, lengths


@st.composite
def scored_segments(draw):
    """Detected and true segments on a coarse time grid; recordings, classes; either side may be empty, scores tie."""
    recordings, classes = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def some(most):
        n = draw(st.integers(0, most))
        start = rng.integers(0, 8, n).astype(float)
        length = rng.integers(1, 6, n)
        score = rng.integers(0, 4, n) / 4
        return Segments(rng.integers(0, recordings, n), start, start + length, rng.integers(0, classes, n), score)

    return some(12), some(8), recordings, classes


def same(a, b):
    """Equal up to rounding, NaN like NaN."""
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True)
