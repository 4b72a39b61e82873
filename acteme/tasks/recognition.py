"""Recognition: one class per clip. Top-k accuracy, mean class accuracy, confusion; accuracy by shots for long tails.

Ties between classes go to the class of lower number, so that top-1 accuracy, mean class accuracy and the confusion all
count the same prediction, the argmax. Clips without a class (label -1) are left out. Rates are fractions in [0, 1].
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.tasks import intervals
from acteme.tasks.outcome import Outcome

SHOTS = (20, 100)
"""From so many training clips on a class is medium-shot; over so many, many-shot."""


def rank_of_truth(scores: Float[np.ndarray, "n k"], label: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """How many classes rank above the true one (0: the prediction is right)."""
    scores, label = _checked(scores, label)
    true = np.take_along_axis(scores, label[:, None], axis=1)
    before = np.arange(scores.shape[1]) < label[:, None]
    return ((scores > true) | ((scores == true) & before)).sum(axis=1)


def top_k(scores: Float[np.ndarray, "n k"], label: Int[np.ndarray, " n"], k: int = 1) -> float:
    """Share of clips whose class is among the k best; NaN without clips."""
    rank = rank_of_truth(scores, label)
    return float((rank < k).mean()) if len(rank) else np.nan


def confusion(scores: Float[np.ndarray, "n k"], label: Int[np.ndarray, " n"]) -> Int[np.ndarray, "k k"]:
    """Counts, true class in rows, predicted class in columns."""
    scores, label = _checked(scores, label)
    classes = scores.shape[1]
    return np.bincount(label * classes + scores.argmax(axis=1), minlength=classes**2).reshape(classes, classes)


def class_accuracy(scores: Float[np.ndarray, "n k"], label: Int[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
    """Share of each class's clips that are recognized; NaN for a class without clips."""
    counts = confusion(scores, label)
    total = counts.sum(axis=1)
    return np.divide(counts.diagonal(), total, out=np.full(len(total), np.nan), where=total > 0)


def mean_class_accuracy(scores: Float[np.ndarray, "n k"], label: Int[np.ndarray, " n"]) -> float:
    """Mean of the class accuracies over the classes that have clips; NaN without clips."""
    return float(intervals.mean_defined(class_accuracy(scores, label)))


def shot_groups(trained: Int[np.ndarray, " k"], shots: tuple[int, int] = SHOTS) -> dict[str, Bool[np.ndarray, " k"]]:
    """Classes by how many training clips they have: more than `shots[1]`, fewer than `shots[0]`, or between.

    The groups of the long-tailed benchmarks (Liu et al., Large-Scale Long-Tailed Recognition in an Open World, CVPR
    2019): many-shot over 100 clips, medium-shot 20 to 100, few-shot under 20.
    """
    if not 0 <= shots[0] <= shots[1]:
        raise InputError(f"shots from {shots[0]} to {shots[1]}", "shots", "give two numbers in order")
    many, few = trained > shots[1], trained < shots[0]
    return {"many_shot": many, "medium_shot": ~many & ~few, "few_shot": few}


def measure(
    scores: Float[np.ndarray, "n k"],
    label: Int[np.ndarray, " n"],
    classes: Sequence[str] = (),
    recording: Int[np.ndarray, " n"] | None = None,
    trained: Int[np.ndarray, " k"] | None = None,
    shots: tuple[int, int] = SHOTS,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All recognition metrics with bootstrap intervals over recordings.

    Args:
        scores: of each class for each clip; comparable within a row.
        label: true class of each clip, -1 where it has none.
        classes: names of the classes; numbers where not given.
        recording: which recording each clip was cut from; None takes every clip for a recording of its own.
        trained: training clips of each class; None where they are not known.
        shots: the bounds between classes of few, a medium number and many training clips (see `shot_groups`).

    Metrics: `top1`, `top5` (where there are more than five classes), `mean_class_accuracy`; per class `accuracy` and
    `clips`. With `trained` also, per class, `trained` and, where the classes to be recognized are of at least two
    groups, `many_shot`, `medium_shot` and `few_shot`: the mean class accuracy of each group that has classes.
    """
    label = np.asarray(label)
    group = np.arange(len(label)) if recording is None else np.asarray(recording)
    if group.shape != label.shape:
        raise InputError(f"{len(label)} labels but recordings of {len(group)} clips", mend="give one per clip")
    names = list(classes) or [str(k) for k in range(np.asarray(scores).shape[1])]
    if len(names) != np.asarray(scores).shape[1]:
        raise InputError(f"scores of {np.asarray(scores).shape[1]} classes but {len(names)} class names")
    if trained is not None and np.shape(trained) != (len(names),):
        raise InputError(f"{len(names)} classes but training clips of {len(trained)}", mend="give one number per class")
    rank = rank_of_truth(scores, label)
    known = label >= 0
    _, at = np.unique(group[known], return_inverse=True)
    recordings = int(at.max(initial=-1)) + 1
    clips = np.bincount(at, minlength=recordings)

    metrics, bounds = {}, {}
    for k in (1, 5):
        if k < len(names):
            right = rank < k
            metrics[f"top{k}"] = float(right.mean()) if len(right) else np.nan
            hits = np.bincount(at, weights=right, minlength=recordings)
            bounds[f"top{k}"] = intervals.ratio_interval(hits, clips, resamples, seed)
    accuracy = class_accuracy(scores, label)
    metrics["mean_class_accuracy"] = float(intervals.mean_defined(accuracy))
    cell = at * len(names) + label[known]
    shape, size = (recordings, len(names)), recordings * len(names)
    hits = np.bincount(cell, weights=rank == 0, minlength=size).reshape(shape)
    total = np.bincount(cell, minlength=size).reshape(shape)
    bounds["mean_class_accuracy"] = intervals.ratio_interval(hits, total, resamples, seed)
    support = np.bincount(label[known], minlength=len(names))
    rows = {n: {"accuracy": float(accuracy[i]), "clips": int(support[i])} for i, n in enumerate(names)}
    if trained is not None:
        for n, count in zip(names, trained, strict=True):
            rows[n]["trained"] = int(count)
        groups = {name: of & (support > 0) for name, of in shot_groups(np.asarray(trained), shots).items()}
        groups = {name: of for name, of in groups.items() if of.any()}
        for name, of in groups.items() if len(groups) > 1 else ():
            metrics[name] = float(accuracy[of].mean())
            bounds[name] = intervals.ratio_interval(hits[:, of], total[:, of], resamples, seed)
    return Outcome(metrics, bounds, rows, confusion(scores, label))


def _checked(
    scores: Float[np.ndarray, "n k"], label: Int[np.ndarray, " n"]
) -> tuple[Float[np.ndarray, "m k"], Int[np.ndarray, " m"]]:
    """The clips that have a class; InputError where scores and labels do not match."""
    scores, label = np.asarray(scores), np.asarray(label)
    if scores.ndim != 2 or label.ndim != 1 or len(scores) != len(label):
        raise InputError(f"scores of shape {scores.shape} do not match labels of shape {label.shape}")
    known = label >= 0
    if not known.all():
        scores, label = scores[known], label[known]
    label = label.astype(np.int64)
    if label.max(initial=-1) >= scores.shape[1]:
        raise InputError(f"label {label.max()} is out of range for scores of {scores.shape[1]} classes")
    if np.isnan(scores.min(initial=0)):
        clip = int(np.argwhere(np.isnan(scores))[0][0])
        raise InputError(f"clip {clip} has a NaN score", mend="check the model's weights and input")
    return scores, label
