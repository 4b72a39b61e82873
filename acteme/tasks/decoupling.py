"""What one embedding for two ends costs, and what a search finds: measures of Feng et al. (DARE, ICLR 2025).

A table of embeddings is read to attend (which behaviors matter for a target) and to represent (what they say).

- `norms`, `conflict`: sizes of the two gradients at the table's rows, and how much they agree;
- `Evidence`: I(Y; X) in bits, Y whether a target of category t is clicked, X whether there is a behavior of category c
  `ago` events before it: how much a place in the history tells;
- `found`: NDCG of what a search puts first, by such gains;
- `discriminability`: mutual information of labels and the clusters of what a classifier sees.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from acteme.errors import InputError

CLUSTERS = (2, 5, 10, 20, 30, 50, 100, 200, 300, 500, 700, 1000)
"""Numbers of clusters of the published curves."""


def norms(gradient: Float[np.ndarray, "n d"]) -> float:
    """Mean norm of the rows of a gradient; rows of zeros, which did not occur, are left out. NaN where all are."""
    size = np.linalg.norm(np.asarray(gradient, np.float64), axis=1)
    return float(size[size > 0].mean()) if size.any() else np.nan


def conflict(attention: Float[np.ndarray, "n d"], representation: Float[np.ndarray, "n d"]) -> float:
    """Mean cosine of the two gradients over the rows at which neither is zero; below 0 they conflict. NaN where none
    is. A step is in conflict where this is negative; the rate of conflict is the share of such steps.
    """
    a, r = (np.asarray(g, np.float64) for g in (attention, representation))
    size = np.linalg.norm(a, axis=1) * np.linalg.norm(r, axis=1)
    both = size > 0
    return float(((a * r).sum(1)[both] / size[both]).mean()) if both.any() else np.nan


def information(
    clicked: Float[np.ndarray, "*b"],
    passed: Float[np.ndarray, "*b"],
    clicks: Float[np.ndarray, "*b"],
    passes: Float[np.ndarray, "*b"],
) -> Float[np.ndarray, "*b"]:
    """I(Y; X) in bits of two events: of `clicks` rows with Y, `clicked` have X; of `passes` without Y, `passed` have.

    0 where a class is missing.
    """
    joint = np.stack([clicked, passed, np.subtract(clicks, clicked), np.subtract(passes, passed)]).astype(np.float64)
    total = np.maximum(joint.sum(0), 1)
    x = np.stack([joint[0] + joint[1]] * 2 + [joint[2] + joint[3]] * 2)
    y = np.stack([joint[0] + joint[2], joint[1] + joint[3]] * 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = joint / total * np.log2(joint * total / (x * y))
    return np.where(joint > 0, parts, 0.0).sum(0)


@dataclass(frozen=True)
class Evidence:
    """How often targets of each category were clicked after behaviors of each category, so many events ago.

    Only what occurs is held, as sorted keys.
    """

    clicks: Int[np.ndarray, " c"]
    """Clicked rows of each target category."""
    passes: Int[np.ndarray, " c"]
    """Other rows."""
    keys: Int[np.ndarray, " k"]
    """(target, behavior, ago) as one number."""
    clicked: Int[np.ndarray, " k"]
    """Clicked rows in which it occurs."""
    passed: Int[np.ndarray, " k"]
    """Other rows in which it occurs."""
    length: int
    """Most events ago."""

    @classmethod
    def count(
        cls,
        target: Int[np.ndarray, " n"],
        label: Int[np.ndarray, " n"],
        behavior: Int[np.ndarray, "n t"],
        ago: Int[np.ndarray, "n t"],
        categories: int,
    ) -> "Evidence":
        """Counts rows: the target's category, 1 where it was clicked, categories of the behaviors (0: none) and how
        many events ago each was, from 1; a row has each `ago` at most once."""
        label = np.asarray(label) > 0
        length = int(ago.max(initial=1))
        there = behavior > 0
        key = _keys(target[:, None], behavior, ago, categories, length)
        keys, of = np.unique(key[there], return_inverse=True)
        hit = np.broadcast_to(label[:, None], there.shape)[there]
        clicked = np.bincount(of, weights=hit, minlength=len(keys)).astype(np.int64)
        clicks = np.bincount(target[label], minlength=categories)
        passes = np.bincount(target[~label], minlength=categories)
        return cls(clicks, passes, keys, clicked, np.bincount(of, minlength=len(keys)) - clicked, length)

    def _counts(
        self, target: Int[np.ndarray, " n"], behavior: Int[np.ndarray, "n t"], ago: Int[np.ndarray, "n t"]
    ) -> tuple[Int[np.ndarray, "n t"], Int[np.ndarray, "n t"]]:
        """In how many clicked and other rows each slot of these rows occurs."""
        key = _keys(target[:, None], behavior, ago, len(self.clicks), self.length)
        at = np.searchsorted(self.keys, key).clip(max=max(len(self.keys) - 1, 0))
        known = (self.keys[at] == key) & (behavior > 0) & (ago <= self.length)
        return np.where(known, self.clicked[at], 0), np.where(known, self.passed[at], 0)

    def gains(
        self, target: Int[np.ndarray, " n"], behavior: Int[np.ndarray, "n t"], ago: Int[np.ndarray, "n t"]
    ) -> Float[np.ndarray, "n t"]:
        """I(Y; X) of every slot, bits; 0 where there is no behavior."""
        clicked, passed = self._counts(target, behavior, ago)
        return information(clicked, passed, self.clicks[target][:, None], self.passes[target][:, None])

    def reliable(
        self,
        target: Int[np.ndarray, " n"],
        behavior: Int[np.ndarray, "n t"],
        ago: Int[np.ndarray, "n t"],
        rows: int = 700,
        few: int = 50,
        slots: int = 20,
    ) -> Bool[np.ndarray, " n"]:
        """Rows to be judged: their target's category was seen `rows` times, and at most `slots` of their behaviors have
        fewer than `few` clicked or other rows."""
        clicked, passed = self._counts(target, behavior, ago)
        rare = (behavior > 0) & ((clicked < few) | (passed < few))
        return (self.clicks[target] + self.passes[target] >= rows) & (rare.sum(1) <= slots)


def _keys(target: Any, behavior: Any, ago: Any, categories: int, length: int) -> Int[np.ndarray, "n t"]:
    return (np.asarray(target, np.int64) * categories + behavior) * (length + 1) + ago


def found(
    gain: Float[np.ndarray, "n t"], score: Float[np.ndarray, "n t"], there: Bool[np.ndarray, "n t"], top: int = 20
) -> Float[np.ndarray, " n"]:
    """NDCG@top of each row: gains of the slots of highest score, those first that are there, discounted by
    1 / log2(rank + 1), over those of the slots of highest gain. Equal scores count by their mean gain. NaN where
    nothing is to be gained."""
    if np.shape(gain) != np.shape(score):
        raise InputError(
            f"gains of shape {np.shape(gain)} for scores of shape {np.shape(score)}", mend="give one a slot"
        )
    gain = np.where(there, np.asarray(gain, np.float64), 0.0)
    score = np.where(there, np.asarray(score, np.float64), -np.inf)
    top = min(top, gain.shape[1])
    order = np.argsort(-score, axis=1, kind="stable")
    sorted_gain, sorted_score = (np.take_along_axis(x, order, 1) for x in (gain, score))
    new = np.ones(score.shape, bool)
    new[:, 1:] = sorted_score[:, 1:] != sorted_score[:, :-1]
    block = np.cumsum(new.ravel()) - 1
    mean = np.bincount(block, weights=sorted_gain.ravel()) / np.bincount(block)
    discount = 1 / np.log2(np.arange(top) + 2)
    ideal = -np.sort(-gain, axis=1)[:, :top] @ discount
    got = mean[block].reshape(gain.shape)[:, :top] @ discount
    return np.where(ideal > 0, got / np.where(ideal > 0, ideal, 1), np.nan)


def discriminability(
    inputs: Float[np.ndarray, "n d"], label: Int[np.ndarray, " n"], clusters: Sequence[int] = CLUSTERS, seed: int = 0
) -> dict[int, float]:
    """Mutual information, in nats, of labels and k-means clusters of what a classifier sees, for numbers of clusters up
    to that of the rows."""
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.metrics import mutual_info_score

    out = {}
    for k in clusters:
        if k <= len(inputs):
            cluster = MiniBatchKMeans(k, random_state=seed, n_init=1).fit_predict(inputs)
            out[k] = float(mutual_info_score(label, cluster))
    return out


def official_auc(scores: Float[np.ndarray, " n"], label: Int[np.ndarray, " n"]) -> float:
    """AUC as DARE's code integrates it, for comparison with published tables: rows in the order of scores, equal ones
    in the order given; between two rows without a click the curve is a straight line, from (0, 0) on. For n such rows
    and distinct scores it is up to 1 / (2 n) too low, and for equal ones it means nothing. See `curves.auc`."""
    hit = np.asarray(label)[np.argsort(-np.asarray(scores), kind="stable")] > 0
    height = np.cumsum(hit)[~hit] / hit.sum()
    return float((height + np.append(0.0, height[:-1])).sum() / 2 / (~hit).sum())
