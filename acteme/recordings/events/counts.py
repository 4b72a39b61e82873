"""How odd events are by counting alone: what any learned method has to be held against.

CompreX (Akoglu et al., CIKM 2012) is not among them: it searches for the tables of codes that describe the data in the
fewest bits, and is a method of its own.
"""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

SMOOTH = 0.5
"""Added to every count, so that what never occurred has a logarithm."""


def rarity(events: Int[np.ndarray, "n f"], train: Int[np.ndarray, "m f"]) -> Float[np.ndarray, " n"]:
    """How rare the values of each event are: - sum over fields of log(how often its value occurs in training)."""
    out = np.zeros(len(events))
    for k in range(events.shape[1]):
        out -= np.log(_occurrences(events[:, k], train[:, k]) + SMOOTH)
    return out


def strangeness(events: Int[np.ndarray, "n f"], train: Int[np.ndarray, "m f"]) -> Float[np.ndarray, " n"]:
    """How little the values of each event go together: - sum over pairs of fields of their pointwise mutual
    information log(n_ij / (n_i n_j)) by the counts in training; what is the same for all events is left out."""
    out = np.zeros(len(events))
    for information in _together(events, train):
        out -= information
    return out


def condition(events: Int[np.ndarray, "n f"], train: Int[np.ndarray, "m f"]) -> Float[np.ndarray, " n"]:
    """How little those two values of each event go together that do so least: the largest -log(n_ij / (n_i n_j)) of all
    pairs of fields, the conditional test of Das and Schneider (KDD 2007) for pairs; 0 where there is one field."""
    return -np.min([*_together(events, train)] or [np.zeros(len(events))], axis=0)


def _together(events: Int[np.ndarray, "n f"], train: Int[np.ndarray, "m f"]) -> Iterator[Float[np.ndarray, " n"]]:
    """log(n_ij / (n_i n_j)) of each pair of fields."""
    fields = range(events.shape[1])
    alone = [np.log(_occurrences(events[:, k], train[:, k]) + SMOOTH) for k in fields]
    for i, j in combinations(fields, 2):
        size = int(max(events[:, j].max(initial=0), train[:, j].max(initial=0))) + 1
        both, known = (x[:, i].astype(np.int64) * size + x[:, j] for x in (events, train))
        yield np.log(_occurrences(both, known) + SMOOTH) - alone[i] - alone[j]


def _occurrences(value: Int[np.ndarray, " n"], known: Int[np.ndarray, " m"]) -> Int[np.ndarray, " n"]:
    """How often each value is among `known`."""
    names, often = np.unique(known, return_counts=True)
    if not len(names):
        return np.zeros(len(value), np.int64)
    at = np.searchsorted(names, value).clip(max=len(names) - 1)
    return np.where(names[at] == value, often[at], 0)
