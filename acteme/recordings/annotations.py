"""What can be said of a recording: annotations, and predictions, which have the same types with a score.

Systems produce these types and tasks compare them, so that neither needs to know the other.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

Array = Any
"""A NumPy array or a torch tensor."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An action with its place in time."""

    start: float
    """Seconds from the start of the recording."""
    end: float
    """Seconds; greater than `start`."""
    label: str
    """Name of the class."""
    score: float = 1.0
    """Confidence in [0, 1]; 1 for annotations."""
    text: str = ""
    """A description in words, if any."""
    events: tuple[str, ...] = ()
    """What `text` says, in clauses of one action each, in the order of time; empty where it is not taken apart."""


@dataclass(frozen=True)
class LabelScores:
    """Scores of each class for whole clips."""

    scores: Float[Array, "n k"]
    """Higher is more likely; comparable within a row."""
    groups: Float[Array, "n g"] | None = None
    """Probabilities of each group of classes, where they are predicted apart; numbered as `Spec.group_names`."""


@dataclass(frozen=True)
class RankedCaptions:
    """Captions of whole clips, best first."""

    texts: list[list[str]]
    """Of each clip; every clip has as many."""
    scores: Float[Array, "n k"]
    """Of each of them, falling; comparable within a row."""


@dataclass(frozen=True)
class FrameScores:
    """Scores of each class for each frame, for a batch of windows or (n = 1) a whole recording."""

    scores: Float[Array, "n t k"]
    """In [0, 1]; independent per class where several can hold at once, summing to one otherwise."""
    mask: Bool[Array, "n t"]
    """Which frames exist."""


@dataclass(frozen=True)
class Trajectories:
    """Where agents will be, in units of their positions: alternatives for a batch of windows."""

    positions: Float[Array, "n k t c"]
    """k alternative futures of t steps."""
    goals: Float[Array, "n k c"]
    """Where each is meant to end; a future's last step where the method draws no goals."""


@dataclass(frozen=True)
class Preferences:
    """What comes next out of a catalog, for a batch of windows: the score of item k is the product of a window's query
    and row k - 1 of the table, so that a catalog of any size can be gone through in parts."""

    query: Float[Array, "n d"]
    table: Float[Array, "items d"]
    bias: Float[Array, " items"] | None = None
    """Added to the scores of each item."""


@dataclass(frozen=True)
class Reasons:
    """Why items are preferred, for a batch of windows: the parts of their scores that have a name. What a module with
    `predict(batch) -> Preferences` may give by `reasons(batch, items, most)` of items (n, k), numbers from 1."""

    names: list[list[tuple[str, ...]]]
    """Of each window and item, the `most` greatest parts first."""
    parts: Float[Array, "n k r"]
    """What each adds to the score; where it is exact, all parts and the item's bias are the score."""


@dataclass(frozen=True)
class Chances:
    """How the last event of each of a batch of windows turns out, foretold from all of it but its outcome."""

    value: Float[Array, " n"]
    """Probability that its outcome is 1; where outcomes are ratings, the rating that is expected."""


@dataclass(frozen=True)
class Oddities:
    """How odd each event of a batch of windows is."""

    scores: Float[Array, "n t"]
    """Higher is odder; comparable among all events of a data set."""
    pairs: Int[Array, "n t 2"] | None = None
    """The two fields whose values go together least, where the method can tell."""


@dataclass(frozen=True)
class Segments:
    """Segments of many recordings, as columns (one row a segment)."""

    recording: Int[np.ndarray, " n"]
    """Which recording the row belongs to."""
    start: Float[np.ndarray, " n"]
    """Seconds."""
    end: Float[np.ndarray, " n"]
    """Seconds."""
    label: Int[np.ndarray, " n"]
    """Class number."""
    score: Float[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0))
    """Confidence; ones where it was not given."""

    def __post_init__(self) -> None:
        if len(self.score) != len(self.start):
            object.__setattr__(self, "score", np.ones(len(self.start)))

    def __len__(self) -> int:
        return len(self.start)

    def select(self, keep: Array) -> "Segments":
        """The rows that `keep` (a mask or indices) names."""
        return Segments(self.recording[keep], self.start[keep], self.end[keep], self.label[keep], self.score[keep])


@dataclass(frozen=True)
class Arguments:
    """Arguments of events in documents, as columns (one row an argument). Words are numbered from 0 in each document,
    over its sentences; ends are inclusive."""

    document: Int[np.ndarray, " n"]
    """Which document the row belongs to."""
    trigger: Int[np.ndarray, "n 2"]
    """First and last word of the event's trigger."""
    span: Int[np.ndarray, "n 2"]
    """First and last word of the argument."""
    role: Int[np.ndarray, " n"]
    """Role number."""
    score: Float[np.ndarray, " n"] = field(default_factory=lambda: np.zeros(0))
    """Confidence; ones where it was not given."""

    def __post_init__(self) -> None:
        if len(self.score) != len(self.document):
            object.__setattr__(self, "score", np.ones(len(self.document)))

    def __len__(self) -> int:
        return len(self.document)

    def select(self, keep: Array) -> "Arguments":
        """The rows that `keep` (a mask or indices) names."""
        return Arguments(self.document[keep], self.trigger[keep], self.span[keep], self.role[keep], self.score[keep])


def rasterize(
    start: Float[np.ndarray, " n"],
    end: Float[np.ndarray, " n"],
    label: Int[np.ndarray, " n"],
    frames: int,
    fps: float,
    classes: int,
    strict: bool = False,
    first: int = 0,
) -> np.ndarray:
    """Labels (frames, classes), uint8, of the frames from `first` on, from segments in seconds.

    Frame r, at time r / fps, is positive when start <= r / fps < end; with `strict` (the rule of the TSU and Charades
    loaders) when start < r / fps < end.
    """
    time = np.arange(first, first + frames) / fps
    out = np.zeros((frames, classes), np.uint8)
    opening = np.searchsorted(time, start, side="right" if strict else "left")
    closing = np.searchsorted(time, end, side="left")
    for a, b, k in zip(opening, closing, label, strict=True):
        out[a:b, k] = 1
    return out


def runs(active: Bool[np.ndarray, " t"]) -> tuple[np.ndarray, np.ndarray]:
    """First frames and one-past-last frames of the maximal runs of True."""
    edges = np.diff(np.concatenate([[0], np.asarray(active, np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
