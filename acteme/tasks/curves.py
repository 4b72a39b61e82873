"""Areas under curves of scored rows with two classes: ROC AUC and average precision, equal scores taken together.

    AUC = P(score+ > score-) + P(score+ = score-) / 2 = (sum of the positives' mid-ranks - P (P + 1) / 2) / (P N)

No curve is integrated row by row, so that the order of rows with equal scores never counts.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.tasks import intervals


def checked(
    scores: Float[np.ndarray, " n"], label: Int[np.ndarray, " n"], positive: str = "positives"
) -> tuple[Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Scores and labels as arrays.

    Raises:
        InputError: shapes that do not match, no rows, a NaN score, a label that is neither 0 nor 1.
    """
    scores, label = np.asarray(scores), np.asarray(label)
    if scores.ndim != 1 or scores.shape != label.shape:
        what = f"scores of shape {scores.shape} do not match labels of shape {label.shape}"
        raise InputError(what, mend="give one of each per row")
    if not len(scores):
        raise InputError("there are no scored rows", mend=f"give scores and labels with {positive}")
    if np.isnan(scores).any():
        row = int(np.isnan(scores).argmax())
        raise InputError(f"the score of row {row} is NaN", mend="check the model's weights and input")
    odd = (label != 0) & (label != 1)
    if odd.any():
        row = int(odd.argmax())
        raise InputError(f"the label of row {row} is {label[row]}", mend=f"label {positive} 1 and all others 0")
    return scores, label.astype(bool)


def check_both(label: Bool[np.ndarray, " n"], positive: str = "positives", others: str = "others") -> None:
    """Raises InputError unless both classes occur."""
    if label.all() or not label.any():
        there, missing = (positive, others) if label.all() else (others, positive)
        raise InputError(f"all {len(label)} rows are {there}", mend=f"a curve needs {missing} too")


def mid_ranks(scores: Float[np.ndarray, " n"], group: Int[np.ndarray, " n"] | None = None) -> Float[np.ndarray, " n"]:
    """Ranks from 1 by rising score, equal scores at the mean of their places; within each group where there are."""
    group = np.zeros(len(scores), np.int64) if group is None else group
    order = np.lexsort((scores, group))
    of, sorted_scores = group[order], scores[order]
    first = np.append(True, (of[1:] != of[:-1]) | (sorted_scores[1:] != sorted_scores[:-1]))
    start = np.flatnonzero(first)
    stop = np.append(start[1:], len(order))
    begin = np.searchsorted(of, of[start])
    out = np.empty(len(order))
    out[order] = np.repeat((start + stop + 1) / 2 - begin, stop - start)
    return out


def auc(scores: Float[np.ndarray, " n"], label: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve; NaN where a class is missing."""
    return float(group_auc(scores, label, np.zeros(len(label), np.int64), 1)[0])


def group_auc(
    scores: Float[np.ndarray, " n"], label: Bool[np.ndarray, " n"], group: Int[np.ndarray, " n"], groups: int
) -> Float[np.ndarray, " g"]:
    """AUC within each group, numbered from 0; NaN for one in which a class is missing."""
    ranks = mid_ranks(scores, group)
    positive = np.bincount(group, weights=label, minlength=groups)
    negative = np.bincount(group, minlength=groups) - positive
    above = np.bincount(group, weights=ranks * label, minlength=groups) - positive * (positive + 1) / 2
    pairs = positive * negative
    return np.divide(above, pairs, out=np.full(groups, np.nan), where=pairs > 0)


def auc_interval(
    scores: Float[np.ndarray, " n"],
    label: Bool[np.ndarray, " n"],
    at: Int[np.ndarray, " n"],
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """Bootstrap interval of the AUC over recordings, numbered from 0 by `at`.

    With V(i) the share of the other class that row i beats (or loses to), the AUC of a resample is, to first order (the
    Hajek projection), mean of V over its positives + mean of V over its negatives - AUC. (NaN, NaN) where fewer than
    two recordings leave nothing to resample.
    """
    recordings = int(at.max(initial=-1)) + 1
    positives = int(label.sum())
    if recordings < 2 or not 0 < positives < len(label):
        return np.nan, np.nan
    among_all, among_own = mid_ranks(scores), mid_ranks(scores, label.astype(np.int64))
    below = among_all - among_own  # rows of the other class that score less, equal ones half
    beats = np.where(label, below / (len(label) - positives), 1 - below / positives)
    sums = [np.bincount(at, weights=w, minlength=recordings) for w in (beats * label, label, beats * ~label, ~label)]

    def value(counts: Float[np.ndarray, "b r"]) -> Float[np.ndarray, " b"]:
        ours = intervals.resampled_ratios(counts, sums[0], sums[1])
        theirs = intervals.resampled_ratios(counts, sums[2], sums[3])
        return ours + theirs - beats[label].mean()

    low, high = intervals.percentiles(intervals.resampled(value, recordings, resamples, seed))
    return max(low, 0.0), min(high, 1.0)


def average_precision(scores: Float[np.ndarray, " n"], label: Bool[np.ndarray, " n"]) -> float:
    """Mean precision at the positives by falling score, equal scores entering together; NaN without positives.

    As `precision.average_precision`, but scores are compared at their own precision: sums of many log-probabilities
    that differ only beyond 32 bits are no ties.
    """
    levels, at = np.unique(scores, return_inverse=True)
    found = np.bincount(at, weights=label, minlength=len(levels))[::-1]
    precision = np.cumsum(found) / np.cumsum(np.bincount(at, minlength=len(levels))[::-1])
    return float((found * precision).sum() / found.sum()) if found.any() else np.nan


def pooled(recording: Int[np.ndarray, " n"] | None, rows: int, seed: int = 0) -> Int[np.ndarray, " n"]:
    """Numbers from 0 of what is resampled together: recordings, or rows where there are none; pooled where many."""
    at = np.arange(rows) if recording is None else np.unique(recording, return_inverse=True)[1]
    if len(at) != rows:
        raise InputError(f"{rows} rows but recordings of {len(at)}", mend="give the recording of each row")
    return intervals.pools(int(at.max(initial=-1)) + 1, seed=seed)[at]
