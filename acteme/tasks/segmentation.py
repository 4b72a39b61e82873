"""Temporal segmentation: which actions hold in which frames of untrimmed recordings.

`measure` gives every metric of the task at once; the metrics themselves are in `frames`, `segments` and `events`.
Rates are fractions in [0, 1]; a metric that is undefined for the data is NaN, never 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from acteme.errors import InputError
from acteme.recordings.annotations import Segments
from acteme.tasks import events, frames, intervals, segments
from acteme.tasks.intervals import Ranked
from acteme.tasks.outcome import Outcome
from acteme.tasks.precision import check_frames

OVERLAPS = (0.1, 0.25, 0.5)
"""IoU thresholds of the segmental F1."""


@dataclass(frozen=True)
class _Bootstrap:
    """Collects metrics with their intervals."""

    recordings: int
    resamples: int
    seed: int
    metrics: dict[str, float]
    intervals: dict[str, tuple[float, float]]

    def ratio(self, name: str, above: Float[np.ndarray, " r"], below: Float[np.ndarray, " r"]) -> None:
        below_all = float(np.sum(below))
        self.metrics[name] = float(np.sum(above)) / below_all if below_all else np.nan
        self.intervals[name] = intervals.ratio_interval(above, below, self.resamples, self.seed)

    def ranking(
        self, name: str, value: float, ranked: Iterator[Ranked], kind: intervals.AveragePrecision = "plain"
    ) -> None:
        self.metrics[name] = value
        self.intervals[name] = intervals.ranking_interval(
            ranked, self.recordings, value, kind, resamples=self.resamples, seed=self.seed
        )


def measure(
    scores: Float[np.ndarray, "n k"],
    truth: Shaped[np.ndarray, "n k"],
    lengths: Int[np.ndarray, " r"],
    fps: float | Float[np.ndarray, " r"] = 30.0,
    classes: Sequence[str] = (),
    multilabel: bool = True,
    threshold: float = 0.5,
    background: float | None = None,
    true_segments: Segments | None = None,
    detections: Segments | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All segmentation metrics, with bootstrap intervals over recordings.

    Args:
        scores: of each class in each frame of all recordings, end to end. truth: 1 where the class holds. lengths:
        frames of each recording. fps: frames per second, of all or of each. classes: names of the classes; numbers
        where not given. multilabel: whether several classes can hold at once. threshold: score from which a class
        counts as present, in multi-label data. background: in single-label data, a frame whose best score is below it
        has no class; None always takes the best. true_segments: annotated segments (seconds; `recording` as in
        `lengths`) for the event metrics; runs of `truth` where
            not given.
        detections: scored segments (seconds) for the event metrics; runs of predicted frames, scored by their mean,
            where not given.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Metrics: `frame_map` and, by the published rules, `frame_map_tsu` and `frame_map_charades`; `frame_map_1_action` and
    `frame_map_2_actions` over the frames in which so many actions hold; `f1@10`, `f1@25`, `f1@50`; `event_map@0.1`,
    `@0.3`, `@0.5` (greedy matching, interpolated AP), `event_map_activitynet` (mean over thresholds 0.5:0.05:0.95),
    `event_map_pku@0.1`, `@0.3`, `@0.5` (as the PKU-MMD script counts). Where one class holds at a time also
    `frame_accuracy`, `frame_accuracy_actions` (frames that have an action), `edit`, and `f1_background@10`, `@25`,
    `@50` and `edit_background` (background counted as a class). Per class: `average_precision`, `event_ap@0.5`,
    `frames`. The confusion of single-label data counts frames in which truth and prediction have a class.

    Raises InputError where shapes, lengths, names or thresholds do not match, or a score is NaN.
    """
    scores, truth, lengths = np.asarray(scores), np.asarray(truth) > 0, np.asarray(lengths)
    check_frames(scores, truth)
    recording = segments.recording_of_frames(lengths, len(scores))
    names = list(classes) or [str(k) for k in range(scores.shape[1])]
    if len(names) != scores.shape[1]:
        raise InputError(f"scores of {scores.shape[1]} classes but {len(names)} class names")
    b = _Bootstrap(len(lengths), resamples, seed, {}, {})
    _measure_frames(b, scores, truth, recording, lengths)

    true = segments.active_runs(truth, lengths, fps) if true_segments is None else true_segments
    confusion = None
    if multilabel:
        present = scores >= threshold
    else:
        label, guess = frames.single_labels(truth), frames.predicted_labels(scores, background)
        present = guess[:, None] == np.arange(len(names))
        both = (label >= 0) & (guess >= 0)
        confusion = np.bincount(label[both] * len(names) + guess[both], minlength=len(names) ** 2)
        confusion = confusion.reshape(len(names), len(names))
        _measure_sequences(b, guess, label, recording, lengths)
    _measure_f1(b, "f1", segments.active_runs(present, lengths), segments.active_runs(truth, lengths))
    detected = segments.active_runs(present, lengths, fps, scores) if detections is None else detections
    _measure_events(b, detected, true, len(names))

    ap = frames.frame_average_precision(scores, truth)
    event_ap = events.event_average_precision(detected, true, len(names), (0.5,))[0]
    held = truth.sum(axis=0)
    rows = {
        name: {"average_precision": float(ap[k]), "event_ap@0.5": float(event_ap[k]), "frames": int(held[k])}
        for k, name in enumerate(names)
    }
    return Outcome(b.metrics, b.intervals, rows, confusion)


