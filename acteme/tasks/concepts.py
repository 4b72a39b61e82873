"""Vectors whose axes have names: do the numbers mean what the names say?

An object has a vector of C values, one for each named concept, and a truth: which of the concepts it has.

- average precision of an object: its concepts ranked by their values, at those that it has, as in `tasks.precision`;
- gap of a concept: mean value over the objects that have it minus that over those that have it not;
- deletion: how much more of a score is lost without its greatest parts than without random ones. Of any score that is a
  sum it is large, whether or not the parts are named rightly: it shows that the parts are what the score is made of,
  not that they can be understood.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy.optimize import linear_sum_assignment

from acteme.errors import InputError
from acteme.tasks import intervals, precision
from acteme.tasks.outcome import Outcome


def measure(
    vectors: Float[np.ndarray, "n c"],
    truth: Bool[np.ndarray, "n c"],
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """`concept_ap`, the mean over objects, with its interval; `concept_base`, what concepts in random order are
    expected to have; `concept_gap`, the mean over concepts.

    Objects that have no concept are left out of the first two: theirs are not known.

    Raises:
        InputError: shapes that do not match, a NaN, or no object has a concept.
    """
    vectors, truth = _checked(vectors, truth)
    known = truth.any(1)
    if not known.any():
        raise InputError("no object has a concept", "concepts", "give objects with listed skills")
    each = object_ap(vectors[known], truth[known])
    low, high = intervals.mean_intervals(each[:, None], resamples, seed)[0]
    values = {"concept_ap": float(each.mean()), "concept_base": float(random_ap(truth[known]).mean()),
              "concept_gap": gap(vectors[known], truth[known])}  # fmt: skip
    return Outcome(values, {"concept_ap": (low, high)})


def object_ap(vectors: Float[np.ndarray, "n c"], truth: Bool[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    """Average precision of each object's concepts; NaN for one that has none."""
    vectors, truth = _checked(vectors, truth)
    return precision.average_precision(vectors.T, truth.T)


def random_ap(truth: Bool[np.ndarray, "n c"]) -> Float[np.ndarray, " n"]:
    """What a random order of C concepts is expected to have for an object that has P of them.

    E = (1 / C) * sum over places k of ((P - 1) / (C - 1) * (k - 1) + 1) / k.
    """
    count, size = truth.sum(1), truth.shape[1]
    harmonic = (1 / np.arange(1, size + 1)).sum()
    other = (count - 1) / max(size - 1, 1)
    return np.where(count > 0, (other * (size - harmonic) + harmonic) / size, np.nan)


def gap(vectors: Float[np.ndarray, "n c"], truth: Bool[np.ndarray, "n c"]) -> float:
    """Mean over concepts of (mean over objects that have it) - (mean over those that have not); concepts that all or
    none have are left out, NaN where that leaves nothing."""
    vectors, truth = _checked(vectors, truth)
    has, lacks = truth.sum(0), (~truth).sum(0)
    both = (has > 0) & (lacks > 0)
    if not both.any():
        return np.nan
    inside, outside = (vectors * truth).sum(0)[both] / has[both], (vectors * ~truth).sum(0)[both] / lacks[both]
    return float((inside - outside).mean())


def matched_axes(vectors: Float[np.ndarray, "n m"], truth: Bool[np.ndarray, "n c"]) -> Int[np.ndarray, " c"]:
    """Which axis to take for each concept where axes have no names: the assignment of the greatest total correlation
    (Hungarian method), to be found on training objects.

    Raises:
        InputError: fewer axes than concepts, or shapes that do not match.
    """
    if len(vectors) != len(truth) or vectors.shape[1] < truth.shape[1]:
        what = f"vectors of shape {vectors.shape} for a truth of shape {truth.shape}"
        raise InputError(what, mend="give as many objects, and an axis for each concept")
    a, b = (_standard(np.asarray(x, float)) for x in (vectors, truth))
    rows, columns = linear_sum_assignment(b.T @ a, maximize=True)
    out = np.zeros(truth.shape[1], np.int64)
    out[rows] = columns
    return out


def deletion(parts: Float[np.ndarray, "n c"], most: int = 3, least: float = 1e-3) -> float:
    """Mean loss of scores without their `most` greatest parts, over the mean loss without as many random active ones.

    Args:
        parts: what each concept adds to each score.
        most: how many are deleted, fewer where fewer are active.
        least: a part is active from this size on. The expectation over all draws is taken, none is drawn.

    Returns:
        The ratio; NaN where no part is active.
    """
    parts = np.asarray(parts, float)
    active = np.abs(parts) >= least
    count = np.minimum(active.sum(1), most)
    top = -np.sort(-np.where(active, parts, -np.inf), 1)[:, :most]
    greatest = np.where(np.isfinite(top), top, 0).sum(1)
    mean = np.where(active, parts, 0).sum(1) / np.maximum(active.sum(1), 1)
    random = (count * mean).sum()
    return float(greatest.sum() / random) if random else np.nan


def _standard(x: Float[np.ndarray, "n k"]) -> Float[np.ndarray, "n k"]:
    """Columns of mean 0 and length 1; constant ones are 0."""
    x = x - x.mean(0)
    length = np.linalg.norm(x, axis=0)
    return np.divide(x, length, out=np.zeros_like(x), where=length > 1e-12)


def _checked(vectors: object, truth: object) -> tuple[np.ndarray, np.ndarray]:
    given = vectors.detach().cpu().numpy() if isinstance(vectors, torch.Tensor) else np.asarray(vectors)
    held = np.asarray(truth) > 0
    if given.ndim != 2 or given.shape != held.shape:
        what = f"vectors of shape {given.shape} do not match a truth of shape {held.shape}"
        raise InputError(what, mend="give both as (objects, concepts)")
    if np.isnan(given).any():
        row, c = np.argwhere(np.isnan(given))[0]
        raise InputError(f"the value of concept {c} of object {row} is NaN", mend="check the model's weights and input")
    return given, held
