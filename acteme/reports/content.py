"""What a report shows, as plain data: made from a run by `gather`, drawn by `page`."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from acteme.recordings.annotations import Segment


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation."""

    name: str
    """As in evaluation.json."""
    title: str
    about: str
    value: float
    """A fraction in [0, 1] (where it is a rate), or NaN where it is undefined."""
    low: float = float("nan")
    """Bounds of the 95% interval; NaN where there is none."""
    high: float = float("nan")
    headline: bool = False
    """Whether it is shown large."""
    rate: bool = True
    """Whether it is a fraction, shown in percent; otherwise a number in units of the data."""


@dataclass(frozen=True)
class ClassRow:
    """One class: how well it is found, and how much of it there is."""

    name: str
    value: float
    """A fraction in [0, 1], or NaN where the class does not occur."""
    count: str
    """How much there is of it, in words."""


@dataclass(frozen=True)
class Curve:
    """One logged value over the steps of a stage."""

    name: str
    step: Int[np.ndarray, " n"]
    value: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Stage:
    """One trained stage."""

    name: str
    about: str
    """First sentence of the documentation of its class."""
    steps: int
    epochs: int
    took: str
    """How long its training was; empty where nobody knows."""
    parameters: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class LatentMap:
    """Latents of windows in two dimensions."""

    methods: dict[str, Float[np.ndarray, "n 2"]]
    """Name of the projection to positions."""
    label: Int[np.ndarray, " n"]
    """Class of each window, -1 where it has none."""
    recording: tuple[str, ...]
    """Name of the recording of each window."""
    start: Float[np.ndarray, " n"]
    """Seconds, or number of the first event."""
    end: Float[np.ndarray, " n"]
    """Seconds, or number of events."""
    unit: str = "s"
    """Of start and end; `events` of a log."""


@dataclass(frozen=True)
class Figure:
    """How a skeleton is drawn."""

    bones: tuple[tuple[int, int], ...]
    """Pairs of joints."""
    side: tuple[int, ...]
    """Per joint: -1 left, 1 right, 0 neither."""
    head: int
    """The joint that is drawn as a head, -1 where there is none."""
    trails: tuple[int, ...]
    """Joints that leave a trail: hands and feet."""
    up: int
    """Which way is up in the data: 1, 2, 3 for +x, +y, +z, negative for the opposite."""


@dataclass(frozen=True)
class Replay:
    """A recording to play, with what is true of it and what was predicted."""

    name: str
    fps: float
    skeleton: Float[np.ndarray, "t m v c"]
    duration: float
    """Seconds of the whole recording, of which `skeleton` may be the beginning."""
    truth: tuple[Segment, ...] = ()
    predicted: tuple[Segment, ...] = ()
    scores: Float[np.ndarray, "s k"] | None = None
    """Scores of the classes, evenly spaced over the time that `skeleton` covers; None where nothing was predicted."""


@dataclass(frozen=True)
class Scene:
    """What a fixed camera looks at."""

    name: str
    extent: tuple[float, float, float, float]
    """Left, top, right and bottom, in units of its positions."""
    tracks: tuple[Float[np.ndarray, "n 2"], ...]
    """Of the people who are shown."""
    ways: tuple[tuple[Float[np.ndarray, "p 2"], Float[np.ndarray, "f 2"], Float[np.ndarray, "k f 2"]], ...]
    """What was seen, what came, and what was predicted, in some windows."""
    prompt: Float[np.ndarray, "h w"] | None = None
    """What is added to the maps of everyone there."""
    covers: tuple[float, float, float, float] | None = None
    """Left, top, right and bottom of the prompt."""


@dataclass(frozen=True)
class Offer:
    """An item that was recommended."""

    title: str
    score: float
    came: bool
    """Whether it is what the user chose then."""
    because: str = ""
    """Why, in words."""


@dataclass(frozen=True)
class User:
    """One user: what was known, what came then, and what was recommended before it came."""

    name: str
    text: str
    """What the user is described by, where that is a text."""
    history: tuple[str, ...]
    """The latest items, in order."""
    events: int
    """How many events are known."""
    came: str
    place: str
    """Of what came, among all candidates, in words."""
    offers: tuple[Offer, ...]


@dataclass(frozen=True)
class Meaning:
    """A latent of an inspected model, and what it stands for."""

    latent: int
    concept: str
    confidence: float
    """Fraction of cases that the concept tells rightly; the two below are of the same."""
    precision: float
    recall: float
    active: int
    """Sequences in which the latent is active."""
    effect: float | None
    """How the share of the concept changes when the latent is silenced; None where that is not known."""
    made_from: str
    """Titles of items."""


@dataclass(frozen=True)
class Event:
    """One event of a log."""

    time: str
    score: float
    """How odd it is, or how likely."""
    cells: tuple[tuple[str, bool], ...]
    """What it was, and which of it is marked."""
    came: str
    """How it turned out; empty where that is not known."""


@dataclass(frozen=True)
class Piece:
    """Words of a document that are alike in what is said of them."""

    words: str
    trigger: bool = False
    found: tuple[str, ...] = ()
    """Roles that were predicted."""
    true: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A document with the event that it tells of."""

    name: str
    event: str
    pieces: tuple[Piece, ...]


@dataclass(frozen=True)
class Page:
    """Everything on the page; what is missing is left out."""

    title: str
    paper: str
    """Authors and venue."""
    link: str
    """Address of the paper."""
    claim: str
    facts: tuple[tuple[str, str], ...]
    """What was trained on what: (name, value)."""
    classes: tuple[str, ...]
    evaluated: str = ""
    """What the metrics were measured on, in words."""
    metrics: tuple[Metric, ...] = ()
    class_title: str = ""
    """What the value of a class row is."""
    class_rows: tuple[ClassRow, ...] = ()
    confusion: Int[np.ndarray, "k k"] | None = None
    stages: tuple[Stage, ...] = ()
    latents: LatentMap | None = None
    latents_about: str = ""
    figure: Figure | None = None
    replays: tuple[Replay, ...] = ()
    scenes: tuple[Scene, ...] = ()
    texts: tuple[Text, ...] = ()
    users: tuple[User, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    meanings_about: str = ""
    events: tuple[Event, ...] = ()
    events_title: str = ""
    events_about: str = ""
    columns: tuple[str, ...] = ()
    """Names of the cells of events, with that of the score before them and that of what came behind them."""
    encoders: dict[str, Any] | None = None
    """The comparison of all skeleton encoders (see `encoders`), where this system's is among them."""
    slug: str = ""
    """Which system it is."""
    settings: dict[str, str] = field(default_factory=dict)
    """Title to JSON text."""
    notes: tuple[str, ...] = ()
    """Why something is missing, a sentence each."""
    version: str = ""
