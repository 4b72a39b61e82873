"""Sliding windows: coverage, blending, constant memory, clip-level systems."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from acteme.engine.adapt import View
from acteme.engine.sliding import Scored, blend, clip_span, corpus_scores, probabilities, starts, taper, view_scores
from acteme.recordings.annotations import FrameScores, LabelScores
from acteme.recordings.windows import Windows
from tests.engine.toys import SPEC, untrimmed


class Mean(nn.Module):
    """Scores that are functions of the frame alone, so that any window agrees; checks padding."""

    def __init__(self, clip: bool = False):
        super().__init__()
        self.clip, self.largest = clip, 0

    def predict(self, batch):
        self.largest = max(self.largest, len(batch["skeleton"]))
        x = batch["skeleton"].flatten(2).mean(-1)
        assert (x[~batch["mask"]] == 0).all()
        if self.clip:
            high = (x * batch["mask"]).sum(1) / batch["mask"].sum(1)
            return LabelScores(torch.stack([-high, high], -1))
        return FrameScores(torch.stack([x, x.square()], -1), batch["mask"])


def frames_of(corpus, i):
    return corpus[i].arrays["skeleton"].mean((1, 2, 3))


@pytest.mark.parametrize(("length", "stride", "batch"), [(8, 4, 3), (8, 8, 1), (16, 5, 2), (100, 10, 4), (1, 1, 7)])
def test_frame_scores_come_back_whatever_the_windows(length, stride, batch):
    corpus = untrimmed(3, frames=41)
    view = View(corpus[1], SPEC, SPEC)
    got = np.concatenate(list(view_scores(Mean(), view, length, stride, batch)))
    np.testing.assert_allclose(got[:, 0], frames_of(corpus, 1), rtol=1e-4, atol=1e-6)
    together = corpus_scores(Mean(), corpus, length, stride, batch)
    np.testing.assert_allclose(together[:, 1], np.concatenate([frames_of(corpus, i) for i in range(3)]) ** 2, rtol=1e-4)


def test_blending_is_the_tapered_mean_of_the_windows():
    rng = np.random.default_rng(0)
    scores = rng.random((3, 6, 2)).astype(np.float32)
    position = np.array([0, 4, 7])
    total, weight = np.zeros((13, 2)), np.zeros(13)
    for p, s in zip(position, scores, strict=True):
        total[p : p + 6] += taper(6)[:, None] * s
        weight[p : p + 6] += taper(6)
    pieces = list(blend((Scored(position[i : i + 1], scores[i : i + 1], np.array([6])) for i in range(3)), 2))
    np.testing.assert_allclose(np.concatenate(pieces), total / weight[:, None], rtol=1e-5)
    assert [len(p) for p in pieces] == [4, 3, 6]


@pytest.mark.parametrize("frames", [1, 2, 5, 8])
def test_the_taper_is_positive_symmetric_and_one_in_the_middle(frames):
    w = taper(frames)
    assert (w > 0).all() and w.max() == 1 and np.array_equal(w, w[::-1])


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_windows_cover_every_frame(frames, length, stride):
    stride = min(stride, length)
    seen = np.zeros(frames, bool)
    first = starts(frames, length, stride)
    for a in first:
        seen[a : a + length] = True
    assert seen.all() and first[-1] + length >= frames and (np.diff(first) > 0).all()
    assert first[-1] == max(frames - length, 0)


def test_a_clip_level_system_gives_frame_scores():
    corpus = untrimmed(1, frames=60)
    got = corpus_scores(Mean(clip=True), corpus, 6, 3, 4)
    truth = corpus.arrays["frame_labels"][:, 1]
    np.testing.assert_allclose(got.sum(1), 1, rtol=1e-5)
    assert ((got[:, 1] > 0.5) == truth).mean() > 0.8


def test_label_scores_become_probabilities_once():
    logits = torch.tensor([[2.0, -1.0], [0.0, 0.0]])
    soft = probabilities(LabelScores(logits))
    torch.testing.assert_close(soft, logits.softmax(1))
    torch.testing.assert_close(probabilities(LabelScores(soft)), soft)


def test_batches_are_as_large_as_asked():
    module = Mean()
    list(view_scores(module, View(untrimmed(1, 100)[0], SPEC, SPEC), 8, 4, 5))
    assert module.largest == 5


def test_span_of_whole_clip_systems():
    fixed, whole = Windows(frames=64), Windows(frames=None, limit=300)
    assert clip_span(fixed, 10, 1000) == 64
    assert clip_span(whole, 80.4, 150) == 150
    assert clip_span(whole, 80.4, 161) == 80
    assert clip_span(whole, 1000, 301) == 300
    assert clip_span(whole, 0.0) == 1
