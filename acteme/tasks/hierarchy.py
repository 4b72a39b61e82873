"""Recognition with labels of two levels: every class belongs to a group, as an action of MA-52 to a part of the body.

To the metrics of `recognition` come, at both levels, the F1 scores

    F1_k = 2 TP_k / (2 TP_k + FP_k + FN_k),   macro: their mean,   micro: of the sums over k,

and the mean of the four. The macro F1 is over the classes that some clip has or is given. With one class per clip and
one prediction the micro F1 is the accuracy. Source: the protocol of MA-52 (Guo et al., Benchmarking Micro-action
Recognition, TCSVT 2024).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from acteme.errors import InputError
from acteme.tasks import intervals, recognition
from acteme.tasks.outcome import Outcome

LEVELS = ("", "group_")
"""What the metrics of classes and those of groups begin with."""
KINDS = ("macro", "micro")


def f1_scores(predicted: Int[np.ndarray, " n"], label: Int[np.ndarray, " n"], classes: int) -> Float[np.ndarray, " k"]:
    """F1 of each class; NaN for one that no clip has or is given."""
    above, below = _tally(predicted, label, classes, np.zeros(len(label), np.int64), 1)
    return np.divide(above[0], below[0], out=np.full(classes, np.nan), where=below[0] > 0)


def f1(predicted: Int[np.ndarray, " n"], label: Int[np.ndarray, " n"], classes: int) -> tuple[float, float]:
    """Macro and micro F1; NaN without clips."""
    micro = float((predicted == label).mean()) if len(label) else np.nan
    return float(intervals.mean_defined(f1_scores(predicted, label, classes))), micro


def measure(
    scores: Float[np.ndarray, "n k"],
    label: Int[np.ndarray, " n"],
    classes: Sequence[str],
    groups: Sequence[str],
    group_scores: Float[np.ndarray, "n g"] | None = None,
    recording: Int[np.ndarray, " n"] | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
    trained: Int[np.ndarray, " k"] | None = None,
) -> Outcome:
    """All metrics of recognition, and those of two levels, with bootstrap intervals over recordings.

    Args:
        scores: of each class for each clip; comparable within a row.
        label: true class of each clip, -1 where it has none.
        classes: names of the classes.
        groups: name of each class's group; groups are numbered by their first class.
        group_scores: of each group for each clip, where they are predicted apart; None takes the group of the class
            that is predicted.
        recording: which recording each clip was cut from; None takes every clip for a recording of its own.
        trained: training clips of each class, as `recognition.measure` takes them.

    Metrics: those of `recognition.measure`, and `f1_macro`, `f1_micro`, `group_top1`, `group_f1_macro`,
    `group_f1_micro`, `f1_mean`; per class also `f1`.

    Raises:
        InputError: groups that do not fit the classes, or the scores.
    """
    names = list(dict.fromkeys(groups))
    if len(groups) != len(classes):
        raise InputError(f"{len(groups)} groups of {len(classes)} classes", mend="name the group of every class")
    label = np.asarray(label)
    out = recognition.measure(scores, label, classes, recording, trained, resamples=resamples, seed=seed)
    known = label >= 0
    group_of = np.array([names.index(group) for group in groups], np.int64)
    class_guess = np.asarray(scores)[known].argmax(1) if known.any() else np.zeros(0, np.int64)
    guess = [class_guess, group_of[class_guess]]
    if group_scores is not None:
        if np.shape(group_scores) != (len(label), len(names)):
            raise InputError(f"scores of shape {np.shape(group_scores)} of {len(names)} groups for {len(label)} clips")
        guess[1] = np.asarray(group_scores)[known].argmax(1) if known.any() else guess[1]
    true = [label[known], group_of[label[known]]]
    at = np.arange(len(label)) if recording is None else np.asarray(recording)
    _, at = np.unique(at[known], return_inverse=True)
    recordings = int(at.max(initial=-1)) + 1

    metrics, bounds, tallies = dict(out.metrics), dict(out.intervals), []
    for level, size, a, b in zip(LEVELS, (len(classes), len(names)), guess, true, strict=True):
        above, below = _tally(a, b, size, at, recordings)
        right, clips = above.sum(1) / 2, below.sum(1) / 2
        tallies += [(above, below), (right, clips)]
        macro, micro = f1(a, b, size)
        if level:
            metrics[f"{level}top1"] = micro
            bounds[f"{level}top1"] = intervals.ratio_interval(right, clips, resamples, seed)
        metrics |= {f"{level}f1_macro": macro, f"{level}f1_micro": micro}
        bounds[f"{level}f1_macro"] = intervals.ratio_interval(above, below, resamples, seed)
        bounds[f"{level}f1_micro"] = intervals.ratio_interval(right, clips, resamples, seed)
    metrics["f1_mean"] = float(np.mean([metrics[f"{level}f1_{kind}"] for level in LEVELS for kind in KINDS]))
    bounds["f1_mean"] = _mean_interval(tallies, recordings, resamples, seed)
    each = f1_scores(guess[0], true[0], len(classes))
    rows = {name: {**row, "f1": float(each[k])} for k, (name, row) in enumerate(out.per_class.items())}
    return replace(out, metrics=metrics, intervals=bounds, per_class=rows)


def _tally(
    predicted: Int[np.ndarray, " n"], label: Int[np.ndarray, " n"], classes: int, at: Int[np.ndarray, " n"], count: int
) -> tuple[Float[np.ndarray, "r k"], Float[np.ndarray, "r k"]]:
    """2 TP and 2 TP + FP + FN of each class within each recording."""
    hits = np.bincount(at * classes + label, weights=2.0 * (predicted == label), minlength=count * classes)
    named = np.bincount(np.concatenate([at * classes + label, at * classes + predicted]), minlength=count * classes)
    return hits.reshape(count, classes), named.reshape(count, classes).astype(np.float64)


def _mean_interval(
    tallies: Sequence[tuple[np.ndarray, np.ndarray]], recordings: int, resamples: int, seed: int
) -> tuple[float, float]:
    """Bootstrap interval of the mean of macro and micro F1 of both levels."""
    if recordings < 2:
        return np.nan, np.nan

    def mean(counts: Float[np.ndarray, "b r"]) -> Float[np.ndarray, " b"]:
        found = [intervals.resampled_ratios(counts, above, below) for above, below in tallies]
        return np.mean([x if x.ndim == 1 else intervals.mean_defined(x, axis=1) for x in found], axis=0)

    return intervals.percentiles(intervals.resampled(mean, recordings, resamples, seed))