def _measure_frames(
    b: _Bootstrap,
    scores: Float[np.ndarray, "n k"],
    truth: Bool[np.ndarray, "n k"],
    recording: Int[np.ndarray, " n"],
    lengths: Int[np.ndarray, " r"],
) -> None:
    chosen = {
        "frame_map": np.ones(len(truth), bool),
        "frame_map_1_action": frames.simultaneous(truth, 1),
        "frame_map_2_actions": frames.simultaneous(truth, 2),
    }
    for name, kept in chosen.items():
        s, t, r = scores[kept], truth[kept], recording[kept]
        ranked = (
            Ranked(s[:, k], t[:, k], r, np.bincount(r, weights=t[:, k], minlength=b.recordings))
            for k in range(truth.shape[1])
        )
        b.ranking(name, frames.frame_map(s, t), ranked)
    for rule in ("tsu", "charades"):
        b.metrics[f"frame_map_{rule}"] = frames.frame_map(scores, truth, lengths, rule)


def _measure_f1(b: _Bootstrap, name: str, predicted: Segments, true: Segments) -> None:
    for overlap, counts in zip(OVERLAPS, segments.f1_counts(predicted, true, b.recordings, OVERLAPS), strict=True):
        hit, wrong, missed = counts.T
        b.ratio(f"{name}@{round(100 * overlap)}", 2 * hit, 2 * hit + wrong + missed)


def _measure_events(b: _Bootstrap, detected: Segments, true: Segments, classes: int) -> None:
    matches = events.match(detected, true, events.PKU)
    hit = np.zeros((len(events.PKU), len(detected)), bool)
    hit[matches.level, matches.row] = matches.hit
    place = np.empty(len(detected))
    place[events.by_score(detected.score)] = -np.arange(len(detected))
    values = events.event_map(detected, true, classes, events.PKU)
    script = events.pku_script_map(detected, true, classes, events.PKU)
    for h, threshold in enumerate(events.PKU):
        of_class = ((detected.label == k, true.recording[true.label == k]) for k in range(classes))
        ranked = (
            Ranked(place[d], hit[h, d], detected.recording[d], np.bincount(t, minlength=b.recordings))
            for d, t in of_class
        )
        b.ranking(f"event_map@{threshold}", float(values[h]), ranked, "interpolated")
        b.metrics[f"event_map_pku@{threshold}"] = float(script[h])
    strict = events.event_map(detected, true, classes, events.ACTIVITYNET)
    b.metrics["event_map_activitynet"] = float(strict.mean())


def _measure_sequences(
    b: _Bootstrap,
    guess: Int[np.ndarray, " n"],
    label: Int[np.ndarray, " n"],
    recording: Int[np.ndarray, " n"],
    lengths: Int[np.ndarray, " r"],
) -> None:
    for name, counted in (("frame_accuracy", label >= -1), ("frame_accuracy_actions", label >= 0)):
        right = np.bincount(recording, weights=counted & (guess == label), minlength=b.recordings)
        b.ratio(name, right, np.bincount(recording, weights=counted, minlength=b.recordings))
    predicted, true = segments.label_runs(guess, lengths), segments.label_runs(label, lengths)
    _measure_f1(b, "f1_background", predicted, true)
    actions = predicted.select(predicted.label >= 0), true.select(true.label >= 0)
    for name, pair in (("edit", actions), ("edit_background", (predicted, true))):
        score = segments.edit_scores(*pair, b.recordings)
        b.ratio(name, np.nan_to_num(score), np.isfinite(score))
