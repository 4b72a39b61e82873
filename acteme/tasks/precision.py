"""Average precision of ranked frames or clips, per class."""

from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

from acteme.errors import InputError

Ties = Literal["shared", "order"]
"""How equal scores rank. `shared`: frames with equal scores enter the ranking together, so that the result depends on
scores and truth alone. `order`: the earlier frame ranks higher, as the published scripts do in effect; a constant score
then earns whatever the order of frames happens to give. The two agree where no two frames share a score."""


def check_frames(scores: Float[np.ndarray, "n k"], truth: Shaped[np.ndarray, "n k"]) -> None:
    """Raises InputError unless scores and truth are finite-ranked tables of the same frames and classes."""
    if scores.ndim != 2 or scores.shape != truth.shape:
        raise InputError(
            f"scores of shape {scores.shape} do not match a truth of shape {truth.shape}",
            mend="give both as (frames, classes)",
        )
    if np.isnan(scores).any():
        frame, k = np.argwhere(np.isnan(scores))[0]
        raise InputError(f"the score of class {k} at frame {frame} is NaN", mend="check the model's weights and input")


def average_precision(
    scores: Float[np.ndarray, "n k"], truth: Shaped[np.ndarray, "n k"], ties: Ties = "shared"
) -> Float[np.ndarray, " k"]:
    """Mean precision at the positives of each class, frames ranked by falling score; NaN for a class without positives.

    AP = (1 / P) sum over positives i of (positives ranked at or above i) / (frames ranked at or above i).
    """
    scores, truth = np.asarray(scores), np.asarray(truth) > 0
    check_frames(scores, truth)
    one = _shared if ties == "shared" else _ordered
    return np.array([one(scores[:, k], truth[:, k]) for k in range(scores.shape[1])], dtype=float)


def _shared(score: Float[np.ndarray, " n"], positive: Shaped[np.ndarray, " n"]) -> float:
    hits, others = np.sort(score[positive]), np.sort(score[~positive])
    if not len(hits):
        return np.nan
    first = np.flatnonzero(np.concatenate([[True], hits[1:] != hits[:-1]]))
    count = np.diff(np.append(first, len(hits)))
    found = len(hits) - first
    listed = found + len(others) - np.searchsorted(others, hits[first], side="left")
    return float((count * found / listed).sum() / len(hits))


def _ordered(score: Float[np.ndarray, " n"], positive: Shaped[np.ndarray, " n"]) -> float:
    at = np.flatnonzero(positive[np.argsort(-score, kind="stable")])
    return float((np.arange(1, len(at) + 1) / (at + 1)).mean()) if len(at) else np.nan
