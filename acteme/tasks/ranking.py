"""Full ranking: HR, NDCG, MRR, recall and MAP at K of the items to be found, out of the whole catalog.

The items to be found (positives R) of a user stand at ranks r from 1, among all candidates (see `places`):

    HR@K = 1 if any r <= K,   MRR@K = 1 / (least r) if that is <= K,   Recall@K = #(r <= K) / |R|,
    NDCG@K = sum over r <= K of 1 / log2(r + 1)  /  sum over i = 1 .. min(|R|, K) of 1 / log2(i + 1),
    MAP@K = sum over r <= K of #(ranks <= r) / r  /  min(|R|, K),

and a metric is the mean over the users with something to be found. With one positive recall is HR and MAP is MRR, which
are then left out. Equal scores need a rule, for a constant score would otherwise earn what the order of items gives;
see `Ties`.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy import special

from acteme.errors import InputError
from acteme.tasks import intervals
from acteme.tasks.outcome import Outcome
from acteme.tasks.places import Places

Ties = Literal["mean", "optimistic", "pessimistic", "expected"]
"""Where a positive stands among q others of equal score that are not to be found. `mean`: behind half of them,
`optimistic`: before all, `pessimistic`: behind all. The j-th of m positives of equal score stands j - 1 places further
and, with `mean`, behind j / (m + 1) of the q, its mean place in a random order; ranks can then be fractions.
`expected`: every metric is its mean over all orders of equal scores, so that a constant score has HR@K = K / n."""

SHARE = {"optimistic": 0.0, "pessimistic": 1.0}
"""Share of the equal scores that rank before a positive, where it does not depend on their number."""
AT = (5, 10, 20, 50)
"""The K that are reported unless told otherwise."""


def measure(
    places: Places,
    at: Sequence[int] = AT,
    ties: Ties = "mean",
    resamples: int = intervals.RESAMPLES,
    seed: int = 0,
) -> Outcome:
    """All ranking metrics with bootstrap intervals over users.

    Args:
        places: of the items to be found (`places.count`, `places.count_products`).
        at: the K.
        ties: how equal scores rank.
        resamples, seed: of the bootstrap.

    Metrics: `mrr` over the whole ranking, and `hr@K`, `ndcg@K`, `mrr@K`, for users with several positives also
    `recall@K` and `map@K`.

    Raises:
        InputError: no user has anything to be found, or a K below 1.
    """
    each = by_user(places, at, ties)
    values = np.stack(list(each.values()), axis=1)
    bounds = intervals.mean_intervals(values, resamples, seed)
    means = values.mean(0).tolist()
    return Outcome(dict(zip(each, means, strict=True)), dict(zip(each, bounds, strict=True)))


def by_user(places: Places, at: Sequence[int] = AT, ties: Ties = "mean") -> dict[str, Float[np.ndarray, " v"]]:
    """Every metric for each user with something to be found, as for a paired comparison; see `measure`."""
    if not len(places.user):
        raise InputError("no user has an item to be found", mend="give at least one target")
    if not at or min(at) < 1:
        raise InputError(f"metrics at {', '.join(map(str, at)) or 'no place'}", "at", "name places from 1 on")
    if ties not in (*SHARE, "mean", "expected"):
        what = f"there is no tie rule {ties!r}"
        raise InputError(what, "ties", "take mean, optimistic, pessimistic or expected")
    _, user, wanted = np.unique(places.user, return_inverse=True, return_counts=True)
    blocks = _blocks(user, places)
    cells = _expected(blocks, max(at)) if ties == "expected" else _ranked(blocks, ties)

    def total(value: Float[np.ndarray, " c"], k: float = np.inf) -> Float[np.ndarray, " v"]:
        return np.bincount(cells.user, weights=np.where(cells.place <= k, value, 0.0), minlength=len(wanted))

    gain = 1 / np.log2(cells.place + 1)
    ideal = np.cumsum(1 / np.log2(np.arange(max(at)) + 2))
    out = {"mrr": _expected_mrr(blocks) if ties == "expected" else total(cells.first / cells.place)}
    for k in dict.fromkeys(at):
        most = np.minimum(wanted, k)
        out[f"hr@{k}"] = total(cells.first, k)
        out[f"ndcg@{k}"] = total(cells.relevance * gain, k) / ideal[most - 1]
        out[f"mrr@{k}"] = total(cells.first / cells.place, k)
        if wanted.max() > 1:
            out[f"recall@{k}"] = total(cells.relevance, k) / wanted
            out[f"map@{k}"] = total(cells.relevance * cells.found / cells.place, k) / most
    return out


class _Blocks(NamedTuple):
    """Positives of one user with one score, and what ties with them; by user and then by rank."""

    user: Int[np.ndarray, " b"]
    above: Int[np.ndarray, " b"]
    """Candidates that score higher."""
    positives: Int[np.ndarray, " b"]
    others: Int[np.ndarray, " b"]
    """Candidates of the same score that are not to be found."""
    before: Int[np.ndarray, " b"]
    """Positives of the user that score higher."""


class _Cells(NamedTuple):
    """Places that may hold a positive; sums over them are the metrics."""

    user: Int[np.ndarray, " c"]
    place: Float[np.ndarray, " c"]
    """From 1."""
    relevance: Float[np.ndarray, " c"]
    """Probability of a positive there."""
    found: Float[np.ndarray, " c"]
    """Positives up to there, if one is there."""
    first: Float[np.ndarray, " c"]
    """Probability that the user's first positive is there."""


