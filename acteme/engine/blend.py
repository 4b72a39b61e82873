"""Scores of every frame of recordings of any length, from overlapping windows, in memory that does not grow with it.

A window's scores are weighted with a taper that falls towards its ends, where a model sees least context, and frames
that several windows cover get the weighted mean. Frames that no further window will touch are handed on at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from acteme.engine.adapt import View
from acteme.engine.device import device_of
from acteme.engine.slide import Slide, slide
from acteme.recordings.annotations import FrameScores, LabelScores
from acteme.recordings.batch import Batch, to_device
from acteme.recordings.corpus import Corpus
from acteme.recordings.windows import Windows


@dataclass(frozen=True)
class Scored:
    """Scores of a batch of windows on one time line."""

    position: np.ndarray
    """(b,) first frame of each window on the time line, not falling."""
    scores: np.ndarray
    """(b, t, k)."""
    length: np.ndarray
    """(b,) frames of each window that exist."""


def taper(frames: int) -> np.ndarray:
    """Weights of a window's frames: a triangle that is positive at its ends and 1 in its middle."""
    ramp = np.arange(1, frames + 1)
    return np.minimum(ramp, ramp[::-1]).astype(np.float32) / ((frames + 1) // 2)


def blend(windows: Iterable[Scored]) -> Iterator[np.ndarray]:
    """Scores (t, k) of consecutive frames of the time line, in pieces; together they are all of its frames."""
    begin = 0
    total, weight = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
    for w in windows:
        classes = w.scores.shape[2]
        total = total.reshape(len(weight), classes)
        ready = int(w.position[0]) - begin
        if ready > 0:
            yield total[:ready] / weight[:ready, None]
            total, weight, begin = total[ready:], weight[ready:], begin + ready
        room = int((w.position + w.length).max()) - begin - len(weight)
        if room > 0:
            total = np.concatenate([total, np.zeros((room, classes), np.float32)])
            weight = np.concatenate([weight, np.zeros(room, np.float32)])
        for position, scores, length in zip(w.position - begin, w.scores, w.length, strict=True):
            ramp = taper(int(length))
            total[position : position + length] += ramp[:, None] * scores[:length]
            weight[position : position + length] += ramp
    if len(weight):
        yield total / weight[:, None]


def view_scores(module: nn.Module, views: Iterable[View], how: Slide) -> Iterator[tuple[int, np.ndarray]]:
    """Frame scores (t, k) of recordings in turn, in pieces: which recording, and the scores of its next frames.

    Recordings are taken as they are needed, and their windows share batches.
    """
    ends: list[int] = []

    def windows() -> Iterator[Scored]:
        for batch, pieces in slide(views, how):
            for piece in pieces:
                if piece.number == len(ends):
                    ends.append((ends[-1] if ends else 0) + piece.view.frames)
            position = np.concatenate([ends[p.number] - p.view.frames + p.start for p in pieces])
            yield Scored(position, scores(module, batch), np.concatenate([p.frames for p in pieces]))

    at = number = 0
    for found in blend(windows()):
        while len(found):
            here = min(len(found), ends[number] - at)
            yield number, found[:here]
            at, found = at + here, found[here:]
            if at == ends[number]:
                number += 1


def corpus_scores(module: nn.Module, corpus: Corpus, how: Slide) -> np.ndarray:
    """Frame scores (sum of frames, k) of all recordings of a corpus, end to end in its order."""
    length, batch = how.length(corpus.spec.fps), how.batch
    stride = max(1, round(length * (1 - how.overlap)))
    index, start = Windows(frames=length, stride=stride, jitter=False).cut(corpus.frames)
    offset = np.cumsum(corpus.frames) - corpus.frames

    def windows() -> Iterator[Scored]:
        for i in range(0, len(index), batch):
            which, at = index[i : i + batch], start[i : i + batch]
            found = scores(module, corpus.batch(which, at, length))
            yield Scored(offset[which] + at, found, np.minimum(length, corpus.frames[which] - at))

    return np.concatenate(list(blend(windows())))


@torch.no_grad()
def scores(module: nn.Module, batch: Batch) -> np.ndarray:
    """A module's scores of every frame of the windows (b, t, k); a clip-level module's hold for the whole window.

    Where it predicts groups of classes apart, their probabilities stand after those of the classes.
    """
    found = module.predict(to_device(batch, device_of(module)))  # type: ignore[operator]
    if isinstance(found, FrameScores):
        return np.asarray(found.scores.float().cpu())
    values = probabilities(found)
    if found.groups is not None:
        values = torch.cat([values, torch.as_tensor(found.groups).float()], 1)
    return np.repeat(np.asarray(values.cpu())[:, None], batch["mask"].shape[1], 1)


def probabilities(found: LabelScores) -> torch.Tensor:
    """Label scores as probabilities: as they are where every row is a distribution, else their softmax."""
    values = torch.as_tensor(found.scores).float()
    if bool((values >= 0).all()) and torch.allclose(values.sum(1), torch.ones(len(values)).to(values), atol=1e-3):
        return values
    return values.softmax(1)
