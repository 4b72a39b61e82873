"""Per-frame metrics of untrimmed recordings: mean average precision by three rules, and frame accuracy.

Frames of all recordings lie end to end; `lengths` says how many each has.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from acteme.errors import InputError
from acteme.tasks.intervals import mean_defined
from acteme.tasks.precision import average_precision, check_shapes
from acteme.tasks.segments import recording_of_frames

Rule = Literal["frames", "tsu", "charades"]
"""What per-frame mAP means. `frames` (ours): all frames; mean over the classes that occur; equal scores rank together.
`tsu`: the Toyota Smarthome Untrimmed script: mean over classes whose AP is not zero, which are the classes that occur;
equal scores rank in order of frames. `charades`: Charades localization: 25 equally spaced frames per recording; mean
over all classes, NaN unless every class occurs; equal scores rank in order of frames."""

CHARADES_POINTS = 25
"""Frames per video in Charades localization."""


def spaced_frames(lengths: Int[np.ndarray, " r"], points: int = CHARADES_POINTS) -> Int[np.ndarray, " p"]:
    """Rows of the frames on screen at the times j T / points, j = 0 ... points - 1, of each recording of length T.

    The official script compares annotations with the exact times; here the labels of the frame on screen count. A
    recording of fewer frames than points gives some of them more than once; one without frames gives none.
    """
    lengths = np.asarray(lengths)
    held = lengths > 0
    offset = (np.cumsum(lengths) - lengths)[held]
    return (offset[:, None] + np.arange(points) * lengths[held, None] // points).ravel()


def frame_average_precision(
    scores: Float[np.ndarray, "n k"],
    truth: Shaped[np.ndarray, "n k"],
    lengths: Int[np.ndarray, " r"] | None = None,
    rule: Rule = "frames",
) -> Float[np.ndarray, " k"]:
    """Average precision of each class over the frames of all recordings together; NaN for a class that never occurs.

    `lengths` is needed for the rule `charades` only.
    """
    scores, truth = np.asarray(scores), np.asarray(truth)
    check_shapes(scores, truth)
    if rule == "charades":
        if lengths is None:
            raise InputError("the Charades rule needs the lengths of the recordings")
        recording_of_frames(lengths, len(scores))
        rows = spaced_frames(lengths)
        scores, truth = scores.take(rows, axis=0), truth.take(rows, axis=0)
    return average_precision(scores, truth, ties="shared" if rule == "frames" else "order")


def frame_map(
    scores: Float[np.ndarray, "n k"],
    truth: Shaped[np.ndarray, "n k"],
    lengths: Int[np.ndarray, " r"] | None = None,
    rule: Rule = "frames",
) -> float:
    """Per-frame mean average precision by a `Rule`; NaN where it is undefined (no class occurs, or see `charades`)."""
    values = frame_average_precision(scores, truth, lengths, rule)
    return float(values.mean()) if rule == "charades" and len(values) else float(mean_defined(values))


def simultaneous(truth: Shaped[np.ndarray, "n k"], actions: int) -> Bool[np.ndarray, " n"]:
    """Frames in which exactly so many actions hold at once."""
    return (np.asarray(truth) > 0).sum(axis=1) == actions


def frame_map_where(
    scores: Float[np.ndarray, "n k"], truth: Shaped[np.ndarray, "n k"], frames: Bool[np.ndarray, " n"]
) -> float:
    """Per-frame mAP (rule `frames`) over the chosen frames alone; NaN where no class occurs in them."""
    return frame_map(np.asarray(scores)[frames], np.asarray(truth)[frames])


def single_labels(truth: Shaped[np.ndarray, "n k"]) -> Int[np.ndarray, " n"]:
    """Class of each frame, -1 where none holds; InputError where several hold at once."""
    active = np.asarray(truth) > 0
    count = active.sum(axis=1)
    if (count > 1).any():
        frame = int(np.flatnonzero(count > 1)[0])
        raise InputError(f"frame {frame} has {count[frame]} classes at once", mend="treat the data as multi-label")
    return np.where(count > 0, active.argmax(axis=1) if active.shape[1] else -1, -1)


def predicted_labels(scores: Float[np.ndarray, "n k"], background: float | None = None) -> Int[np.ndarray, " n"]:
    """Class with the highest score in each frame, the lower number of equals; -1 where it stays below `background`."""
    scores = np.asarray(scores)
    if not scores.shape[1]:
        return np.full(len(scores), -1)
    best = scores.argmax(axis=1)
    return best if background is None else np.where(scores.max(axis=1) >= background, best, -1)


def frame_accuracy(predicted: Int[np.ndarray, " n"], truth: Int[np.ndarray, " n"], background: bool = True) -> float:
    """Share of frames whose class is right; without `background` only frames in which an action (not -1) is true count.

    NaN where no frame counts.
    """
    predicted, truth = check_labels(predicted, truth)
    counted = np.ones(len(truth), bool) if background else truth >= 0
    return float((predicted == truth)[counted].mean()) if counted.any() else np.nan


def check_labels(*labels: Sequence[int] | Int[np.ndarray, " n"]) -> tuple[Int[np.ndarray, " n"], ...]:
    """The label sequences as arrays; InputError where they differ in length."""
    arrays = tuple(np.asarray(x) for x in labels)
    if len({x.shape for x in arrays}) > 1 or arrays[0].ndim != 1:
        raise InputError(f"label sequences of shapes {', '.join(str(x.shape) for x in arrays)} do not match")
    return arrays