def _blocks(user: Int[np.ndarray, " p"], places: Places) -> _Blocks:
    # positives of one score have as many candidates above them, and those of different scores have not
    order = np.lexsort((places.above, user))
    user, above = user[order], places.above[order]
    new = np.append(True, (np.diff(user) != 0) | (np.diff(above) != 0))
    start = np.flatnonzero(new)
    size = np.diff(np.append(start, len(user)))
    begin = np.searchsorted(user, user[start])
    return _Blocks(user[start], above[start], size, places.equal[order][start] - size + 1, start - begin)


def _within(size: Int[np.ndarray, " b"]) -> Int[np.ndarray, " c"]:
    """1, 2, .. up to each size, one behind the other."""
    return np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size) + 1


def _ranked(blocks: _Blocks, ties: Ties) -> _Cells:
    """Every positive at its one rank."""
    user, above, positives, others, before = (np.repeat(column, blocks.positives) for column in blocks)
    j = _within(blocks.positives)
    share = j / (positives + 1) if ties == "mean" else np.full(len(j), SHARE[ties])
    found = (before + j).astype(float)
    return _Cells(user, above + j + share * others, np.ones(len(j)), found, (found == 1).astype(float))


def _expected(blocks: _Blocks, most: int) -> _Cells:
    """Every place up to `most` that equal scores share."""
    cover = np.clip(most - blocks.above, 0, blocks.positives + blocks.others)
    user, above, positives, others, before = (np.repeat(column, cover) for column in blocks)
    i, size = _within(cover), positives + others
    found = before + 1 + (i - 1) * (positives - 1) / np.maximum(size - 1, 1)
    first = np.where(before == 0, _first(i, positives, size), 0.0)
    return _Cells(user, (above + i).astype(float), positives / size, found, first)


def _first(
    i: Int[np.ndarray, " c"], positives: Int[np.ndarray, " c"], size: Int[np.ndarray, " c"]
) -> Float[np.ndarray, " c"]:
    """Probability that the first of m positives among `size` in random order is at i: C(size-i, m-1) / C(size, m)."""

    def log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
        return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)

    fits = size - i >= positives - 1
    chosen = log_choose(np.where(fits, size - i, size), positives - 1) - log_choose(size, positives)
    return np.where(positives == 1, 1 / size, np.where(fits, np.exp(chosen), 0.0))


def _expected_mrr(blocks: _Blocks) -> Float[np.ndarray, " v"]:
    """Mean of 1 / (rank of the first positive) over all orders of equal scores."""
    start = blocks.before == 0
    above, positives, others = blocks.above[start], blocks.positives[start], blocks.others[start]
    size = positives + others
    # one positive: the mean of 1 / r over r = above + 1 .. above + size, a difference of harmonic numbers
    out = (special.digamma(above + size + 1) - special.digamma(above + 1)) / size
    tied = positives > 1
    out[tied] = 1 / (above[tied] + 1)
    for n in np.flatnonzero(tied & (others > 0)):
        i = np.arange(1, others[n] + 2)
        out[n] = (_first(i, np.full(len(i), positives[n]), np.full(len(i), size[n])) / (above[n] + i)).sum()
    return out
