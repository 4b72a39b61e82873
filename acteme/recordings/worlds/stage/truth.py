"""What holds in which frame: labels and segments from a script."""

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8

from acteme.recordings.annotations import Segments
from acteme.recordings.worlds.stage.primitives import PRIMITIVES, STILL
from acteme.recordings.worlds.stage.rig import PARTS
from acteme.recordings.worlds.stage.script import Script

ACTIVE = PRIMITIVES[:STILL] + PRIMITIVES[STILL + 1 :]
PART_CLASSES = tuple(f"{part}:{primitive}" for part in PARTS for primitive in ACTIVE)
"""The labels of single parts."""


def part_labels(script: Script, time: Float[np.ndarray, " t"]) -> UInt8[np.ndarray, "n t k"]:
    """Which part plays which primitive."""
    part = np.broadcast_to(np.arange(len(PARTS)), script.primitive.shape)
    label = np.where(script.active, part * len(ACTIVE) + script.primitive - 1, -1)
    flat = (len(label), -1)
    return _raster(label.reshape(flat), script.start.reshape(flat), script.end.reshape(flat), time, len(PART_CLASSES))


def class_labels(
    script: Script,
    label: Int[np.ndarray, "n s"],
    parts: Bool[np.ndarray, "n s p"],
    time: Float[np.ndarray, " t"],
    classes: int,
) -> UInt8[np.ndarray, "n t k"]:
    """In which frames all parts (`parts`) that the class of a slot is about play their primitive."""
    start = np.where(parts, script.start, -np.inf).max(-1)
    end = np.where(parts, script.end, np.inf).min(-1)
    return _raster(label, start, end, time, classes)


def _raster(
    label: Int[np.ndarray, "n e"],
    start: Float[np.ndarray, "n e"],
    end: Float[np.ndarray, "n e"],
    time: Float[np.ndarray, " t"],
    classes: int,
) -> UInt8[np.ndarray, "n t k"]:
    """Frames with start <= time < end of events; label -1 is none."""
    marks = np.zeros((len(label), len(time) + 1, classes), np.int8)
    row, event = np.nonzero((label >= 0) & (end > start))
    what = label[row, event]
    np.add.at(marks, (row, np.searchsorted(time, start[row, event]), what), 1)
    np.add.at(marks, (row, np.searchsorted(time, end[row, event]), what), -1)
    return (np.cumsum(marks[:, :-1], 1, dtype=np.int8) > 0).astype(np.uint8)


def segments(labels: UInt8[np.ndarray, "n t k"], fps: float) -> Segments:
    """Maximal stretches of each class, in order of recording, start and class; frames beyond an end must be zero."""
    edge = np.zeros((labels.shape[0], 1, labels.shape[2]), np.int8)
    change = np.diff(np.concatenate([edge, labels.astype(np.int8), edge], 1), axis=1)
    columns = [np.nonzero(change.transpose(0, 2, 1) == sign) for sign in (1, -1)]
    (recording, label, start), (_, _, end) = columns
    order = np.lexsort((label, start, recording))
    return Segments(recording[order], start[order] / fps, end[order] / fps, label[order])
