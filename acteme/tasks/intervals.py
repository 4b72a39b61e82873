"""Intervals: bootstrap over recordings for one evaluation, and the paired t-interval over seeds for a comparison.

Frames of a recording depend on each other, so recordings are what is resampled, never frames. A metric is first reduced
to sums per recording; a resample is then a vector of counts, and all resamples together are one matrix product.
"""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import stats

from acteme.errors import InputError

RESAMPLES = 1000
"""Resamples of a bootstrap, unless told otherwise."""

CELLS = 1 << 22
"""Largest number of counts held at a time."""

POOLS = 10_000
"""More independent units than this (users, rows of a log) are put together at random before they are resampled."""

AveragePrecision = Literal["plain", "interpolated"]
"""`plain`: mean of the precision at the positives. `interpolated`: precision replaced by its largest value at that or
any higher recall, as in PASCAL VOC 2010 and ActivityNet."""


class Paired(NamedTuple):
    """Mean of paired differences with its interval."""

    mean: float
    low: float
    high: float


def paired_interval(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"], level: float = 0.95) -> Paired:
    """Student's t-interval of the mean of a - b, pair by pair (the same seed in both arms).

    One pair has a mean but no interval (NaN bounds); differences that are all equal have an interval of length zero.
    Raises InputError where the pairs do not match, are empty or not finite.
    """
    a, b = np.asarray(a, float), np.asarray(b, float)
    if a.ndim != 1 or a.shape != b.shape or not len(a):
        raise InputError(
            f"cannot pair values of shapes {a.shape} and {b.shape}", mend="give one value per seed and arm"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("a paired comparison has a value that is not finite", mend="leave out the seed in both arms")
    difference = a - b
    mean = float(difference.mean())
    if len(a) < 2:
        return Paired(mean, np.nan, np.nan)
    reach = float(stats.t.ppf(0.5 + level / 2, len(a) - 1) * difference.std(ddof=1) / np.sqrt(len(a)))
    return Paired(mean, mean - reach, mean + reach)


def resampled(
    statistic: Callable[[Float[np.ndarray, "b r"]], Float[np.ndarray, "b *k"]],
    recordings: int,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Float[np.ndarray, "resamples *k"]:
    """A statistic in each of many resamples of recordings.

    Args:
        statistic: takes counts (how often each of the r recordings is drawn in each of b resamples; rows sum to r) to a
            value, or a row of values, per resample. It is called for some resamples at a time, to bound memory.
        recordings: how many there are, at least one.
        resamples: how many to draw.
        seed: of the draws; two statistics with one seed see the same resamples.
    """
    rng, chunk = np.random.default_rng(seed), max(1, CELLS // recordings)
    values = []
    for done in range(0, resamples, chunk):
        rows = np.arange(min(chunk, resamples - done))
        drawn = rng.integers(recordings, size=(len(rows), recordings)) + rows[:, None] * recordings
        counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        values.append(statistic(counts.astype(np.float32)))
    return np.concatenate(values)


def percentiles(values: Float[np.ndarray, " b"], level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of resampled values; resamples in which the metric is undefined (NaN) are left out.

    (NaN, NaN) where the metric is undefined throughout.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return np.nan, np.nan
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return float(low), float(high)


def resampled_ratios(
    counts: Float[np.ndarray, "b r"], above: Float[np.ndarray, "r *k"], below: Float[np.ndarray, "r *k"]
) -> Float[np.ndarray, "b *k"]:
    """sum(above) / sum(below) over each resample; NaN where the denominator is zero."""
    top, bottom = (counts @ np.asarray(x, np.float64) for x in (above, below))
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)


def ratio_interval(
    above: Float[np.ndarray, "r *k"],
    below: Float[np.ndarray, "r *k"],
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Bootstrap interval of a ratio of sums over recordings; with columns, of the mean of their ratios.

    A mean over recordings is the ratio with ones below; accuracy has frames below; mean class accuracy has a column per
    class (classes absent from a resample are left out of its mean). (NaN, NaN) where fewer than two recordings leave
    nothing to resample.
    """

    def ratio(counts: Float[np.ndarray, "b r"]) -> Float[np.ndarray, " b"]:
        ratios = resampled_ratios(counts, above, below)
        return ratios if ratios.ndim == 1 else mean_defined(ratios, axis=1)

    if len(above) < 2:
        return np.nan, np.nan
    return percentiles(resampled(ratio, len(above), resamples, seed), level)


def pools(units: int, most: int = POOLS, seed: int = 0) -> Int[np.ndarray, " units"]:
    """Which pool each unit is resampled with: its own, or where there are more than `most`, one drawn at random.

    Pools differ by at most one unit. The cost of a bootstrap then no longer grows with the data; its intervals keep
    their expected length, since sums of independent units vary by pools as they vary by units.
    """
    return np.arange(units) if units <= most else np.random.default_rng(seed).permutation(units) % most


def mean_intervals(
    values: Float[np.ndarray, "n k"], resamples: int = RESAMPLES, seed: int = 0, level: float = 0.95
) -> list[tuple[float, float]]:
    """Bootstrap interval of the mean of each column over its rows (users); all columns see the same resamples.

    (NaN, NaN) where there are fewer than two rows.
    """
    if len(values) < 2:
        return [(np.nan, np.nan)] * values.shape[1]
    at = pools(len(values), seed=seed)
    size = np.bincount(at).astype(np.float64)
    sums = np.stack([np.bincount(at, weights=column) for column in values.T], axis=1)
    drawn = resampled(lambda counts: counts @ sums / (counts @ size)[:, None], len(size), resamples, seed)
    return [percentiles(column, level) for column in drawn.T]


def mean_defined(values: Float[np.ndarray, "..."], axis: int | None = None) -> Float[np.ndarray, "..."]:
    """Mean of the values that are not NaN; NaN where there are none."""
    defined = np.isfinite(values)
    count = defined.sum(axis=axis)
    total = np.where(defined, values, 0).sum(axis=axis)
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)


class Ranked(NamedTuple):
    """Scored frames or detections of one class, for `ranking_interval`."""

    score: Float[np.ndarray, " n"]
    """Higher ranks first; equal scores rank together."""
    hit: Bool[np.ndarray, " n"]
    """Whether it is a positive."""
    recording: Int[np.ndarray, " n"]
    """Which recording it belongs to."""
    positives: Float[np.ndarray, " r"]
    """Number of positives of each recording, found or not."""


def ranking_interval(
    ranked: Iterable[Ranked],
    recordings: int,
    value: float,
    kind: AveragePrecision = "plain",
    bins: int = 256,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float]:
    """Bootstrap interval of a mean average precision over classes (those with positives in the resample).

    Scores are binned at the distinct scores of the hits, or at quantiles of these where there are more than `bins`; a
    bin counts as a tie. What binning changes in the metric itself, `value` minus its binned form, is added to the
    interval. (NaN, NaN) where fewer than two recordings leave nothing to resample.
    """
    if recordings < 2:
        return np.nan, np.nan
    total, count = np.zeros(resamples), np.zeros(resamples)
    point = []
    for one in ranked:
        found, listed = _binned(one, recordings, bins)

        def precision(counts: Float[np.ndarray, "b r"], one=one, found=found, listed=listed) -> np.ndarray:
            return _resampled_precision(counts, found, listed, one.positives, kind)

        values = resampled(precision, recordings, resamples, seed)
        defined = np.isfinite(values)
        total[defined] += values[defined]
        count += defined
        point.append(precision(np.ones((1, recordings), np.float32))[0])
    means = np.divide(total, count, out=np.full(resamples, np.nan), where=count > 0)
    low, high = percentiles(means, level)
    shift = value - float(mean_defined(np.array(point)))
    return low + shift, high + shift


def _binned(one: Ranked, recordings: int, bins: int) -> tuple[Float[np.ndarray, "r e"], Float[np.ndarray, "r e"]]:
    """Hits and all items per recording and bin, bins by falling score; items ranked below every hit do not matter."""
    edges = np.unique(one.score[one.hit])
    if len(edges) > bins:
        edges = edges[np.unique(np.arange(bins) * len(edges) // bins)]
    column = np.searchsorted(edges, one.score, side="right") - 1
    kept = column >= 0
    at = one.recording[kept] * len(edges) + (len(edges) - 1 - column[kept])
    shape = (recordings, len(edges))
    hits, items = (np.bincount(x, minlength=recordings * len(edges)) for x in (at[one.hit[kept]], at))
    return hits.reshape(shape).astype(np.float32), items.reshape(shape).astype(np.float32)


def _resampled_precision(
    counts: Float[np.ndarray, "b r"],
    found: Float[np.ndarray, "r e"],
    listed: Float[np.ndarray, "r e"],
    positives: Float[np.ndarray, " r"],
    kind: AveragePrecision,
) -> Float[np.ndarray, " b"]:
    hits = counts @ found
    precision = np.cumsum(hits, axis=1) / np.maximum(np.cumsum(counts @ listed, axis=1), 1)
    if kind == "interpolated":
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    wanted = counts @ np.asarray(positives, np.float32)
    return np.divide((hits * precision).sum(1), wanted, out=np.full(len(counts), np.nan), where=wanted > 0)
