"""Segments from frame scores: equal to a plain loop, and to themselves however the frames are cut into pieces."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from acteme.engine.segmenter import Rules, Segmenter
from acteme.errors import InputError
from tests.engine.toys import SPEC

MANY = replace(SPEC, classes=("a", "b", "c"), multilabel=True)
ONE = replace(MANY, multilabel=False)


def whole(scores, spec, fps, rules):
    segmenter = Segmenter(spec, fps, rules)
    segmenter.push(scores)
    return segmenter.finish()


def by_loop(scores, spec, fps, rules):
    """The definition, frame by frame."""
    size = 2 * (int(rules.smooth * fps) // 2) + 1
    scores = median_filter(scores, (size, 1), mode="nearest")
    threshold = 0.5 if rules.threshold is None else rules.threshold
    found = []
    for k, name in enumerate(spec.classes):
        runs, first = [], None
        for t in range(len(scores) + 1):
            on = t < len(scores) and (
                scores[t, k] >= threshold
                if spec.multilabel
                else scores[t].argmax() == k and (rules.threshold is None or scores[t, k] >= threshold)
            )
            if on and first is None:
                first = t
            if not on and first is not None:
                runs.append([first, t, scores[first:t, k].astype(float).tolist()])
                first = None
        merged = []
        for run in runs:
            if merged and run[0] - merged[-1][1] <= rules.gap * fps:
                merged[-1] = [merged[-1][0], run[1], merged[-1][2] + run[2]]
            else:
                merged.append(run)
        found += [(a / fps, b / fps, name, np.mean(v)) for a, b, v in merged if b - a >= rules.shortest * fps]
    return sorted(found)


RULES = st.builds(
    Rules,
    threshold=st.sampled_from([None, 0.3, 0.7]),
    smooth=st.sampled_from([0.0, 0.3, 0.7]),
    gap=st.sampled_from([0.0, 0.2, 0.5]),
    shortest=st.sampled_from([0.0, 0.2]),
)


@settings(max_examples=80)
@given(st.integers(0, 10**6), st.integers(1, 30), RULES, st.booleans(), st.data())
def test_equals_the_plain_loop_in_any_pieces(seed, frames, rules, many, data):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 10, (frames, 3)).astype(np.float32) / 10
    spec = MANY if many else ONE
    expected = by_loop(scores, spec, 10.0, rules)
    cuts = sorted(data.draw(st.lists(st.integers(0, frames), max_size=5)))
    segmenter = Segmenter(spec, 10.0, rules)
    for piece in np.split(scores, cuts):
        if len(piece):
            segmenter.push(piece)
    got = [(s.start, s.end, s.label, s.score) for s in segmenter.finish()]
    assert [g[:3] for g in sorted(got)] == [e[:3] for e in expected]
    assert [g[3] for g in sorted(got)] == pytest.approx([e[3] for e in expected])


def test_one_frame_and_no_frame():
    (one,) = whole(np.array([[0.1, 0.9, 0.2]], np.float32), ONE, 10.0, Rules())
    assert (one.start, one.end, one.label) == (0, 0.1, "b")
    assert Segmenter(ONE, 10.0, Rules()).finish() == ()


def test_several_classes_overlap():
    scores = np.array([[0.9, 0.1, 0]] * 3 + [[0.9, 0.8, 0]] * 3 + [[0, 0.8, 0]] * 3, np.float32)
    a, b = whole(scores, MANY, 1.0, Rules())
    assert (a.start, a.end, b.start, b.end) == (0, 6, 3, 9)


def test_smoothing_removes_a_spike_and_memory_stays_bounded():
    segmenter = Segmenter(MANY, 10.0, Rules(smooth=0.5))
    for _ in range(200):
        block = np.zeros((7, 3), np.float32)
        block[3, 0] = 1
        segmenter.push(block)
        assert len(segmenter.raw) < 7 + 2 * 2 + 1
    assert segmenter.finish() == ()


def test_negative_durations_are_refused():
    with pytest.raises(InputError, match="gap is -1"):
        Rules(gap=-1)
