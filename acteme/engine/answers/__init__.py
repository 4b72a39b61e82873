"""What a run says of recordings: one module a kind of prediction, with `answer(run, manner, part)`.

Of logs and documents it is `answer(run, manner, corpus)`: all of them are worked on at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    "ranking": "recommendations",
    "inspection": "recommendations",
    "matching": "recommendations",
    "conversation": "recommendations",
    "clicks": "chances",
    "anomalies": "oddities",
    "arguments": "extractions",
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
class Recommendation:
    """What comes next for one user, best first."""

    recording: str
    """Its name."""
    user: str
    items: tuple[str, ...]
    """Names of items that the user has not met yet."""
    titles: tuple[str, ...]
    """Of these; empty where the catalog has none."""
    scores: tuple[float, ...]
    """Falling; comparable for one user."""
    reasons: tuple[tuple[tuple[str, float], ...], ...] = ()
    """Of each item, the greatest parts of its score by name; empty where the method cannot tell."""


@dataclass(frozen=True)
class Judgement:
    """How one event turns out."""

    recording: str
    """Its name."""
    user: str
    """Empty where there are none."""
    event: int
    """Its number in the recording, from 0."""
    time: str
    """Date and time (UTC), or the number of a step."""
    item: str
    """Its name; empty where there are none."""
    title: str
    """Of the item; empty where the catalog has none."""
    kind: str
    """What `value` is: `probability`, that the outcome is 1, or `rating`, the one that is expected."""
    value: float


@dataclass(frozen=True)
class Oddity:
    """How odd one event is."""

    recording: str
    """Its name."""
    user: str
    """Empty where there are none."""
    event: int
    """Its number in the recording, from 0."""
    time: str
    """Date and time (UTC), or the number of a step."""
    score: float
    """Higher is odder; comparable among all events of a data set."""
    fields: tuple[tuple[str, str], ...]
    """Name and value of each."""
    pair: tuple[str, ...]
    """The two fields whose values go together least; empty where the method cannot tell."""
    new: tuple[str, ...] = ()
    """The fields whose values training met too rarely to know them, or never."""


@dataclass(frozen=True)
class Span:
    """Words of a document with the role that they play."""

    role: str
    words: str
    first: int
    """Number of the first word in the document, from 0."""
    last: int
    """Of the last one."""
    score: float = 1.0


@dataclass(frozen=True)
class Extraction:
    """Who and what takes part in one event."""

    recording: str
    """Its name."""
    event: str
    """Type of the event."""
    trigger: Span
    """The words that tell of it."""
    arguments: tuple[Span, ...]
    """In the order of the text."""


Answer = Prediction | Recommendation | Judgement | Oddity | Extraction


@dataclass(frozen=True)
class Manner:
    """How predictions are made; see `predict`."""

    stage: str
    rules: Rules
    how: Slide
    keep: bool
    split: str | None
    device: str
    count: int | None = None
    """How many items for each user, or odd events; what is usual unless given."""
    edits: Mapping[int, float] = field(default_factory=dict)
    """Latents to turn, of a run that inspects another one, and how far."""
    keep_missed: bool = False
    """Then, to keep what the latents do not explain of a user's vector."""


def of(task: str) -> ModuleType:
    """The module that answers for a task; its `answer` yields answers, one recording (user, event) a time."""
    return import_module(f"{__name__}.{KINDS[task]}")
