"""Which stretches of recordings a stage learns from."""

from dataclasses import dataclass

import numpy as np

from acteme.errors import InputError


@dataclass(frozen=True)
class Windows:
    """Windows of a fixed length cut from every recording, or whole recordings."""

    frames: int | None = 64
    """Frames per window; None takes whole recordings (at most `limit` frames from the start)."""
    stride: int = None  # type: ignore[assignment]  # never None once made
    """Frames between the starts of neighboring windows; 32 unless given, with `prefixes` 1."""
    jitter: bool = True
    """In training, shift a recording's windows by a random phase below `stride` in every epoch."""
    limit: int = 300
    """Longest whole recording; ignored where `frames` is given."""
    captions: bool = False
    """Whether batches bring the recordings' captions along."""
    classes: bool = False
    """Whether batches bring the classes of the recordings' segments along, as marks of whole recordings."""
    prefixes: bool = False
    """Cut a log by what comes next: a window for every event that another one precedes, which it ends with, after up to
    `frames` - 1 events before it; `stride` events between the ends of neighboring windows, from the last one back.
    A window that has fewer begins before its recording: its first frame is negative."""
    most: int | None = None
    """With `prefixes`, windows of each recording, the latest."""

    def __post_init__(self) -> None:
        if self.stride is None:
            object.__setattr__(self, "stride", 1 if self.prefixes else 32)
        sizes = (("frames", self.frames), ("stride", self.stride), ("limit", self.limit), ("most", self.most))
        for name, value in sizes:
            if value is not None and value < 1:
                raise InputError(f"{name} of the windows is {value}", mend="give at least 1")
        if self.prefixes and (self.frames is None or self.frames < 2):
            raise InputError(f"frames of the windows is {self.frames}", mend="give at least 2: what was, and what came")

    def cut(self, lengths: np.ndarray, rng: np.random.Generator | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Recording index and first frame of every window, in order.

        A recording shorter than a window gives one window from frame 0 (see `prefixes` for logs). Without `rng`
        (evaluation) windows start at 0 and a last one ends with the recording, so that every frame is seen; with it a
        random phase moves them.
        """
        lengths = np.asarray(lengths)
        if self.prefixes and self.frames is not None:
            count = np.minimum(-(-(lengths - 1) // self.stride), self.most or lengths.max(initial=0))
            index, step = _repeated(np.maximum(count, 0))
            back = (count[index] - 1 - step) * self.stride
            return index, lengths[index] - back - self.frames
        if self.frames is None:
            return np.arange(len(lengths)), np.zeros(len(lengths), np.int64)
        room = np.maximum(lengths - self.frames, 0)
        phase = np.zeros_like(room)
        if rng is not None and self.jitter:
            phase = rng.integers(0, np.minimum(self.stride, room + 1))
        count = (room - phase) // self.stride + 1
        index, step = _repeated(count)
        start = phase[index] + step * self.stride
        if rng is None:
            short = np.flatnonzero((count - 1) * self.stride < room)
            index, start = np.concatenate([index, short]), np.concatenate([start, room[short]])
            order = np.lexsort((start, index))
            index, start = index[order], start[order]
        return index, start


def _repeated(count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each index as often as `count` says, and how often it has been before."""
    return np.repeat(np.arange(len(count)), count), np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
