"""Event mean average precision: detected segments with scores against true segments."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.tasks.intervals import AveragePrecision, mean_defined
from acteme.tasks.segments import check_rows, check_thresholds, overlaps

Rule = Literal["greedy", "pku"]
"""How a detection finds its true segment. `greedy` (ActivityNet): by falling score, a detection takes the
best-overlapping true segment that none has taken. `pku` (PKU-MMD): every detection belongs to its best-overlapping true
segment, taken or not; the highest-scored of them is the hit."""

ACTIVITYNET = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())
"""IoU thresholds 0.5, 0.55, ..., 0.95, whose mean is ActivityNet's average mAP."""
PKU = (0.1, 0.3, 0.5)
"""IoU thresholds under which PKU-MMD is reported."""


def rank_by_score(score: Float[np.ndarray, " n"], later: bool = False) -> Int[np.ndarray, " n"]:
    """Position of each detection by falling score; of equal scores the earlier row (the later with `later`) comes
    first."""
    if np.isnan(score).any():
        raise InputError(f"detection {int(np.flatnonzero(np.isnan(score))[0])} has a NaN score")
    tie = np.arange(len(score))
    rank = np.empty(len(score), np.int64)
    rank[np.lexsort((-tie if later else tie, -score))] = tie
    return rank


def match(
    detected: Segments, true: Segments, thresholds: Sequence[float], rule: Rule = "greedy"
) -> tuple[Bool[np.ndarray, "h n"], Bool[np.ndarray, "h n"]]:
    """Which detections are hits at each IoU threshold, and which have a true segment at all (`pku`: hit or duplicate).

    Only segments of one class and recording match.
    """
    levels = check_thresholds(thresholds)
    rank = rank_by_score(detected.score, later=rule == "pku")
    d, t, iou = overlaps(detected, true, later=rule == "pku")
    h, n = np.indices((len(levels), len(detected))).reshape(2, -1)
    # Detection n proposes to the pairs [at, end) in turn, best overlap first.
    begin = np.searchsorted(d, np.arange(len(detected)))
    allowed = np.stack([np.bincount(d[iou >= level], minlength=len(detected)) for level in levels])
    if rule == "pku":
        allowed = np.minimum(allowed, 1)
    at, end = begin[n], begin[n] + allowed[h, n]
    holder = np.full(len(levels) * len(true), len(detected))
    live = np.flatnonzero(at < end)
    # Serving detections by falling score is the stable matching in which every true segment prefers the higher score;
    # it is found by rounds of proposals in which every true segment keeps the best so far.
    while len(live):
        place = h[live] * len(true) + t[at[live]]
        np.minimum.at(holder, place, rank[n[live]])
        lost = live[holder[place] != rank[n[live]]]
        at[lost] += 1
        if not (at[lost] < end[lost]).any():
            break
        live = np.flatnonzero(at < end)
    hit = np.zeros(len(h), bool)
    live = np.flatnonzero(at < end)
    hit[live] = holder[h[live] * len(true) + t[at[live]]] == rank[n[live]]
    return hit.reshape(allowed.shape), allowed > 0


def event_average_precision(
    detected: Segments,
    true: Segments,
    classes: int,
    thresholds: Sequence[float] = PKU,
    rule: Rule = "greedy",
    kind: AveragePrecision = "interpolated",
) -> Float[np.ndarray, "h k"]:
    """Average precision of each class at each IoU threshold, detections of all recordings ranked together by score.

    NaN for a class that never occurs; 0 for one that occurs and is never detected.
    """
    check_rows(detected, true, classes=classes)
    hit, _ = match(detected, true, thresholds, rule)
    order, precision = _precision(hit, detected.label, rank_by_score(detected.score, later=rule == "pku"))
    if kind == "interpolated":
        precision = _running_max_from_end(precision, detected.label[order])
    return _sum_at_hits(precision, hit[:, order], detected.label[order], true.label, classes)


def event_map(
    detected: Segments,
    true: Segments,
    classes: int,
    thresholds: Sequence[float] = PKU,
    rule: Rule = "greedy",
    kind: AveragePrecision = "interpolated",
) -> Float[np.ndarray, " h"]:
    """Mean over the classes that occur of `event_average_precision`, per threshold; NaN where no class occurs."""
    return mean_defined(event_average_precision(detected, true, classes, thresholds, rule, kind), axis=1)


def pku_script_map(
    detected: Segments,
    true: Segments,
    groups: int,
    thresholds: Sequence[float] = PKU,
    by: Literal["class", "recording"] = "class",
) -> Float[np.ndarray, " h"]:
    """The number that the evaluation script of PKU-MMD prints, for comparison with published tables.

    It departs from interpolated average precision: precision is looked at only where a matched detection has just been
    removed (never where the last detection left is a hit, so that trailing false alarms lower the result of a perfect
    ranking), and classes that never occur count as 0. `by` says whether detections are ranked per class (mAP_a) or per
    recording (mAP_v); `groups` is the number of classes or recordings.
    """
    per_class = by == "class"
    check_rows(detected, true, classes=groups if per_class else None, recordings=None if per_class else groups)
    hit, matched = match(detected, true, thresholds, "pku")
    key, true_key = (detected.label, true.label) if per_class else (detected.recording, true.recording)
    order, precision = _precision(hit, key, rank_by_score(detected.score, later=True))
    key, matched = key[order], matched[:, order]
    head = np.append(True, key[1:] != key[:-1])[: len(key)]
    tail = np.append(key[1:] != key[:-1], True)[: len(key)]
    before = np.zeros_like(precision)
    before[:, 1:] = precision[:, :-1]
    before[:, head] = 0
    seen = np.where(matched, before, 0)
    seen[:, tail] = np.maximum(seen[:, tail], precision[:, tail])
    value = _sum_at_hits(_running_max_from_end(seen, key), hit[:, order], key, true_key, groups)
    return np.nan_to_num(value).mean(axis=1)


def _precision(
    hit: Bool[np.ndarray, "h n"], key: Int[np.ndarray, " n"], rank: Int[np.ndarray, " n"]
) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, "h n"]]:
    """Order of detections by group and rank, and the precision of each group down to each of its detections."""
    order = np.lexsort((rank, key))
    key = key[order]
    first = np.searchsorted(key, key)
    found = np.cumsum(hit[:, order], axis=1)
    found = found - found[:, first] + hit[:, order][:, first]
    return order, found / (np.arange(len(key)) - first + 1)


def _running_max_from_end(value: Float[np.ndarray, "h n"], key: Int[np.ndarray, " n"]) -> Float[np.ndarray, "h n"]:
    """Largest value at or after each position within its group; groups are contiguous and sorted, values in [0, 1]."""
    lift = 2.0 * (key.max(initial=0) - key)
    return np.maximum.accumulate((value + lift)[:, ::-1], axis=1)[:, ::-1] - lift


def _sum_at_hits(
    value: Float[np.ndarray, "h n"],
    hit: Bool[np.ndarray, "h n"],
    key: Int[np.ndarray, " n"],
    true_key: Int[np.ndarray, " m"],
    groups: int,
) -> Float[np.ndarray, "h g"]:
    """Sum of the values at hits over the number of true segments, per group; NaN for groups without any."""
    total = np.stack([np.bincount(key, weights=v * h, minlength=groups) for v, h in zip(value, hit, strict=True)])
    wanted = np.broadcast_to(np.bincount(true_key, minlength=groups), total.shape)
    return np.divide(total, wanted, out=np.full(total.shape, np.nan), where=wanted > 0)
