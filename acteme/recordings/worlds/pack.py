"""Corpora straight from arrays: what worlds make needs no recording-by-recording checking and copying."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int, UInt8

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.recordings.corpus import Corpus
from acteme.recordings.spec import Spec

DEFAULTS = {"split": "", "subject": "", "camera": "", "text": ""}


@dataclass(frozen=True)
class Part:
    """Some recordings of a world, end to end."""

    skeleton: Float[np.ndarray, "n m v c"]
    frame_labels: UInt8[np.ndarray, "n k"]
    frames: Int[np.ndarray, " r"]
    """Length of each recording; they add up to n."""
    label: Int[np.ndarray, " r"]
    """Class of each recording, -1 where it has several."""
    columns: Mapping[str, np.ndarray | str]
    """Further columns of the table: a value per recording, or one for all."""
    segments: Segments
    """`recording` counts within this part."""
    texts: Sequence[str] = field(default_factory=tuple)
    """A text per segment, or nothing."""
    events: Sequence[str] = field(default_factory=tuple)
    """The events of a segment's text, a line each, or nothing."""


def corpus(parts: Sequence[Part], spec: Spec) -> Corpus:
    """The parts, in order, as a corpus in memory. Raises InputError where there is no recording."""
    parts = [p for p in parts if len(p.frames)]
    if not parts:
        raise InputError("the world was asked for no recordings", mend="ask for at least one")
    count = [len(p.frames) for p in parts]
    frames = np.concatenate([p.frames for p in parts]).astype(np.int64)
    names = dict.fromkeys([*DEFAULTS, *(name for p in parts for name in p.columns)])
    columns = {
        name: np.concatenate(
            [
                np.broadcast_to(p.columns.get(name, DEFAULTS.get(name, np.nan)), n)
                for p, n in zip(parts, count, strict=True)
            ]
        )
        for name in names
    }
    table = {
        "name": columns.pop("name"),
        "offset": np.cumsum(frames) - frames,
        "frames": frames,
        "fps": np.full(len(frames), spec.fps),
        "label": np.concatenate([p.label for p in parts]).astype(np.int64),
        **columns,
    }
    before = np.cumsum(count) - count
    segments = Segments(
        np.concatenate([p.segments.recording + b for p, b in zip(parts, before, strict=True)]).astype(np.int64),
        *(np.concatenate([getattr(p.segments, c) for p in parts]) for c in ("start", "end", "label", "score")),
    )
    arrays = {
        "skeleton": np.concatenate([p.skeleton for p in parts]).astype(np.float32, copy=False),
        "frame_labels": np.concatenate([p.frame_labels for p in parts]),
    }
    return Corpus(spec, arrays, table, segments, tuple(t for p in parts for t in p.texts),
                  tuple(e for p in parts for e in p.events))  # fmt: skip
