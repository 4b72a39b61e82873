"""Event mean average precision: detected segments with scores against true segments."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.tasks.intervals import AveragePrecision, mean_defined
from acteme.tasks.precision import falling, rising
from acteme.tasks.segments import check_rows, check_thresholds, overlaps

Rule = Literal["greedy", "pku"]
"""How a detection finds its true segment. `greedy` (ActivityNet): by falling score, a detection takes the
best-overlapping true segment that none has taken. `pku` (PKU-MMD): every detection belongs to its best-overlapping true
segment, taken or not; the highest-scored of them is the hit."""

ACTIVITYNET = tuple(np.round(np.arange(0.5, 1.0, 0.05), 2).tolist())
"""IoU thresholds 0.5, 0.55, ..., 0.95, whose mean is ActivityNet's average mAP."""
PKU = (0.1, 0.3, 0.5)
"""IoU thresholds under which PKU-MMD is reported."""


def by_score(score: Float[np.ndarray, " n"], later: bool = False) -> Int[np.ndarray, " n"]:
    """Rows by falling score; of equal scores the earlier row (the later with `later`) comes first."""
    if np.isnan(score).any():
        raise InputError(f"detection {int(np.flatnonzero(np.isnan(score))[0])} has a NaN score")
    return len(score) - 1 - falling(score[::-1]) if later else falling(score)


class Matches(NamedTuple):
    """Detections that have a true segment, at each threshold; sorted by threshold and detection."""

    level: Int[np.ndarray, " e"]
    """Which threshold."""
    row: Int[np.ndarray, " e"]
    """Which detection."""
    hit: Bool[np.ndarray, " e"]
    """Whether it is a hit; else a duplicate: what it overlaps enough was given to detections with higher scores."""
    order: Int[np.ndarray, " n"]
    """All detections by falling score."""


def match(detected: Segments, true: Segments, thresholds: Sequence[float], rule: Rule = "greedy") -> Matches:
    """Matches detections with true segments of the same class and recording; those that are not listed match
    nothing."""
    levels = check_thresholds(thresholds)
    order = by_score(detected.score, later=rule == "pku")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    d, t, iou = overlaps(detected, true, later=rule == "pku")
    head = np.flatnonzero(np.append(True, d[1:] != d[:-1])[: len(d)])
    enough = (iou >= levels[:, None]).astype(np.int64)
    allowed = np.add.reduceat(enough, head, axis=1) if len(head) else enough
    if rule == "pku":
        allowed = np.minimum(allowed, 1)
    # Entry e: detection row[e] at threshold level[e]; it proposes to the pairs [at[e], end[e]) in turn, best overlap
    # first.
    level, group = np.nonzero(allowed)
    at = head[group]
    row, end = d[at], at + allowed[level, group]
    holder = np.full(len(levels) * len(true), len(detected))
    # Serving detections by falling score is the stable matching in which every true segment prefers the higher score;
    # it is found by rounds of proposals in which every true segment keeps the best so far.
    while True:
        live = np.flatnonzero(at < end)
        place = level[live] * len(true) + t[at[live]]
        np.minimum.at(holder, place, rank[row[live]])
        refused = live[holder[place] != rank[row[live]]]
        if not len(refused):
            return Matches(level, row, at < end, order)
        at[refused] += 1


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
    m = match(detected, true, thresholds, rule)
    m = m._replace(level=m.level[m.hit], row=m.row[m.hit], hit=m.hit[m.hit])
    group, listed, found, _ = _rank(m, detected.label, classes)
    precision = found / listed
    if kind == "interpolated":
        # Between hits precision falls, so that its largest value further down is always at a hit.
        precision = _largest_from_here(precision, group)
    return _recall_weighted(precision, group, true.label, classes, len(np.atleast_1d(thresholds)))


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

    It departs from interpolated average precision: taking detections away from the least certain up, it looks at
    precision only where a matched one has just gone, never where a hit is the last one left; trailing false alarms thus
    lower the result of a perfect ranking. Classes that never occur count as 0. `by` says whether detections are ranked
    per class (mAP_a) or per recording (mAP_v); `groups` is the number of classes or recordings.
    """
    per_class = by == "class"
    check_rows(detected, true, classes=groups if per_class else None, recordings=None if per_class else groups)
    key, true_key = (detected.label, true.label) if per_class else (detected.recording, true.recording)
    m = match(detected, true, thresholds, "pku")
    group, listed, found, order = _rank(m, key, groups)
    hit, levels = m.hit[order], len(np.atleast_1d(thresholds))
    before = (found - hit) / np.maximum(listed - 1, 1)
    hits = np.bincount(group, weights=hit, minlength=levels * groups)
    whole = hits / np.maximum(np.tile(np.bincount(key, minlength=groups), levels), 1)
    precision = np.maximum(_largest_from_here(before, group), whole[group])
    return np.nan_to_num(_recall_weighted(precision * hit, group, true_key, groups, levels)).mean(axis=1)


def _rank(
    m: Matches, key: Int[np.ndarray, " n"], groups: int
) -> tuple[Int[np.ndarray, " e"], Int[np.ndarray, " e"], Int[np.ndarray, " e"], Int[np.ndarray, " e"]]:
    """Matches by (threshold, key) and falling score: group, detections and hits of the group down to each; the
    order."""
    order = m.order[rising(key[m.order])]
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    by = rising(m.level * len(order) + place[m.row])
    held = np.bincount(key, minlength=groups)
    group = (m.level * groups + key[m.row])[by]
    listed = place[m.row][by] - (np.cumsum(held) - held)[key[m.row]][by] + 1
    total = np.cumsum(m.hit[by])
    head = np.append(True, group[1:] != group[:-1])[: len(group)]
    first = np.flatnonzero(head)[np.cumsum(head) - 1]
    return group, listed, total - (total - m.hit[by])[first], by


def _largest_from_here(value: Float[np.ndarray, " e"], group: Int[np.ndarray, " e"]) -> Float[np.ndarray, " e"]:
    """Largest value at or after each position within its group; groups are contiguous and rising, values in [0, 1]."""
    lift = 2.0 * (group.max(initial=0) - group)
    return np.maximum.accumulate((value + lift)[::-1])[::-1] - lift


def _recall_weighted(
    value: Float[np.ndarray, " e"],
    group: Int[np.ndarray, " e"],
    true_key: Int[np.ndarray, " m"],
    groups: int,
    levels: int,
) -> Float[np.ndarray, "h g"]:
    """Sum of the values over the number of true segments, per threshold and key; NaN for keys without any."""
    total = np.bincount(group, weights=value, minlength=levels * groups).reshape(levels, groups)
    wanted = np.broadcast_to(np.bincount(true_key, minlength=groups), total.shape)
    return np.divide(total, wanted, out=np.full(total.shape, np.nan), where=wanted > 0)
