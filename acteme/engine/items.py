"""What the training events tell of items: how often each was chosen, and what belongs to it."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from acteme.engine.logs import blocks, positions
from acteme.recordings.corpus import Corpus

BELONGS = 0.99
"""Share of an item's events in the training split in which a field that belongs to it has the same value."""


class Belongings(NamedTuple):
    """What the training split tells of items."""

    events: Int[np.ndarray, " items"]
    """How many each has."""
    value: Int[np.ndarray, "items f"]
    """Values of the fields that were last seen with them; 0 where none was."""
    fixed: Bool[np.ndarray, " f"]
    """Which fields belong to the item."""


def belongings(train: Corpus, column: int | None = None) -> Belongings:
    """What a training split tells of items: read in pieces, whatever its length.

    Args:
        train: its recordings.
        column: the field whose values are the items, of a log without any.
    """
    items, fields = train.spec.items if column is None else train.spec.sizes[column] - 1, len(train.spec.fields)
    count, when = np.zeros(items, np.int64), np.full(items, np.iinfo(np.int64).min)
    value = np.zeros((items, fields), np.int64)
    if not fields:
        for _, item in _chosen(train, None):
            count += np.bincount(item, minlength=items)
        return Belongings(count, value, np.zeros(0, bool))
    for at, item in _chosen(train, column):
        time = np.asarray(train.arrays["when"][at]) if "when" in train.arrays else at
        count += np.bincount(item, minlength=items)
        order = np.lexsort((np.arange(len(item)), time, item))
        newest = order[np.append(np.diff(item[order]) != 0, True)]
        newest = newest[time[newest] >= when[item[newest]]]
        when[item[newest]] = time[newest]
        value[item[newest]] = train.arrays["field"][at[newest]]
    same = np.zeros(fields, np.int64)
    for at, item in _chosen(train, column):
        same += (train.arrays["field"][at] == value[item]).sum(0)
    seen = int((count > 0).sum())  # the last event of each has its own value, which tells nothing
    return Belongings(count, value, same - seen >= BELONGS * max(int(count.sum()) - seen, 1))


def categories(corpus: Corpus, known: Belongings) -> Int[np.ndarray, " items"] | None:
    """Category of each item; None where there are none."""
    named = [f for f, name in enumerate(corpus.spec.fields) if known.fixed[f] and "cat" in name.lower()]
    if named:
        return known.value[:, named[0]]
    if corpus.catalog is None or "categories" not in corpus.catalog.column_names:
        return None
    first = [(some or [""])[0] for some in corpus.catalog["categories"].to_pylist()]
    return np.unique(first, return_inverse=True)[1]


def _chosen(corpus: Corpus, column: int | None) -> Iterator[tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]]:
    """Where the events of all recordings stand, some recordings at a time, and their items from 0; unknown ones left
    out."""
    index = np.arange(len(corpus))
    for some in blocks(corpus.frames):
        at = positions(corpus, index[some])
        item = (corpus.arrays["item"][at] if column is None else corpus.arrays["field"][at, column]).astype(np.int64)
        yield at[item > 0], item[item > 0] - 1
