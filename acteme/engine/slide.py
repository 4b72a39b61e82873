"""Windows that slide over recordings of any length, in batches that go across recordings."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from acteme.engine.adapt import View
from acteme.recordings.batch import Batch
from acteme.recordings.windows import Windows


@dataclass(frozen=True)
class Slide:
    """How windows slide over recordings."""

    windows: Windows
    """What the stage was trained on."""
    clip: float
    """Seconds of a typical training recording: what slides where a stage takes whole clips."""
    seconds: float | None = None
    """Length of the windows instead."""
    overlap: float = 0.5
    """Share of a window that the next one covers as well, in [0, 1)."""
    batch: int = 32
    """Windows at a time."""

    def length(self, fps: float, frames: int | None = None) -> int:
        """Frames of a window.

        Args:
            fps: frames per second.
            frames: of the recording. Where a stage takes whole clips, a recording of up to twice the typical length
                is one: it is taken whole.
        """
        if self.seconds is not None:
            return max(1, round(self.seconds * fps))
        if self.windows.frames is not None:
            return self.windows.frames
        usual = int(np.clip(round(self.clip * fps), 1, self.windows.limit))
        return frames if frames is not None and frames <= min(self.windows.limit, 2 * usual) else usual

    def starts(self, frames: int, length: int) -> np.ndarray:
        """First frames of the windows that cover a recording; the last one ends with it."""
        stride = max(1, round(length * (1 - self.overlap)))
        return Windows(frames=length, stride=stride, jitter=False).cut(np.array([frames]))[1]


@dataclass(frozen=True)
class Piece:
    """Windows of one recording, as they stand in a batch."""

    number: int
    """Of the recording, in the order given."""
    view: View
    start: np.ndarray
    """First frames."""
    length: int
    """Frames of the windows; those at a recording's end may have fewer."""

    @property
    def frames(self) -> np.ndarray:
        """Frames of each window that exist."""
        return np.minimum(self.length, self.view.frames - self.start)


def slide(views: Iterable[View], how: Slide) -> Iterator[tuple[Batch, list[Piece]]]:
    """Batches of windows of the recordings in turn, and which rows are whose; recordings are taken when needed."""
    pieces: list[Piece] = []
    room = how.batch
    for number, view in enumerate(views):
        length = how.length(view.fps, view.frames)
        start = how.starts(view.frames, length)
        while len(start):
            pieces.append(Piece(number, view, start[:room], length))
            room -= len(pieces[-1].start)
            start = start[len(pieces[-1].start) :]
            if not room:
                yield joined(pieces), pieces
                pieces, room = [], how.batch
    if pieces:
        yield joined(pieces), pieces


def joined(pieces: list[Piece]) -> Batch:
    """The windows of several recordings as one batch, padded to the longest."""
    batches = [window_batch(piece) for piece in pieces]
    if len(batches) == 1:
        return batches[0]
    longest = max(piece.length for piece in pieces)
    out: Batch = {}
    for name, value in batches[0].items():
        values = [b[name] for b in batches if name in b]
        if len(values) < len(batches):  # stored vectors, which some recordings have
            continue
        if value.ndim > 1:
            values = [torch.cat([v, v.new_zeros(len(v), longest - v.shape[1], *v.shape[2:])], 1) for v in values]
        out[name] = torch.cat(values)
    return out


def window_batch(piece: Piece) -> Batch:
    """Windows of one recording; its frames are read once though the windows overlap."""
    view, start, length = piece.view, piece.start, piece.length
    begin, end = int(start[0]), min(int(start[-1]) + length, view.frames)
    steps = np.arange(length)
    mask = steps < piece.frames[:, None]
    at = np.where(mask, start[:, None] + steps - begin, 0)
    out: Batch = {}
    for name, array in view.read(begin, end).items():
        value = array[at]
        value[~mask] = 0
        out[name] = torch.from_numpy(value)
    out["mask"] = torch.from_numpy(mask)
    out["frames"] = torch.from_numpy(piece.frames)
    out["fps"] = torch.full((len(start),), view.fps)
    out["label"] = torch.full((len(start),), -1)
    out["index"] = torch.full((len(start),), piece.number)
    out["start"] = torch.from_numpy(start.astype(np.int64))
    return out
