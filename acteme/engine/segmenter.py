"""From frame scores to segments, piece by piece: smoothing, thresholds, merging and shortest durations.

Feeding a recording in pieces of any size gives the same segments as feeding it whole.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import median_filter

from acteme.errors import InputError
from acteme.recordings.annotations import Segment
from acteme.recordings.spec import Spec


@dataclass(frozen=True)
class Rules:
    """How segments are made from frame scores."""

    threshold: float | None = None
    """Score from which a class holds. None: 0.5 where several classes can hold at once; where one does, none (the best
    class always holds)."""
    smooth: float = 0.0
    """Seconds of a median filter over each class's scores; 0: none."""
    gap: float = 0.0
    """Segments of one class that are at most so many seconds apart become one."""
    shortest: float = 0.0
    """Segments shorter than so many seconds are left out."""

    def __post_init__(self) -> None:
        for name in ("smooth", "gap", "shortest"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)} seconds", "segments", "give 0 or more")


@dataclass
class _Open:
    """A segment that may go on."""

    first: int
    last: int
    total: float
    frames: int


class Segmenter:
    """Collects segments of one recording.

    Args:
        spec: classes, and whether several can hold at once.
        fps: frames per second of the scores.
        rules: how segments are made.
    """

    def __init__(self, spec: Spec, fps: float, rules: Rules):
        self.spec, self.fps, self.rules = spec, fps, rules
        self.reach = int(rules.smooth * fps) // 2
        self.raw = np.zeros((0, len(spec.classes)), np.float32)
        self.context = 0
        self.frame = 0
        self.before = np.zeros(len(spec.classes), np.int8)
        self.running: dict[int, _Open] = {}
        self.waiting: dict[int, _Open] = {}
        self.found: list[Segment] = []

    def push(self, scores: np.ndarray) -> None:
        """The scores (t, k) of the next frames."""
        self.raw = np.concatenate([self.raw, scores])
        ready = len(self.raw) - self.reach
        if ready > self.context:
            self._take(self._smoothed()[self.context : ready])
            kept = min(ready, self.reach)
            self.raw, self.context = self.raw[ready - kept :], kept

    def finish(self) -> tuple[Segment, ...]:
        """All segments, by start; nothing can be pushed any more."""
        if len(self.raw) > self.context:
            self._take(self._smoothed()[self.context :])
        for k in list(self.running):
            self._close(k, self.frame)
        for k in list(self.waiting):
            self._emit(k)
        return tuple(sorted(self.found, key=lambda s: (s.start, s.end, s.label)))

    def _smoothed(self) -> np.ndarray:
        if not self.reach:
            return self.raw
        return median_filter(self.raw, (2 * self.reach + 1, 1), mode="nearest")

    def _active(self, scores: np.ndarray) -> np.ndarray:
        if self.spec.multilabel:
            return scores >= (0.5 if self.rules.threshold is None else self.rules.threshold)
        best = scores.argmax(1)[:, None] == np.arange(scores.shape[1])
        return best if self.rules.threshold is None else best & (scores >= self.rules.threshold)

    def _take(self, scores: np.ndarray) -> None:
        active = self._active(scores).astype(np.int8)
        edges = np.diff(active, axis=0, prepend=self.before[None])
        sums = np.concatenate([np.zeros((1, scores.shape[1])), np.cumsum(scores, 0, dtype=np.float64)])
        for t, k in zip(*np.nonzero(edges), strict=True):
            if edges[t, k] > 0:
                self.running[k] = _Open(self.frame + t, 0, -sums[t, k], 0)
            else:
                self.running[k].total += sums[t, k]
                self._close(k, self.frame + t)
        for k, run in self.running.items():
            run.total += sums[-1, k]
        self.frame += len(scores)
        self.before = active[-1]

    def _close(self, k: int, last: int) -> None:
        """A run of the class ended before frame `last`: it joins the one that waits, or takes its place."""
        run = self.running.pop(k)
        run.last, run.frames = last, last - run.first
        old = self.waiting.get(k)
        if old is not None and run.first - old.last <= self.rules.gap * self.fps:
            self.waiting[k] = _Open(old.first, last, old.total + run.total, old.frames + run.frames)
            return
        if old is not None:
            self._emit(k)
        self.waiting[k] = run

    def _emit(self, k: int) -> None:
        run = self.waiting.pop(k)
        if run.last - run.first >= self.rules.shortest * self.fps:
            start, end = float(run.first / self.fps), float(run.last / self.fps)
            score = float(run.total / run.frames)
            self.found.append(Segment(start, end, self.spec.classes[k], score))
