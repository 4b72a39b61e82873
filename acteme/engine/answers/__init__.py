"""What a run says of recordings: one module a kind of prediction, with `answer(run, manner, part)`."""

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

from acteme.engine.segmenter import Rules
from acteme.engine.slide import Slide
from acteme.recordings.annotations import Segment

KINDS = {
    "recognition": "segments",
    "segmentation": "segments",
    "retrieval": "captions",
    "forecasting": "tracks",
}
"""The module that answers for each task."""


@dataclass(frozen=True)
class Prediction:
    """What a run says of one recording."""

    recording: str
    """Its name."""
    duration: float
    """Seconds."""
    segments: tuple[Segment, ...]
    """By start."""
    fps: float
    """Frames per second of `scores`."""
    scores: np.ndarray | None = None
    """(frames, classes), if asked for."""
    groups: np.ndarray | None = None
    """(frames, groups of classes), if asked for and predicted apart from the classes."""
    futures: np.ndarray | None = None
    """(alternatives, steps, coordinates): where someone will be after the recording's end, `fps` steps a second."""


@dataclass(frozen=True)
class Manner:
    """How predictions are made; see `predict`."""

    stage: str
    rules: Rules
    how: Slide
    keep: bool
    split: str | None
    device: str


def of(task: str) -> ModuleType:
    """The module that answers for a task; its `answer(run, manner, part)` yields predictions, one recording a time."""
    return import_module(f"{__name__}.{KINDS[task]}")
