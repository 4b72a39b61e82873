"""Sliding windows: coverage, blending, constant memory, clip-level systems."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from acteme.engine.adapt import View
from acteme.engine.blend import Scored, blend, corpus_scores, probabilities, taper, view_scores
from acteme.engine.slide import Slide
from acteme.recordings.annotations import FrameScores, LabelScores
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows
from tests.engine.toys import SPEC, untrimmed


class Mean(nn.Module):
    """Scores that are functions of the frame alone, so that any window agrees; checks padding."""

    def __init__(self, clip: bool = False):
        super().__init__()
        self.clip = clip

    def predict(self, batch):
        x = batch["skeleton"].flatten(2).mean(-1)
        assert (x[~batch["mask"]] == 0).all()
        if self.clip:
            high = (x * batch["mask"]).sum(1) / batch["mask"].sum(1)
            return LabelScores(torch.stack([-high, high], -1))
        return FrameScores(torch.stack([x, x.square()], -1), batch["mask"])


def frames_of(corpus, i):
    return corpus[i].arrays["skeleton"].mean((1, 2, 3))


def sliding(length, overlap, batch):
    return Slide(Windows(frames=length), 0.0, overlap=overlap, batch=batch)


@pytest.mark.parametrize(
    ("length", "overlap", "batch"), [(8, 0.5, 3), (8, 0, 1), (16, 0.7, 2), (100, 0.9, 4), (1, 0, 7)]
)
def test_frame_scores_come_back_whatever_the_windows(length, overlap, batch):
    recordings = [*untrimmed(3, frames=41), *untrimmed(1, frames=9), *untrimmed(2, frames=30)]
    corpus, how = (
        Corpus.of((replace(r, name=str(i)) for i, r in enumerate(recordings)), SPEC),
        sliding(length, overlap, batch),
    )
    got: dict[int, list[np.ndarray]] = {}
    for number, piece in view_scores(Mean(), (View(r, SPEC, SPEC) for r in corpus), how):
        got.setdefault(number, []).append(piece)
    assert list(got) == list(range(6))
    for i, pieces in got.items():
        np.testing.assert_allclose(np.concatenate(pieces)[:, 0], frames_of(corpus, i), rtol=1e-4, atol=1e-6)
    together = corpus_scores(Mean(), corpus, how)
    np.testing.assert_allclose(together[:, 1], np.concatenate([frames_of(corpus, i) for i in range(6)]) ** 2, rtol=1e-4)


def test_blending_is_the_tapered_mean_of_the_windows():
    rng = np.random.default_rng(0)
    scores = rng.random((3, 6, 2)).astype(np.float32)
    position = np.array([0, 4, 7])
    total, weight = np.zeros((13, 2)), np.zeros(13)
    for p, s in zip(position, scores, strict=True):
        total[p : p + 6] += taper(6)[:, None] * s
        weight[p : p + 6] += taper(6)
    pieces = list(blend(Scored(position[i : i + 1], scores[i : i + 1], np.array([6])) for i in range(3)))
    np.testing.assert_allclose(np.concatenate(pieces), total / weight[:, None], rtol=1e-5)
    assert [len(p) for p in pieces] == [4, 3, 6]


@pytest.mark.parametrize("frames", [1, 2, 5, 8])
def test_the_taper_is_positive_symmetric_and_one_in_the_middle(frames):
    w = taper(frames)
    assert (w > 0).all() and w.max() == 1 and np.array_equal(w, w[::-1])


def test_a_clip_level_system_gives_frame_scores():
    corpus = untrimmed(1, frames=60)
    got = corpus_scores(Mean(clip=True), corpus, sliding(6, 0.5, 4))
    truth = corpus.arrays["frame_labels"][:, 1]
    np.testing.assert_allclose(got.sum(1), 1, rtol=1e-5)
    assert ((got[:, 1] > 0.5) == truth).mean() > 0.8


def test_label_scores_become_probabilities_once():
    logits = torch.tensor([[2.0, -1.0], [0.0, 0.0]])
    soft = probabilities(LabelScores(logits))
    torch.testing.assert_close(soft, logits.softmax(1))
    torch.testing.assert_close(probabilities(LabelScores(soft)), soft)
