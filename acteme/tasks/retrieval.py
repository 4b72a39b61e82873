"""Retrieval between texts and motions: recall at k, median rank, chronological accuracy.

Query i belongs to candidate i. A rank counts the candidates before the true one, from 0; candidates that are equally
similar share the mean of their places, so that a tie with one other at the top (rank 0.5) still counts for recall at 1,
as in the official evaluation. Rates are fractions in [0, 1]; the median rank counts from 1.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError
from acteme.tasks import intervals
from acteme.tasks.outcome import Outcome

AT = (1, 2, 3, 5, 10)
"""The k of recall at k."""
TIE = 1e-6
"""Similarities of a motion to its text and to the shuffled one that differ by no more are equal: rounding."""
BATCH = 32
"""Pairs that the protocol of Guo et al. (2022) ranks at a time."""


def ranks(
    similarity: Float[np.ndarray, "n m"], truth: Bool[np.ndarray, "n m"] | None = None
) -> Float[np.ndarray, " n"]:
    """Rank of the true candidate of each query.

    Args:
        similarity: of query (row) and candidate (column); at least as many columns as rows.
        truth: which candidates are true, at least one each, the best of which counts; the diagonal unless given.
    """
    similarity = np.asarray(similarity)
    if similarity.ndim != 2 or similarity.shape[0] > similarity.shape[1] or np.isnan(similarity).any():
        raise InputError(f"similarities of shape {similarity.shape} are no queries by candidates, or hold a NaN")
    if truth is None:
        best = similarity.diagonal()[:, None]
    else:
        best = np.where(truth, similarity, -np.inf).max(1, keepdims=True)
    return (similarity > best).sum(1) + ((similarity == best).sum(1) - 1) / 2


def recall(rank: Float[np.ndarray, " n"], k: int) -> float:
    """Share of the queries whose rank is below k; NaN without queries."""
    return float((rank < k).mean()) if len(rank) else np.nan


def median_rank(rank: Float[np.ndarray, " n"]) -> float:
    """Median of the ranks, counted from 1; NaN without queries."""
    return float(np.median(rank)) + 1 if len(rank) else np.nan


def measure(
    similarity: Float[np.ndarray, "n n"],
    alike: Bool[np.ndarray, "n n"] | None = None,
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """Recall at 1, 2, 3, 5, 10 and median rank in both directions, with bootstrap intervals over queries.

    Args:
        similarity: of text (row) and motion (column); text i belongs to motion i.
        alike: which texts mean the same: of those of a group, the one that ranks best counts (protocol `threshold`).
        resamples, seed: of the bootstrap.
    """
    parts = [
        _directed("t2m", ranks(similarity, alike), resamples, seed),
        _directed("m2t", ranks(np.asarray(similarity).T, alike), resamples, seed),
    ]
    return merged(*parts)


def distractors(similarity: Float[np.ndarray, "m n"], resamples: int = intervals.RESAMPLES, seed: int = 0) -> Outcome:
    """Texts for motions where further texts, of none of them, stand after those of the motions.

    Args:
        similarity: of text (row) and motion (column); the first n texts belong to the n motions.
        resamples, seed: of the bootstrap.
    """
    return _directed("m2t", ranks(np.asarray(similarity).T), resamples, seed)


def in_batches(
    similarity: Float[np.ndarray, "n n"],
    groups: Sequence[Int[np.ndarray, " b"]],
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """`measure` within each group of pairs, averaged over the groups (protocol `guo`); intervals over groups."""
    each = [measure(similarity[np.ix_(g, g)], resamples=1).metrics for g in groups]
    metrics = {name: float(np.mean([m[name] for m in each])) for name in each[0]}
    bounds = {}
    for name in metrics:
        values = np.array([m[name] for m in each])
        bounds[name] = intervals.ratio_interval(values, np.ones(len(values)), resamples, seed)
    return Outcome(metrics, bounds)


def guo_groups(names: Sequence[str], seed: int = 0) -> list[Int[np.ndarray, " b"]]:
    """Positions of the recordings of each batch of 32 that Guo et al. draw; what is left over is left out.

    The order is that of the official code: names sorted, then shuffled by NumPy's old generator.

    Raises:
        InputError: there are fewer than 32.
    """
    if len(names) < BATCH:
        raise InputError(f"batches of {BATCH} of {len(names)} recordings", "--protocol guo", "give more, or use all")
    order = np.arange(len(names))
    np.random.RandomState(seed).shuffle(order)
    at = np.argsort(np.asarray(names), kind="stable")[order]
    return [at[a : a + BATCH] for a in range(0, len(at) - BATCH + 1, BATCH)]


def chronological(
    true: Float[np.ndarray, " n"],
    shuffled: Float[np.ndarray, " n"],
    name: str = "car",
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """Chronologically accurate retrieval: how often a motion is more similar to its text than to the shuffled one.

    Args:
        true: similarity of each motion and its text.
        shuffled: of each motion and the text of the same events in another order.
        name: of the metric.
        resamples, seed: of the bootstrap.

    Metrics: NAME, where a tie is wrong (as published), and NAME_half, where it is half right. Chance is 0.5 in both but
    for ties; a text encoder that cannot tell orders ties always.
    """
    difference = np.asarray(true, np.float64) - np.asarray(shuffled, np.float64)
    right, tied = difference > TIE, np.abs(difference) <= TIE
    values = {name: right.astype(float), f"{name}_half": right + tied / 2}
    ones = np.ones(len(difference))
    return Outcome(
        {n: float(v.mean()) if len(v) else np.nan for n, v in values.items()},
        {n: intervals.ratio_interval(v, ones, resamples, seed) for n, v in values.items()},
    )


def merged(*outcomes: Outcome) -> Outcome:
    """Outcomes of different metrics as one."""
    return Outcome(
        {n: v for o in outcomes for n, v in o.metrics.items()}, {n: v for o in outcomes for n, v in o.intervals.items()}
    )


def _directed(name: str, rank: Float[np.ndarray, " n"], resamples: int, seed: int) -> Outcome:
    """Recalls and median rank of one direction."""
    ones = np.ones(len(rank))
    metrics = {f"{name}_r@{k}": recall(rank, k) for k in AT} | {f"{name}_median_rank": median_rank(rank)}
    bounds = {f"{name}_r@{k}": intervals.ratio_interval(rank < k, ones, resamples, seed) for k in AT}
    return Outcome(metrics, bounds | {f"{name}_median_rank": _median_interval(rank, resamples, seed)})


def _median_interval(rank: Float[np.ndarray, " n"], resamples: int, seed: int) -> tuple[float, float]:
    if len(rank) < 2:
        return np.nan, np.nan
    order = np.argsort(rank)
    ordered = rank[order]

    def median(counts: Float[np.ndarray, "b n"]) -> Float[np.ndarray, " b"]:
        passed = counts[:, order].cumsum(1)
        low, high = ((passed > (len(rank) - 1 + more) // 2).argmax(1) for more in (0, 1))
        return (ordered[low] + ordered[high]) / 2 + 1

    return intervals.percentiles(intervals.resampled(median, len(rank), resamples, seed))
