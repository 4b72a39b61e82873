"""Temporal segments: from frames to segments, their overlaps, segmental edit score and segmental F1.

All functions take any number of recordings at once. Frames of recordings lie end to end, `lengths` says how many each
has; segments are rows of `Segments`, whose times may be seconds or frames as long as both sides agree.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.annotations import Segments


def recording_of_frames(lengths: Int[np.ndarray, " r"], frames: int) -> Int[np.ndarray, " n"]:
    """Which recording each frame belongs to; InputError where the lengths do not add up to the frames."""
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or (lengths < 0).any() or lengths.sum() != frames:
        raise InputError(f"lengths of recordings add up to {lengths.sum()} where there are {frames} frames")
    return np.repeat(np.arange(len(lengths)), lengths)


def label_runs(
    label: Int[np.ndarray, " n"], lengths: Int[np.ndarray, " r"], fps: float | Float[np.ndarray, " r"] = 1.0
) -> Segments:
    """Maximal runs of one class within a recording as `Segments`, background (-1) included, in order of time."""
    label = np.asarray(label)
    recording = recording_of_frames(lengths, len(label))
    change = (label[1:] != label[:-1]) | (recording[1:] != recording[:-1])
    first = np.flatnonzero(np.concatenate([np.ones(min(len(label), 1), bool), change]))
    last = np.append(first[1:], len(label))[: len(first)]
    return _segments(recording[first], first, last, label[first], np.ones(len(first)), lengths, fps)


def active_runs(
    active: Bool[np.ndarray, "n k"],
    lengths: Int[np.ndarray, " r"],
    fps: float | Float[np.ndarray, " r"] = 1.0,
    scores: Float[np.ndarray, "n k"] | None = None,
) -> Segments:
    """Maximal runs of frames in which a class is active, class by class; scored by the mean of `scores` over the
    run."""
    active = np.asarray(active) > 0
    recording = recording_of_frames(lengths, len(active))
    heads = np.ones(len(active), bool)
    heads[1:] = recording[1:] != recording[:-1]
    before = np.zeros_like(active)
    before[1:] = active[:-1]
    label, first = np.nonzero((active & (~before | heads[:, None])).T)
    after = np.zeros_like(active)
    after[:-1] = active[1:] & ~heads[1:, None]
    last = np.nonzero((active & ~after).T)[1] + 1
    value = np.ones(len(first))
    if scores is not None:
        total = np.concatenate([np.zeros((1, active.shape[1])), np.cumsum(scores, axis=0, dtype=np.float64)])
        value = (total[last, label] - total[first, label]) / (last - first)
    return _segments(recording[first], first, last, label, value, lengths, fps)


def _segments(
    recording: Int[np.ndarray, " s"],
    first: Int[np.ndarray, " s"],
    last: Int[np.ndarray, " s"],
    label: Int[np.ndarray, " s"],
    score: Float[np.ndarray, " s"],
    lengths: Int[np.ndarray, " r"],
    fps: float | Float[np.ndarray, " r"],
) -> Segments:
    lengths = np.asarray(lengths)
    offset = (np.cumsum(lengths) - lengths)[recording]
    rate = np.broadcast_to(np.asarray(fps, float), lengths.shape)[recording]
    return Segments(recording, (first - offset) / rate, (last - offset) / rate, label.astype(np.int64), score)


def overlaps(
    detected: Segments, true: Segments, later: bool = False
) -> tuple[Int[np.ndarray, " p"], Int[np.ndarray, " p"], Float[np.ndarray, " p"]]:
    """All pairs (row of a detection, row of a true segment) of one class and recording that overlap, and their IoU.

    Sorted by detection, then by falling IoU, then by row of the true segment (falling row with `later`).
    """
    base = min(detected.label.min(initial=0), true.label.min(initial=0))
    width = max(detected.label.max(initial=0), true.label.max(initial=0)) - base + 1
    group, key = (s.recording * width + s.label - base for s in (true, detected))
    order = np.argsort(group, kind="stable")
    held = np.bincount(group, minlength=key.max(initial=0) + 1)
    begin, count = (np.cumsum(held) - held)[key], held[key]
    d = np.repeat(np.arange(len(detected)), count)
    t = order[np.repeat(begin - np.cumsum(count) + count, count) + np.arange(count.sum())]
    shared = np.minimum(detected.end[d], true.end[t]) - np.maximum(detected.start[d], true.start[t])
    kept = shared > 0
    d, t, shared = d[kept], t[kept], shared[kept]
    iou = shared / (np.maximum(detected.end[d], true.end[t]) - np.minimum(detected.start[d], true.start[t]))
    # Pairs come by detection, then row of the true segment; only detections with several pairs are left to sort.
    same = d[1:] == d[:-1]
    several = np.flatnonzero(np.append(same, False)[: len(d)] | np.append(False, same)[: len(d)])
    chosen = several[np.lexsort((-t[several] if later else t[several], -iou[several], d[several]))]
    t[several], iou[several] = t[chosen], iou[chosen]
    return d, t, iou


def check_thresholds(thresholds: Sequence[float]) -> Float[np.ndarray, " h"]:
    """The thresholds as an array, less a rounding error: an IoU of exactly one half must reach 0.5 in seconds as it
    does in frames. InputError unless each lies in (0, 1].
    """
    values = np.atleast_1d(np.asarray(thresholds, float))
    if values.ndim != 1 or not ((values > 0) & (values <= 1)).all():
        raise InputError(f"IoU thresholds {values.tolist()} are not all above 0 and at most 1")
    return values - 1e-9


def check_rows(*tables: Segments, recordings: int | None = None, classes: int | None = None) -> None:
    """Raises InputError where a segment names a recording or class that does not exist, or ends before it starts."""
    for s in tables:
        for name, column, count in (("recording", s.recording, recordings), ("class", s.label, classes)):
            outside = np.zeros(0, int) if count is None else column[(column < 0) | (column >= count)]
            if len(outside):
                raise InputError(f"a segment names {name} {outside[0]} where there are {count}")
        if (s.end < s.start).any():
            row = int(np.flatnonzero(s.end < s.start)[0])
            raise InputError(f"segment {row} ends at {s.end[row]}, before it starts at {s.start[row]}")


def f1_counts(
    predicted: Segments, true: Segments, recordings: int, thresholds: Sequence[float] = (0.1, 0.25, 0.5)
) -> Int[np.ndarray, "h r 3"]:
    """True positives, false positives and misses per IoU threshold and recording (Lea et al. 2017; MS-TCN).

    A predicted segment is held against the true segment of its class with the highest IoU (the earlier row where two
    are equal). It is a true positive when that IoU reaches the threshold and no earlier prediction claimed the same
    true segment; else a false positive. True segments that nothing claimed are misses.
    """
    levels = check_thresholds(thresholds)
    check_rows(predicted, true, recordings=recordings)
    d, t, iou = overlaps(predicted, true)
    best = np.concatenate([[True], d[1:] != d[:-1]])[: len(d)]
    claimed = np.zeros((len(levels), len(true)), bool)
    level, pair = np.nonzero(iou[best] >= levels[:, None])
    claimed[level, t[best][pair]] = True
    found = np.stack([np.bincount(true.recording[row], minlength=recordings) for row in claimed])
    listed = np.bincount(predicted.recording, minlength=recordings)
    wanted = np.bincount(true.recording, minlength=recordings)
    return np.stack([found, listed - found, wanted - found], axis=-1)


def f1(counts: Int[np.ndarray, "*h r 3"]) -> Float[np.ndarray, "*h"]:
    """F1 = 2 TP / (2 TP + FP + FN), counts summed over recordings; NaN where there is neither prediction nor truth."""
    hit, wrong, missed = np.moveaxis(np.asarray(counts).sum(axis=-2), -1, 0)
    below = np.asarray(2 * hit + wrong + missed)
    return np.divide(2 * hit, below, out=np.full(below.shape, np.nan), where=below > 0)


def edit_scores(predicted: Segments, true: Segments, recordings: int) -> Float[np.ndarray, " r"]:
    """Segmental edit score of each recording: 1 - Levenshtein(labels of its segments) / length of the longer sequence.

    Only the order of the labels counts, not the times; rows must be in order of time (as `label_runs` gives them). NaN
    for a recording with neither predicted nor true segments.
    """
    check_rows(predicted, true, recordings=recordings)
    source, many = _sequences(predicted, recordings)
    target, few = _sequences(true, recordings)
    longest = np.argsort(-many, kind="stable")
    source, target, rows = source[:, longest], target[:, longest], many[longest]
    small = len(source) + len(target) < np.iinfo(np.int16).max
    steps = np.arange(len(target) + 1, dtype=np.int16 if small else np.int32)[:, None]
    cost = np.tile(steps, (1, recordings))
    for i in range(len(source)):
        # One row of the edit table for every recording that still has a segment i. Insertions run along the row: the
        # least of value[k] + (j - k) over k <= j is a running minimum of value - j.
        live = np.searchsorted(-rows, -i)
        row, value = cost[:, :live], cost[:, :live] + 1
        np.minimum(value[1:], row[:-1] + (target[:, :live] != source[i, :live]), out=value[1:])
        np.subtract(value, steps, out=value)
        step = 1
        while step < len(value):  # a running minimum over 1, 2, 4, ... rows: what accumulate does row by row
            np.minimum(value[step:], value[:-step], out=value[step:])
            step *= 2
        np.add(value, steps, out=row)
    distance = np.empty(recordings)
    distance[longest] = cost[few[longest], np.arange(recordings)]
    longer = np.maximum(many, few)
    return 1 - np.divide(distance, longer, out=np.full(recordings, np.nan), where=longer > 0)


def _sequences(s: Segments, recordings: int) -> tuple[Int[np.ndarray, "m r"], Int[np.ndarray, " r"]]:
    """Labels of each recording's segments as columns, filled up with a label that is none, and how many there are."""
    count = np.bincount(s.recording, minlength=recordings)
    order = np.argsort(s.recording, kind="stable")
    place = np.arange(len(s)) - np.repeat(np.cumsum(count) - count, count)
    table = np.full((count.max(initial=0), recordings), -2, np.int32)
    table[place, s.recording[order]] = s.label[order]
    return table, count
