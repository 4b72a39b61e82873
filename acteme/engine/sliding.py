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


def blend(windows: Iterable[Scored], classes: int) -> Iterator[np.ndarray]:
    """Scores (t, k) of consecutive frames of the time line, in pieces; together they are all of its frames."""
    begin = 0
    total, weight = np.zeros((0, classes), np.float32), np.zeros(0, np.float32)
    for w in windows:
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


def clip_span(windows: Windows, typical: float, frames: int | None = None) -> int:
    """Frames of the windows that slide over a recording.

    Args:
        windows: what the stage was trained on. Windows of a fixed length slide as they are.
        typical: frames of a typical training recording: what slides where a stage takes whole clips.
        frames: of the recording; one of at most twice the typical length is then taken whole, as a clip.
    """
    if windows.frames is not None:
        return windows.frames
    usual = int(np.clip(round(typical), 1, windows.limit))
    return frames if frames is not None and frames <= min(windows.limit, 2 * usual) else usual


def starts(frames: int, length: int, stride: int) -> np.ndarray:
    """First frames of the windows that cover a recording: every `stride` frames, and one that ends with it."""
    return Windows(frames=length, stride=stride, jitter=False).cut(np.array([frames]))[1]


def view_scores(module: nn.Module, view: View, length: int, stride: int, batch: int) -> Iterator[np.ndarray]:
    """Frame scores (t, k) of one recording, in pieces, whatever its length."""
    classes = len(view.wanted.classes)
    return blend(_view_windows(module, view, length, stride, batch), classes)


def _view_windows(module: nn.Module, view: View, length: int, stride: int, batch: int) -> Iterator[Scored]:
    first = starts(view.frames, length, stride)
    for i in range(0, len(first), batch):
        at = first[i : i + batch]
        yield Scored(at, scores(module, view_batch(view, at, length)), np.minimum(length, view.frames - at))


def view_batch(view: View, start: np.ndarray, length: int) -> Batch:
    """Windows of a view as a batch; their frames are read once though the windows overlap."""
    begin, end = int(start[0]), min(int(start[-1]) + length, view.frames)
    steps = np.arange(length)
    left = view.frames - start
    mask = steps < left[:, None]
    at = np.where(mask, start[:, None] + steps - begin, 0)
    out: Batch = {}
    for name, array in view.read(begin, end).items():
        value = array[at]
        value[~mask] = 0
        out[name] = torch.from_numpy(value)
    out["mask"] = torch.from_numpy(mask)
    out["frames"] = torch.from_numpy(np.minimum(left, length))
    out["fps"] = torch.full((len(start),), view.fps)
    out["label"] = torch.full((len(start),), -1)
    out["index"] = torch.zeros(len(start), dtype=torch.int64)
    out["start"] = torch.from_numpy(start.astype(np.int64))
    return out


def corpus_scores(module: nn.Module, corpus: Corpus, length: int, stride: int, batch: int) -> np.ndarray:
    """Frame scores (sum of frames, k) of all recordings of a corpus, end to end in its order."""
    index, start = Windows(frames=length, stride=stride, jitter=False).cut(corpus.frames)
    offset = np.cumsum(corpus.frames) - corpus.frames

    def windows() -> Iterator[Scored]:
        for i in range(0, len(index), batch):
            which, at = index[i : i + batch], start[i : i + batch]
            found = scores(module, corpus.batch(which, at, length))
            yield Scored(offset[which] + at, found, np.minimum(length, corpus.frames[which] - at))

    return np.concatenate(list(blend(windows(), len(corpus.spec.classes))))


@torch.no_grad()
def scores(module: nn.Module, batch: Batch) -> np.ndarray:
    """A module's scores of every frame of the windows (b, t, k); a clip-level module's hold for the whole window."""
    found = module.predict(to_device(batch, device_of(module)))  # type: ignore[operator]
    if isinstance(found, FrameScores):
        return np.asarray(found.scores.float().cpu())
    frames = batch["mask"].shape[1]
    return np.repeat(np.asarray(probabilities(found).cpu())[:, None], frames, 1)


def probabilities(found: LabelScores) -> torch.Tensor:
    """Label scores as probabilities: as they are where every row is a distribution, else their softmax."""
    values = torch.as_tensor(found.scores).float()
    if bool((values >= 0).all()) and torch.allclose(values.sum(1), torch.ones(len(values)).to(values), atol=1e-3):
        return values
    return values.softmax(1)


def device_of(module: nn.Module) -> torch.device:
    """Where a module computes."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))
