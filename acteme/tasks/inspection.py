"""What a latent of a dictionary stands for: levels of activation, concepts of tagged items, how far they hold.

Source: RecSAE (Wang et al., arXiv 2411.06112), section 3. Cases are sequences with the item that a recommender puts
first; a latent's strongest cases make its concept, others show whether it holds.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

LEVELS = 10
"""Levels of activation above 0, which is inactive."""
ACTIVE = 5
"""A predicted level above it says that the latent is active."""
CONFIDENT = 0.8
"""Confidence from which a latent counts as interpretable."""


def edges(values: Float[np.ndarray, " n"], count: int = LEVELS) -> Float[np.ndarray, " e"]:
    """Where a latent's levels begin: the quantiles at 1/count, ..., 1 of its activations above 0, without repeats."""
    above = values[values > 0]
    return np.unique(np.quantile(above, np.arange(1, count + 1) / count)) if len(above) else np.zeros(0)


def levels(values: Float[np.ndarray, " n"], edges: Float[np.ndarray, " e"]) -> Int[np.ndarray, " n"]:
    """Level of each activation: 0 where it is 0, else 1 and one more for each edge below it, at most `LEVELS`."""
    return np.where(values > 0, np.minimum(1 + np.searchsorted(edges, values), LEVELS), 0)


def lift(tags: Bool[np.ndarray, "n t"], share: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
    """How much each tag marks some cases: p(tag | cases) log(1 / p(tag)); 0 for tags that nothing has.

    Args:
        tags: of the item of each case.
        share: p(tag) among all items of the training events.
    """
    found = tags.mean(0) if len(tags) else np.zeros(len(share))
    return found * -np.log(np.where(share > 0, share, 1.0))


class Confidence(NamedTuple):
    """How well a concept tells when its latent is active."""

    precision: float
    """Of the cases that the concept takes for active, those that are; 0 where it takes none."""
    recall: float
    """Of the cases that are active, those that the concept takes for it; 0 where none is."""
    accuracy: float
    """Cases judged rightly: the confidence of later versions of the paper."""


def confidence(predicted: Bool[np.ndarray, " n"], active: Bool[np.ndarray, " n"]) -> Confidence:
    """Of judgments of cases whose activity is known."""
    hit = float((predicted & active).sum())
    return Confidence(
        hit / predicted.sum() if predicted.any() else 0.0,
        hit / active.sum() if active.any() else 0.0,
        float((predicted == active).mean()) if len(active) else 0.0,
    )


class Purity(NamedTuple):
    """How much a unit's strongest sequences share a tag."""

    tag: Int[np.ndarray, " u"]
    """The tag of each unit, found on the first half of its sequences."""
    construct: Float[np.ndarray, " u"]
    """Its share among the items of these, less its share among all items."""
    verify: Float[np.ndarray, " u"]
    """The same on the other half, which had no part in the choice."""


def purity(strongest: Int[np.ndarray, "u n"], tags: Bool[np.ndarray, "s t"], share: Float[np.ndarray, " t"]) -> Purity:
    """Purity of units by the tags of what is recommended to their strongest sequences.

    Args:
        strongest: numbers of each unit's strongest sequences; even places find the tag, odd ones verify it.
        tags: of the item that is recommended to each sequence.
        share: of each tag among the items recommended to all sequences.
    """
    first, second = (tags[strongest[:, k::2]].mean(1) - share for k in (0, 1))
    tag = first.argmax(1)
    at = np.arange(len(tag))
    return Purity(tag, first[at, tag], second[at, tag])


def strongest(
    activations: Float[np.ndarray, "s u"], group: Int[np.ndarray, " s"], count: int
) -> tuple[Int[np.ndarray, "u n"], Bool[np.ndarray, " u"]]:
    """Each unit's sequences of highest activation, no two of one group (of one user), by falling activation.

    Returns:
        Their numbers, and which units are active (above 0) in that many groups; rows of others mean nothing.
    """
    order = np.argsort(group, kind="stable")
    _, first, size = np.unique(group[order], return_index=True, return_counts=True)
    sorted_ = activations[order]
    best = np.maximum.reduceat(sorted_, first, axis=0)  # of each group
    where = np.where(sorted_ == np.repeat(best, size, 0), order[:, None], len(order))
    number = np.minimum.reduceat(where, first, axis=0)
    top = np.argsort(-best, axis=0, kind="stable")[:count]
    able: np.ndarray = (np.take_along_axis(best, top, 0) > 0).all(0) & np.array(len(first) >= count)
    return np.take_along_axis(number, top, 0).T, able


def exposure(lists: Int[np.ndarray, "s k"], tagged: Bool[np.ndarray, " items1"]) -> float:
    """Share of the places of recommended lists that items with a tag take.

    Args:
        lists: item numbers, from 1.
        tagged: whether each item has the tag; place 0 is padding.
    """
    return float(tagged[lists].mean()) if lists.size else 0.0
